"""Calibrated judgements: logistic models whose log-odds are the estimated chance that a passage answers.

The weights are learned by `training/reranker.py` on questions with their passages and kept in data/reranker.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

_WEIGHTS_PATH = Path(__file__).parent / "data" / "reranker.json"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The log-odds that a passage answers, and the features that they came from, by name."""

    log_odds: float
    features: Mapping[str, float]

    @property
    def probability(self) -> float:
        """The log-odds as a probability."""
        return float(1.0 / (1.0 + np.exp(-np.clip(self.log_odds, -60.0, 60.0))))


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A weight for each named feature, and a bias."""

    bias: float
    weights: Mapping[str, float]

    def log_odds(self, features: Mapping[str, Scores]) -> Scores:
        """The log-odds (n,) of n candidates, given each feature (n,); one that is missing counts nothing."""
        total = sum((weight * features[name] for name, weight in self.weights.items() if name in features), np.zeros(1))
        return np.asarray(self.bias + total, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What training learned: a model by what the legs gave, one by a close look, and when nothing answers."""

    fusion: LogisticModel
    reranker: LogisticModel
    no_answer_below: float

    @classmethod
    @cache
    def bundled(cls) -> Calibration:
        """The one in the package."""
        record: dict[str, Any] = json.loads(_WEIGHTS_PATH.read_text(encoding="utf-8"))
        return cls(
            fusion=LogisticModel(**record["fusion"]),
            reranker=LogisticModel(**record["reranker"]),
            no_answer_below=float(record["no_answer_below"]),
        )
