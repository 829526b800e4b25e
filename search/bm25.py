"""BM25 of a question's terms in passages that are known already, computed from the forward index.

The lexical index finds the best passages; what it would give the others that are to be compared with these, and how
near to each other the terms stand in a passage, is worked out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backissue.search.forward import Documents
from backissue.search.lexical import K1, TermTable
from backissue.search.proximity import best_windows

B: Final = 0.75
"""How much BM25 makes of a field's length, as tantivy has it."""

_PREFILTER_BITS: Final = 14


@dataclass(frozen=True, slots=True)
class Matches:
    """Where terms of a question stand in n passages, arrays (m,): passage by passage, in the order of places."""

    passage: NDArray[np.int64]
    place: NDArray[np.int64]
    term: NDArray[np.int64]
    in_title: NDArray[np.bool_]


def find_matches(table: TermTable, documents: Documents) -> Matches:
    """Where the terms of a table stand in passages."""
    order = np.argsort(table.hashes, kind="stable")
    hashes = table.hashes[order]
    # Most terms of a passage are none of the question's: one look at their low bits leaves those out.
    mask = np.uint32((1 << _PREFILTER_BITS) - 1)
    possible = np.zeros(1 << _PREFILTER_BITS, dtype=np.bool_)
    possible[hashes & mask] = True
    at = np.flatnonzero(possible[documents.terms & mask])
    if not len(hashes) or not len(at):
        nothing = np.zeros(0, dtype=np.int64)
        return Matches(nothing, nothing, nothing, nothing.astype(np.bool_))
    wanted = documents.terms[at]
    found = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
    same = hashes[found] == wanted
    at, found = at[same], found[same]
    passage = np.searchsorted(documents.term_starts, at, side="right") - 1
    place = at - documents.term_starts[passage]
    return Matches(passage, place, order[found], place < documents.title_terms[passage])


def bm25(
    table: TermTable, documents: Documents, matches: Matches, mean_lengths: tuple[float, float]
) -> NDArray[np.float64]:
    """What `LexicalIndex.search` would give n passages, (n,); 0 where no term stands."""
    n, terms = len(documents), max(len(table), 1)
    if not len(matches.term):
        return np.zeros(n)
    keys, frequency = np.unique((matches.passage * terms + matches.term) * 2 + matches.in_title, return_counts=True)
    pair, field = np.divmod(keys, 2)
    passage, term = np.divmod(pair, terms)
    in_title = field == 1
    of_title = documents.title_terms[passage]
    length = np.where(in_title, of_title, np.diff(documents.term_starts)[passage] - of_title)
    norm = K1 * (1 - B + B * kept_length(length) / np.maximum(mean_lengths, 1e-9)[field])
    value = np.where(in_title, table.title[term], table.body[term]) * frequency / (frequency + norm)
    # Body and title of a term add up.
    first = np.flatnonzero(np.append(True, pair[1:] != pair[:-1]))
    return _sum_of_words(table, n, passage[first], term[first], np.add.reduceat(value, first))


def covered(table: TermTable, matches: Matches, passages: int) -> NDArray[np.float64]:
    """What the words that stand anywhere in each of n passages count, however often they do: (n,)."""
    if not len(matches.term):
        return np.zeros(passages)
    return _sum_of_words(table, passages, matches.passage, matches.term, table.worth[matches.term])


def _sum_of_words(
    table: TermTable, passages: int, passage: NDArray[np.int64], term: NDArray[np.int64], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of the terms of a word the best one counts, and words add up: (n,)."""
    words = int(table.word.max()) + 1
    best = np.zeros(passages * words)
    np.maximum.at(best, passage * words + table.word[term], value)
    return np.asarray(best.reshape(passages, words).sum(axis=1))


def windows(table: TermTable, matches: Matches, passages: int) -> NDArray[np.float64]:
    """What the words that stand together in each of n passages count, at most: (n,)."""
    term = matches.term
    return best_windows(passages, matches.passage, matches.place, table.word[term], table.worth[term])


def _kept_lengths() -> NDArray[np.int64]:
    lengths = list(range(41))
    step = 2
    while len(lengths) < 256:
        lengths += [lengths[-1] + step * i for i in range(1, 9)]
        step *= 2
    return np.array(lengths[:256], dtype=np.int64)


_KEPT_LENGTHS: Final = _kept_lengths()


def kept_length(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths as tantivy keeps them, in one byte: up to 40 as they are, then rounded down to 3 significant bits."""
    return _KEPT_LENGTHS[np.searchsorted(_KEPT_LENGTHS, lengths, side="right") - 1]
