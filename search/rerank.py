"""Reranking: a second, closer look at the best candidates, and a calibrated score.

The bundled reranker is a logistic regression over what the legs gave and a late interaction (Khattab & Zaharia 2020)
of the question's token vectors with the passage's. Its weights were learned by `training/reranker.py` on questions
with their passages, so its score estimates the probability that the passage answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from backissue.search.asked import AskedTokens
from backissue.search.calibration import Judgement, LogisticModel, Scores
from backissue.search.clock import UNHURRIED, Clock
from backissue.search.embedding import TokenEmbedder, Vectors
from backissue.search.errors import MissingExtraError
from backissue.search.forward import in_context
from backissue.search.fusion import fusion_features

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of n candidates, arrays (n,).

    `words` are their BM25 sums as parts of the highest that the question could reach in each passage's language (0 to
    1), `covered` is what the words that stand in them count as a part of what all count, and `together` the same of
    those that stand together; `cosine` is that of question and passage, NaN where it is unknown; `readable` as in
    `Candidates`. `tokens` of candidate i, of its title and text, are from `token_starts[i]` to `token_starts[i + 1]`,
    and `asked` are the question's. `texts` reads titles and texts from the archive.
    """

    words: Scores
    covered: Scores
    together: Scores
    cosine: Scores
    readable: NDArray[np.bool_]
    tokens: NDArray[np.integer[Any]]
    token_starts: NDArray[np.int64]
    asked: AskedTokens
    texts: Callable[[], Sequence[tuple[str, str]]]

    def __len__(self) -> int:
        return len(self.words)


WINDOW_TOKENS = 48

READ_AT_ONCE = 10
"""Candidates that a large model reads before it looks at the clock again."""


class Reranker(Protocol):
    """Judges candidates for a question."""

    @property
    def name(self) -> str:
        """What it is called by."""

    @property
    def no_answer_below(self) -> float:
        """The probability of the best passage below which nothing answers; 0 where it is not known."""

    def judge(self, question: str, candidates: Evidence, clock: Clock = UNHURRIED) -> list[Judgement]:
        """A judgement of each candidate, in their order.

        Raises:
            SearchCancelledError: nobody waits for it any more.
        """


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

    def judge(self, question: str, candidates: Evidence, clock: Clock = UNHURRIED) -> list[Judgement]:
        """A judgement of each candidate, in their order, within a few milliseconds."""
        features = self.features(candidates)
        log_odds = self.model.log_odds(features) + np.zeros(len(candidates))
        values = zip(*(some.tolist() for some in features.values()), strict=True)
        return [
            Judgement(one, dict(zip(features, some, strict=True)))
            for one, some in zip(log_odds.tolist(), values, strict=True)
        ]

    def features(self, candidates: Evidence) -> dict[str, Scores]:
        """The features of n candidates, (n,) each."""
        asked = candidates.asked
        whole, window = interactions(asked.vectors, asked.cosines(candidates.tokens), candidates.token_starts)
        near = candidates.readable.astype(np.float64)
        found = {"covered": candidates.covered, "together": candidates.together, "tokens": whole, "window": window}
        return {
            **fusion_features(candidates.words, candidates.cosine, candidates.readable),
            **{name: near * values for name, values in found.items()},
            **{f"foreign_{name}": (1.0 - near) * values for name, values in found.items()},
        }


def interactions(query: Vectors, cosines: Vectors, starts: NDArray[np.int64]) -> tuple[Scores, Scores]:
    """How well each passage covers the question, token by token, in whole and in its best window: (n,) each, 0 to 1.

    Given the vectors (q, d) of the question's tokens, their cosines (t, q) with those of n passages, and where each
    passage begins among these, (n + 1,). Each question token takes the highest cosine with any token of the passage
    (MaxSim); the mean is weighted by the norms of the question's token vectors, which are the weights that the model
    learned. A window is `WINDOW_TOKENS` long, about a sentence: what answers stands together.
    """
    whole, window = np.zeros(len(starts) - 1), np.zeros(len(starts) - 1)
    lengths = np.diff(starts)
    filled = np.flatnonzero(lengths)
    weights = np.linalg.norm(query, axis=1) if len(query) else np.zeros(0)
    if not len(filled) or not weights.sum():
        return whole, window
    # Windows are pairs of neighbouring half-windows of one passage.
    half = WINDOW_TOKENS // 2
    halves_of = -(-lengths[filled] // half)
    first_halves = np.cumsum(halves_of) - halves_of
    inside = np.arange(halves_of.sum()) - np.repeat(first_halves, halves_of)
    halves = np.maximum.reduceat(cosines, np.repeat(starts[filled], halves_of) + half * inside, axis=0)
    pairs = halves.copy()
    pairs[:-1] = np.maximum(halves[:-1], halves[1:])
    last_halves = np.append(first_halves[1:], len(halves)) - 1
    pairs[last_halves] = halves[last_halves]
    share = weights / weights.sum()
    whole[filled] = np.maximum.reduceat(halves, first_halves, axis=0) @ share
    window[filled] = np.maximum.reduceat(pairs @ share, first_halves)
    return whole, window


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

    def judge(self, question: str, candidates: Evidence, clock: Clock = UNHURRIED) -> list[Judgement]:
        """A judgement of each candidate, in their order; its log-odds are the model's own."""
        from torch.nn import Identity

        if not len(candidates):
            return []
        pairs = [(question, in_context(title, text)) for title, text in candidates.texts()]
        judgements: list[Judgement] = []
        for some in batched(pairs, READ_AT_ONCE):
            clock.go_on()
            log_odds = self._model.predict(some, activation_fn=Identity(), show_progress_bar=False)
            judgements += [Judgement(float(value), {"cross_encoder": float(value)}) for value in log_odds]
        return judgements


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in groups of one size, the last of which may be smaller."""
    return (items[first : first + size] for first in range(0, len(items), size))
