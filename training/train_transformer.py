"""One command from a folder of corpora to the deeper model: a small multilingual transformer, run by onnxruntime.

    python training/train_transformer.py --corpora CORPORA --out FOLDER [--minutes 20] [--sets EVALSETS]

Every stage leaves its result in the work folder and is skipped when it is there: the corpus, where the table of pieces
starts, the hard negatives, the teacher's vectors, and the student, which is kept every few minutes and taken up again
after an interruption. It learns over the pieces of the bundled tokeniser.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import data
import distil
import evaluate
import export
import numpy as np
import onnx_export
import static
import torch
from encoder import Encoder, embed_ranges, load_teacher, new_student, parameters_outside_table
from hard_negatives import hard_negatives
from numpy.typing import NDArray
from pieces import start_table
from tokenizers import Tokenizer
from train_static import HELD_BACK

PARAMETERS_MAX = 12_000_000
EVALUATED_TEXTS = 256
EVALUATED_TOKENS = 256
PROBE_PAIRS = {"cpu": 60, "cuda": evaluate.PROBE_PAIRS}


def main() -> None:
    """Run all stages."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    settings = distil.ON_CPU if device.type == "cpu" else distil.Settings()
    given = {
        name: getattr(options, name)
        for name in ("layers", "pool", "cells", "seed")
        if getattr(options, name) is not None
    }
    settings = replace(settings, **given)

    langs = set(options.langs.split(",")) if options.langs else None
    corpus: data.Corpus = kept_pickle(options.work / "corpus.pickle", lambda: data.load(options.corpora, settings.seed))
    print(f"{len(corpus.texts)} texts, {len(corpus.pairs)} pairs in {len(corpus.group_names)} groups", flush=True)
    training, held_back = split(corpus, langs)
    tokenizer = Tokenizer.from_file(str(options.pieces / "tokenizer.json"))
    static_table = export.load(options.pieces)
    teacher, teacher_tokenizer = load_teacher()
    words = teacher.body.embeddings.word_embeddings.weight.detach().numpy()
    table = kept(
        options.work / "start.npy",
        lambda: start_table(
            corpus, training, tokenizer, static_table, teacher_tokenizer, words, settings.cells, settings.seed
        ),
    )
    pool = distil.draw_pool(corpus, training, settings)
    encoded = distil.encode_pool(tokenizer, corpus, pool)
    hard = kept(
        options.work / "hard.npy",
        lambda: hard_negatives(corpus, encoded, pool.rows[data.QUESTIONS], static_table),
    )
    teacher.move(device)
    vectors = distil.teacher_vectors(
        options.work / "teacher.npy", corpus, pool.ranges, teacher, teacher_tokenizer, max(settings.max_tokens)
    )
    student = new_student(teacher, table, settings.layers)
    student.move(device)
    if parameters_outside_table(student) > PARAMETERS_MAX:
        raise SystemExit(f"{parameters_outside_table(student):,} parameters outside the table are too many")
    pairs = evaluate.probe_pairs(corpus, held_back, settings.seed, PROBE_PAIRS[device.type])
    embed = embedding(student, tokenizer)

    def report(line: str) -> None:
        measured = evaluate.probe(
            pairs,
            lambda first, last: embed(
                [" ".join(corpus.texts[a:b]) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
            ),
        )
        print(line, {name: round(value, 3) for name, value in measured.items()}, flush=True)

    progress = distil.Progress(options.steps, None if options.steps else options.minutes)
    report(f"{parameters_outside_table(student):,} parameters outside the table; before training:")
    distil.Training(student, corpus, encoded, pool, hard, vectors, settings, progress).run(
        report, options.work / "student.pt", options.report_seconds
    )
    student.move(torch.device("cpu"))
    onnx_export.save(options.out, student, tokenizer)
    if options.sets:
        student.move(device)
        measured = measure(options.sets, embed, langs)
        print(json.dumps({name: round(value, 3) for name, value in measured.items()}, indent=1))


def arguments() -> argparse.Namespace:
    """The options of the command."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True, help="folder of training text, see README.md")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--sets", type=Path, help="folder of evaluation sets; measured at the end when given")
    parser.add_argument("--langs", help="learn and measure these languages only, separated by commas; for a try")
    parser.add_argument("--work", type=Path, default=here / "work" / "transformer", help="where stages leave results")
    parser.add_argument("--pieces", type=Path, default=here.parent / "search" / "model", help="the static model")
    parser.add_argument("--minutes", type=float, default=20.0, help="time for the training proper (%(default)s)")
    parser.add_argument("--steps", type=int, help="train for so many steps instead")
    parser.add_argument("--layers", type=int, help=f"layers of the body ({distil.Settings.layers})")
    parser.add_argument("--pool", type=int, help="pairs to draw from")
    parser.add_argument("--cells", type=int, help="how much text is aligned for the start of the table")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--report-seconds", type=float, default=240.0, help="time between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def kept_pickle(path: Path, make: Callable[[], Any]) -> Any:
    """What is pickled at `path`, made first where there is nothing."""
    if not path.is_file():
        path.write_bytes(pickle.dumps(make()))
    return pickle.loads(path.read_bytes())


def split(corpus: data.Corpus, langs: set[str] | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs train and which are held back, by a hash of their meaning; of `langs` only where they are given."""
    held = corpus.pairs[:, 4].astype(np.int64) * 2654435761 % (1 << 32) % HELD_BACK == 0
    wanted = np.array([langs is None or langs >= set(name.split("-")) for _, _, name in corpus.group_names], np.bool_)
    return ~held & wanted[corpus.groups], held & wanted[corpus.groups]


def kept(path: Path, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array at `path`, made first where there is none."""
    if not path.is_file():
        np.save(path, make())
    return np.load(path)


def embedding(student: Encoder, tokenizer: Tokenizer) -> evaluate.Embed:
    """The function from texts to unit vectors that a student is."""

    def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
        parts = []
        for start in range(0, len(texts), EVALUATED_TEXTS):
            encoded = static.encode(tokenizer, list(texts[start : start + EVALUATED_TEXTS]))
            each = np.arange(len(encoded.starts) - 1, dtype=np.int32)
            parts.append(embed_ranges(student, encoded, each, each + 1, EVALUATED_TOKENS))
        return np.concatenate(parts)

    return embed_texts


def measure(folder: Path, embed: evaluate.Embed, langs: set[str] | None) -> dict[str, float]:
    """The public sets, or XQuAD and Tatoeba in some languages."""
    if langs is None:
        return evaluate.evaluate(folder, embed)
    xquad = [lang for lang in evaluate.XQUAD_LANGS if lang in langs]
    tatoeba = [lang for lang in (*evaluate.SENTENCE_LANGS, "es", "ar") if lang in langs]
    return {**evaluate.xquad(folder, embed, xquad), **evaluate.tatoeba(folder, embed, tatoeba)}


if __name__ == "__main__":
    main()
