"""Reranking: a second, closer look at the best candidates, and a calibrated score.

The bundled reranker is a logistic regression over what the legs gave and a late interaction (Khattab & Zaharia 2020)
of the question's token vectors with the passage's. Its weights were learned by `training/reranker.py` on questions
with their passages, so its score estimates the probability that the passage answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import Judgement, LogisticModel, Scores
from backissue.search.embedding import TokenEmbedder, TokenVectors
from backissue.search.errors import MissingExtraError
from backissue.search.fusion import fusion_features


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a candidate before it is read closely.

    `words` is its BM25 sum as a part of the highest that the question could reach in the passage's language
    (0 to 1), and `together` the same of the words that stand together; `cosine` is that of question and passage, NaN
    where it is unknown; `readable` as in `Candidates`.
    """

    title: str
    text: str
    words: float
    together: float
    cosine: float
    readable: bool

    @property
    def in_context(self) -> str:
        """The passage behind its title."""
        return f"{self.title}\n{self.text}" if self.title else self.text


WINDOW_TOKENS = 48


class Reranker(Protocol):
    """Judges candidates for a question."""

    @property
    def name(self) -> str:
        """What it is called by."""

    @property
    def no_answer_below(self) -> float:
        """The probability of the best passage below which nothing answers; 0 where it is not known."""

    def judge(self, question: str, candidates: Sequence[Evidence]) -> list[Judgement]:
        """A judgement of each candidate, in their order."""


@dataclass(frozen=True, slots=True)
class FastReranker:
    """The bundled reranker."""

    tokens: TokenEmbedder
    model: LogisticModel
    name: str = "fast"

    @property
    def no_answer_below(self) -> float:
        """As its model has learned it."""
        return self.model.no_answer_below

    def judge(self, question: str, candidates: Sequence[Evidence]) -> list[Judgement]:
        """A judgement of each candidate, in their order."""
        features = self.features(question, candidates)
        log_odds = self.model.log_odds(features) + np.zeros(len(candidates))
        return [
            Judgement(float(log_odds[i]), {name: float(values[i]) for name, values in features.items()})
            for i in range(len(candidates))
        ]

    def features(self, question: str, candidates: Sequence[Evidence]) -> dict[str, Scores]:
        """The features of n candidates, (n,) each."""
        query = self.tokens.token_vectors(question)
        _, window = interactions(query, [self.tokens.token_vectors(one.in_context) for one in candidates])
        readable = np.array([one.readable for one in candidates], dtype=np.bool_)
        words = np.array([one.words for one in candidates], dtype=np.float64)
        together = np.array([one.together for one in candidates], dtype=np.float64)
        cosine = np.array([one.cosine for one in candidates], dtype=np.float64)
        near = readable.astype(np.float64)
        return {
            **fusion_features(words, cosine, readable),
            "together": near * together,
            "foreign_together": (1.0 - near) * together,
            "window": near * window,
            "foreign_window": (1.0 - near) * window,
        }


def interactions(query: TokenVectors, passages: Sequence[TokenVectors]) -> tuple[Scores, Scores]:
    """How well each passage covers the question, token by token, in whole and in its best window: (n,) each, 0 to 1.

    Each question token takes the highest cosine with any token of the passage (MaxSim), at least 0; the mean is
    weighted by the norms of the question's token vectors, which are the weights that the model learned. A window is
    `WINDOW_TOKENS` long, about a sentence: what answers stands together.
    """
    whole, window = np.zeros(len(passages)), np.zeros(len(passages))
    filled = [i for i, passage in enumerate(passages) if len(passage.vectors)]
    weights = np.linalg.norm(query.vectors, axis=1) if len(query.vectors) else np.zeros(0)
    if not filled or not weights.sum():
        return whole, window
    lengths = [len(passages[i].vectors) for i in filled]
    cosines = unit_rows(np.concatenate([passages[i].vectors for i in filled])) @ unit_rows(query.vectors).T
    np.maximum(cosines, 0.0, out=cosines)
    passage_starts = np.cumsum([0, *lengths[:-1]])
    # Windows are pairs of neighbouring half-windows of one passage.
    half_starts = np.concatenate(
        [np.arange(start, start + n, WINDOW_TOKENS // 2) for start, n in zip(passage_starts, lengths, strict=True)]
    )
    halves = np.maximum.reduceat(cosines, half_starts, axis=0)
    first_halves = np.searchsorted(half_starts, passage_starts)
    pairs = halves.copy()
    pairs[:-1] = np.maximum(halves[:-1], halves[1:])
    last_halves = np.append(first_halves[1:], len(halves)) - 1
    pairs[last_halves] = halves[last_halves]
    share = weights / weights.sum()
    whole[filled] = np.maximum.reduceat(halves, first_halves, axis=0) @ share
    window[filled] = np.maximum.reduceat(pairs @ share, first_halves)
    return whole, window


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows of vectors (n, d) at length 1."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(norms, 1e-9)
    return unit


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers, by name or path."""

    no_answer_below = 0.0

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
        from backissue.search.transformer import NO_CODE

        try:
            self._model = CrossEncoder(name, **NO_CODE)
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
        pairs = [(question, one.in_context) for one in candidates]
        log_odds = self._model.predict(pairs, activation_fn=Identity(), show_progress_bar=False)
        return [Judgement(float(value), {"cross_encoder": float(value)}) for value in log_odds]
