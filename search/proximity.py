"""How much of a question's words stands together in a passage."""

from __future__ import annotations

from collections.abc import Sequence

WINDOW_TERMS = 24
"""About two sentences: stop words are no terms."""


def best_window(found: Sequence[tuple[int, int, float]], window: int = WINDOW_TERMS) -> float:
    """What the question's words within any `window` terms of a passage in a row count, at most.

    `found` are the places of its terms, ascending, each with the word that the term stands for and what it counts; of
    several terms for one word the one that counts most does.
    """
    best = 0.0
    for first, (start, _, _) in enumerate(found):
        inside: dict[int, float] = {}
        for place, word, value in found[first:]:
            if place >= start + window:
                break
            if value > inside.get(word, 0.0):
                inside[word] = value
        best = max(best, sum(inside.values()))
    return best
