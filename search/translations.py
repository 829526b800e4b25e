"""Translations of index terms: P(target term | source term), for probabilistic structured queries
(Darwish & Oard, SIGIR 2003; learned by `training/translations.py`).

One read-only file, mapped into memory, never read as a whole:

    magic, format version, length of the header, CRC-32 of the header     20 bytes
    header        JSON: analyser version, pairs, and where each array lies
    per language  its terms in UTF-8, sorted and joined; where each begins
    per pair      how many translations each source term has; where every 64th term's begin;
                  the translations: target number × 256 + probability × 255, best first

Languages that share no table are translated through English. A term that is only ever translated by itself, as names
are, stands in no table: unknown words are the same word in every language until they are known.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import TERMS_VERSION
from backissue.search.errors import FormatVersionError, IndexCorruptError

FORMAT_VERSION: Final = 1
HUB: Final = "en"
"""Where no table leads from one language to another, English stands between."""

MIN_PROBABILITY: Final = 0.03
MAX_TRANSLATIONS: Final = 8

Weighted = tuple[tuple[str, float], ...]
"""Terms and their probabilities, best first."""

_BUNDLED: Final = Path(__file__).parent / "data" / "translations.bin"
_MAGIC: Final = b"BKISTRAN"
_PREFIX: Final = struct.Struct("<8sIII")
_BLOCK: Final = 64
_NUMBERS_KEPT: Final = 1024
_REINSTALL: Final = "Install backissue again, or make the file anew with training/translations.py"


class _Terms:
    """The sorted terms of one language."""

    def __init__(self, blob: memoryview, starts: memoryview) -> None:
        self._blob, self._starts = blob, starts
        # A word of a question is looked up once for each language of the archive, and again behind English: of eight
        # languages 9 of 10 look-ups are found here, of two 1 of 4.
        self.number = lru_cache(_NUMBERS_KEPT)(self._number)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _bytes(self, number: int) -> bytes:
        return bytes(self._blob[self._starts[number] : self._starts[number + 1]])

    def term(self, number: int) -> str:
        return self._bytes(number).decode()

    def _number(self, term: str) -> int | None:
        wanted = term.encode("utf-8", "replace")
        found = bisect_left(range(len(self)), wanted, key=self._bytes)
        return found if found < len(self) and self._bytes(found) == wanted else None


class Translations:
    """Looks terms up; safe for use from several threads."""

    def __init__(self, content: mmap.mmap | bytes, path: Path) -> None:
        self._content = memoryview(content)
        self._path = path
        self._header = self._read_header()
        self._terms = {lang: self._language(lang) for lang in self._header["languages"]}
        self._tables = {(source, target): self._pair(source, target) for source, target in self._header["pairs"]}

    @classmethod
    def open(cls, path: Path) -> Translations:
        """Maps the file at `path`.

        Raises:
            IndexCorruptError: it is missing, cut or changed.
            FormatVersionError: it has a format that this version does not read.
        """
        try:
            with path.open("rb") as file:
                return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
        except (OSError, ValueError) as error:
            raise IndexCorruptError(f"{path} cannot be read ({error}). {_REINSTALL}.") from error

    @classmethod
    @cache
    def bundled(cls) -> Translations:
        """The table that comes with backissue, opened once."""
        return cls.open(_BUNDLED)

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """The pairs of languages (source, target) that have a table of their own."""
        return frozenset(self._tables)

    @property
    def usable(self) -> bool:
        """Whether the terms of the table are those of this version's analysis; if not, nothing is translated."""
        return bool(self._header["analyser_version"] == TERMS_VERSION)

    @property
    def explanation(self) -> str:
        """Why it is not usable; empty where it is."""
        if self.usable:
            return ""
        return (
            f"{self._path} holds terms of analysis {self._header['analyser_version']}, this version has "
            f"{TERMS_VERSION}: words are not translated. {_REINSTALL}."
        )

    def translate(self, term: str, source: str, target: str) -> Weighted:
        """The likely translations of a term of `source`'s analysis into terms of `target`'s.

        Probabilities are of 0 to 1 and sum to about 1. Empty where the term or the pair of languages is unknown.
        """
        if source == target or not self.usable:
            return ()
        if (source, target) in self._tables:
            return self._direct(term, source, target)
        if HUB in (source, target) or not {source, target} <= self._terms.keys():
            return ()
        return self._through_hub(term, source, target)

    def verify(self) -> None:
        """Reads the whole file and compares its checksum.

        Raises:
            IndexCorruptError: it has changed since it was made.
        """
        if zlib.crc32(self._content[self._header_end() :]) != self._header["crc32"]:
            raise IndexCorruptError(f"{self._path} has changed since it was made. {_REINSTALL}.")

    def _through_hub(self, term: str, source: str, target: str) -> Weighted:
        """Two translations in a row: probabilities multiply along a path and add up over paths."""
        total: dict[str, float] = {}
        # A name that is the same in both languages stands in no table.
        for middle, likely in self._direct(term, source, HUB) or ((term, 1.0),):
            for way, onward in self._direct(middle, HUB, target):
                total[way] = total.get(way, 0.0) + likely * onward
        best = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MAX_TRANSLATIONS]
        kept = [(way, likely) for way, likely in best if likely >= MIN_PROBABILITY]
        whole = sum(likely for _, likely in kept)
        return tuple((way, likely / whole) for way, likely in kept)

    def _direct(self, term: str, source: str, target: str) -> Weighted:
        table = self._tables.get((source, target))
        number = self._terms[source].number(term) if table is not None else None
        if table is None or number is None:
            return ()
        counts, block_starts, entries = table
        block = number // _BLOCK
        start = int(block_starts[block]) + int(counts[block * _BLOCK : number].sum())
        found = entries[start : start + int(counts[number])].tolist()
        terms = self._terms[target]
        return tuple((terms.term(entry >> 8), (entry & 255) / 255) for entry in found)

    def _read_header(self) -> dict[str, Any]:
        if len(self._content) < _PREFIX.size or bytes(self._content[:8]) != _MAGIC:
            raise IndexCorruptError(f"{self._path} is no table of translations. {_REINSTALL}.")
        _, version, length, checksum = _PREFIX.unpack_from(self._content)
        if version != FORMAT_VERSION:
            raise FormatVersionError(
                f"{self._path} has format {version}, this version reads {FORMAT_VERSION}. {_REINSTALL}."
            )
        written = bytes(self._content[_PREFIX.size : _PREFIX.size + length])
        if zlib.crc32(written) != checksum:
            raise IndexCorruptError(f"{self._path} is cut or changed in its header. {_REINSTALL}.")
        header: dict[str, Any] = json.loads(written)
        if len(self._content) != _PREFIX.size + length + header["bytes"]:
            raise IndexCorruptError(f"{self._path} is cut: {len(self._content):,} bytes. {_REINSTALL}.")
        return header

    def _header_end(self) -> int:
        return _PREFIX.size + int(_PREFIX.unpack_from(self._content)[2])

    def _array(self, name: str) -> NDArray[Any]:
        offset, length, dtype = self._header["arrays"][name]
        return np.frombuffer(self._content, dtype=dtype, count=length, offset=self._header_end() + offset)

    def _language(self, lang: str) -> _Terms:
        # Plain memory gives its numbers faster than NumPy, one at a time.
        starts = np.asarray(self._array(f"{lang}/starts"), dtype=np.uint32)
        return _Terms(self._array(f"{lang}/terms").data, starts.data)

    def _pair(self, source: str, target: str) -> tuple[NDArray[np.uint8], NDArray[np.uint32], NDArray[np.uint32]]:
        pair = f"{source}-{target}"
        return self._array(f"{pair}/counts"), self._array(f"{pair}/blocks"), self._array(f"{pair}/entries")


def pack(tables: Mapping[tuple[str, str], Mapping[str, Sequence[tuple[str, float]]]]) -> bytes:
    """The file of translations by source term, by (source, target) language; at most 255 translations a term."""
    words: dict[str, set[str]] = {}
    for (source, target), table in tables.items():
        words.setdefault(source, set()).update(table)
        words.setdefault(target, set()).update(term for ways in table.values() for term, _ in ways)
    encoded = {lang: sorted(term.encode() for term in terms) for lang, terms in sorted(words.items())}
    numbers = {lang: {term.decode(): i for i, term in enumerate(terms)} for lang, terms in encoded.items()}
    arrays: dict[str, NDArray[Any]] = {}
    for lang, terms in encoded.items():
        arrays[f"{lang}/terms"] = np.frombuffer(b"".join(terms), dtype="u1")
        arrays[f"{lang}/starts"] = np.array([0, *accumulate(map(len, terms))], dtype="<u4")
    for (source, target), table in sorted(tables.items()):
        counts = np.zeros(len(encoded[source]), dtype="u1")
        entries: list[int] = []
        for term, number in numbers[source].items():
            ways = sorted(table.get(term, ()), key=lambda way: -way[1])
            counts[number] = len(ways)
            entries += [numbers[target][way] << 8 | max(1, round(255 * probability)) for way, probability in ways]
        starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        arrays[f"{source}-{target}/counts"] = counts
        arrays[f"{source}-{target}/blocks"] = starts[:-1:_BLOCK].astype("<u4")
        arrays[f"{source}-{target}/entries"] = np.array(entries, dtype="<u4")
    return _file(arrays, sorted(encoded), sorted(tables))


def _file(arrays: Mapping[str, NDArray[Any]], languages: Sequence[str], pairs: Sequence[tuple[str, str]]) -> bytes:
    payload = bytearray()
    places = {}
    for name, values in arrays.items():
        places[name] = (len(payload), len(values), values.dtype.str)
        payload += values.tobytes()
        payload += bytes(-len(payload) % 8)
    header = {
        "analyser_version": TERMS_VERSION,
        "languages": languages,
        "pairs": pairs,
        "bytes": len(payload),
        "crc32": zlib.crc32(payload),
        "arrays": places,
    }
    written = json.dumps(header, separators=(",", ":")).encode()
    written += b" " * (-(_PREFIX.size + len(written)) % 8)
    return _PREFIX.pack(_MAGIC, FORMAT_VERSION, len(written), zlib.crc32(written)) + written + payload
