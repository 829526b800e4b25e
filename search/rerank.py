"""Reranking: a second, closer look at the best candidates, and a calibrated score.

The bundled reranker is a logistic regression over what the legs gave and a late interaction (Khattab & Zaharia 2020)
of the question's token vectors with the passage's. Its weights were learned by `training/reranker.py` on questions
with their passages, so its score estimates the probability that the passage answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backissue.search.embedding import TokenEmbedder, TokenVectors
from backissue.search.errors import MissingExtraError

Scores = NDArray[np.float64]

_WEIGHTS_PATH = Path(__file__).parent / "data" / "reranker.json"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a candidate before it is read closely.

    `words` is its BM25 sum as a part of the highest that the question could reach in the passage's language
    (0 to 1); `cosine` that of question and passage, NaN where it is unknown; `readable` as in `Candidates`.
    """

    title: str
    text: str
    words: float
    cosine: float
    readable: bool


class Reranker(Protocol):
    """Judges candidates for a question."""

    @property
    def name(self) -> str:
        """What it is called by."""

    def judge(self, question: str, candidates: Sequence[Evidence]) -> list[Judgement]:
        """A judgement of each candidate, in their order."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The log-odds that a passage answers, and the features that they came from, by name."""

    log_odds: float
    features: Mapping[str, float]

    @property
    def probability(self) -> float:
        """The log-odds as a probability."""
        return float(1.0 / (1.0 + np.exp(-self.log_odds)))


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A weight for each named feature, and a bias."""

    bias: float
    weights: Mapping[str, float]

    def judge(self, features: Mapping[str, float]) -> Judgement:
        """The judgement of these features; one that is missing counts nothing."""
        log_odds = self.bias + sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return Judgement(log_odds, features)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What training learned: the reranker's model, the one for unread candidates, and when nothing answers."""

    fast: LogisticModel
    unread: LogisticModel
    no_answer_below: float

    @classmethod
    @cache
    def bundled(cls) -> Calibration:
        """The one in the package."""
        record: dict[str, Any] = json.loads(_WEIGHTS_PATH.read_text(encoding="utf-8"))
        return cls(
            fast=LogisticModel(**record["fast"]),
            unread=LogisticModel(**record["unread"]),
            no_answer_below=float(record["no_answer_below"]),
        )


def unread_features(words: float, cosine: float, readable: bool) -> dict[str, float]:
    """The features of a candidate by what the legs gave alone."""
    known = 0.0 if np.isnan(cosine) else cosine
    return {
        "words": words if readable else 0.0,
        "cosine": known if readable else 0.0,
        "foreign": 0.0 if readable else 1.0,
        "foreign_words": 0.0 if readable else words,
        "foreign_cosine": 0.0 if readable else known,
    }


@dataclass(frozen=True, slots=True)
class FastReranker:
    """The bundled reranker."""

    tokens: TokenEmbedder
    calibration: Calibration
    name: str = "fast"

    def judge(self, question: str, candidates: Sequence[Evidence]) -> list[Judgement]:
        """A judgement of each candidate, in their order."""
        query = self.tokens.token_vectors(question)
        bodies = interaction(query, [self.tokens.token_vectors(one.text) for one in candidates])
        titles = [one.title for one in candidates]
        by_title = {title: self.tokens.token_vectors(title) for title in set(titles)}
        title_scores = interaction(query, [by_title[title] for title in titles])
        return [
            self.calibration.fast.judge(fast_features(one, float(body), float(title)))
            for one, body, title in zip(candidates, bodies, title_scores, strict=True)
        ]


def fast_features(candidate: Evidence, body: float, title: float) -> dict[str, float]:
    """The features of a candidate whose text and title have these interactions with the question."""
    near, far = (1.0, 0.0) if candidate.readable else (0.0, 1.0)
    return {
        **unread_features(candidate.words, candidate.cosine, candidate.readable),
        "interaction": body * near,
        "title": title * near,
        "foreign_interaction": body * far,
        "foreign_title": title * far,
    }


def interaction(query: TokenVectors, passages: Sequence[TokenVectors]) -> Scores:
    """How well each passage covers the question, token by token: shape (len(passages),), 0 to 1.

    Each question token takes the highest cosine with any token of the passage (MaxSim), at least 0; the mean is
    weighted by the norms of the question's token vectors, which are the weights that the model learned.
    """
    scores = np.zeros(len(passages))
    filled = [i for i, passage in enumerate(passages) if len(passage.vectors)]
    weights = np.linalg.norm(query.vectors, axis=1) if len(query.vectors) else np.zeros(0)
    if not filled or not weights.sum():
        return scores
    rows = np.concatenate([passages[i].vectors for i in filled])
    cosines = unit_rows(rows) @ unit_rows(query.vectors).T
    starts = np.cumsum([0] + [len(passages[i].vectors) for i in filled[:-1]])
    best = np.maximum(np.maximum.reduceat(cosines, starts, axis=0), 0.0)
    scores[filled] = best @ weights / weights.sum()
    return scores


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows of vectors (n, d) at length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(norms, 1e-9)
    return unit


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers, by name or path."""

    def __init__(self, name: str) -> None:
        """Loads the model.

        Raises:
            MissingExtraError: sentence-transformers is not installed, or the model cannot be loaded.
        """
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise MissingExtraError(
                f"The reranker {name!r} needs sentence-transformers: pip install 'backissue[transformers]'"
            ) from error
        try:
            self._model = CrossEncoder(name)
        except (OSError, ValueError) as error:
            raise MissingExtraError(
                f"The reranker {name!r} cannot be loaded ({type(error).__name__}). "
                "Give a folder that holds a cross-encoder, or a name that is in the local cache."
            ) from error
        self.name = name

    def judge(self, question: str, candidates: Sequence[Evidence]) -> list[Judgement]:
        """A judgement of each candidate, in their order; its log-odds are the model's own."""
        from torch.nn import Identity

        if not candidates:
            return []
        pairs = [(question, f"{one.title}\n{one.text}" if one.title else one.text) for one in candidates]
        log_odds = self._model.predict(pairs, activation_fn=Identity(), show_progress_bar=False)
        return [Judgement(float(value), {"cross_encoder": float(value)}) for value in log_odds]
