"""Measures a model on the public sets: questions to passages (nDCG@10) and sentences to their translations."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from data import KINDS, WRITTEN_QUESTIONS, Corpus, passage_key
from numpy.typing import NDArray
from static import Encoded, embed, group_weights, ranges

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
EmbedRanges = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
"""From the first texts of ranges and the texts after their last ones."""
XQUAD_LANGS = ("en", "de", "es", "ro", "ru", "tr", "zh", "ar")
SENTENCE_LANGS = ("cs", "de", "fr", "it", "ja", "ko", "pl", "ru", "uk", "zh")
NEWS_SETS = tuple(
    f"newstest{name}" for name in ("2020.pl-en", "2020.ja-en", "2020.ru-en", "2020.de-en", "2019.en-cs", "2020.zh-en")
)
PROBE_PAIRS = 1200
PROBE_TOKENS = 160


def ndcg_at_10(scores: NDArray[np.float32], answers: NDArray[np.int64]) -> float:
    """nDCG@10 where one passage answers: 1 / log2(1 + rank), 0 beyond rank 10. Scores are (questions, passages)."""
    own = scores[np.arange(len(answers)), answers]
    rank = 1 + (scores > own[:, None]).sum(axis=1)
    return float(np.where(rank <= 10, 1 / np.log2(1 + rank), 0).mean())


def accuracy(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """How often row i of `left` is nearest to row i of `right`, mean of both directions."""
    scores = left @ right.T
    wanted = np.arange(len(scores))
    return float(((scores.argmax(axis=1) == wanted).mean() + (scores.argmax(axis=0) == wanted).mean()) / 2)


class Probe:
    """nDCG@10 on held-back pairs of each kind, among as many: what settings are chosen by."""

    def __init__(self, corpus: Corpus, encoded: Encoded, held_back: NDArray[np.bool_], seed: int) -> None:
        self.encoded = encoded
        self.pairs = probe_pairs(corpus, held_back, seed)

    def __call__(self, table: NDArray[np.float32]) -> dict[str, float]:
        """nDCG@10 by kind of pair."""
        weights = torch.from_numpy(table)
        return probe(
            self.pairs, lambda first, last: embed(weights, *ranges(self.encoded, first, last, PROBE_TOKENS)).numpy()
        )


def written(corpora: Path, embed: Embed, others: int = 400) -> dict[str, float]:
    """The questions of `questions.tsv`, whose passages are not trained on, among `others` more of each set."""
    rows = [line.split("\t") for line in WRITTEN_QUESTIONS.read_text("utf-8").splitlines()[1:]]
    wanted = {row[1] for row in rows}
    passages: dict[str, str] = {}
    for source in sorted({row[0] for row in rows}):
        taken = 0
        for entry in _jsonl(corpora / f"{source}.jsonl.xz"):
            key = passage_key(entry["p"])
            if key in wanted or (key not in passages and taken < others and len(entry["p"]) < 6000):
                taken += key not in wanted
                passages[key] = entry["p"]
    number = {key: i for i, key in enumerate(passages)}
    told = embed(list(passages.values()))
    measured = {}
    for name, mine in (
        ("written same", [row for row in rows if row[2] == row[3]]),
        ("written foreign", [row for row in rows if row[2] != row[3]]),
    ):
        asked = [row for row in mine if row[1] in number]
        scores = embed([row[4] for row in asked]) @ told.T
        measured[name] = ndcg_at_10(scores, np.array([number[row[1]] for row in asked]))
    return measured


def probe_pairs(
    corpus: Corpus, held_back: NDArray[np.bool_], seed: int, size: int = PROBE_PAIRS
) -> dict[str, NDArray[np.int32]]:
    """Up to `size` pairs of each kind, each of another meaning, sources balanced."""
    generator = np.random.default_rng(seed)
    worth = group_weights(corpus, 0.3) / np.maximum(np.bincount(corpus.groups), 1)
    kind_of = np.array([kind for kind, _, _ in corpus.group_names])[corpus.groups]
    chosen = {}
    for kind, name in enumerate(KINDS):
        rows = np.flatnonzero(held_back & (kind_of == kind))
        if not len(rows):
            continue
        chance = worth[corpus.groups[rows]]
        drawn = generator.choice(rows, min(size, len(rows)), replace=False, p=chance / chance.sum())
        _, first = np.unique(corpus.pairs[drawn, 4], return_index=True)
        chosen[name] = corpus.pairs[drawn[first]]
    return chosen


def probe(pairs: dict[str, NDArray[np.int32]], embed_ranges: EmbedRanges) -> dict[str, float]:
    """nDCG@10 by kind of pair, of unit vectors of ranges of texts."""
    measured = {}
    for name, some in pairs.items():
        left, right = embed_ranges(some[:, 0], some[:, 1]), embed_ranges(some[:, 2], some[:, 3])
        measured[name] = ndcg_at_10(left @ right.T, np.arange(len(some)))
    return measured


def xquad(folder: Path, embed: Embed, langs: Sequence[str] = XQUAD_LANGS) -> dict[str, float]:
    """English questions on each language's 240 paragraphs."""
    passages = _jsonl(folder / "xquad" / "paragraphs.jsonl.xz")
    questions = [row for row in _jsonl(folder / "xquad" / "questions.jsonl.xz") if row["lang"] == "en"]
    asked = embed([row["question"] for row in questions])
    measured = {}
    for lang in langs:
        mine = [row for row in passages if row["lang"] == lang]
        number = {row["pid"]: i for i, row in enumerate(mine)}
        answers = np.array([number[row["pid"]] for row in questions])
        measured[f"xquad en-{lang}"] = ndcg_at_10(asked @ embed([row["text"] for row in mine]).T, answers)
    return measured


def poquad(folder: Path, embed: Embed) -> dict[str, float]:
    """Polish questions on Polish passages."""
    passages = _jsonl(folder / "poquad" / "paragraphs.jsonl.xz")
    questions = [row for row in _jsonl(folder / "poquad" / "questions.jsonl.xz") if not row["impossible"]]
    number = {row["pid"]: i for i, row in enumerate(passages)}
    scores = embed([row["question"] for row in questions]) @ embed([row["text"] for row in passages]).T
    return {"poquad pl-pl": ndcg_at_10(scores, np.array([number[row["pid"]] for row in questions]))}


def tatoeba(folder: Path, embed: Embed, langs: Sequence[str] = SENTENCE_LANGS) -> dict[str, float]:
    """Which of 1,000 short sentences is the translation."""
    measured = {}
    for lang in langs:
        rows = _tsv(folder / "tatoeba_laser_v1" / f"{lang}-en.tsv.xz")
        measured[f"tatoeba {lang}-en"] = accuracy(*(embed([row[side] for row in rows]) for side in (0, 1)))
    return measured


def news(folder: Path, embed: Embed) -> dict[str, float]:
    """Which of about 1,000 to 2,000 sentences of the news (WMT) is the translation."""
    measured = {}
    for name in NEWS_SETS:
        rows = _tsv(folder / "wmt_newstest" / f"{name}.tsv.xz")
        measured[name] = accuracy(*(embed([row[side] for row in rows]) for side in (0, 1)))
    return measured


def evaluate(folder: Path, embed: Embed) -> dict[str, float]:
    """All measures by name."""
    return {**xquad(folder, embed), **poquad(folder, embed), **tatoeba(folder, embed), **news(folder, embed)}


def _jsonl(path: Path) -> list[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _tsv(path: Path) -> list[list[str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [line.rstrip("\n").split("\t") for line in lines]
