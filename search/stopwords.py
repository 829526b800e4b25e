"""Function words by language, read once from data/stopwords.txt."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

_PATH: Final = Path(__file__).parent / "data" / "stopwords.txt"

# Written as one language or nearly so: Norwegian's two standards, Croatian and Bosnian, Indonesian and Malay.
_LISTED_AS: Final = {"nb": "no", "nn": "no", "bs": "hr", "ms": "id", "gl": "pt"}


@cache
def stop_words(lang: str) -> frozenset[str]:
    """The function words of a language (ISO 639-1) as they are written, lower case; empty where none are known."""
    return _lists().get(_LISTED_AS.get(lang, lang), frozenset())


@cache
def _lists() -> dict[str, frozenset[str]]:
    lists = {}
    for section in _PATH.read_text(encoding="utf-8").split("\n[")[1:]:
        lang, words = section.split("]", 1)
        lists[lang] = frozenset(words.split())
    return lists
