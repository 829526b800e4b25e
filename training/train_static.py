"""One command from a folder of corpora to the bundled model.

    python training/train_static.py --corpora CORPORA [--sets EVALSETS] [--out search/model]

Every stage leaves its result in the work folder and is skipped when it is there: the tokeniser, the tokens, the glosses
with the table that training starts from, and the table of vectors, which is kept at every report and taken up again
after an interruption.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import data
import evaluate
import export
import glosses
import numpy as np
import static
import tokenizer as tokenisation
import torch
import warm_start
from numpy.typing import NDArray
from tokenizers import Tokenizer
from translations import LANGS

VOCABULARY = 65_536
SAMPLE_CHARS = 60_000_000
HELD_BACK = 64  # One meaning in so many is never trained on and measures the training.


def main() -> None:
    """Run all stages."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    corpus = data.load(options.corpora, options.seed)
    print(f"{len(corpus.texts)} texts, {len(corpus.pairs)} pairs in {len(corpus.group_names)} groups")
    tokenizer = trained_tokenizer(options.work / "tokenizer.json", corpus, options.seed)
    encoded = encoded_texts(options.work / "tokens.npz", tokenizer, corpus)
    encoded, initial = glossed(options.work, tokenizer, corpus, encoded, options.seed)
    training, held_back = split(corpus, encoded)
    probe = evaluate.Probe(corpus, encoded, held_back, options.seed)

    def report(step: int, table: NDArray[np.float32], line: str) -> None:
        measured = {**probe(table), **evaluate.written(options.corpora, static.embedding(tokenizer, table))}
        print(line, {name: round(value, 3) for name, value in measured.items()}, flush=True)

    cycles = ((options.steps, 1.0),) if options.steps else static.Settings.cycles
    settings = static.Settings(seed=options.seed, cycles=cycles)
    table = static.train(
        corpus, encoded, tokenizer.get_vocab_size(), settings, training, report, initial, options.work / "table.pt"
    )
    export.save(options.out, tokenizer, table)
    if options.sets:
        measured = evaluate.evaluate(options.sets, static.embedding(tokenizer, table))
        print(json.dumps({name: round(value, 3) for name, value in measured.items()}, indent=1))


def arguments() -> argparse.Namespace:
    """The options of the command."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True, help="folder of training text, see README.md")
    parser.add_argument("--sets", type=Path, help="folder of evaluation sets; measured at the end when given")
    parser.add_argument("--out", type=Path, default=here.parent / "search" / "model")
    parser.add_argument("--work", type=Path, default=here / "work", help="where stages leave their results")
    parser.add_argument("--steps", type=int, help="one cycle of so many steps instead of the default cycles")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def trained_tokenizer(path: Path, corpus: data.Corpus, seed: int) -> Tokenizer:
    """The tokeniser at `path`, trained first where there is none."""
    if not path.is_file():
        tokenisation.train(tokenisation.sample(corpus.texts, corpus.langs, SAMPLE_CHARS, seed), VOCABULARY).save(
            str(path)
        )
    return Tokenizer.from_file(str(path))


def encoded_texts(path: Path, tokenizer: Tokenizer, corpus: data.Corpus) -> static.Encoded:
    """The tokens at `path`, made first where there are none."""
    if not path.is_file():
        encoded = static.encode(tokenizer, corpus.texts)
        np.savez(path, tokens=encoded.tokens, starts=encoded.starts)
    with np.load(path) as arrays:
        encoded = static.Encoded(arrays["tokens"], arrays["starts"])
    if len(encoded.starts) != len(corpus.texts) + 1:
        raise SystemExit(f"{path} holds the tokens of other texts: delete it and the files beside it")
    return encoded


def glossed(
    work: Path, tokenizer: Tokenizer, corpus: data.Corpus, encoded: static.Encoded, seed: int
) -> tuple[static.Encoded, NDArray[np.float32]]:
    """The corpus, changed in place, and the tokens with glosses; and the table to start from."""
    texts, names, warm = work / "glossed.npz", work / "glossed.json", work / "warm.npy"
    if not all(path.is_file() for path in (texts, names, warm)):
        words = glosses.Words(tokenizer, corpus, encoded)
        corpora = glosses.bitexts(corpus, words, LANGS)
        tables = glosses.aligned(corpora, LANGS)
        frequency = np.bincount(encoded.tokens, minlength=tokenizer.get_vocab_size())
        of_words = warm_start.word_vectors(corpora, tables)
        np.save(warm, warm_start.warm_table(words, of_words, frequency, static.Settings.dimension, seed))
        encoded = glosses.add_glosses(corpus, encoded, words, glosses.glossaries(tables, words), seed)
        np.savez(texts, tokens=encoded.tokens, starts=encoded.starts, pairs=corpus.pairs, groups=corpus.groups)
        names.write_text(json.dumps(corpus.group_names), encoding="utf-8")
    with np.load(texts) as arrays:
        encoded = static.Encoded(arrays["tokens"], arrays["starts"])
        corpus.pairs, corpus.groups = arrays["pairs"], arrays["groups"]
    corpus.group_names = [(kind, source, pair) for kind, source, pair in json.loads(names.read_text("utf-8"))]
    return encoded, np.load(warm)


def split(corpus: data.Corpus, encoded: static.Encoded) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs train and which are held back, by a hash of their meaning. Pairs without tokens are in neither."""
    pairs = corpus.pairs
    told = encoded.starts[pairs[:, [1, 3]]] > encoded.starts[pairs[:, [0, 2]]]
    held = pairs[:, 4].astype(np.int64) * 2654435761 % (1 << 32) % HELD_BACK == 0
    return told.all(axis=1) & ~held, told.all(axis=1) & held


if __name__ == "__main__":
    main()
