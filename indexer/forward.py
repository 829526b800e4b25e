"""The write side of the forward index: arrays that grow passage by passage, on the disk and not in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from backissue.search.forward import HASH_BYTES, encoded, gathered, starts_of_counts

Word = bytes
"""What is kept of a word: one byte that says how many terms it has, their hashes, and the ids of its tokens."""

MOST_OF_WORD = np.iinfo(np.uint8).max

WORDS_REMEMBERED = 1 << 18
"""About 60 MB. A word that is met again when it was forgotten is kept once more."""

_HEADER_BYTES = 128
_MOST_TERMS = np.iinfo(np.uint16).max
_WORDS_AT_ONCE = 1 << 16
_PASSAGES_AT_ONCE = 1 << 12


def token_type(vocabulary: int) -> np.dtype[Any]:
    """The type of the ids of tokens of which there are so many."""
    return np.dtype(np.uint16 if vocabulary <= 1 << 16 else np.int32)


def parts_of(terms: bytes, tokens: bytes, token_bytes: int) -> tuple[Word, ...]:
    """The word of these hashes of terms and ids of tokens: one, or several where it has more than `MOST_OF_WORD`."""
    most = max(len(terms) // HASH_BYTES, len(tokens) // token_bytes)
    return tuple(
        [
            _word(
                terms[first * HASH_BYTES : (first + MOST_OF_WORD) * HASH_BYTES],
                tokens[first * token_bytes : (first + MOST_OF_WORD) * token_bytes],
            )
            for first in range(0, most, MOST_OF_WORD)
        ]
    )


def _word(terms: bytes, tokens: bytes) -> Word:
    return bytes((len(terms) // HASH_BYTES,)) + terms + tokens


class GrowingArray:
    """A one-dimensional .npy file that is written from front to back; its length stands in it when it is closed."""

    def __init__(self, file: IO[bytes], dtype: DTypeLike) -> None:
        self._file, self._dtype = file, np.dtype(dtype)
        self._length = 0
        file.write(bytes(_HEADER_BYTES))

    def append(self, values: NDArray[Any]) -> None:
        """Puts values behind those that were written."""
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self._length += len(values)

    def close(self) -> None:
        """Writes the header. Its size is fixed: room for any length."""
        record = f"{{'descr': '{self._dtype.str}', 'fortran_order': False, 'shape': ({self._length},), }}"
        text = record.ljust(_HEADER_BYTES - 11) + "\n"
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("ascii"))


@contextmanager
def growing(path: Path, dtype: DTypeLike) -> Iterator[GrowingArray]:
    """An array at `path`, whole when the context ends."""
    with path.open("wb") as file:
        array = GrowingArray(file, dtype)
        yield array
        array.close()


class _OfWords:
    """Some values of each word in a file, word after word, and how many each has."""

    def __init__(self, file: IO[bytes], dtype: np.dtype[Any]) -> None:
        self._file, self._dtype = file, dtype
        self._counts = bytearray()

    def append(self, values: bytes) -> None:
        """The next word's."""
        self._file.write(values)
        self._counts.append(len(values) // self._dtype.itemsize)

    def save(self, folder: Path, name: str, order: NDArray[np.int64]) -> None:
        """Writes the values and counts of the words in another order."""
        self._file.flush()
        counts = np.frombuffer(self._counts, dtype=np.uint8)
        np.save(folder / f"{name}_counts.npy", counts[order])
        starts = starts_of_counts(counts)
        values = np.memmap(self._file, self._dtype, mode="r") if starts[-1] else np.zeros(0, self._dtype)
        with growing(folder / f"{name}s.npy", self._dtype) as array:
            for first in range(0, len(order), _WORDS_AT_ONCE):
                some = order[first : first + _WORDS_AT_ONCE]
                array.append(gathered(values, starts[some], counts[some])[0])


class _Numbers(dict[Word, int]):
    """The numbers of words; one that is not there is given its number by `add`."""

    def __init__(self, add: Callable[[Word], int], known: Iterable[tuple[Word, int]] = ()) -> None:
        super().__init__(known)
        self._add = add

    def __missing__(self, word: Word) -> int:
        number = self[word] = self._add(word)
        return number


class Vocabulary:
    """The words of an index, numbered as they come."""

    def __init__(self, terms: _OfWords, tokens: _OfWords) -> None:
        self._terms, self._tokens = terms, tokens
        self._numbers = _Numbers(self._add)
        self._often = np.zeros(1, dtype=np.int64)
        self._size = 0

    def numbers(self, words: Sequence[Word], often: NDArray[np.int64]) -> NDArray[np.uint32]:
        """The numbers (n,) of n words, each another, that stand in the next passages so often, (n,)."""
        if len(self._numbers) > WORDS_REMEMBERED:
            self._forget()
        numbers = np.array([*map(self._numbers.__getitem__, words)], dtype=np.uint32)
        if self._size > len(self._often):
            self._often = np.concatenate([self._often, np.zeros(self._size, dtype=np.int64)])
        self._often[numbers] += often
        return numbers

    def _add(self, word: Word) -> int:
        terms_end = 1 + word[0] * HASH_BYTES
        self._terms.append(word[1:terms_end])
        self._tokens.append(word[terms_end:])
        self._size += 1
        return self._size - 1

    def _forget(self) -> None:
        """Forgets half of the words at least, the rarest, most of which never come again."""
        least = 2
        while len(self._numbers) > WORDS_REMEMBERED // 2:
            kept = [(word, number) for word, number in self._numbers.items() if self._often[number] >= least]
            self._numbers = _Numbers(self._add, kept)
            least *= 2

    def save(self, folder: Path) -> NDArray[np.uint32]:
        """Writes the words, the most frequent first; gives the number that each has there in place of its first."""
        order = np.argsort(-self._often[: self._size], kind="stable")
        self._terms.save(folder, "term", order)
        self._tokens.save(folder, "token", order)
        places = np.empty(len(order), dtype=np.uint32)
        places[order] = np.arange(len(order), dtype=np.uint32)
        return places


class ForwardWriter:
    """Writes the forward index of passages that come in the order of their rows.

    Words are numbered as they come, and by how often they stand when all are there: until then numbers and words are in
    files beside the index.
    """

    def __init__(self, folder: Path, vocabulary: int) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._counts: list[NDArray[np.int64]] = []
        with ExitStack() as files:  # Those that are open are closed where the disk takes no other.
            words, terms, tokens = (
                files.enter_context((folder / f"{name}.tmp").open("w+b")) for name in ("words", "terms", "tokens")
            )
            self._files = files.pop_all()
        self._words = words
        self._vocabulary = Vocabulary(_OfWords(terms, np.dtype(np.uint32)), _OfWords(tokens, token_type(vocabulary)))

    def __enter__(self) -> ForwardWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        with self._files:
            if error == (None, None, None):
                self._save()
        for path in self._folder.glob("*.tmp"):
            path.unlink()

    def append(self, vocabulary: Sequence[Word], words: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
        """Passages behind those that were written: their words, as places in a vocabulary of their own, and for each
        passage how many words it has, how many terms, and how many of these are its title's: (n, 3).
        """
        often = np.bincount(words, minlength=len(vocabulary))
        self._words.write(self._vocabulary.numbers(vocabulary, often)[words].data)
        self._counts.append(counts)

    def _save(self) -> None:
        places = self._vocabulary.save(self._folder)
        counts = np.concatenate([np.zeros((0, 3), dtype=np.int64), *self._counts])
        np.save(self._folder / "lengths.npy", np.minimum(counts[:, 1], _MOST_TERMS).astype(np.uint16))
        np.save(self._folder / "title_terms.npy", np.minimum(counts[:, 2], _MOST_TERMS).astype(np.uint16))
        self._words.seek(0)
        sizes = []
        with growing(self._folder / "words.npy", np.uint16) as array:
            for first in range(0, len(counts), _PASSAGES_AT_ONCE):
                lengths = counts[first : first + _PASSAGES_AT_ONCE, 0]
                numbers = np.frombuffer(self._words.read(4 * int(lengths.sum())), dtype=np.uint32)
                codes, starts = encoded(places[numbers])
                array.append(codes)
                sizes.append(np.diff(starts[starts_of_counts(lengths)]))
        np.save(self._folder / "word_starts.npy", starts_of_counts(np.concatenate([np.zeros(0, np.int64), *sizes])))
