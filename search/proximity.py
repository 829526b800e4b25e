"""How much of a question's words stands together in a passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Worth = Mapping[str, tuple[str, float]]
"""For each term that stands for a word of the question, this word and what the term counts."""

WINDOW_TERMS = 24
"""About two sentences: stop words are no terms."""


def highest(worth: Worth) -> float:
    """What all words of the question count together; of several terms for one word the one that counts most does."""
    best: dict[str, float] = {}
    for word, value in worth.values():
        best[word] = max(best.get(word, 0.0), value)
    return sum(best.values())


def best_window(terms: Sequence[str], worth: Worth, window: int = WINDOW_TERMS) -> float:
    """What the question's words within any `window` terms of a passage in a row count, at most."""
    found = [(place, *worth[term]) for place, term in enumerate(terms) if term in worth]
    best = 0.0
    for first, (start, _, _) in enumerate(found):
        inside: dict[str, float] = {}
        for place, word, value in found[first:]:
            if place >= start + window:
                break
            inside[word] = max(inside.get(word, 0.0), value)
        best = max(best, sum(inside.values()))
    return best
