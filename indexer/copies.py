"""Copies: articles that run the same text, found without comparing each with each.

The resemblance of two texts is the share of word shingles that they have in common (Broder, *On the resemblance and
containment of documents*, 1997). A signature estimates it: it holds, for each of some hash functions, the least hash of
the text's shingles, and two texts have the same one with a probability equal to their resemblance. Of each the lowest
8 bits are kept, which are the same by chance in one of 256 (Li & König, *b-bit minwise hashing*, 2010). Bands of a
signature are keys, and texts that share a key are worth comparing (Indyk & Motwani 1998).
"""

from __future__ import annotations

import hashlib
import re

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 96
BANDS, ROWS = 16, 6  # pairs that share a key: 6 % of those of resemblance 0.4, 54 % of 0.6, 86 % of 0.7, 99 % of 0.8
SHINGLE_WORDS = 5
FEWEST_WORDS = 20

_SHINGLES_AT_ONCE = 1 << 13  # 6 MB of hashes, which stay in the processor's cache
_NONE = np.iinfo(np.uint8).max
_BY_CHANCE = 1 / 256
_WORDS_REMEMBERED = 1 << 17

Signature = NDArray[np.uint8]

# A character of a script that writes no spaces counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W_]+")
_SEEDS = np.random.Generator(np.random.Philox(1997)).integers(0, 2**64, size=2 * PERMUTATIONS + 64, dtype=np.uint64)
_FACTORS = _SEEDS[:PERMUTATIONS] | np.uint64(1)
_OFFSETS = _SEEDS[PERMUTATIONS : 2 * PERMUTATIONS]
_PLACES = _SEEDS[2 * PERMUTATIONS : 2 * PERMUTATIONS + SHINGLE_WORDS] | np.uint64(1)


def signature(text: str) -> Signature:
    """The MinHash signature of a text, shape (96,), the same in every process and on every machine.

    A text of fewer than 20 words says too little to be called a copy: its signature is all ones and has no bands.
    """
    words = _WORD.findall(text.casefold())
    if len(words) < FEWEST_WORDS:
        return np.full(PERMUTATIONS, _NONE, dtype=np.uint8)
    shingles = _mixed(_shingle_hashes(np.array([_hash_of_word[word] for word in words], dtype=np.uint64)))
    least = np.full(PERMUTATIONS, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(shingles), _SHINGLES_AT_ONCE):
        permuted = shingles[start : start + _SHINGLES_AT_ONCE, np.newaxis] * _FACTORS
        permuted += _OFFSETS
        np.minimum(least, permuted.min(axis=0), out=least)
    return (least >> np.uint64(32)).astype(np.uint8)


def kept(blob: bytes) -> Signature:
    """The signature that an archive holds; format 1 has 32 bits of each value, the lowest ones first."""
    return np.frombuffer(blob, dtype=np.uint8)[:: len(blob) // PERMUTATIONS]


def resemblance(a: Signature, b: Signature) -> float:
    """The estimated resemblance of the texts of two signatures, 0 to 1, with a standard error of at most 0.051."""
    return float(resemblances(a, b[np.newaxis])[0])


def resemblances(one: Signature, others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """`resemblance` of one text to each of many, whose signatures have the shape (n, 96): shape (n,)."""
    if _says_nothing(one):
        return np.zeros(len(others))
    return np.asarray(np.maximum(((others == one).mean(axis=1) - _BY_CHANCE) / (1 - _BY_CHANCE), 0.0))


def bands(signature: Signature) -> list[int]:
    """16 keys of 31 bits, of which texts of resemblance 0.7 or more very likely share one; none for a short text."""
    if _says_nothing(signature):
        return []
    rows = signature.reshape(BANDS, ROWS)
    return [_key(bytes([band]) + row.tobytes()) for band, row in enumerate(rows)]


def _says_nothing(signature: Signature) -> bool:
    return bool((signature == _NONE).all())


def _key(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=4).digest(), "little") >> 1


class _HashOfWord(dict[str, int]):
    """64 bits for each word, remembered."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if len(self) >= _WORDS_REMEMBERED:
            self.clear()
        self[word] = value = int.from_bytes(digest, "little")
        return value


_hash_of_word = _HashOfWord()


def _shingle_hashes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One hash for each run of five words, shape (words - 4,)."""
    count = len(words) - SHINGLE_WORDS + 1
    hashes: NDArray[np.uint64] = words[:count] * _PLACES[0]
    for place in range(1, SHINGLE_WORDS):
        hashes += words[place : place + count] * _PLACES[place]
    return hashes


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit of a hash made to depend on all of them (the finaliser of SplitMix64, Steele et al. 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
