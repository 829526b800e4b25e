"""Stems of Ukrainian, for which Snowball has no stemmer, and mended stems of Russian.

The Ukrainian stemmer takes off the endings of nouns and adjectives and leaves verbs nearly alone, as the light
stemmer of Dolamic and Savoy, "Indexing and searching strategies for the Russian language" (JASIST 2009), does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_MIN_STEM_CHARS: Final = 3

_REFLEXIVE: Final = re.compile(r"(?<=\w{4})(?:ся|сь)$")
# Longest first; the datives in -ові ask for a longer stem, for in Харкові and Львові the -ов- is of the name.
_ENDING: Final = re.compile(
    r"""(?:
    (?<=\w{5})(?:ові|еві|єві)
    | (?<=\w{3})(?:ого|ього|ому|ьому|ими|іми|ями|ами|їми)
    | (?<=\w{3})(?:ий|ій|їй|ої|ою|єю|им|ім|їм|их|іх|їх|ом|ем|єм|ам|ям|ах|ях|ів|їв|ей)
    | (?<=\w{2}[жчшщц])ею
    | (?<=\w{3})[аяоеєиіїуюьй]
    )$""",
    re.VERBOSE,
)
# Countries and towns meet their adjectives: росій-ський, україн-ський, американ-ський, київ-ський.
_OF_A_PLACE: Final = re.compile(r"(?:(?<=[аяїиіо]н)|(?<=[їі]в)|(?<=й))ськ$")
_DOUBLED: Final = re.compile(r"([бвгджзклмнпрстфхцчшщ])\1$")

# і of a closed syllable is о or е in the other cases; only what news is full of.
_CLOSED_SYLLABLE: Final = {
    "київ": "києв",
    "львів": "львов",
    "харків": "харков",
    "чернігів": "чернігов",
    "миколаїв": "миколаєв",
    "договір": "договор",
    "рік": "рок",
    "бік": "бок",
    "ніч": "ноч",
    "північ": "північн",
    "півноч": "північн",
    "схід": "сход",
    "захід": "заход",
    "прихід": "приход",
    "вибір": "вибор",
    "збір": "збор",
    "кінь": "кон",
}


# Snowball takes the -н and -л of some nouns for those of verbs: Иран gives ира but Ирану иран; генерал likewise. These
# are the frequent ones of news by how they end; verbs (подписал, подписан) are left to it.
_RUSSIAN_NOUN_LIKE_VERB: Final = re.compile(
    r"""(?<=
    стан|иран|еран|оран|кран|уран|тран|план|кеан|иван|еван|йван|удан|рдан|йдан|ждан|джан|оман|уман|рман|бман|ньян
    |рган|аган|икан|илан|нкан|сиян|мьян|тьян|рмян
    |ерал|анал|риал|рнал|итал|ртал|кзал|ндал|онал|инал|унал|енал|циал|лиал|деал
    )(?:а|у|ом|ой|ою|е|ы|и|ов|ам|ами|ах)?$""",
    re.VERBOSE,
)
# It gives коре for Корея but кор for Кореи, кита for Китай but кит for Китая, российск beside росс.
_RUSSIAN_OF_A_PLACE: Final = re.compile(r"(?:(?<=[аяио]н)|(?<=й))ск$")
_RUSSIAN_TAIL: Final = re.compile(r"(?<=\w{3})[аеийоуыэюя]+$")


def stem_russian(word: str, snowball: Callable[[str], str]) -> str:
    """Snowball's stem, mended where the cases of a noun part: корея, кореи and корейский all give кор."""
    if _RUSSIAN_NOUN_LIKE_VERB.search(word):
        return _RUSSIAN_NOUN_LIKE_VERB.sub("", word)
    return _RUSSIAN_TAIL.sub("", _RUSSIAN_OF_A_PLACE.sub("", snowball(word)))


def stem_ukrainian(word: str) -> str:
    """The stem of a lower-case word: україна, україною and український all give україн."""
    word = _REFLEXIVE.sub("", word)
    word = _CLOSED_SYLLABLE.get(word) or _ENDING.sub("", word)
    word = _OF_A_PLACE.sub("", word)
    word = _DOUBLED.sub(r"\1", word)
    if len(word) > _MIN_STEM_CHARS:
        word = word.removesuffix("ь").removesuffix("й")
    if word.endswith("ц"):
        # Америка, Америці: the mutated consonant goes back, in столиця as well, so that the cases agree.
        word = f"{word[:-1]}к"
    return _CLOSED_SYLLABLE.get(word, word)
