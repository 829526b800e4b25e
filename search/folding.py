"""Spelling variants of a word made one: compatibility forms, case, accents, vowel points."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from backissue.search.unicode_sets import IGNORABLE, MARKS

_IGNORED: Final = re.compile(f"[{IGNORABLE}]+")
_NOT_OF_A_WORD: Final = re.compile(rf"[^\w{MARKS}]+")
_DOTTED_I: Final = str.maketrans({"İ": "i", "I": "ı"})
_LANGS_WITH_DOTLESS_I: Final = frozenset({"az", "tr"})


def normalise(word: str, lang: str = "") -> str:
    """NFKC and full case folding of one word, without what is invisible; decimal digits become 0-9."""
    if word.isascii() and lang not in _LANGS_WITH_DOTLESS_I:
        return word.lower()
    if lang in _LANGS_WITH_DOTLESS_I:
        word = word.translate(_DOTTED_I)
    word = unicodedata.normalize("NFKC", _IGNORED.sub("", word)).casefold()
    # Some single characters decompose into phrases and brackets: U+FDFA, U+2474.
    word = _NOT_OF_A_WORD.sub("", unicodedata.normalize("NFKC", word))
    if any(map(str.isdecimal, word)):
        word = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word)
    return word


@cache
def _folds() -> dict[int, str | None]:
    """What each character is replaced by.

    Latin and Greek letters lose their marks. Cyrillic letters keep theirs, for й and ї are letters of their own,
    except ё, which print leaves out at will. Marks that stand alone after composition (Russian stress, Arabic
    and Hebrew vowel points) go. Arabic letters follow Larkey, Ballesteros and Connell (2002), and Persian
    forms of kaf and yeh become the Arabic ones.
    """
    table: dict[int, str | None] = {}
    for first, last in ((0xC0, 0x24F), (0x1E00, 0x1EFF), (0x370, 0x3FF), (0x1F00, 0x1FFF)):
        for codepoint in range(first, last + 1):
            base = unicodedata.normalize("NFD", chr(codepoint))[0]
            if base != chr(codepoint) and base.isalpha():
                table[codepoint] = base
    # These have no decomposition in Unicode.
    letters = {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "þ": "th", "ŋ": "n", "ŧ": "t"}
    ligatures = {"ß": "ss", "æ": "ae", "œ": "oe", "ĳ": "ij", "ς": "σ", "ё": "е", "ѐ": "е", "ѝ": "и"}
    arabic = {"آ": "ا", "أ": "ا", "إ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ـ": None}
    table.update({ord(old): new for old, new in (letters | ligatures).items()})
    table.update({ord(old): new for old, new in arabic.items()})
    points = ((0x300, 0x36F), (0x591, 0x5C7), (0x610, 0x61A), (0x64B, 0x65F), (0x670, 0x670), (0x6D6, 0x6ED))
    for first, last in points:
        table.update((c, None) for c in range(first, last + 1) if unicodedata.category(chr(c)) == "Mn")
    return table


def fold(term: str) -> str:
    """The term without accents and vowel points; `łódź` becomes `lodz`, `Їжак` keeps its letters."""
    return term if term.isascii() else term.translate(_folds())
