"""How fast bodies of several sizes embed passages of 120 words, beside the teacher in torch.

    python training/time_transformer.py --layers 6,4,3,2

The weights are random, which costs the same. What is counted is processor time, so that other work on the machine
counts little; on free processors n threads are about n times as fast.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnx_export
import torch
from encoder import blank_student, embed_ranges, load_teacher
from static import encode
from tokenizers import Tokenizer

from backissue.indexer import read
from backissue.search.onnx_embedder import OnnxEmbedder

ROOT = Path(__file__).parents[1]
PASSAGE_WORDS = 120


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", default="6,4,3,2")
    parser.add_argument("--passages", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)
    passages = english_passages(options.passages)
    teacher, teacher_tokenizer = load_teacher()
    tokenizer = Tokenizer.from_file(str(ROOT / "search" / "model" / "tokenizer.json"))

    def by_teacher(texts: Sequence[str]) -> None:
        each = np.arange(len(texts), dtype=np.int32)
        embed_ranges(teacher, encode(teacher_tokenizer, list(texts)), each, each + 1, 254)

    slowest = passages_a_second(by_teacher, passages)
    print(f"teacher, torch        {slowest:6.1f} passages a second of processor time", flush=True)
    for layers in map(int, options.layers.split(",")):
        student = blank_student(teacher.body.config, tokenizer.get_vocab_size(), layers)
        with TemporaryDirectory() as folder:
            onnx_export.save(Path(folder), student, tokenizer)
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            for kind in ("int8", "float"):
                if kind == "float":
                    onnx.save(onnx_export.exported(student), Path(folder) / "onnx" / "model.onnx")
                embedder = OnnxEmbedder.from_folder(Path(folder))
                speed = passages_a_second(embedder.embed_passages, passages)
                told = f"{speed:6.1f} ({speed / slowest:.1f} times)"
                print(f"{layers} layers, {kind:5} onnx  {told} {size / 1e6:.0f} MB in int8", flush=True)


def english_passages(count: int) -> list[str]:
    """Passages of 120 words of the seeds."""
    articles = (one for one in read([ROOT / "seeds" / "articles"]) if getattr(one, "lang", "") == "en")
    words = " ".join(article.text for article in articles).split()
    return [" ".join(words[i * PASSAGE_WORDS : (i + 1) * PASSAGE_WORDS]) for i in range(count)]


def passages_a_second(embed: Callable[[Sequence[str]], object], passages: Sequence[str]) -> float:
    """The best of three rounds, by processor time of all threads, after one that does not count."""
    embed(passages[:2])
    best = np.inf
    for _ in range(3):
        begun = time.process_time()
        embed(passages)
        best = min(best, time.process_time() - begun)
    return len(passages) / float(best)


if __name__ == "__main__":
    main()
