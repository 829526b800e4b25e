"""From a text to its tokens, word by word."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import InvalidArgumentError
from backissue.search.merges import Merges

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

ENCODED_AT_ONCE = 256

MEMO_CHARS_MAX = 4_000_000
"""About 500,000 words, 120 MB, which an archive of 100,000 articles in one language has."""

FEW_WORDS = 4096
"""So many words are encoded by `Merges`, where a model has them, in a third of the time in which `tokenizers` reads all
merges, and after these faster."""

FEW_CHARS = 1000
"""The time of `Merges` grows with the square of a word's length."""

# The white space of the tokeniser's own rules (Unicode White_Space); Python's \s counts U+001C to U+001F as well.
_SPACED = re.compile("[^ \t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_WHOLE = re.compile(r"(?s).+")
_SURROGATE = re.compile("[\ud800-\udfff]")
ROW_BYTES = 3 * np.dtype(np.int32).itemsize


class Tokeniser:
    """Cuts texts as a `tokenizer.json` says, which is read when it is needed, at once or after some words."""

    def __init__(self, path: Path, merges: Merges | None) -> None:
        self._path = path
        self._merges = merges
        self._whole: Tokenizer | None = None
        self._reading = threading.Lock()
        self._few_left = FEW_WORDS
        self._chunk = _SPACED if _cuts_at_spaces(merges.steps if merges else self.whole()) else _WHOLE
        self._memo: dict[str, bytes] = {}
        self._memo_chars = 0

    @classmethod
    def from_folder(cls, folder: Path, sha256: str) -> Self:
        """The tokeniser in a folder; the hash in hexadecimal digits is that of its `tokenizer.json`.

        Raises:
            InvalidArgumentError: it cannot be read.
        """
        return cls(folder / "tokenizer.json", Merges.open(folder, sha256))

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self._merges) if self._merges else self.whole().get_vocab_size()

    def words(self, text: str) -> list[str]:
        """The parts of `text` in order whose tokens, one after the other, are those of the text."""
        return self._chunk.findall(text)

    def tokens_of(self, words: Sequence[str]) -> list[bytes]:
        """The tokens of each word as int32 rows of (id, start, end within the word), one after the other.

        Language repeats its words, so a look-up replaces nearly all the work. A full memo is replaced and never
        emptied, because another thread may still read it.
        """
        memo = self._memo
        try:
            return [memo[word] for word in words]
        except KeyError:
            new = {word for word in words if word not in memo}
        memo.update(self._encode_all(list(new)))
        self._memo_chars += sum(map(len, new))
        if self._memo_chars > MEMO_CHARS_MAX:
            self._memo, self._memo_chars = {}, 0
        return [memo[word] for word in words]

    def token_rows(self, text: str) -> NDArray[np.int32]:
        """The tokens (t, 3) of `text` in order: id, start and end in it."""
        chunks = list(self._chunk.finditer(text))
        tokens = self.tokens_of([chunk[0] for chunk in chunks])
        found = rows(b"".join(tokens)).copy()
        starts = np.array([chunk.start() for chunk in chunks], np.int32)
        found[:, 1:] += np.repeat(starts, [len(one) // ROW_BYTES for one in tokens])[:, np.newaxis]
        return found

    def whole(self) -> Tokenizer:
        """The tokeniser as `tokenizers` has it.

        Raises:
            InvalidArgumentError: it cannot be read.
        """
        with self._reading:
            if self._whole is None:
                self._whole = read_tokenizer(self._path)
            return self._whole

    def _encode_all(self, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        encode = self._encoder(words)
        if self._chunk is not _SPACED:
            for word in words:
                yield word, _encoded(encode, word).tobytes()
            return
        # The tokens of a text are those of its words one by one, so many words are encoded as one text.
        for first in range(0, len(words), ENCODED_AT_ONCE):
            some = words[first : first + ENCODED_AT_ONCE]
            found = _encoded(encode, " ".join(some))
            starts = np.cumsum([0, *(len(word) + 1 for word in some)], dtype=np.int32)
            bounds = np.searchsorted(found[:, 1], starts)
            found[:, 1:] -= np.repeat(starts[:-1], np.diff(bounds))[:, np.newaxis]
            tokens = found.tobytes()
            for word, (a, b) in zip(some, pairwise((bounds * ROW_BYTES).tolist()), strict=True):
                yield word, tokens[a:b]

    def _encoder(self, words: Sequence[str]) -> Callable[[str], Encoding]:
        self._few_left -= len(words)
        is_read = self._whole is not None
        if self._merges and not is_read and self._few_left >= 0 and max(map(len, words)) <= FEW_CHARS:
            return self._merges.encode
        # One `encode` a text and no batch: a batch starts threads, which do not survive a fork.
        return partial(self.whole().encode, add_special_tokens=False)


def rows(tokens: bytes) -> NDArray[np.int32]:
    """Tokens as `Tokeniser.tokens_of` gives them, (t, 3)."""
    return np.frombuffer(tokens, np.int32).reshape(-1, 3)


def encodable(text: str) -> str:
    """The text with lone surrogates replaced one for one, which no tokeniser takes."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokeniser in a file, which neither fills up nor cuts.

    Raises:
        InvalidArgumentError: it cannot be read.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InvalidArgumentError(f"{path} cannot be read as a tokeniser: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _encoded(encode: Callable[[str], Encoding], text: str) -> NDArray[np.int32]:
    encoding = encode(encodable(text))
    found = np.empty((len(encoding.ids), 3), np.int32)
    found[:, 0] = encoding.ids
    found[:, 1:] = np.array(encoding.offsets, np.int32).reshape(-1, 2)
    return found


_ONE_CHARACTER = re.compile(r"[^\[\s]|\[[^\]\s]+\]")
_SPACE_CUTTERS = frozenset({"WhitespaceSplit", "Whitespace", "BertPreTokenizer"})
_CHAR_NORMALIZERS = frozenset({"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer"})


def _cuts_at_spaces(tokenizer: Tokenizer) -> bool:
    """Whether the tokens of a text are those of its words one by one."""
    cutters = _steps(tokenizer.pre_tokenizer, "pretokenizers")
    normalizers = _steps(tokenizer.normalizer, "normalizers")
    return bool(cutters) and cutters[0]["type"] in _SPACE_CUTTERS and all(map(_normalizes_characters, normalizers))


def _normalizes_characters(step: Mapping[str, Any]) -> bool:
    """Whether a step of a normaliser changes characters one by one, and no white space."""
    if step["type"] == "Replace":
        (pattern,) = step["pattern"].values()
        return _ONE_CHARACTER.fullmatch(pattern) is not None and not step["content"].isspace()
    return step["type"] in _CHAR_NORMALIZERS


def _steps(component: PreTokenizer | Normalizer | None, inner: str) -> list[dict[str, Any]]:
    """The steps of a part of a tokeniser, whose state is the JSON that tokenizer.json has of it."""
    if component is None:
        return []
    state = json.loads(component.__getstate__())
    steps: list[dict[str, Any]] = state.get(inner, [state])
    return steps
