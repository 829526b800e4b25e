"""Copies: articles that run the same text, found without comparing each with each.

The resemblance of two texts is the share of word shingles that they have in common (Broder, *On the resemblance and
containment of documents*, 1997). A signature estimates it: it holds, for each of some hash functions, the least hash of
the text's shingles, and two texts have the same one with a probability equal to their resemblance. Bands of a signature
are keys, and texts that share a key are worth comparing (Indyk & Motwani 1998).
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PERMUTATIONS = 96
BANDS, ROWS = 16, 6  # pairs that share a key: 6 % of those of resemblance 0.4, 54 % of 0.6, 86 % of 0.7, 99 % of 0.8
SHINGLE_WORDS = 5
FEWEST_WORDS = 20

_SHINGLES_AT_ONCE = 1 << 13  # 6 MB of hashes, which stay in the processor's cache
_NONE = np.iinfo(np.uint32).max

# A character of a script that writes no spaces counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W_]+")
_SEEDS = np.random.Generator(np.random.Philox(1997)).integers(0, 2**64, size=2 * PERMUTATIONS + 64, dtype=np.uint64)
_FACTORS = _SEEDS[:PERMUTATIONS] | np.uint64(1)
_OFFSETS = _SEEDS[PERMUTATIONS : 2 * PERMUTATIONS]
_PLACES = _SEEDS[2 * PERMUTATIONS : 2 * PERMUTATIONS + SHINGLE_WORDS] | np.uint64(1)


def signature(text: str) -> NDArray[np.uint32]:
    """The MinHash signature of a text, shape (96,), the same in every process and on every machine.

    A text of fewer than 20 words says too little to be called a copy: its signature is all ones and has no bands.
    """
    words = _WORD.findall(text.casefold())
    if len(words) < FEWEST_WORDS:
        return np.full(PERMUTATIONS, _NONE, dtype=np.uint32)
    hashes = np.fromiter(map(_hash_of_word, words), dtype=np.uint64, count=len(words))
    shingles = np.unique(_mixed(_shingle_hashes(hashes)))
    least = np.full(PERMUTATIONS, _NONE, dtype=np.uint32)
    for start in range(0, len(shingles), _SHINGLES_AT_ONCE):
        some = shingles[start : start + _SHINGLES_AT_ONCE, np.newaxis]
        permuted = ((some * _FACTORS + _OFFSETS) >> np.uint64(32)).astype(np.uint32)
        np.minimum(least, permuted.min(axis=0), out=least)
    return least


def resemblance(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> float:
    """The estimated resemblance of the texts of two signatures, 0 to 1, with a standard error of at most 0.051."""
    return float(resemblances(a, b[np.newaxis])[0])


def resemblances(one: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.float64]:
    """`resemblance` of one text to each of many, whose signatures have the shape (n, 96): shape (n,)."""
    if _says_nothing(one):
        return np.zeros(len(others))
    return np.asarray((others == one).mean(axis=1), dtype=np.float64)


def bands(signature: NDArray[np.uint32]) -> list[int]:
    """16 keys of 63 bits, of which texts of resemblance 0.7 or more very likely share one; none for a short text."""
    if _says_nothing(signature):
        return []
    rows = signature.astype("<u4").reshape(BANDS, ROWS)
    return [_key(bytes([band]) + row.tobytes()) for band, row in enumerate(rows)]


def _says_nothing(signature: NDArray[np.uint32]) -> bool:
    return bool((signature == _NONE).all())


def _key(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1


@lru_cache(maxsize=1 << 17)
def _hash_of_word(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _shingle_hashes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One hash for each run of five words, shape (words - 4,)."""
    runs = np.lib.stride_tricks.sliding_window_view(words, SHINGLE_WORDS)
    return np.asarray((runs * _PLACES).sum(axis=1, dtype=np.uint64))


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit of a hash made to depend on all of them (the finaliser of SplitMix64, Steele et al. 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
