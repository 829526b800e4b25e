"""Understanding a question: its language, its terms in each language of the archive, and its vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import Token, analyse, stop_words
from backissue.search.embedding import Embedder
from backissue.search.language import detect
from backissue.search.lexical import WeightedTerm
from backissue.search.translations import Translations
from backissue.search.types import UNKNOWN_LANG, Query

SURE_CONFIDENCE = 0.5
"""Below this confidence a question has no language of its own: "Putin Pyongyang" is read in every language alike."""

SHARED_WORD_WEIGHT = 0.5
"""What a word without known translations counts where it is met, letter for letter, in another language. Names and
numbers are the same word in both and count in full."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query as the legs need it.

    `lang` is "und" where it cannot be told. `terms` are for all languages of the archive, translated where these
    are not the question's; `vector` has shape (d,) and length 1, or is None where only words are searched.
    """

    query: Query
    lang: str
    confidence: float
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


def understand(query: Query, langs: Sequence[str], embedder: Embedder | None) -> Question:
    """Reads a query for an archive of the given languages; without an embedder it has no vector."""
    detection = detect(query.text) if query.text else None
    sure = detection is not None and detection.confidence >= SURE_CONFIDENCE
    lang = detection.lang if detection is not None and sure else UNKNOWN_LANG
    return Question(
        query=query,
        lang=lang,
        confidence=detection.confidence if detection is not None else 0.0,
        terms=tuple(expand(query.text, lang, langs, Translations.bundled())),
        vector=embedder.embed_queries([query.text])[0] if embedder is not None and query.text else None,
    )


def expand(
    text: str, question_lang: str, langs: Sequence[str], translations: Translations | None = None
) -> list[WeightedTerm]:
    """The terms by which a question is met in each of the languages.

    In its own language these are its terms. In another each term becomes its translations, weighted by their
    probability (probabilistic structured queries, Darwish & Oard 2003), and names, numbers and words without a
    translation also stand for themselves. The question's own stop words are in none.
    """
    own = analyse(text, question_lang)
    stop = stop_words(question_lang)
    weighted: list[WeightedTerm] = []
    for lang in langs:
        tokens = analyse(text, lang)
        if question_lang in (lang, UNKNOWN_LANG) or lang == UNKNOWN_LANG:
            weighted.extend(_strongest(WeightedTerm(lang, one.term, 1.0, one.term) for one in tokens))
        else:
            shared = [one for one in tokens if text[one.start : one.end].casefold() not in stop]
            weighted.extend(_strongest(_foreign(text, question_lang, lang, own, shared, translations)))
    return weighted


def _foreign(
    text: str,
    question_lang: str,
    lang: str,
    own: Sequence[Token],
    shared: Sequence[Token],
    translations: Translations | None,
) -> Iterator[WeightedTerm]:
    translated = set()
    for token in own:
        for term, probability in translations.translate(token.term, question_lang, lang) if translations else ():
            yield WeightedTerm(lang, term, probability, token.term)
            translated.add((token.start, token.end))
    for token in shared:
        if is_name(text, token):
            yield WeightedTerm(lang, token.term, 1.0, token.term)
        elif (token.start, token.end) not in translated:
            yield WeightedTerm(lang, token.term, SHARED_WORD_WEIGHT, token.term)


def _strongest(terms: Iterable[WeightedTerm]) -> list[WeightedTerm]:
    """Of equal terms the one that counts most."""
    best: dict[str, WeightedTerm] = {}
    for term in terms:
        known = best.get(term.term)
        if known is None or term.weight > known.weight:
            best[term.term] = term
    return list(best.values())


def is_name(text: str, token: Token) -> bool:
    """Whether a token is written like a name or a number: a capital or a digit begins it."""
    first = text[token.start]
    return first.isupper() or first.isdigit()
