"""How much of a question's words stands together in a passage."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_TERMS: Final = 24
"""About two sentences: stop words are no terms."""


def best_windows(
    passages: int,
    passage: NDArray[np.int64],
    place: NDArray[np.int64],
    word: NDArray[np.int64],
    value: NDArray[np.float64],
    window: int = WINDOW_TERMS,
) -> NDArray[np.float64]:
    """What the question's words within any `window` terms in a row count, at most, in each of n passages: (n,).

    Given for m terms, passage by passage in the order of their places, the passage, the place in it, the word that the
    term stands for and what it counts; of several terms for one word the one that counts most does.
    """
    best = np.zeros(passages)
    if not len(place):
        return best
    # A window begins at each term and holds those up to its end: all such pairs, flat.
    along = passage * (int(place.max()) + window + 1) + place
    first = np.arange(len(along))
    sizes = np.searchsorted(along, along + window) - first
    begins = np.repeat(first, sizes)
    inside = np.arange(len(begins)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + begins
    words = int(word.max()) + 1
    distinct, at = np.unique(begins * words + word[inside], return_inverse=True)
    of_words = np.zeros(len(distinct))
    np.maximum.at(of_words, at, value[inside])
    np.maximum.at(best, passage, np.bincount(distinct // words, weights=of_words, minlength=len(along)))
    return best
