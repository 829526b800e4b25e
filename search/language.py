"""Which language a text is in, for articles and for questions of a few words.

Statistical detectors need a paragraph. A question has less, so three simpler witnesses are heard first: the
script, which often settles it; function words, which every question is made of; and letters that only some
alphabets have. A detector (`langid`) is asked only where these leave a doubt. Scores are
log-likelihoods, so witnesses add up and the confidence is a posterior probability.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from backissue.search import langid
from backissue.search.folding import fold, normalise
from backissue.search.stopwords import stop_words
from backissue.search.types import UNKNOWN_LANG
from backissue.search.unicode_sets import HAN, HANGUL, KANA, MARKS


class Detection(NamedTuple):
    """A language (ISO 639-1, or "und") and the probability, 0 to 1, that it is the one."""

    lang: str
    confidence: float


UNDETERMINED: Final = Detection(UNKNOWN_LANG, 0.0)

_LATIN_LANGS: Final = "en es fr de pt it pl tr nl id vi cs sk hu ro sv da no fi hr sl lt lv et ca sr"
_LATIN: Final = tuple(_LATIN_LANGS.split())
_CYRILLIC: Final = ("ru", "uk", "be", "bg", "sr")
_ARABIC: Final = ("ar", "fa", "ur")

# Script (inside of a character class) and the news languages written in it.
_LANGS_OF_SCRIPT: Final[dict[str, tuple[str, ...]]] = {
    r"A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a": _LATIN,
    r"\u0400-\u052f": _CYRILLIC,
    r"\u0620-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc": _ARABIC,
    KANA: ("ja",),
    HAN: ("zh", "ja"),
    HANGUL: ("ko",),
    r"\u0370-\u03ff\u1f00-\u1fff": ("el",),
    r"\u05d0-\u05ea": ("he",),
    r"\u0900-\u0963\u0966-\u097f": ("hi",),
    r"\u0980-\u09ff": ("bn",),
    r"\u0b80-\u0bff": ("ta",),
    r"\u0e01-\u0e4e": ("th",),
    r"\u10a0-\u10ff": ("ka",),
    r"\u0531-\u0587": ("hy",),
}
NEWS_LANGS: Final = frozenset(lang for langs in _LANGS_OF_SCRIPT.values() for lang in langs)

# Letters that other languages of the script lack or hardly use.
_LETTERS: Final[dict[str, str]] = {
    "ar": "ةىأإ", "be": "ўіё", "bg": "ъщ", "ca": "çàèéíïòóúü", "cs": "ěřůčšžýáíéúňťď", "da": "æøå", "de": "äöüß",
    "es": "ñáéíóú", "et": "õäöü", "fa": "پچژگکی", "fi": "äö", "fr": "éèêëàâçîïôùûœ", "hr": "čćđšž",
    "hu": "őűáéíóöúü", "it": "àèéìòù", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "no": "æøå", "nl": "ëï",
    "pl": "ąćęłńóśźż", "pt": "ãõáâàçéêíóôú", "ro": "ăâîșțşţ", "ru": "ыэёъ", "sk": "ľĺŕôäčšžýáíéúňťď",
    "sl": "čšž", "sr": "ђјљњћџčćđšž", "sv": "åäö", "tr": "ğışçöü", "uk": "їієґ", "ur": "ٹڈڑںھہےکگچپی",
    "vi": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}  # fmt: skip
_SIGNS: Final = {"¿": "es", "¡": "es"}

# Log-likelihood ratios, set on the questions of tests/search/test_language.py: how much likelier a language is when
# the text has a word of its list, that word typed without accents, a one-letter word, or one of its letters.
_STOP_WORD: Final = 2.3
_UNACCENTED_STOP_WORD: Final = 1.5
_SHORT_STOP_WORD: Final = 0.9
_LETTER: Final = 1.6
_SIGN: Final = 3.0

_SURE: Final = 0.995  # above it the detector is not asked
_PROBABILITY_FLOOR: Final = 1e-3  # a detector that is certain of a few words is not believed
# A name may bring its letters into any language (Erdoğan), so for the confidence they count less than words; and
# the detector alone is believed to about two thirds at this many characters.
_LETTERS_PER_WORD: Final = 4
_CHARS_OF_EVIDENCE: Final = 60
_SAMPLE_CHARS: Final = 3000

_WORD: Final = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{MARKS}])*")
_ASCII_WORD: Final = re.compile("[a-z]+")


def detect(text: str, among: Collection[str] | None = None, *, enough: float = 0.0) -> Detection:
    """The language of a text, by its first 3,000 characters.

    `among` narrows the candidates (ISO 639-1); by default they are NEWS_LANGS. A text without letters, or in a
    script that no candidate uses, is ("und", 0.0). A few names alone ("Putin Pyongyang") give a guess of low
    confidence, as they read the same in many languages. A guess that cannot come to a confidence of `enough`, as the
    text is too short, is not thought over: its language is the first that comes to mind.
    """
    sample = text[:_SAMPLE_CHARS]
    langs, share = _langs_of_dominant_script(sample)
    candidates = [lang for lang in langs if among is None or lang in among]
    if not candidates:
        return UNDETERMINED
    if len(candidates) == 1:
        return Detection(candidates[0], share)
    if candidates == ["zh", "ja"]:
        return Detection("zh", share * 0.9)  # Han alone: a Japanese text has kana, all but the shortest headlines
    return _by_words_and_letters(sample, candidates, enough)


def _langs_of_dominant_script(sample: str) -> tuple[tuple[str, ...], float]:
    """The languages of the script that most letters are of, and its share of the letters."""
    if sample.isascii():
        return (_LATIN, 1.0) if any(map(str.isalpha, sample)) else ((), 0.0)
    letters = {script: _weight(script) * len(re.findall(f"[{script}]", sample)) for script in _LANGS_OF_SCRIPT}
    if letters[KANA] > 0.05 * letters[HAN]:
        letters[KANA] += letters.pop(HAN)
    script, count = max(letters.items(), key=lambda item: item[1])
    return (_LANGS_OF_SCRIPT[script], count / sum(letters.values())) if count else ((), 0.0)


def _weight(script: str) -> int:
    """A character of a syllabic script says as much as two or three letters."""
    return 3 if script in (HAN, KANA, HANGUL) else 1


def _by_words_and_letters(sample: str, candidates: Sequence[str], enough: float) -> Detection:
    words = _words(sample)
    scores = evidence = _stop_word_scores(words, candidates)
    if letters := _letter_scores(sample, candidates):
        evidence = {lang: score + letters[lang] / _LETTERS_PER_WORD for lang, score in scores.items()}
        scores = {lang: score + letters[lang] for lang, score in scores.items()}
    length = sum(map(len, words)) / _CHARS_OF_EVIDENCE
    posterior = _softmax(scores)
    if max(posterior.values()) < _SURE and _believed(max(evidence.values()) + length) >= enough:
        found = _detector_probabilities(sample, candidates)
        posterior = _softmax(
            {lang: score + math.log(max(found[lang], _PROBABILITY_FLOOR)) for lang, score in scores.items()}
        )
    lang = max(posterior, key=posterior.__getitem__)
    return Detection(lang, posterior[lang] * _believed(evidence[lang] + length))


def _believed(evidence: float) -> float:
    """How much of a posterior is believed: the more there is to go by, the more."""
    return -math.expm1(-evidence)


def _words(sample: str) -> Collection[str]:
    """The distinct words of a text, normalised."""
    if sample.isascii():
        return dict.fromkeys(_ASCII_WORD.findall(sample.lower()))
    return dict.fromkeys(map(normalise, _WORD.findall(sample)))


def _stop_word_scores(words: Iterable[str], candidates: Sequence[str]) -> dict[str, float]:
    scores = dict.fromkeys(candidates, 0.0)
    for word in words:
        for lang, score in _scores_of_stop_word().get(word, {}).items():
            if lang in scores:
                scores[lang] += score
    return scores


@cache
def _scores_of_stop_word() -> dict[str, dict[str, float]]:
    """The languages that have a word among their stop words, by the word as written and as typed without accents."""
    scores: dict[str, dict[str, float]] = {}
    for lang in sorted(NEWS_LANGS):
        written = {normalise(word) for word in stop_words(lang)}
        for word in {*written, *map(fold, written)}:
            score = _STOP_WORD if word in written else _UNACCENTED_STOP_WORD
            scores.setdefault(word, {})[lang] = score if len(word) > 1 else _SHORT_STOP_WORD
    return scores


def _letter_scores(sample: str, candidates: Sequence[str]) -> dict[str, float]:
    """What the letters of a text say for each candidate; nothing where they are those that all have."""
    if sample.isascii():
        return {}
    scores = dict.fromkeys(candidates, 0.0)
    for character in set(sample.lower()):
        if character in _SIGNS and _SIGNS[character] in scores:
            scores[_SIGNS[character]] += _SIGN
        if not character.isascii():
            for lang in candidates:
                if character in _LETTERS.get(lang, ""):
                    scores[lang] += _LETTER
    return scores


def _softmax(scores: Mapping[str, float]) -> dict[str, float]:
    highest = max(scores.values())
    weights = {lang: math.exp(score - highest) for lang, score in scores.items()}
    total = sum(weights.values())
    return {lang: weight / total for lang, weight in weights.items()}


def _detector_probabilities(sample: str, candidates: Sequence[str]) -> dict[str, float]:
    ranking = langid.probabilities(sample.replace("\n", " "))
    found = {lang: ranking.get(lang, 0.0) for lang in candidates}
    total = sum(found.values())
    return {lang: probability / total if total else 0.0 for lang, probability in found.items()}
