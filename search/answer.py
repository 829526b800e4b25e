"""The answering sentence of a passage, and the words in it that were met."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from backissue.search import cues
from backissue.search.analysis import Token, occurrences
from backissue.search.asked import AskedTokens
from backissue.search.calibration import Calibration, Reading, Scores
from backissue.search.lexical import WeightedTerm
from backissue.search.question import Question
from backissue.search.sentences import split_sentences
from backissue.search.types import Span

QUESTION_MARKS = ("?", "？", "؟")
_NONE = np.zeros(1)


@dataclass(frozen=True)
class Reader:
    """Finds the answer to one question in passages of any language. It remembers what it has read."""

    question: Question
    asked: AskedTokens
    _known: dict[tuple[str, str], list[Token]] = field(default_factory=dict, repr=False)
    _by_lang: dict[str, dict[str, WeightedTerm]] = field(default_factory=dict, repr=False)

    def answer(self, text: str, lang: str, reading: Reading | None = None) -> Span | None:
        """The sentence of a passage that most likely answers, also by how it was read; None where it has none."""
        sentences = split_sentences(text, lang)
        if len(sentences) < 2:
            return sentences[0] if sentences else None
        features, model = self.features(text, lang, sentences), Calibration.bundled().answer
        if reading is not None:
            features, model = {**features, "read": reading.of(sentences)}, reading.answer
        scores = model.log_odds(features)
        return sentences[int(np.argmax(scores + np.zeros(len(sentences))))]

    def features(self, text: str, lang: str, sentences: Sequence[Span]) -> dict[str, Scores]:
        """What is known of the n sentences of a passage, (n,) each.

        How well a sentence and its neighbours cover the question, in meaning and in words, the parts that most of the
        passage covers left out; and whether it holds what the question asks for (`cues`).
        """
        meaning = _telling(*self._meanings(text, sentences))
        words = _telling(*self._words(text, lang, sentences))
        texts = [text[start:end] for start, end in sentences]
        gives = dict.fromkeys((f"gives_{cue}" for cue in cues.Cue), np.zeros(len(sentences)))
        for cue in self._wanted:
            holding = [cues.holds(one, cue, lang, self._own_words) for one in texts]
            gives[f"gives_{cue}"] = np.array(holding, dtype=np.float64)
        return {
            "meaning": meaning,
            "meaning_after": np.concatenate([meaning[1:], _NONE]),
            "words": words,
            "words_before": np.concatenate([_NONE, words[:-1]]),
            "asks": np.array([one.rstrip().endswith(QUESTION_MARKS) for one in texts], dtype=np.float64),
            **gives,
        }

    def highlights(self, text: str, lang: str) -> tuple[Span, ...]:
        """The words of a passage that are the question's, or translations of them, in any inflection."""
        return tuple(merged([(token.start, token.end) for token in self._found(text, lang)]))

    def matched(self, text: str, lang: str) -> list[tuple[WeightedTerm, str]]:
        """The question's terms that a passage holds, those that count most first, each as it is first written there."""
        written: dict[str, str] = {}
        for token in self._found(text, lang):
            written.setdefault(token.term, text[token.start : token.end])
        held = [(term, written[term.term]) for term in self._terms(lang).values() if term.term in written]
        return sorted(held, key=lambda one: -one[0].weight)

    def _meanings(self, text: str, sentences: Sequence[Span]) -> tuple[Scores, Scores]:
        """How well each of n sentences covers each of q tokens of the question, (n, q), and what these count, (q,)."""
        counts = self.asked.counts
        covered = np.zeros((len(sentences), len(counts)))
        ids, spans = self.asked.tokens.token_spans(text)
        cosines = self.asked.cosines(ids)
        bounds = spans[:, 0].searchsorted(np.array(sentences, dtype=np.int32))
        for number, (first, last) in enumerate(bounds.tolist()):
            if last > first:
                covered[number] = cosines[first:last].max(axis=0)
        return covered, counts

    def _words(self, text: str, lang: str, sentences: Sequence[Span]) -> tuple[Scores, Scores]:
        """How well each of n sentences holds each of w words of the question, (n, w), and what these count, (w,).

        A translation counts by its probability.
        """
        terms = self._terms(lang)
        columns = {source: column for column, source in enumerate(dict.fromkeys(one.source for one in terms.values()))}
        covered = np.zeros((len(sentences), len(columns)))
        starts = [start for start, _ in sentences]
        for token in self._found(text, lang):
            number = bisect_right(starts, token.start) - 1
            term = terms[token.term]
            if number >= 0 and token.end <= sentences[number][1]:
                column = columns[term.source]
                covered[number, column] = max(covered[number, column], term.weight)
        return covered, np.ones(len(columns))

    def _found(self, text: str, lang: str) -> list[Token]:
        if (text, lang) not in self._known:
            terms = self._terms(lang)
            self._known[text, lang] = occurrences(text, lang, terms) if terms else []
        return self._known[text, lang]

    def _terms(self, lang: str) -> dict[str, WeightedTerm]:
        """The question's terms in a language; each stands for one word of it, by `expand`."""
        if lang not in self._by_lang:
            self._by_lang[lang] = {term.term: term for term in self.question.terms_in(lang)}
        return self._by_lang[lang]

    @cached_property
    def _wanted(self) -> frozenset[cues.Cue]:
        return cues.asked(self.question.text, self.question.lang)

    @cached_property
    def _own_words(self) -> frozenset[str]:
        return cues.words(self.question.text)


def _telling(covered: Scores, counts: Scores) -> Scores:
    """How much of a question each of n sentences covers, (n,), 0 to 1, where a part counts by how few cover it."""
    telling = counts * (1.0 - covered.sum(axis=0) / len(covered))
    share: Scores = covered @ telling / max(float(telling.sum()), 1e-9)
    return share


def merged(spans: Collection[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
