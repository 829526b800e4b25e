"""Understanding a question: its language, its terms in each language of the archive, and its vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import Token, analyse, stop_words
from backissue.search.embedding import Embedder
from backissue.search.language import detect
from backissue.search.lexical import WeightedTerm
from backissue.search.types import UNKNOWN_LANG, Query

SURE_CONFIDENCE = 0.5
"""Below this confidence a question has no language of its own: "Putin Pyongyang" is read in every language alike."""

SHARED_WORD_WEIGHT = 0.5
"""What a word of one language counts where it is met, letter for letter, in another. Names and numbers are the
same word in both and count in full."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query as the legs need it.

    `lang` is "und" where it cannot be told. `terms` are for all languages of the archive; `vector` has shape
    (d,) and length 1, or is None where only words are searched.
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
        """Whether its words, not its names alone, can be met in passages of this language."""
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
        terms=tuple(expand(query.text, lang, langs)),
        vector=embedder.embed_queries([query.text])[0] if embedder is not None and query.text else None,
    )


def expand(text: str, question_lang: str, langs: Sequence[str]) -> list[WeightedTerm]:
    """The terms by which a question is met in each of the languages.

    In its own language these are its terms. In another they are the words that look the same there: names,
    numbers, loans; none of the question's own stop words.
    """
    own_stop_words = stop_words(question_lang)
    weighted: list[WeightedTerm] = []
    for lang in langs:
        known = question_lang in (lang, UNKNOWN_LANG) or lang == UNKNOWN_LANG
        tokens = analyse(text, lang)
        if not known:
            tokens = [token for token in tokens if text[token.start : token.end].casefold() not in own_stop_words]
        weighted.extend(_weigh(tokens, text, lang, known=known))
    return weighted


def _weigh(tokens: Sequence[Token], text: str, lang: str, *, known: bool) -> list[WeightedTerm]:
    weights: dict[str, float] = {}
    for token in tokens:
        weight = 1.0 if known or is_name(text, token) else SHARED_WORD_WEIGHT
        weights[token.term] = max(weights.get(token.term, 0.0), weight)
    return [WeightedTerm(lang, term, weight) for term, weight in weights.items()]


def is_name(text: str, token: Token) -> bool:
    """Whether a token is written like a name or a number: a capital or a digit begins it."""
    first = text[token.start]
    return first.isupper() or first.isdigit()
