"""Which pairs have soft labels (`soft_labels.py`), and what the teacher makes of their texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data import PASSAGES, SENTENCES, WORDS, Corpus
from distil import teacher_vectors
from encoder import load_teacher
from numpy.typing import NDArray
from soft_labels import Teacher
from static import drawn_once, group_weights

POOLED = {SENTENCES: 250_000, PASSAGES: 150_000}
"""So many pairs of these kinds are trained on, sources and languages balanced: each has to be read by the teacher."""

TEACHER_TOKENS = 126
"""What all-MiniLM-L6-v2 was trained on of a text, without the tokens around it."""


@dataclass(frozen=True)
class Ranges:
    """The English ranges of texts (e, 2) that the teacher has to read, and for both sides of each pair of a corpus
    which of them says the same, (pairs, 2), -1 where none does.
    """

    told: NDArray[np.int32]
    of_pairs: NDArray[np.int32]


def english_ranges(corpus: Corpus, side: int) -> NDArray[np.int64]:
    """For the left (0) or right (1) side of each pair the English range that says the same, as first << 32 | last;
    -1 where there is none.
    """
    first, last = corpus.pairs[:, 2 * side], corpus.pairs[:, 2 * side + 1]
    start, end = corpus.english[first].astype(np.int64), corpus.english[last - 1].astype(np.int64) + 1
    is_known = (start >= 0) & (end > 0) & (end - start == last - first)
    return np.where(is_known, start << 32 | end, -1)


def pooled(corpus: Corpus, allowed: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.bool_], Ranges]:
    """Which of the pairs that may be trained on are, `POOLED` of their kinds, and what the teacher has to read."""
    generator = np.random.default_rng(seed)
    worth = group_weights(corpus, 0.5) / np.maximum(np.bincount(corpus.groups), 1)
    kind_of = np.array([kind for kind, _, _ in corpus.group_names])[corpus.groups]
    keys = np.stack([english_ranges(corpus, side) for side in (0, 1)], axis=1)
    keys[~allowed | (kind_of == WORDS)] = -1
    chosen = allowed & ~np.isin(kind_of, list(POOLED))
    for kind, most in POOLED.items():
        known = np.flatnonzero((kind_of == kind) & (keys >= 0).all(axis=1))
        chosen[drawn_once(known, most, worth[corpus.groups[known]], generator)] = True
    keys[~chosen] = -1
    unique = np.unique(keys[keys >= 0])
    told = np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1).astype(np.int32)
    return chosen, Ranges(told, np.where(keys >= 0, np.searchsorted(unique, keys), -1).astype(np.int32))


def read_by_teacher(path: Path, corpus: Corpus, ranges: Ranges) -> Teacher:
    """What the teacher makes of ranges; its vectors are kept at `path`, and made there first where there are none."""
    teacher, tokenizer = load_teacher()
    return Teacher(teacher_vectors(path, corpus, ranges.told, teacher, tokenizer, TEACHER_TOKENS), ranges.of_pairs)
