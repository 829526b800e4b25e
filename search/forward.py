"""The forward index: each passage as the numbers that a question is compared with, so that no text is read to judge it.

    forward/
      words.npy          the words of each passage in order, those of its title first: their numbers in the vocabulary
      word_starts.npy    where each passage's begin in `words`, and where the last one's end
      lengths.npy        how many terms each passage has
      title_terms.npy    how many of them are its title's
      terms.npy          the vocabulary: the hashes of each word's terms
      term_counts.npy    how many each word has
      tokens.npy         the ids of each word's tokens
      token_counts.npy

A word is what stands between two spaces, and what it gives of terms and tokens is kept once. The more often it stands,
the lower is its number. The 32,768 lowest take two bytes; any other takes two bytes more, which go before and have the
highest bit set.

A term's hash is the CRC-32 of its key (`pl:rakiet`): in one of eight thousand questions of 20 terms one term of one of
400 candidates is taken for another. Passages are in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import hashes
from backissue.search.columns import open_column
from backissue.search.embedding import StaticEmbedder
from backissue.search.errors import IndexCorruptError
from backissue.search.store import Store

T = TypeVar("T")

Hashes = NDArray[np.uint32]
TokenIds = NDArray[np.integer[Any]]

HASH_BYTES = 4
TAIL_DOCUMENTS_KEPT = 20_000
"""About 20 MB."""
NAMES = ("words", "word_starts", "lengths", "title_terms", "terms", "term_counts", "tokens", "token_counts")
GOES_ON = 1 << 15
"""Marks the first half of a number that takes two, of 15 bits each."""


class Document(NamedTuple):
    """A passage: the hashes of its terms, those of its title first, and how many are the title's."""

    terms: Hashes
    title_terms: int


NO_DOCUMENT = Document(np.zeros(0, dtype=np.uint32), 0)
NO_TOKENS: TokenIds = np.zeros(0, dtype=np.int32)


def document(title: str, text: str, lang: str) -> Document:
    """A passage, analysed in its language, in its title's context."""
    of_title = hashes(title, lang)
    return Document(np.frombuffer(of_title + hashes(text, lang), dtype="<u4"), len(of_title) // HASH_BYTES)


def tokens_of_document(title: str, text: str, lang: str) -> TokenIds:
    """The ids of the tokens of a passage in its title's context, whatever its language."""
    return StaticEmbedder.bundled().token_ids(in_context(title, text))


def in_context(title: str, text: str) -> str:
    """A passage behind its title, which gives it the context that the article's first words would."""
    return f"{title}\n{text}" if title else text


@dataclass(frozen=True, slots=True)
class Documents:
    """The terms of some passages together. Those of passage i are `terms[term_starts[i]:term_starts[i + 1]]`."""

    terms: Hashes
    term_starts: NDArray[np.int64]
    title_terms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.title_terms)

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Documents:
        """The given passages, in their order."""
        terms, starts = joined([one.terms for one in documents])
        return cls(terms, starts, np.array([one.title_terms for one in documents], dtype=np.int64))


Joined = tuple[NDArray[Any], NDArray[np.int64]]
"""The numbers of n passages one after the other, and where each passage's begin, (n + 1,)."""


def joined(parts: Sequence[NDArray[Any]]) -> Joined:
    """Arrays one after the other."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint32), starts_of(map(len, parts))


def starts_of(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Where parts of these lengths begin, (n + 1,): 0, the first length, …"""
    return np.cumsum(np.fromiter(chain((0,), lengths), dtype=np.int64))


def starts_of_counts(counts: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """The same of an array (n,) of lengths, in 4 bytes each where that is enough."""
    is_small = int(counts.sum(dtype=np.int64)) <= np.iinfo(np.int32).max
    starts = np.zeros(len(counts) + 1, dtype=np.int32 if is_small else np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def gathered(values: NDArray[Any], starts: NDArray[np.integer[Any]], lengths: NDArray[np.integer[Any]]) -> Joined:
    """`values[start:start + length]` of each start and length, one after the other."""
    bounds = starts_of_counts(lengths)
    at = np.repeat(starts - bounds[:-1], lengths)
    at += np.arange(len(at), dtype=at.dtype)
    return values.take(at), bounds


def encoded(numbers: NDArray[np.uint32]) -> Joined:
    """Numbers (n,) below 2^30 as codes of one half or two, and where those of each begin, (n + 1,)."""
    is_long = numbers >= GOES_ON
    starts = starts_of_counts(1 + is_long)
    codes = np.zeros(int(starts[-1]), dtype=np.uint16)
    codes[starts[:-1][is_long]] = numbers[is_long] >> 15 | GOES_ON
    codes[starts[1:] - 1] = numbers & GOES_ON - 1
    return codes, starts


def decoded(codes: NDArray[np.uint16]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The numbers (n,) of codes, and where the last half of each stands, (n,)."""
    goes_on = codes >= GOES_ON
    values = codes.astype(np.int32)
    first = np.flatnonzero(goes_on[:-1])
    values[first + 1] += values[first] - GOES_ON << 15
    last = np.flatnonzero(~goes_on)
    return values.take(last), last


@dataclass(frozen=True)
class Forward:
    """The forward index of a generation in `folder`, mapped into memory."""

    folder: Path
    words: NDArray[np.uint16]
    word_starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    title_terms: NDArray[np.int64]
    terms: Hashes
    term_counts: NDArray[np.uint8]
    tokens: TokenIds
    token_counts: NDArray[np.uint8]
    term_starts: NDArray[np.int64] = field(repr=False)
    token_starts: NDArray[np.int64] = field(repr=False)

    @classmethod
    def open(cls, folder: Path, passages: int) -> Forward:
        """Maps the files in `folder`.

        Raises:
            IndexCorruptError: a file is missing or unreadable, or they are not of so many passages.
        """
        kept = {name: open_column(folder / f"{name}.npy") for name in NAMES}
        term_starts, token_starts = (starts_of_counts(kept[f"{name}_counts"]) for name in ("term", "token"))
        forward = cls(folder, **kept, term_starts=term_starts, token_starts=token_starts)
        fits = (
            len(forward.title_terms) == len(forward.lengths) == passages
            and len(forward.word_starts) == passages + 1
            and forward.word_starts[-1] == len(forward.words)
            and forward.words.dtype == np.uint16
            and forward.terms.dtype == np.uint32
            and forward.term_counts.dtype == forward.token_counts.dtype == np.uint8
            and len(term_starts) == len(token_starts)
            and term_starts[-1] == len(forward.terms)
            and token_starts[-1] == len(forward.tokens)
        )
        if not fits:
            raise IndexCorruptError(f"{folder} is not of {passages} passages. Mend it: backissue doctor --repair")
        return forward

    def __len__(self) -> int:
        return len(self.title_terms)

    @cached_property
    def mean_lengths(self) -> tuple[float, float]:
        """How many terms a body and a title have in the mean."""
        title = int(self.title_terms.sum(dtype=np.int64))
        return (int(self.lengths.sum(dtype=np.int64)) - title) / max(len(self), 1), title / max(len(self), 1)

    def documents(self, positions: NDArray[np.int64]) -> Documents:
        """The terms of the passages at some positions.

        Raises:
            IndexCorruptError: what is kept of them is damaged.
        """
        words, bounds = self._words(positions)
        terms, starts = gathered(self.terms, self.term_starts.take(words), self.term_counts.take(words))
        return Documents(terms, starts[bounds], self.title_terms[positions].astype(np.int64))

    def tokens_at(self, positions: NDArray[np.int64]) -> Joined:
        """The ids of the tokens of the passages at some positions.

        Raises:
            IndexCorruptError: what is kept of them is damaged.
        """
        words, bounds = self._words(positions)
        tokens, starts = gathered(self.tokens, self.token_starts.take(words), self.token_counts.take(words))
        if tokens.max(initial=0) >= StaticEmbedder.bundled().vocabulary or tokens.min(initial=0) < 0:
            raise self._damaged("tokens")
        return tokens, starts[bounds]

    def _words(self, positions: NDArray[np.int64]) -> Joined:
        """The numbers of the words of the passages at some positions."""
        begins, ends = self.word_starts[positions], self.word_starts[positions + 1]
        if (begins < 0).any() or (ends < begins).any() or (ends > len(self.words)).any():
            raise self._damaged("word_starts")
        kept = self.words.data
        parts = [kept[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        numbers, last = decoded(np.frombuffer(b"".join(parts), dtype=np.uint16))
        if numbers.max(initial=-1) >= len(self.term_counts) or numbers.min(initial=0) < 0:
            raise self._damaged("words")
        return numbers, np.searchsorted(last, starts_of_counts(ends - begins))

    def _damaged(self, name: str) -> IndexCorruptError:
        return IndexCorruptError(f"{self.folder / name}.npy is damaged. Mend it: backissue doctor --repair")


class TailDocuments(Generic[T]):
    """What passages that no generation holds yet give, worked out from title, text and language and remembered.

    A search looks at the terms of many and at the tokens of few, so either is worked out where it is wanted.
    """

    def __init__(self, store: Store, work_out: Callable[[str, str, str], T], nothing: T) -> None:
        self._store = store
        self._work_out = work_out
        self._nothing = nothing
        self._known: dict[int, T] = {}

    def of(self, rows: Sequence[int]) -> list[T]:
        """Of rows of the archive; one that is gone gives nothing."""
        known = self._known
        if new := [row for row in rows if row not in known]:
            if len(known) + len(new) > TAIL_DOCUMENTS_KEPT:
                known = self._known = {row: known[row] for row in rows if row in known}
            known.update(self._read(new))
        return [known.get(row, self._nothing) for row in rows]

    def _read(self, rows: Sequence[int]) -> Iterator[tuple[int, T]]:
        with self._store.read():
            passages = self._store.passages(rows)
            refs = self._store.refs({passage.article for passage in passages.values()})
        for row, passage in passages.items():
            if ref := refs.get(passage.article):
                yield row, self._work_out(ref.title, passage.text, ref.lang)
