"""The answering sentence of a passage, and the words in it that were met."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import Token, occurrences
from backissue.search.embedding import TokenEmbedder, Vectors
from backissue.search.lexical import WeightedTerm
from backissue.search.question import Question
from backissue.search.rerank import interactions, token_cosines
from backissue.search.sentences import split_sentences
from backissue.search.types import Span

WORDS_WEIGHT = 0.5
"""What the share of the question's words that stand in a sentence counts beside the late interaction."""


@dataclass(frozen=True)
class Reader:
    """Finds the answer to one question in passages of any language. It remembers what it has read."""

    question: Question
    tokens: TokenEmbedder
    _known: dict[tuple[str, str], list[Token]] = field(default_factory=dict, repr=False)
    _by_lang: dict[str, dict[str, WeightedTerm]] = field(default_factory=dict, repr=False)
    _words: dict[str, int] = field(default_factory=dict, repr=False)

    def answer(self, text: str, lang: str) -> Span | None:
        """The sentence of a passage that best covers the question; None where the passage has none."""
        sentences = split_sentences(text, lang)
        if not sentences:
            return None
        meanings = self._meanings(text, sentences)
        shares = [self._share(text, lang, sentence) for sentence in sentences]
        return sentences[int(np.argmax(meanings + WORDS_WEIGHT * np.array(shares)))]

    def highlights(self, text: str, lang: str) -> tuple[Span, ...]:
        """The words of a passage that are the question's, or translations of them, in any inflection."""
        return tuple(merged([(token.start, token.end) for token in self._found(text, lang)]))

    def matched(self, text: str, lang: str) -> list[WeightedTerm]:
        """The question's terms that a passage holds, those that count most first."""
        here = {token.term for token in self._found(text, lang)}
        return sorted((term for term in self._terms(lang).values() if term.term in here), key=lambda term: -term.weight)

    def _meanings(self, text: str, sentences: Sequence[Span]) -> NDArray[np.float64]:
        """How well the tokens of each sentence cover the question."""
        tokens = self.tokens.token_vectors(text)
        starts = np.searchsorted(tokens.spans[:, 0], [*(start for start, _ in sentences), len(text)])
        cosines = token_cosines(self._query, tokens.ids, self.tokens)
        return interactions(self._query, cosines, starts)[0]

    def _share(self, text: str, lang: str, sentence: Span) -> float:
        """How much of the question's words a sentence holds, 0 to 1; a translation counts by its probability."""
        start, end = sentence
        terms = self._terms(lang)
        best: dict[str, float] = {}
        for token in self._found(text, lang):
            if start <= token.start and token.end <= end:
                term = terms[token.term]
                best[term.source] = max(best.get(term.source, 0.0), term.weight)
        return sum(best.values()) / self._words[lang] if best else 0.0

    def _found(self, text: str, lang: str) -> list[Token]:
        if (text, lang) not in self._known:
            terms = self._terms(lang)
            self._known[text, lang] = occurrences(text, lang, terms) if terms else []
        return self._known[text, lang]

    def _terms(self, lang: str) -> dict[str, WeightedTerm]:
        """The question's terms in a language; each stands for one word of it, by `expand`."""
        if lang not in self._by_lang:
            terms = {term.term: term for term in self.question.terms_in(lang)}
            self._by_lang[lang] = terms
            self._words[lang] = len({term.source for term in terms.values()})
        return self._by_lang[lang]

    @cached_property
    def _query(self) -> Vectors:
        return self.tokens.token_vectors(self.question.text).vectors


def merged(spans: Collection[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
