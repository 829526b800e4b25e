"""Understanding a question: its language, its terms in each language of the archive, and its vector."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backissue.search import sounds
from backissue.search.analysis import Token, analyse, name_tokens, stop_words
from backissue.search.embedding import Embedder
from backissue.search.language import UNDETERMINED, detect
from backissue.search.lexical import WeightedTerm
from backissue.search.translations import Translations
from backissue.search.types import UNKNOWN_LANG, Query

PAIRED_LANGS = frozenset({"ja", "ko"})
"""Their terms are pairs of characters; names stand between them."""

SURE_CONFIDENCE = 0.5
"""Below this confidence a question has no language of its own: "Putin Pyongyang" is read in every language alike."""

TRANSLATION_EXPONENT = 0.35
"""A translation's BM25 counts by its probability to this power. On sentences held out of the table (training/README.md)
1 gives nDCG@10 0.727, 0.5 0.769, 0.35 0.780 and 0.2 0.785, where weak senses count nearly in full."""

NAME_WEIGHT = 0.7
"""What a name or number counts as it is written beside its translations; a word without any counts in full."""

SOUND_WEIGHT = 0.7
KNOWN_SOUND_WEIGHT = 0.5
"""What the sound of a word counts that has no translation, and of a name that has one (training/README.md)."""

HEARD_MAX = 24
"""So many words of a question are met by their sound: each has several keys in each language."""

ROOTED_LANGS = frozenset({"ar"})
"""Here all words are met by their consonants too: they are the root, which broken plurals keep and no stemmer finds."""

ROOT_WEIGHT = 0.8
"""What a translation's consonants count beside it."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query as the legs need it.

    `lang` is "und" where it is not sure. `terms` are for all languages of the archive, translated where these
    are not the question's; `vector` has shape (d,) and length 1, or is None where only words are searched.
    """

    query: Query
    lang: str
    terms: tuple[WeightedTerm, ...]
    vector: NDArray[np.float32] | None

    @property
    def text(self) -> str:
        """What is ranked by."""
        return self.query.text

    def terms_in(self, lang: str) -> list[WeightedTerm]:
        """The terms that can be met in passages of one language."""
        return [term for term in self.terms if term.lang == lang]

    def reads(self, lang: str) -> bool:
        """Whether its own words, not their translations, are met in passages of this language."""
        return self.lang in (lang, UNKNOWN_LANG) or lang == UNKNOWN_LANG


def understand(
    query: Query, langs: Sequence[str], embedder: Embedder | None, translations: Translations | None
) -> Question:
    """Reads a query for an archive of the given languages; without an embedder it has no vector."""
    detection = detect(query.text, enough=SURE_CONFIDENCE) if query.text else UNDETERMINED
    lang = detection.lang if detection.confidence >= SURE_CONFIDENCE else UNKNOWN_LANG
    return Question(
        query=query,
        lang=lang,
        terms=tuple(expand(query.text, lang, langs, translations)),
        vector=embedder.embed_queries([query.text])[0] if embedder is not None and query.text else None,
    )


def expand(
    text: str, question_lang: str, langs: Sequence[str], translations: Translations | None = None
) -> list[WeightedTerm]:
    """The terms by which a question is met in each of the languages.

    In its own language these are its terms. In another each word becomes its translations (probabilistic structured
    queries, Darwish & Oard 2003); names and numbers also stand for themselves and for what sounds alike (`sounds`), as
    do words without a translation. The question's own stop words are in none. Without `translations` words are met as
    they are written alone.
    """
    weighted: list[WeightedTerm] = []
    tokens: list[Token] | None = None
    for lang in langs:
        if question_lang in (lang, UNKNOWN_LANG) or lang == UNKNOWN_LANG:
            terms = _own(text, question_lang, lang, heard=translations is not None)
        else:
            if tokens is None:
                tokens = analyse(text, question_lang)
            terms = _foreign(text, tokens, question_lang, lang, translations)
        weighted.extend(_strongest(terms))
    return weighted


def _own(text: str, question_lang: str, lang: str, heard: bool) -> list[WeightedTerm]:
    """The terms of a question in a language that it is read in; with `heard` by their sound, where that helps."""
    tokens = analyse(text, lang)
    terms = [WeightedTerm(lang, token.term, 1.0, _word(text, token)) for token in tokens]
    if heard and lang in ROOTED_LANGS:
        terms += _sounding(text, lang, tokens, ())
    elif heard and question_lang == UNKNOWN_LANG:
        terms += _sounding(text, lang, [token for token in tokens if text[token.start].isupper()], ())
    return terms


def _foreign(
    text: str, tokens: Sequence[Token], question_lang: str, lang: str, translations: Translations | None
) -> list[WeightedTerm]:
    """The terms of a question of the given tokens in a language that is not its own."""
    if translations is None:
        return _unchanged(text, question_lang, lang, ())
    terms = _translated([(token.term, _word(text, token)) for token in tokens], question_lang, lang, translations)
    known = {term.source for term in terms}
    if lang in ROOTED_LANGS:
        terms += [root for term in terms for root in _of_root(term)]
    terms += _unchanged(text, question_lang, lang, known)
    names = name_tokens(text, question_lang) if question_lang in PAIRED_LANGS else tokens
    return terms + _sounding(text, lang, names, known)


def _translated(
    own: Sequence[tuple[str, str]], question_lang: str, lang: str, translations: Translations
) -> list[WeightedTerm]:
    """The translations of a question's own terms, each given with the word that it stands for."""
    return [
        WeightedTerm(lang, way, probability**TRANSLATION_EXPONENT, word, probability)
        for term, word in own
        for way, probability in translations.translate(term, question_lang, lang)
    ]


def _unchanged(text: str, question_lang: str, lang: str, translated: Collection[str]) -> list[WeightedTerm]:
    """The words that stand for themselves: those without a translation, and names and numbers."""
    stop = stop_words(question_lang)
    return [
        WeightedTerm(lang, token.term, NAME_WEIGHT if word in translated else 1.0, word)
        for token in analyse(text, lang)
        if (word := _word(text, token)) not in stop and (word not in translated or is_name(text, token))
    ]


def _sounding(text: str, lang: str, tokens: Sequence[Token], translated: Collection[str]) -> list[WeightedTerm]:
    """Names, and words without a translation, as those of `lang` that sound alike: Zelensky, Зеленський."""
    heard: dict[str, list[WeightedTerm]] = {}
    for token in tokens:
        word = _word(text, token)
        if word not in heard and (word not in translated or is_name(text, token)):
            weight = KNOWN_SOUND_WEIGHT if word in translated else SOUND_WEIGHT
            found = sounds.keys(text[token.start : token.end], lang)
            heard[word] = [WeightedTerm(lang, key, weight, word) for key in found]
            if len(heard) == HEARD_MAX:
                break
    return [term for terms in heard.values() for term in terms]


def _of_root(term: WeightedTerm) -> Iterator[WeightedTerm]:
    """What has a translation's consonants, and so mostly its root."""
    if root := sounds.key(term.term, term.lang):
        yield WeightedTerm(term.lang, root, ROOT_WEIGHT * term.weight, term.source)


def _word(text: str, token: Token) -> str:
    """A token as it was written, in small letters."""
    return text[token.start : token.end].casefold()


def _strongest(terms: Iterable[WeightedTerm]) -> list[WeightedTerm]:
    """Of equal terms the one that counts most."""
    best: dict[str, WeightedTerm] = {}
    for term in terms:
        known = best.get(term.term)
        if known is None or term.weight > known.weight:
            best[term.term] = term
    return list(best.values())


def is_name(text: str, token: Token) -> bool:
    """Whether a token is written like a name or a number: a digit begins it, or a capital that begins no question."""
    first = text[token.start]
    return first.isdigit() or (first.isupper() and bool(text[: token.start].strip()))
