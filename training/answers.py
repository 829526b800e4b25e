"""Learns which sentence of a passage answers: the part "answer" of search/data/reranker.json.

    python -m training.answers --corpora DIR [--out search/data/reranker.json]

The question sets give answers within a language: the sentences that hold the answer's words are right. Across languages
the questions written for this (questions.tsv) name the sentence. Nine passages in ten teach and the tenth measures.
The weights minimise the cross entropy of the right sentences among all of their passage, each language and setting
counting the same. No evaluation set is used.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from backissue.search.answer import Reader
from backissue.search.asked import AskedTokens
from backissue.search.embedding import StaticEmbedder
from backissue.search.query import parse
from backissue.search.question import understand
from backissue.search.sentences import split_sentences
from backissue.search.translations import Translations

QUESTION_SETS = (
    "qa_ar_arcd_train", "qa_en_covid_handbook", "qa_fr_piaf", "qa_ja_jsquad_dev", "qa_tr_tquad", "qa_tydi_goldp",
    "qa_zh_cmrc2018", "qa_zh_drcd_dev",
)  # fmt: skip
L2 = 1e-4
MAX_CHARS = 6000


@dataclass(frozen=True)
class Asked:
    """A question in a language on a passage, and where in the passage its answer stands."""

    question: str
    asked_in: str
    passage: str
    lang: str
    spans: tuple[tuple[int, int], ...]

    @property
    def setting(self) -> tuple[str, bool]:
        """The passage's language and whether the question has another."""
        return self.lang, self.asked_in != self.lang

    @property
    def teaches(self) -> bool:
        """Whether it is learned from; all questions of a passage are, or none."""
        return sha256(self.passage.encode()).digest()[0] >= 26


@dataclass(frozen=True)
class Example:
    """The sentences of a passage: features (n, f), which are right (n,), and of which setting it is."""

    features: NDArray[np.float64]
    right: NDArray[np.bool_]
    setting: tuple[str, bool]


def from_sets(corpora: Path, per_set: int) -> Iterator[Asked]:
    """Questions with an answer that stands in their passage."""
    for name in QUESTION_SETS:
        with lzma.open(corpora / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        random.Random(3).shuffle(rows)
        taken = Counter[str]()
        for row in rows:
            passage, answer = _one_line(row["p"]), _one_line(row.get("a") or "")
            spans = tuple(_occurrences(answer, passage))
            if spans and len(passage) <= MAX_CHARS and taken[row["lang"]] < per_set:
                taken[row["lang"]] += 1
                yield Asked(row["q"], row["lang"], passage, row["lang"], spans)


def written(corpora: Path, questions: Path) -> Iterator[Asked]:
    """The questions written for this whose answering sentence is known."""
    rows = [line.split("\t") for line in questions.read_text("utf-8").splitlines()[1:]]
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        wanted[row[0]].add(row[1])
    passages: dict[str, str] = {}
    for name, keys in wanted.items():
        with lzma.open(corpora / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
            for line in file:
                passage = json.loads(line)["p"]
                key = sha256(passage.encode()).hexdigest()[:16]
                if key in keys:
                    passages[key] = _one_line(passage)
    for _, key, lang, asked_in, question, start, end in rows:
        if start and key in passages:
            yield Asked(question, asked_in, passages[key], lang, ((int(start), int(end)),))


def example(asked: Asked, embedder: StaticEmbedder) -> tuple[Example, list[str]] | None:
    """The sentences of one question's passage; None where there is no choice."""
    sentences = split_sentences(asked.passage, asked.lang)
    right = np.array([any(start < b and a < end for a, b in asked.spans) for start, end in sentences])
    if len(sentences) < 2 or not right.any() or right.all():
        return None
    question = understand(parse(asked.question), [asked.lang], embedder, Translations.bundled())
    reader = Reader(question, AskedTokens(question.text, embedder))
    features = reader.features(asked.passage, asked.lang, sentences)
    return Example(np.stack(list(features.values()), axis=1), right, asked.setting), list(features)


def learn(some: Sequence[Example]) -> NDArray[np.float64]:
    """Weights (f,): listwise cross entropy of the right sentences; a setting counts the root of its size."""
    sizes = Counter(one.setting for one in some)
    shares = {setting: size**-0.5 for setting, size in sizes.items()}
    scale = sum(shares[one.setting] for one in some)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = L2 * float(weights @ weights), 2 * L2 * weights
        for one in some:
            scores = one.features @ weights
            chances = np.exp(scores - scores.max())
            chances /= chances.sum()
            inside = float(chances[one.right].sum())
            part = shares[one.setting] / scale
            total -= part * float(np.log(inside + 1e-12))
            wanted = np.where(one.right, chances / (inside + 1e-12), 0.0)
            gradient = gradient + part * ((chances - wanted) @ one.features)
        return total, gradient

    return np.asarray(minimize(loss, np.zeros(some[0].features.shape[1]), jac=True, method="L-BFGS-B").x)


def report(some: Sequence[Example], weights: NDArray[np.float64], name: str) -> None:
    """How often the first sentence is right, across languages and within one."""
    by: dict[bool, list[bool]] = defaultdict(list)
    for one in some:
        by[one.setting[1]].append(bool(one.right[int((one.features @ weights).argmax())]))
    print(
        f"{name:32}",
        ", ".join(
            f"{'across' if foreign else 'within'} languages {np.mean(right):.3f} of {len(right)}"
            for foreign, right in sorted(by.items())
        ),
        flush=True,
    )


def _occurrences(needle: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(needle) if needle else -1
    while start >= 0:
        yield start, start + len(needle)
        start = text.find(needle, start + 1)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main() -> None:
    """Learns, reports and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--questions", type=Path, default=Path(__file__).parent / "questions.tsv")
    parser.add_argument("--out", type=Path, default=Path("search/data/reranker.json"))
    parser.add_argument("--per-set", type=int, default=700, help="questions of each set and language")
    arguments = parser.parse_args()
    embedder = StaticEmbedder.bundled()
    asked = [*from_sets(arguments.corpora, arguments.per_set), *written(arguments.corpora, arguments.questions)]
    teaching, measuring, names = [], [], []
    for one in asked:
        if (made := example(one, embedder)) is not None:
            (teaching if one.teaches else measuring).append(made[0])
            names = made[1]
    weights = learn(teaching)
    report(measuring, np.array([name == "meaning" for name in names], dtype=np.float64), "late interaction alone")
    before = {"meaning": 1.0, "words": 0.5}
    report(measuring, np.array([before.get(name, 0.0) for name in names]), "and words at 0.5")
    for left_out in ("gives_", "meaning_after words_before", "words"):
        kept = np.array([not any(name.startswith(part) for part in left_out.split()) for name in names])
        some = [Example(one.features * kept, one.right, one.setting) for one in teaching]
        report(measuring, learn(some) * kept, f"learned without {left_out}")
    report(measuring, weights, "learned")
    record = json.loads(arguments.out.read_text("utf-8"))
    record["answer"] = {"bias": 0.0, "weights": {n: round(float(w), 4) for n, w in zip(names, weights, strict=True)}}
    arguments.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record["answer"], indent=1))


if __name__ == "__main__":
    main()
