"""The answering sentence of a passage, and the words in it that were met."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from backissue.search.analysis import analyse
from backissue.search.embedding import TokenEmbedder
from backissue.search.lexical import WeightedTerm
from backissue.search.question import Question
from backissue.search.rerank import interactions
from backissue.search.sentences import split_sentences
from backissue.search.types import Span

WORDS_WEIGHT = 0.5
"""What the share of the question's words that stand in a sentence counts beside the late interaction."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Finds the answer to one question in passages of any language."""

    question: Question
    tokens: TokenEmbedder

    def answer(self, text: str, lang: str) -> Span | None:
        """The sentence of a passage that best covers the question; None where the passage has none."""
        sentences = split_sentences(text, lang)
        if not sentences:
            return None
        meanings, _ = interactions(
            self.tokens.token_vectors(self.question.text),
            [self.tokens.token_vectors(text[start:end]) for start, end in sentences],
        )
        shares = [self._share(text[start:end], lang) for start, end in sentences]
        return sentences[int(np.argmax(meanings + WORDS_WEIGHT * np.array(shares)))]

    def highlights(self, text: str, lang: str) -> tuple[Span, ...]:
        """The words of a passage that are the question's, or translations of them, in any inflection."""
        terms = {term.term for term in self.question.terms_in(lang)}
        return tuple(merged([(token.start, token.end) for token in analyse(text, lang) if token.term in terms]))

    def matched(self, text: str, lang: str) -> list[WeightedTerm]:
        """The question's terms that a passage holds, those that count most first."""
        here = {token.term for token in analyse(text, lang)}
        found = [term for term in self.question.terms_in(lang) if term.term in here]
        return sorted(found, key=lambda term: -term.weight)

    def _share(self, text: str, lang: str) -> float:
        """How much of the question's words a sentence holds, 0 to 1; a translation counts by its probability."""
        sources = {term.source for term in self.question.terms_in(lang)}
        best = {term.source: term.weight for term in reversed(self.matched(text, lang))}
        return sum(best.values()) / len(sources) if sources else 0.0


def merged(spans: Collection[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
