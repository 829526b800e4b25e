"""The answering sentence of a passage, and the words in it that were met."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from backissue.search.analysis import analyse
from backissue.search.embedding import TokenEmbedder
from backissue.search.question import Question
from backissue.search.rerank import interaction, unit_rows
from backissue.search.sentences import split_sentences
from backissue.search.types import Span

WORDS_WEIGHT = 0.5
"""What the share of the question's words that stand in a sentence counts beside the late interaction."""

SAME_MEANING_COSINE = 0.6
"""From this cosine on a word of the answer is shown as a translation of one of the question."""


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
        meanings = interaction(
            self.tokens.token_vectors(self.question.text),
            [self.tokens.token_vectors(text[start:end]) for start, end in sentences],
        )
        terms = {term.term for term in self.question.terms_in(lang)}
        shares = [_share(terms, text[start:end], lang) for start, end in sentences]
        return sentences[int(np.argmax(meanings + WORDS_WEIGHT * np.array(shares)))]

    def highlights(self, text: str, lang: str, answer: Span | None = None) -> tuple[Span, ...]:
        """The words of a passage that are the question's, in any inflection; in the answer also by meaning."""
        terms = {term.term for term in self.question.terms_in(lang)}
        spans = {(token.start, token.end) for token in analyse(text, lang) if token.term in terms}
        if answer is not None and not self.question.reads(lang):
            spans.update(self._translations(text, lang, answer))
        return tuple(merged(spans))

    def _translations(self, text: str, lang: str, answer: Span) -> list[Span]:
        start, end = answer
        here = self.tokens.token_vectors(text[start:end])
        there = self.tokens.token_vectors(self.question.text)
        if not len(here.vectors) or not len(there.vectors):
            return []
        cosines = unit_rows(there.vectors) @ unit_rows(here.vectors).T
        best = cosines.argmax(axis=1)
        sure = cosines[np.arange(len(best)), best] >= SAME_MEANING_COSINE
        found = [here.spans[i] for i in best[sure]]
        words = [(token.start, token.end) for token in analyse(text[start:end], lang)]
        return [
            (start + word_start, start + word_end)
            for word_start, word_end in words
            if any(word_start < found_end and found_start < word_end for found_start, found_end in found)
        ]


def _share(terms: set[str], text: str, lang: str) -> float:
    return len(terms & {token.term for token in analyse(text, lang)}) / len(terms) if terms else 0.0


def merged(spans: Collection[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
