"""One command from a folder of corpora to the bundled model.

    python training/train_static.py --corpora CORPORA [--sets EVALSETS] [--out search/model]
    python training/train_static.py --corpora CORPORA --start search/model --seed 1 --work WORK --height 0.5 [--taught]

Every stage leaves its result in the work folder and is skipped when it is there: the tokeniser, the tokens, the glosses
with the table that training starts from, and the table of vectors, which is kept at every report and taken up again
after an interruption. With `--start` a model that is there is trained on, with its tokeniser and from its table, on
other glosses where the seed is another.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import data
import evaluate
import export
import glosses
import labelled
import numpy as np
import static
import tokenizer as tokenisation
import torch
import warm_start
from hard_negatives import HARD_KEPT, hard_negatives
from numpy.typing import NDArray
from tokenizers import Tokenizer
from translations import LANGS

VOCABULARY = 131_072
SAMPLE_CHARS = 100_000_000
HELD_BACK = 64  # One meaning in so many is never trained on and measures the training.


def main() -> None:
    """Run all stages."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("medium")  # In bfloat16, where the processor multiplies that faster.
    corpus = data.load(options.corpora)
    print(f"{len(corpus.texts)} texts, {len(corpus.pairs)} pairs in {len(corpus.group_names)} groups")
    tokenizer_path = options.work / "tokenizer.json"
    if options.start and not tokenizer_path.is_file():
        shutil.copyfile(options.start / "tokenizer.json", tokenizer_path)
    tokenizer = trained_tokenizer(tokenizer_path, corpus)
    encoded = encoded_texts(options.work / "tokens.npz", tokenizer, corpus)
    started = export.load(options.start) if options.start else None
    encoded, initial = glossed(options.work, tokenizer, corpus, encoded, options.seed, started)
    training, held_back = split(corpus, encoded)
    probe = evaluate.Probe(corpus, encoded, held_back, options.seed)

    def report(step: int, table: NDArray[np.float32], line: str) -> None:
        measured = {**probe(table), **evaluate.written(options.corpora, static.embedding(tokenizer, table))}
        print(line, {name: round(value, 3) for name, value in measured.items()}, flush=True)

    settings = static.Settings(seed=options.seed, cycles=((options.steps, options.height),))
    if options.start:
        settings = replace(settings, initial_scale=1.0)
    hard = hard_of_pairs(corpus, encoded, training, export.load(options.hard)) if options.hard else None
    teacher = None
    if options.taught:
        training, ranges = labelled.pooled(corpus, training, options.seed)
        teacher = labelled.read_by_teacher(options.work / "teacher.npy", corpus, ranges)
    table = static.train(
        corpus, encoded, len(initial), settings, training, report, initial, options.work / "table.pt", hard, teacher
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
    parser.add_argument("--start", type=Path, help="folder of a static model to train on from")
    parser.add_argument("--steps", type=int, default=2200)
    parser.add_argument(
        "--height", type=float, default=1.0, help="the highest learning rate, in parts of the usual one"
    )
    parser.add_argument(
        "--hard", type=Path, help="folder of a static model of this tokeniser, to find hard negatives by"
    )
    parser.add_argument("--taught", action="store_true", help="with soft labels by the English teacher")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def trained_tokenizer(path: Path, corpus: data.Corpus) -> Tokenizer:
    """The tokeniser at `path`, trained first where there is none."""
    if not path.is_file():
        tokenisation.train(tokenisation.sample(corpus.texts, corpus.langs, SAMPLE_CHARS), VOCABULARY).save(str(path))
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
    work: Path,
    tokenizer: Tokenizer,
    corpus: data.Corpus,
    encoded: static.Encoded,
    seed: int,
    started: NDArray[np.floating[Any]] | None,
) -> tuple[static.Encoded, NDArray[np.float32]]:
    """The corpus, changed in place, and the tokens with glosses; and the table to start from, made of the teacher's
    vectors of words where none was `started`.
    """
    texts, names, initial = work / "glossed.npz", work / "glossed.json", work / "initial.npy"
    made = (texts, names, initial) if started is None else (texts, names)
    if not all(path.is_file() for path in made):
        words = glosses.Words(tokenizer, corpus, encoded)
        corpora = glosses.bitexts(corpus, words, LANGS)
        tables = glosses.aligned(corpora, LANGS)
        if started is None:
            frequency = np.bincount(encoded.tokens, minlength=tokenizer.get_vocab_size())
            of_words = warm_start.word_vectors(corpora, tables)
            np.save(initial, warm_start.warm_table(words, of_words, frequency, static.Settings.dimension, seed))
        encoded = glosses.add_glosses(corpus, encoded, words, glosses.glossaries(tables, words), seed)
        of_pairs = {"pairs": corpus.pairs, "groups": corpus.groups, "english": corpus.english}
        np.savez(texts, tokens=encoded.tokens, starts=encoded.starts, **of_pairs)
        names.write_text(json.dumps(corpus.group_names), encoding="utf-8")
    with np.load(texts) as arrays:
        encoded = static.Encoded(arrays["tokens"], arrays["starts"])
        corpus.pairs, corpus.groups, corpus.english = arrays["pairs"], arrays["groups"], arrays["english"]
    corpus.group_names = [(kind, source, pair) for kind, source, pair in json.loads(names.read_text("utf-8"))]
    return encoded, np.load(initial) if started is None else started.astype(np.float32)


def hard_of_pairs(
    corpus: data.Corpus, encoded: static.Encoded, training: NDArray[np.bool_], table: NDArray[np.float32]
) -> NDArray[np.int64]:
    """For each pair of the corpus others (pairs, n) whose passages are hard negatives; -1 where it is no question."""
    found = np.full((len(corpus.pairs), HARD_KEPT), -1, np.int64)
    kind_of = np.array([kind for kind, _, _ in corpus.group_names])[corpus.groups]
    for kind in (data.QUESTIONS, data.GLOSSED):
        rows = np.flatnonzero(training & (kind_of == kind))
        found[rows] = hard_negatives(corpus, encoded, rows, table)
    return found


def split(corpus: data.Corpus, encoded: static.Encoded) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs train and which are held back, by a hash of their meaning. Pairs without tokens are in neither."""
    pairs = corpus.pairs
    told = encoded.starts[pairs[:, [1, 3]]] > encoded.starts[pairs[:, [0, 2]]]
    held = pairs[:, 4].astype(np.int64) * 2654435761 % (1 << 32) % HELD_BACK == 0
    return told.all(axis=1) & ~held, told.all(axis=1) & held


if __name__ == "__main__":
    main()
