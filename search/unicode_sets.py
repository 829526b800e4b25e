"""Sets of characters, written as the inside of a regular expression's brackets."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final


def _ranges(codepoints: Iterable[int]) -> str:
    """Ascending code points as ranges: [1, 2, 3, 7] becomes "\\1-\\3\\7"."""
    runs: list[list[int]] = []
    for codepoint in codepoints:
        if runs and codepoint == runs[-1][1] + 1:
            runs[-1][1] = codepoint
        else:
            runs.append([codepoint, codepoint])
    return "".join(chr(a) if a == b else f"{chr(a)}-{chr(b)}" for a, b in runs)


# The blocks that hold every combining mark of a living script; the rest of Unicode need not be walked at import.
_MARK_BLOCKS: Final = ((0x300, 0x1E00), (0x20D0, 0x2100), (0x2CEF, 0x2E00), (0x3099, 0x309B), (0xA66F, 0xAC00))
_MORE_MARK_BLOCKS: Final = ((0xFB1E, 0xFB1F), (0xFE00, 0xFE30), (0x10A01, 0x12000), (0x1E000, 0x1E950))

MARKS: Final = _ranges(
    codepoint
    for start, end in _MARK_BLOCKS + _MORE_MARK_BLOCKS
    for codepoint in range(start, end)
    if unicodedata.category(chr(codepoint)) in {"Mn", "Mc"}
)

# Soft hyphen, zero-width space and joiners, direction marks, word joiner, byte order mark.
IGNORABLE: Final = "\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"

HAN: Final = "\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
KANA: Final = "\u3031-\u3035\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
BOPOMOFO: Final = "\u3105-\u312f\u31a0-\u31bf"
HANGUL: Final = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uffa0-\uffdc"
# Scripts of South-East Asia that put no spaces between words, without their digits.
THAI: Final = "\u0e01-\u0e3a\u0e40-\u0e4e"
LAO: Final = "\u0e81-\u0ece\u0edc-\u0edf"
KHMER: Final = "\u1780-\u17d3\u17d7\u17dc\u17dd"
MYANMAR: Final = "\u1000-\u103f\u104c-\u108f\u109a-\u109f"

CJK: Final = HAN + KANA + BOPOMOFO
UNSPACED: Final = CJK + THAI + LAO + KHMER + MYANMAR
