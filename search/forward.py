"""The forward index: each passage as the numbers that a question is compared with, so that no text is read to judge it.

    forward/
      terms.npy          the hashes of its terms in order, those of its title first, 3 bytes each
      term_starts.npy    where each passage's begin, and where the last one's end
      title_terms.npy    how many of them are its title's
      tokens.npy         the ids of the tokens of its title and text
      token_starts.npy

A term's hash is the low 24 bits of the CRC-32 of its key (`pl:rakiet`): in one of thirty questions of 20 terms one term
of one of 400 candidates is taken for another. Passages are in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import forms
from backissue.search.columns import open_column
from backissue.search.embedding import StaticEmbedder, TokenEmbedder
from backissue.search.errors import IndexCorruptError
from backissue.search.store import Store

Hashes = NDArray[np.uint32]
TokenIds = NDArray[np.integer[Any]]

HASH_BYTES = 4
KEPT_HASH_BYTES = 3
HASH_BITS = np.uint32((1 << 8 * KEPT_HASH_BYTES) - 1)
"""Those of four bytes that count: of terms that are mapped from a file, the others are the next term's."""
TAIL_DOCUMENTS_KEPT = 20_000
"""About 20 MB."""
NAMES = ("terms", "term_starts", "title_terms", "tokens", "token_starts")


class Document(NamedTuple):
    """A passage: the hashes of its terms, those of its title first, how many are the title's, and its tokens."""

    terms: Hashes
    title_terms: int
    tokens: TokenIds


NO_DOCUMENT = Document(np.zeros(0, dtype=np.uint32), 0, np.zeros(0, dtype=np.int32))


def document(title: str, text: str, lang: str, tokens: TokenEmbedder) -> Document:
    """A passage, analysed in its language, in its title's context."""
    of_title = forms(title, lang).hashes
    terms = np.frombuffer(of_title + forms(text, lang).hashes, dtype="<u4")
    return Document(terms, len(of_title) // HASH_BYTES, tokens.token_ids(in_context(title, text)))


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


@dataclass(frozen=True)
class Forward:
    """The forward index of a generation in `folder`, mapped into memory."""

    folder: Path
    terms: Hashes
    term_starts: NDArray[np.int64]
    title_terms: NDArray[np.int64]
    tokens: TokenIds
    token_starts: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path, passages: int) -> Forward:
        """Maps the files in `folder`.

        Raises:
            IndexCorruptError: a file is missing or unreadable, or they are not of so many passages.
        """
        kept, *others = (open_column(folder / f"{name}.npy") for name in NAMES)
        forward = cls(folder, _each_as_four_bytes(kept), *others)
        fits = (
            len(forward.title_terms) == passages
            and len(forward.term_starts) == len(forward.token_starts) == passages + 1
            and forward.term_starts[-1] == len(forward.terms)
            and forward.token_starts[-1] == len(forward.tokens)
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
        return (len(self.terms) - title) / max(len(self), 1), title / max(len(self), 1)

    def documents(self, positions: NDArray[np.int64]) -> Documents:
        """The terms of the passages at some positions.

        Raises:
            IndexCorruptError: where they begin is not told any more.
        """
        terms, starts = self._gathered("term", self.terms, self.term_starts, positions)
        return Documents(terms, starts, self.title_terms[positions].astype(np.int64))

    def tokens_at(self, positions: NDArray[np.int64]) -> Joined:
        """The ids of the tokens of the passages at some positions.

        Raises:
            IndexCorruptError: where they begin is not told any more.
        """
        return self._gathered("token", self.tokens, self.token_starts, positions)

    def document(self, position: int) -> Document:
        """The passage at a position."""
        term, term_end = self.term_starts[position : position + 2].tolist()
        token, token_end = self.token_starts[position : position + 2].tolist()
        return Document(self.terms[term:term_end], int(self.title_terms[position]), self.tokens[token:token_end])

    def _gathered(
        self, kind: str, values: NDArray[Any], starts: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> Joined:
        """`values[starts[p]:starts[p + 1]]` of each position p."""
        begins, ends = starts[positions], starts[positions + 1]
        lengths = ends - begins
        if (begins < 0).any() or (lengths < 0).any() or (ends > len(values)).any():
            raise IndexCorruptError(
                f"{self.folder / f'{kind}_starts.npy'} is damaged. Mend it: backissue doctor --repair"
            )
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        return values[np.arange(bounds[-1]) + np.repeat(begins - bounds[:-1], lengths)], bounds


def _each_as_four_bytes(kept: NDArray[Any]) -> Hashes:
    """Hashes of 3 bytes, behind which there is one byte more, read without a copy."""
    count = max(len(kept) - 1, 0) // KEPT_HASH_BYTES if kept.dtype == np.uint8 else 0
    return np.ndarray(count, dtype="<u4", buffer=kept, strides=(KEPT_HASH_BYTES,))


class TailDocuments:
    """Passages that no generation holds yet, worked out from their texts and remembered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, Document] = {}

    def of(self, rows: Sequence[int]) -> list[Document]:
        """The passages of rows of the archive; one that is gone is empty."""
        known = self._known
        if new := [row for row in rows if row not in known]:
            if len(known) + len(new) > TAIL_DOCUMENTS_KEPT:
                known = self._known = {row: known[row] for row in rows if row in known}
            known.update(self._read(new))
        return [known.get(row, NO_DOCUMENT) for row in rows]

    def _read(self, rows: Sequence[int]) -> Iterator[tuple[int, Document]]:
        tokens = StaticEmbedder.bundled()
        with self._store.read():
            passages = self._store.passages(rows)
            refs = self._store.refs({passage.article for passage in passages.values()})
        for row, passage in passages.items():
            if ref := refs.get(passage.article):
                yield row, document(ref.title, passage.text, ref.lang, tokens)
