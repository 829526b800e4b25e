"""Byte-pair encoding (Sennrich, Haddow & Birch, ACL 2016) of some words, without a tokeniser's tables being loaded.

`tokenizers` reads all merges of a `tokenizer.json` before it gives the first token, which takes longer than a search.
Here the merges lie in a file that is mapped, sorted by what they join, and are looked up as words ask for them. A word
takes three times as long, so this is for a question and not for an archive. How a text is normalised and cut into
words is told in a few lines, and is done by `tokenizers`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from backissue.search.errors import InvalidArgumentError
from backissue.search.tensors import open_described

if TYPE_CHECKING:
    from tokenizers import Encoding, Token, Tokenizer

FILE = "merges.safetensors"

ID_BITS = 32
_NONE = 1 << ID_BITS


class Merges:
    """Encodes by `merges.safetensors`.

    It holds the characters that are tokens as ascending code points (c,), with their ids; the merges as ascending keys
    (m,), the left id in the upper 32 bits and the right one in the lower, with the id of what they give, which grows
    with the rank of the merge; and as metadata the tokeniser without its model, and the SHA-256 of the `tokenizer.json`
    that all this was taken from.
    """

    def __init__(self, steps: Tokenizer, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._steps = steps
        characters, ids = tensors["characters"].tolist(), tensors["character_ids"].tolist()
        self._ids = {chr(character): id_ for character, id_ in zip(characters, ids, strict=True)}
        self._keys, self._merged = tensors["merges"].data, tensors["merge_ids"].data
        self._known: dict[int, int] = {}

    @classmethod
    def open(cls, folder: Path, tokeniser_sha256: str) -> Self | None:
        """What the folder has for the tokeniser of this hash in hexadecimal digits; None where it has nothing.

        Raises:
            InvalidArgumentError: it cannot be read.
        """
        from tokenizers import Tokenizer

        path = folder / FILE
        if not path.is_file():
            return None
        try:
            tensors, about = open_described(path)
            if about.get("sha256") != tokeniser_sha256:
                return None
            return cls(Tokenizer.from_str(about["tokenizer"]), tensors)
        except Exception as error:  # tokenizers raises nothing narrower
            raise InvalidArgumentError(f"{path} cannot be read ({error}). It may be removed.") from error

    @property
    def steps(self) -> Tokenizer:
        """The tokeniser without its model: how it normalises and cuts."""
        return self._steps

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self._ids) + len(self._keys)

    def encode(self, text: str) -> Encoding:
        """The tokens of a text, as the tokeniser gives them."""
        from tokenizers import PreTokenizedString

        words = PreTokenizedString(text)
        words.normalize(self._steps.normalizer.normalize)
        self._steps.pre_tokenizer.pre_tokenize(words)
        words.tokenize(self._tokens)
        return words.to_encoding()

    def _tokens(self, word: str) -> list[Token]:
        """The tokens of a word, their places in bytes of UTF-8.

        As by `tokenizers`, characters that are no tokens are left out, and what follows them stands in their places.
        """
        from tokenizers import Token

        known = [character for character in word if character in self._ids]
        ids = [self._ids[character] for character in known]
        bounds = [0, *accumulate(len(character.encode()) for character in known)]
        merges = [self._merge(left, right) for left, right in pairwise(ids)]
        # Of those that may be joined the first merge comes first, and of its places the leftmost.
        while (merged := min(merges, default=_NONE)) != _NONE:
            at = merges.index(merged)
            ids[at : at + 2] = [merged]
            del bounds[at + 1], merges[at]
            if at > 0:
                merges[at - 1] = self._merge(ids[at - 1], merged)
            if at < len(merges):
                merges[at] = self._merge(merged, ids[at + 1])
        return [Token(id_, "", span) for id_, span in zip(ids, pairwise(bounds), strict=True)]

    def _merge(self, left: int, right: int) -> int:
        key = left << ID_BITS | right
        if (merged := self._known.get(key)) is None:
            at = bisect_left(self._keys, key)
            is_there = at < len(self._keys) and self._keys[at] == key
            merged = self._known[key] = self._merged[at] if is_there else _NONE
        return merged
