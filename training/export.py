"""Writes a trained table as a folder, in 8 bits; and such a folder in half precision, which SentenceTransformer loads.

python training/export.py --model search/model --out FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from backissue.search.merges import FILE as MERGES_FILE
from backissue.search.merges import ID_BITS

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
OTHER_TOKENS = (
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "byte_fallback",
    "ignore_merges",
)
"""What makes a model of pairs give other tokens than its merges alone."""


def save(folder: Path, tokenizer: Tokenizer, table: NDArray[np.floating[Any]], *, plain: bool = False) -> None:
    """Write tokeniser, table and module list. The table is scaled to unit variance first.

    Its rows are of 8 bits, each with a scale; or all of it in half precision where the folder is to be `plain`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1_Normalize").mkdir(exist_ok=True)
    (folder / "1_Normalize" / "config.json").write_text("{}\n", encoding="utf-8")
    content = compact(tokenizer)
    (folder / "tokenizer.json").write_text(content, encoding="utf-8")
    save_merges(folder / MERGES_FILE, content)
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


def save_merges(path: Path, tokenizer: str) -> None:
    """Write what `backissue.search.merges` reads of a tokeniser, given as `compact` does.

    Nothing is written of one whose tokens are other than single characters and then, in order, what its merges give, or
    that neither normalises nor cuts.
    """
    path.unlink(missing_ok=True)
    content = json.loads(tokenizer)
    model = content["model"]
    if model["type"] != "BPE" or any(model[option] for option in OTHER_TOKENS) or content["added_tokens"]:
        return
    if not content["normalizer"] or not content["pre_tokenizer"]:
        return
    ids, merges = model["vocab"], [merge.split(" ") for merge in model["merges"]]
    merged = [ids[left + right] for left, right in merges]
    characters = sorted(token for token in ids if len(token) == 1)
    if len(merged) + len(characters) != len(ids) or merged != sorted(set(merged)):
        return
    keys = np.array([ids[left] << ID_BITS | ids[right] for left, right in merges], dtype=np.uint64)
    order = np.argsort(keys)
    tensors = {
        "characters": np.array([ord(character) for character in characters], dtype=np.uint32),
        "character_ids": np.array([ids[character] for character in characters], dtype=np.uint32),
        "merges": keys[order],
        "merge_ids": np.array(merged, dtype=np.uint32)[order],
    }
    steps = json.dumps(content | {"model": model | {"vocab": {}, "merges": []}}, ensure_ascii=False)
    save_file(tensors, path, {"sha256": hashlib.sha256(tokenizer.encode()).hexdigest(), "tokenizer": steps})
    path.chmod(0o644)


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
