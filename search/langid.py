"""A naive Bayes classifier of languages over the byte sequences of a text: py3langid's model for the news languages.

The model is that of Lui & Baldwin (2012) as py3langid trained it, cut to these languages by `training/langid.py` and
mapped into memory (its licence: data/langid.LICENSE). Its features are sequences of up to six bytes; of those that end
at a byte the longest known one counts, which is what py3langid's automaton gives. A file of safetensors holds

    sequences  the known sequences, ascending, and a last number above all: of a sequence its length × 2^48 and
               its bytes, the first one highest
    features   of each sequence the number of its feature, -1 where it only begins longer ones
    scores     of each feature its log-likelihoods, one a class
    prior      the classes' log-probabilities
    classes    their codes of two letters; classes of one code are scripts of one language
"""

from __future__ import annotations

import math
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backissue.search.tensors import open_tensors

_PATH: Final = Path(__file__).parent / "data" / "langid.safetensors"
LENGTH_AT: Final = 48
_LENGTHS: Final = np.arange(1, 7)[:, np.newaxis]
_BYTES_OF_LENGTHS: Final = (1 << 8 * _LENGTHS) - 1
_MARKS_OF_LENGTHS: Final = _LENGTHS << LENGTH_AT


def probabilities(text: str) -> dict[str, float]:
    """The probability of each news language; all are alike for a text without any known sequence."""
    return _bundled().probabilities(text)


class Identifier:
    """The model of one file; it may be asked from several threads."""

    def __init__(self, path: Path) -> None:
        tensors = open_tensors(path)
        self._sequences: NDArray[np.int64] = tensors["sequences"]
        self._features: NDArray[np.int32] = tensors["features"]
        self._scores: NDArray[np.float16] = tensors["scores"]
        self._prior: NDArray[np.float32] = tensors["prior"]
        self._classes = [bytes(code).decode("ascii") for code in tensors["classes"]]

    def probabilities(self, text: str) -> dict[str, float]:
        """As `probabilities` of this module."""
        encoded = _encoded(text)
        features, counts = np.unique(self._features_in(encoded), return_counts=True)
        scores = np.zeros(len(self._classes), dtype=np.float32)
        if len(features):
            scores = np.log1p(counts.astype(np.float32)) @ self._scores[features].astype(np.float32) + self._prior
        # Divided by the root of the length, so that the probabilities of long texts are not all 0 or 1.
        scores /= math.sqrt(len(encoded) or 1)
        likelihoods = np.exp(scores - scores.max())
        found_by_class = zip(self._classes, (likelihoods / likelihoods.sum()).tolist(), strict=True)
        by_lang: dict[str, float] = {}
        for lang, probability in found_by_class:
            by_lang[lang] = by_lang.get(lang, 0.0) + probability
        return by_lang

    def _features_in(self, text: bytes) -> NDArray[np.int32]:
        """The feature of the longest known sequence that ends at each byte, (n,), of those bytes where there is one."""
        # Of each byte the eight that end there, as one number.
        ending = np.ndarray(len(text), dtype=">i8", buffer=bytes(7) + text, strides=(1,)).astype(np.int64)
        wanted = ending & _BYTES_OF_LENGTHS | _MARKS_OF_LENGTHS
        places = self._sequences.searchsorted(wanted)
        longest = np.where(self._sequences[places] == wanted, places, -1).max(axis=0)
        features: NDArray[np.int32] = self._features[longest[longest >= 0]]
        return features[features >= 0]


def _encoded(text: str) -> bytes:
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


@cache
def _bundled() -> Identifier:
    return Identifier(_PATH)
