"""Calibrated judgements: logistic models whose log-odds are the estimated chance that a passage answers.

The weights are learned by `training/reranker.py` on questions with their passages and kept in data/reranker.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backissue.search.types import Mode, Span

Scores = NDArray[np.float64]

_WEIGHTS_PATH = Path(__file__).parent / "data" / "reranker.json"


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A weight for each named feature, a bias, and the probability of the best passage below which nothing answers."""

    bias: float
    weights: Mapping[str, float]
    no_answer_below: float = 0.0

    def log_odds(self, features: Mapping[str, Scores]) -> Scores:
        """The log-odds (n,) of n candidates, given each feature (n,); one that is missing counts nothing."""
        total = sum((weight * features[name] for name, weight in self.weights.items() if name in features), np.zeros(1))
        return np.asarray(self.bias + total, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a reader made of a passage: where t tokens of its text begin, (t,), and the log-odds that the answer stands
    at each, (t,). `answer` tells which sentence answers, given what was read of each beside its other features.
    """

    starts: NDArray[np.int32]
    scores: Scores
    answer: LogisticModel

    def of(self, sentences: Sequence[Span]) -> Scores:
        """What was read of n sentences of the text, (n,): the log-odds of their tokens, summed up.

        One that was not read is worth as little as any token.
        """
        bounds = self.starts.searchsorted(np.array(sentences, dtype=np.int32).reshape(-1, 2)).tolist()
        least = self.scores.min(initial=0.0)
        return np.array([max(log_sum(self.scores[first:last]), least) for first, last in bounds])


class Judgement(NamedTuple):
    """The log-odds that a passage answers, the features that they came from, by name, and what a reader made of it."""

    log_odds: float
    features: Mapping[str, float]
    reading: Reading | None = None

    @property
    def probability(self) -> float:
        """The log-odds as a probability."""
        return 1.0 / (1.0 + math.exp(-min(max(self.log_odds, -60.0), 60.0)))


def log_sum(log_odds: Scores) -> float:
    """The logarithm of the sum of exponentials of (n,); minus infinity of none."""
    highest = log_odds.max(initial=-math.inf)
    return float(highest + np.log(np.exp(log_odds - highest).sum())) if math.isfinite(highest) else -math.inf


def probabilities(log_odds: Scores) -> Scores:
    """Log-odds (n,) as probabilities (n,)."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -60.0, 60.0))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What training learned: for each mode a model by what the legs gave and one by a close look; and which sentence
    of a passage answers."""

    fusion: Mapping[Mode, LogisticModel]
    reranker: Mapping[Mode, LogisticModel]
    answer: LogisticModel

    @classmethod
    @cache
    def bundled(cls) -> Calibration:
        """The one in the package."""
        record: dict[str, Any] = json.loads(_WEIGHTS_PATH.read_text(encoding="utf-8"))
        return cls(
            fusion=_by_mode(record["fusion"]),
            reranker=_by_mode(record["reranker"]),
            answer=LogisticModel(**record["answer"]),
        )


def _by_mode(record: Mapping[str, Any]) -> dict[Mode, LogisticModel]:
    return {Mode(mode): LogisticModel(**model) for mode, model in record.items()}
