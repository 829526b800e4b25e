"""Names across spellings and scripts: what a word sounds like, as a key that its spellings share.

*Zelensky*, *Зеленский* and *زيلينسكي* have few letters in common, and no dictionary has all names. What survives from
script to script are the consonants, roughly, as Soundex has them (Russell 1918): a key is their classes in order,
without vowels. An index holds the key of every word that may be a name. A question's word has several, for its letters
can be read in several ways.

Classes: b p, f v, g k q, d, t, s z ts, S (sh zh ch j), l, m, n, r, h.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations, islice
from typing import Final

from backissue.search.folding import fold

MARK: Final = "~"
"""Begins every key, and no other term."""

KEYS_MAX: Final = 8
"""So many readings of a question's word are looked for."""

_CLASSES_MIN: Final = 3
"""A shorter key would be that of too many words."""
_WAYS_MAX: Final = 32
_UNUSUAL_MAX: Final = 3
_LETTERS_MAX: Final = 64

_Reading = tuple[str, ...]
"""What a letter, or several that are read as one, can stand for; the likeliest first."""

_LATIN: Final[tuple[tuple[str, _Reading], ...]] = (
    ("tsch|sch|sh|tch|sz|cz|ş|š|č|ž|ż|ś|ć|ź", ("S",)), ("ch", ("S", "h", "g")), ("ph", ("f",)), ("th", ("t", "s")),
    ("gh", ("g", "")), ("kh", ("h", "g")), ("zh", ("S",)), ("ck|q|k", ("g",)), ("x", ("gs", "s")),
    ("c(?=[eiy])", ("s", "S")), ("ç", ("s", "S")), ("c", ("g", "S")), ("g(?=[eiy])", ("g", "S")), ("g", ("g",)),
    ("j", ("S", "", "h")), ("ts|tz|ß", ("s",)), ("z|s", ("s", "S")), ("v|f", ("f",)), ("w", ("", "f")),
    ("h", ("h", "", "g")),
    ("b|p", ("b",)), ("d|đ", ("d",)), ("t", ("t",)), ("l|ł", ("l",)), ("m", ("m",)), ("n", ("n",)), ("r", ("r",)),
)  # fmt: skip
_MARKED_LETTERS: Final = frozenset("şščžżśćźçßđł")
_WEST_SLAVIC: Final = {"ch": "h", "w": "f", "j": ""}
_READ_IN: Final[dict[str, dict[str, str]]] = {
    "pl": _WEST_SLAVIC, "cs": _WEST_SLAVIC, "sk": _WEST_SLAVIC, "de": {"ch": "h", "w": "f", "j": ""},
    "tr": {"c": "S", "ç": "S"}, "az": {"c": "S", "ç": "S"}, "es": {"j": "h"},
    **{lang: {"j": ""} for lang in ("da", "et", "fi", "hr", "hu", "lt", "lv", "nb", "nl", "nn", "no", "sl", "sv")},
}  # fmt: skip
"""How a language reads letters in its texts where that is not the likeliest reading of all."""


def _table(letters: str) -> dict[str, _Reading]:
    """From `letter class` pairs; classes that are parted by slashes are other readings, a dash is silence."""
    parts = letters.split()
    return {
        letter: tuple(way.replace("-", "") for way in ways.split("/"))
        for letter, ways in zip(parts[::2], parts[1::2], strict=True)
    }


_LETTERS: Final = {
    "cyrillic": _table(
        "б b п b в f ф f г g/h ґ g ѓ g к g ќ g д d т t ж S ч S ш S щ S ђ S ћ S џ S з s с s ц s л l љ l м m н n њ n р r "
        "х h/g/-"
    ),
    "greek": _table("β f φ f γ g κ g χ h/g δ d τ t θ t ζ s σ s ς s ξ gs ψ bs π b λ l μ m ν n ρ r"),
    "hebrew": _table("ב b/f פ b/f ף f ג g ק g כ g/h ך h ד d ט t ת t ז s ס s צ s ץ s ש S/s ל l מ m ם m נ n ן n ר r ח h"),
    "arabic": _table(
        "ب b پ b ف f ڤ f غ g ق g ك g ک g گ g د d ض d ذ d ت t ط t ث t/s ج S/g چ S ش S ژ S ز s س s ص s ظ s ل l م m "
        "ن n ر r ه h/- ح h خ h/g"
    ),
}
_SCRIPTS: Final = (
    ("\u0370", "\u03ff", "greek"), ("\u0400", "\u052f", "cyrillic"), ("\u05d0", "\u05ea", "hebrew"),
    ("\u0620", "\u06ff", "arabic"), ("\u30a1", "\u30fc", "katakana"), ("\uac00", "\ud7a3", "hangul"),
)  # fmt: skip
_WITHOUT_CAPITALS: Final = frozenset({"hebrew", "arabic", "hangul"})
KATAKANA: Final = re.compile("[\u30a1-\u30fa\u30fc]{3,}")
"""A name, or another word from abroad, in Japanese."""

_ARABIC_ARTICLE: Final = re.compile("^(?:[وفبك]?ال|لل)(?=..)")
_KOREAN_PARTICLE: Final = re.compile("(?<=..)(?:에서|으로|에게|까지|부터|[은는이가을를의에와과로도])$")

# Unicode names kana and Hangul by their sound: KATAKANA LETTER KI, HANGUL SYLLABLE NYU.
_KANA_SOUND: Final = {"si": "s/S", "ti": "s/S", "tu": "s", "hu": "f", "zi": "s/S"}
_ROMAN: Final = {
    "k": "g", "g": "g", "s": "s", "z": "s", "j": "s/S", "c": "s/S", "t": "t", "d": "d", "n": "n", "b": "b", "p": "b/f",
    "m": "m", "r": "r/l", "l": "r/l", "v": "f", "f": "f",
}  # fmt: skip

_AFFRICATE: Final = re.compile("[dt]S")
_NASAL: Final = re.compile("ng(?=[^lrn]|$)")
_DOUBLE: Final = re.compile(r"(.)\1+")
_MERGED: Final = {"ja": str.maketrans("Sl", "sr", "h"), "ko": str.maketrans("Slf", "srb", "h")}
"""What a language's writing does not tell apart."""


def key(word: str, lang: str) -> str:
    """The key of a word of a text in `lang`, as it is written there; empty where it cannot be a name."""
    word = word[:_LETTERS_MAX]
    script = _script(word)
    if script == "katakana" and not KATAKANA.fullmatch(word):
        return ""
    if script not in _WITHOUT_CAPITALS and script != "katakana" and not word[0].isupper():
        return ""
    return _marked(_settled("".join(ways[0] for ways in _readings(word, script, _READ_IN.get(lang, {})))), lang)


def keys(word: str, lang: str) -> tuple[str, ...]:
    """The keys, at most `KEYS_MAX`, under which a question's word, in any script, may stand in texts in `lang`."""
    found = dict.fromkeys(_marked(classes, lang) for classes in _heard(word[:_LETTERS_MAX]))
    return tuple(one for one in found if one)


@lru_cache(1024)
def _heard(word: str) -> tuple[str, ...]:
    """The classes of a word, likeliest first, in the ways that it can be read."""
    ways = _likeliest_first(_readings(word, _script(word), {}))
    found = dict.fromkeys(_settled("".join(way)) for way in islice(ways, _WAYS_MAX))
    return tuple(found)[:KEYS_MAX]


def _likeliest_first(readings: Sequence[_Reading]) -> Iterator[list[str]]:
    """The ways to read a word, those first in which fewest letters are not read as they mostly are."""
    usual = [ways[0] for ways in readings]
    unusual = [(place, way) for place, ways in enumerate(readings) for way in ways[1:]]
    for number in range(_UNUSUAL_MAX + 1):
        for some in combinations(unusual, number):
            way = usual.copy()
            for place, reading in some:
                way[place] = reading
            yield way


def _script(word: str) -> str:
    """The script of a word by its first letter."""
    first = word[0]
    return next((name for low, high, name in _SCRIPTS if low <= first <= high), "latin" if first < "\u0250" else "")


def _readings(word: str, script: str, own: dict[str, str]) -> Sequence[_Reading]:
    """The readings of each letter that is not silent; `own` are those of the language of a text."""
    if script == "latin":
        return _latin(word, own)
    if script in ("katakana", "hangul"):
        return [ways for letter in _KOREAN_PARTICLE.sub("", word) for ways in _named(letter)]
    letters = _LETTERS.get(script, {})
    if script == "arabic":
        word = _ARABIC_ARTICLE.sub("", word)
    return [letters[letter] for letter in word.lower() if letter in letters]


def _latin(word: str, own: dict[str, str]) -> list[_Reading]:
    # Letters with marks that have no reading of their own are read as those without.
    letters = "".join(letter if letter in _MARKED_LETTERS else fold(letter) for letter in word.lower())
    return [
        (own[match[0]],) if match[0] in own else _LATIN[(match.lastindex or 1) - 1][1]
        for match in _latin_pattern().finditer(letters)
    ]


@cache
def _latin_pattern() -> re.Pattern[str]:
    return re.compile("|".join(f"({pattern})" for pattern, _ in _LATIN))


@lru_cache(4096)
def _named(letter: str) -> tuple[_Reading, ...]:
    """The readings of a syllable of kana or Hangul."""
    name = unicodedata.name(letter, "")
    if " SMALL " in name or not name.startswith(("KATAKANA LETTER ", "HANGUL SYLLABLE ")):
        return ()
    sound = name.rsplit(" ", 1)[1].lower()
    if name.startswith("KATAKANA"):
        ways = [_KANA_SOUND.get(sound) or _ROMAN.get(sound[0], "")]
    else:
        ways = [_ROMAN.get(roman, "") for roman in re.sub("ng$", "n", sound)]
    return tuple(tuple(way.split("/")) for way in ways if way)


def _settled(classes: str) -> str:
    """Classes with what languages write in several ways made one: tsh and dzh, ng and n, mb and nb, double letters."""
    classes = _AFFRICATE.sub("S", classes).replace("ts", "s")
    classes = _NASAL.sub("n", classes).replace("mb", "nb")
    return _DOUBLE.sub(r"\1", classes)


def _marked(classes: str, lang: str) -> str:
    """The key of settled classes, empty where they are too few."""
    if lang in _MERGED:
        classes = _DOUBLE.sub(r"\1", classes.translate(_MERGED[lang]))
    return MARK + classes if len(classes) >= _CLASSES_MIN else ""
