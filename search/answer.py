"""The answering sentence of a passage, and the words in it that were met."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from backissue.search import cues
from backissue.search.analysis import analyse
from backissue.search.calibration import Calibration, Scores
from backissue.search.embedding import TokenEmbedder
from backissue.search.lexical import WeightedTerm
from backissue.search.question import Question
from backissue.search.rerank import unit_rows
from backissue.search.sentences import split_sentences
from backissue.search.types import Span

QUESTION_MARKS = ("?", "？", "؟")


@dataclass(frozen=True, slots=True)
class Reader:
    """Finds the answer to one question in passages of any language."""

    question: Question
    tokens: TokenEmbedder

    def answer(self, text: str, lang: str) -> Span | None:
        """The sentence of a passage that most likely answers; None where the passage has none."""
        sentences = split_sentences(text, lang)
        if not sentences:
            return None
        scores = Calibration.bundled().answer.log_odds(self.features(text, lang, sentences))
        return sentences[int(np.argmax(scores + np.zeros(len(sentences))))]

    def features(self, text: str, lang: str, sentences: Sequence[Span]) -> dict[str, Scores]:
        """What is known of the n sentences of a passage, (n,) each.

        How well a sentence and its neighbours cover the question, in meaning and in words, all of it and the part
        that few sentences of the passage cover; and whether it holds what the question asks for (`cues`).
        """
        texts = [text[start:end] for start, end in sentences]
        meaning, telling_meaning = _shares(*self._meanings(text, sentences))
        words, telling_words = _shares(*self._words(texts, lang))
        wanted = cues.asked(self.question.text, self.question.lang)
        known = cues.words(self.question.text)
        held = [cues.held(one, lang, known) for one in texts]
        return {
            "meaning": meaning,
            "telling_meaning": telling_meaning,
            "meaning_before": np.append(0.0, meaning[:-1]),
            "meaning_after": np.append(meaning[1:], 0.0),
            "words": words,
            "telling_words": telling_words,
            "words_before": np.append(0.0, words[:-1]),
            "log_length": np.log1p([len(one.split()) if " " in one else len(one) / 2 for one in texts]),
            "first": (np.arange(len(texts)) == 0).astype(np.float64),
            "asks": np.array([one.rstrip().endswith(QUESTION_MARKS) for one in texts], dtype=np.float64),
            "any_number": np.array([float(cues.Cue.NUMBER in some) for some in held]),
            "any_name": np.array([float(cues.Cue.PERSON in some) for some in held]),
            **{f"gives_{cue}": np.array([float(cue in wanted and cue in some) for some in held]) for cue in cues.Cue},
        }

    def _meanings(self, text: str, sentences: Sequence[Span]) -> tuple[Scores, Scores]:
        """How well each of n sentences covers each of t tokens of the question, (n, t), and what these count, (t,)."""
        query, passage = self.tokens.token_vectors(self.question.text), self.tokens.token_vectors(text)
        counts = np.linalg.norm(query.vectors, axis=1).astype(np.float64)
        covered = np.zeros((len(sentences), len(counts)))
        if not len(passage.ids) or not len(counts):
            return covered, counts
        cosines = np.maximum(unit_rows(passage.vectors) @ unit_rows(query.vectors).T, 0.0)
        for number, (start, end) in enumerate(sentences):
            first, last = np.searchsorted(passage.spans[:, 0], (start, end))
            if last > first:
                covered[number] = cosines[first:last].max(axis=0)
        return covered, counts

    def _words(self, texts: Sequence[str], lang: str) -> tuple[Scores, Scores]:
        """How well each of n sentences holds each of t words of the question, (n, t), and what these count, (t,)."""
        sources = {source: place for place, source in enumerate({term.source for term in self.question.terms_in(lang)})}
        covered = np.zeros((len(texts), len(sources)))
        for number, one in enumerate(texts):
            for term in self.matched(one, lang):
                place = sources[term.source]
                covered[number, place] = max(covered[number, place], term.weight)
        return covered, np.ones(len(sources))

    def highlights(self, text: str, lang: str) -> tuple[Span, ...]:
        """The words of a passage that are the question's, or translations of them, in any inflection."""
        terms = {term.term for term in self.question.terms_in(lang)}
        return tuple(merged([(token.start, token.end) for token in analyse(text, lang) if token.term in terms]))

    def matched(self, text: str, lang: str) -> list[WeightedTerm]:
        """The question's terms that a passage holds, those that count most first."""
        here = {token.term for token in analyse(text, lang)}
        found = [term for term in self.question.terms_in(lang) if term.term in here]
        return sorted(found, key=lambda term: -term.weight)


def _shares(covered: Scores, counts: Scores) -> tuple[Scores, Scores]:
    """How much of a question each of n sentences covers, (n,), and the same with what most sentences cover left out."""
    telling = counts * (1.0 - covered.mean(axis=0)) if len(covered) else counts
    return covered @ counts / max(counts.sum(), 1e-9), covered @ telling / max(telling.sum(), 1e-9)


def merged(spans: Collection[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
