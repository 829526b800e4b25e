"""Cues of answers: what a question asks for, a time or a reason say, and which sentences hold such a thing.

The words of each language stand in data/cues.tsv. A language that has none gives no cue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

_WORDS_PATH = Path(__file__).parent / "data" / "cues.tsv"
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_YEAR = re.compile(r"(?<!\d)1[0-9]\d\d(?!\d)|(?<!\d)20\d\d(?!\d)")
_DIGITS = re.compile(r"\d")
_UNSPACED = frozenset({"zh", "ja", "ko"})
"""Languages of which the words are looked for within runs of letters."""


class Cue(StrEnum):
    """What a question may ask for."""

    TIME = "time"
    PLACE = "place"
    PERSON = "person"
    NUMBER = "number"
    REASON = "reason"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words and phrases, found in a text as they stand or, in unspaced languages, as parts of it."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, phrases: Iterable[str], *, spaced: bool) -> Lexicon:
        """The lexicon of some phrases, longer ones first."""
        options = "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))
        return cls(re.compile(rf"(?<!\w)(?:{options})(?!\w)" if spaced else options))

    def in_text(self, lowered: str) -> bool:
        """Whether any of the words stands in a text in lower case."""
        return self.pattern.search(lowered) is not None


@cache
def _lexicon(lang: str, cue: str) -> Lexicon | None:
    words = _words().get((lang, cue))
    return None if words is None else Lexicon.of(words.split(" | "), spaced=lang not in _UNSPACED)


@cache
def _words() -> Mapping[tuple[str, str], str]:
    rows = [line.split("\t") for line in _WORDS_PATH.read_text("utf-8").splitlines()[1:]]
    return {(lang, cue): words for lang, cue, words in rows}


def asked(question: str, lang: str | None) -> frozenset[Cue]:
    """What a question asks for; nothing where its language is not known or no word tells."""
    lowered = question.lower()
    return frozenset(cue for cue in Cue if (one := _lexicon(lang or "", f"ask_{cue}")) and one.in_text(lowered))


def holds(sentence: str, cue: Cue, lang: str, known: frozenset[str]) -> bool:
    """Whether a sentence holds such a thing. A name counts as a person and as a place, unless it is among the `known`
    words.
    """
    if cue is Cue.NUMBER and _DIGITS.search(sentence):
        return True
    if cue is Cue.TIME and _YEAR.search(sentence):
        return True
    if cue in (Cue.PERSON, Cue.PLACE) and any(name.lower() not in known for name in names(sentence)):
        return True
    lexicon = _lexicon(lang, cue.value)
    return lexicon is not None and lexicon.in_text(sentence.lower())


def names(sentence: str) -> list[str]:
    """The capitalised words of a sentence but the first."""
    return [word for word in _WORD.findall(sentence)[1:] if word[0].isupper()]


def words(text: str) -> frozenset[str]:
    """The words of a text in lower case."""
    return frozenset(_WORD.findall(text.lower()))
