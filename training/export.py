"""Writes a trained table as a folder, in 8 bits; and such a folder in half precision, which SentenceTransformer loads.

python training/export.py --model search/model --out FOLDER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

# The names of modules that sentence-transformers 3.2 to 6 all understand.
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]
CONFIG = {
    "__version__": {"sentence_transformers": "6.2.0"},
    "default_prompt_name": None,
    "model_type": "SentenceTransformer",
    "prompts": {"document": "", "query": ""},
    "similarity_fn_name": "cosine",
}
LARGEST = np.iinfo(np.int8).max


def save(folder: Path, tokenizer: Tokenizer, table: NDArray[np.floating[Any]], *, plain: bool = False) -> None:
    """Write tokeniser, table and module list. The table is scaled to unit variance first.

    Its rows are of 8 bits, each with a scale; or all of it in half precision where the folder is to be `plain`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1_Normalize").mkdir(exist_ok=True)
    (folder / "1_Normalize" / "config.json").write_text("{}\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text(compact(tokenizer), encoding="utf-8")
    scaled = table / np.sqrt((table.astype(np.float32) ** 2).mean())
    tensors = {"embedding.weight": scaled.astype(np.float16)} if plain else quantised(scaled.astype(np.float32))
    save_file(tensors, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)
    for name, content in (("modules.json", MODULES), ("config_sentence_transformers.json", CONFIG)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def compact(tokenizer: Tokenizer) -> str:
    """A tokeniser as JSON, its merges as "left right", which is shorter than pairs and sooner read."""
    content = json.loads(tokenizer.to_str())
    content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def quantised(table: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """The rows of a table (n, d) in 8 bits, and what each is multiplied by (n,)."""
    scale = np.maximum(np.abs(table).max(axis=1), np.finfo(np.float32).tiny) / LARGEST
    weight = np.rint(table / scale[:, None]).astype(np.int8)
    return {"embedding.weight": weight, "embedding.scale": scale.astype(np.float32)}


def load(folder: Path) -> NDArray[np.float32]:
    """The table (n, d) of a folder, of either kind."""
    tensors = load_file(folder / "model.safetensors")
    table = tensors["embedding.weight"].astype(np.float32)
    return table * tensors["embedding.scale"][:, None] if "embedding.scale" in tensors else table


def main() -> None:
    """Writes a folder anew in half precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of a static model")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    save(options.out, tokenizer, load(options.model), plain=True)


if __name__ == "__main__":
    main()
