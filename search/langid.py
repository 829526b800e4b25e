"""A naive Bayes classifier of languages over the byte sequences of a text: py3langid's model for the news languages.

The model is that of Lui & Baldwin (2012) as py3langid trained it, cut to these languages by `training/langid.py` and
mapped into memory (its licence: data/langid.LICENSE). Its features are sequences of up to six bytes; of those that end
at a byte the longest known one counts, which is what py3langid's automaton gives. A file of safetensors holds

    edges      the trie of known sequences: parent × 256 + byte of nodes 1, 2, …, ascending, and a last one above all;
               node 0 is the root
    features   of each node the number of its feature, -1 where it has none
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
_LONGEST: Final = 6


def probabilities(text: str) -> dict[str, float]:
    """The probability of each news language; all are alike for a text without any known sequence."""
    return _bundled().probabilities(text)


class Identifier:
    """The model of one file; it may be asked from several threads."""

    def __init__(self, path: Path) -> None:
        tensors = open_tensors(path)
        self._edges: NDArray[np.int64] = tensors["edges"]
        self._features: NDArray[np.int32] = tensors["features"]
        self._scores: NDArray[np.float16] = tensors["scores"]
        self._prior: NDArray[np.float32] = tensors["prior"]
        self._classes = [bytes(code).decode("ascii") for code in tensors["classes"]]

    def probabilities(self, text: str) -> dict[str, float]:
        """As `probabilities` of this module."""
        encoded = _encoded(text)
        found = self._features_at(np.frombuffer(encoded, dtype=np.uint8))
        features, counts = np.unique(found[found >= 0], return_counts=True)
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

    def _features_at(self, text: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The feature of the longest known sequence that ends at each byte, -1 where it has none: (bytes,)."""
        last = len(self._edges)  # a node without children
        ending, nodes = np.zeros(len(text), dtype=np.int64), np.zeros(len(text), dtype=np.int64)
        for length in range(min(_LONGEST, len(text))):
            wanted = (nodes[: len(text) - length] << 8) | text[length:]
            places = self._edges.searchsorted(wanted)
            known = self._edges[places] == wanted
            nodes = np.where(known, places + 1, last)
            ending[length:] = np.where(known, nodes, ending[length:])
        return self._features[ending]


def _encoded(text: str) -> bytes:
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


@cache
def _bundled() -> Identifier:
    return Identifier(_PATH)
