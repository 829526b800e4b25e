"""What the deep reader learns from: questions with passages that answer them, and with others that look as if they did.

- Questions of the question sets and headlines of the news. Where a set tells the answer's words, these are what is to
  be found, and otherwise the passage. Most of them are asked in another language, word by word (`glosses`), or have
  their passage in one.
- A sentence, or a part of it, with the sentences around its translation: its translation is what is to be found.
"""

from __future__ import annotations

import json
import lzma
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from data import PROSE, SENTENCES, Corpus, asked_passages, passage_key
from glosses import HUB, UNSPACED, Glossary
from numpy.typing import NDArray
from static import group_weights
from tokenizer import WORD_START
from tokenizers import Tokenizer

from backissue.search.deep import QUESTION_TOKENS, TITLE_TOKENS
from backissue.search.embedding import StaticEmbedder

PART_TOKENS = 144
"""How much of a passage is read at a time: shorter parts let more questions be learned from in the same time."""
OTHERS = (1, 1, 2)
"""How many passages are read beside the right one; one of these is drawn."""
LOOKED_ALIKE = 12
FOREIGN = 0.6
"""How many of the questions, as a part, are asked across languages."""
CLOZES = 0.3
TOLD_WORTH = 2.0
"""What a source that tells the answers' words is worth beside one that does not."""
AROUND = 4
LEAST_TOKENS = 5
HELD_BACK = 26
"""Of 256 passages so many are not learned from, those that `answers.py` measures on."""


@dataclass(frozen=True)
class Asked:
    """A question on passage number `passage`, and where in it the answer stands; anywhere where that is not told."""

    question: str
    passage: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Passage:
    """A text with its title, in a language."""

    title: str
    text: str
    lang: str


@dataclass(frozen=True)
class Row:
    """A question and a passage in tokens: ids, where the text begins, and which of its tokens answer (bool, as ids)."""

    question: NDArray[np.int32]
    title: NDArray[np.int32]
    text: NDArray[np.int32]
    right: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.question) + len(self.title) + len(self.text) + 3


Group = list[Row]
"""The rows of one question; only tokens of the first are right."""


class Glosser:
    """Turns texts into tokens, in their own words or in those of another language."""

    def __init__(
        self, tokenizer: Tokenizer, ways: Mapping[tuple[str, str], Mapping[str, tuple[list[bytes], list[float]]]]
    ) -> None:
        self._tokenizer = tokenizer
        self._books = {pair: Glossary(dict(some)) for pair, some in ways.items()}
        self.langs = sorted({lang for pair in self._books for lang in pair} - {HUB})

    def knows(self, lang: str, other: str) -> bool:
        """Whether it has the words of one language in the other."""
        return (lang, other) in self._books

    def tokens(self, text: str, lang: str, other: str, chance: random.Random) -> list[NDArray[np.int32]]:
        """The tokens of each word of a text in a language in another language."""
        ways = self._books[lang, other].ways
        return [self._word(word, ways, chance) for word in self.words(text, lang)]

    def words(self, text: str, lang: str) -> list[str]:
        """The words of a text as the glossaries have them."""
        if lang in UNSPACED:
            return [f"#{token}" for token in self._tokenizer.encode(text, add_special_tokens=False).ids]
        normalized = self._tokenizer.normalizer.normalize_str(text)
        return [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]

    def _word(
        self, word: str, ways: Mapping[str, tuple[list[bytes], list[float]]], chance: random.Random
    ) -> NDArray[np.int32]:
        if word in ways:
            tokens, cumulative = ways[word]
            drawn = chance.choices(range(len(tokens)), cum_weights=cumulative)[0]
            return np.frombuffer(tokens[drawn], np.int32)
        if word[0] == "#" and word[1:].isdigit():
            return np.array([int(word[1:])], np.int32)
        ids = self._tokenizer.encode(word.removeprefix(WORD_START), add_special_tokens=False).ids
        return np.array(ids, np.int32)


class Questions:
    """The questions of the question sets, with passages that look like the right ones."""

    def __init__(self, corpora: Path, embedder: StaticEmbedder) -> None:
        self.passages: list[Passage] = []
        self.asked: list[Asked] = []
        self.groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        held_out, numbers = asked_passages(), dict[str, int]()
        for path in sorted(corpora.glob("*.jsonl.xz")):
            for row in _rows(path):
                text = row["p"].strip()
                if passage_key(row["p"]) in held_out or is_held_back(text):
                    continue
                if text not in numbers:
                    numbers[text] = len(self.passages)
                    self.passages.append(Passage(row.get("title") or "", text, row["lang"]))
                spans = tuple(_occurrences(row.get("a") or "", text))
                self.groups[path.name, row["lang"]].append(len(self.asked))
                self.asked.append(Asked(row["q"].strip(), numbers[text], spans))
        self.alike = np.full((len(self.asked), LOOKED_ALIKE), -1, np.int64)
        for group in self.groups.values():
            self._find_alike(np.array(group), embedder)

    def _find_alike(self, group: NDArray[np.int64], embedder: StaticEmbedder) -> None:
        """For each question of a group the passages nearest to it, without the right one."""
        own = np.array([self.asked[one].passage for one in group])
        passages, place = np.unique(own, return_inverse=True)
        if len(passages) <= 2 * LOOKED_ALIKE:
            return
        told = embedder.embed_passages([self.passages[one].text for one in passages])
        for start in range(0, len(group), 1024):
            some = slice(start, start + 1024)
            scores = embedder.embed_queries([self.asked[one].question for one in group[some]]) @ told.T
            scores[np.arange(len(scores)), place[some]] = -1
            nearest = np.argpartition(-scores, LOOKED_ALIKE, axis=1)[:, :LOOKED_ALIKE]
            self.alike[group[some]] = passages[nearest]


class Readings:
    """Draws groups of rows. What is drawn depends on the seed of `chance` alone."""

    def __init__(
        self,
        questions: Questions,
        corpus: Corpus,
        embedder: StaticEmbedder,
        glosser: Glosser,
    ) -> None:
        self._questions, self._corpus, self._embedder, self._glosser = questions, corpus, embedder, glosser
        self._groups = list(questions.groups.values())
        self._worth = [
            len(some) ** 0.5 * _worth(lang) * (TOLD_WORTH if questions.asked[some[0]].spans else 1.0)
            for (_, lang), some in questions.groups.items()
        ]
        kinds = np.array([kind for kind, _, _ in corpus.group_names])[corpus.groups]
        prose = np.array([source in PROSE for _, source, _ in corpus.group_names])[corpus.groups]
        rows = np.flatnonzero((kinds == SENTENCES) & prose)
        rows = rows[np.argsort(corpus.groups[rows], kind="stable")]
        self._pairs = np.split(rows, np.flatnonzero(np.diff(corpus.groups[rows])) + 1)
        worth = group_weights(corpus, 0.5)
        self._pairs_worth = [worth[corpus.groups[some[0]]] for some in self._pairs]

    def draw(self, chance: random.Random) -> Group:
        """One question with its passages."""
        while True:
            group = self._cloze(chance) if chance.random() < CLOZES else self._question(chance)
            if group:
                return group

    def _question(self, chance: random.Random) -> Group:
        number = chance.choice(chance.choices(self._groups, self._worth)[0])
        asked = self._questions.asked[number]
        right = self._questions.passages[asked.passage]
        others = [one for one in self._questions.alike[number].tolist() if one >= 0]
        answers = {right.text[start:end] for start, end in asked.spans}
        passages = [self._questions.passages[one] for one in chance.sample(others, min(max(OTHERS) + 2, len(others)))]
        passages = [one for one in passages if not any(answer in one.text for answer in answers)]
        passages = passages[: chance.choice(OTHERS)]
        question, told_in = self._tokens(asked.question), right.lang
        if chance.random() < FOREIGN:
            if right.lang != HUB and self._glosser.knows(right.lang, HUB):
                question = self._glossed(asked.question, right.lang, HUB, chance)
            elif right.lang == HUB:
                other = chance.choice(self._glosser.langs)
                if chance.random() < 0.5:
                    question = self._glossed(asked.question, HUB, other, chance)
                else:
                    told_in = other
        question = question[:QUESTION_TOKENS]
        rows = [self._row(question, right, asked.spans or ((0, len(right.text)),), told_in, chance)]
        rows += [self._row(question, one, (), told_in, chance) for one in passages]
        return rows if rows[0].right.any() and len(question) else []

    def _cloze(self, chance: random.Random) -> Group:
        corpus = self._corpus
        one, _, other, _, _ = corpus.pairs[chance.choice(chance.choices(self._pairs, self._pairs_worth)[0])].tolist()
        if chance.random() < 0.5:
            one, other = other, one
        question = self._tokens(corpus.texts[one])
        if chance.random() < 0.5:
            length = max(LEAST_TOKENS, int(len(question) * chance.uniform(0.3, 0.7)))
            start = chance.randrange(max(len(question) - length, 0) + 1)
            question = question[start : start + length]
        if len(question) < LEAST_TOKENS:
            return []
        question = question[:QUESTION_TOKENS]
        lang = corpus.langs[other]
        first = other - chance.randrange(AROUND + 1)
        rows = [self._around(question, first, other, lang)]
        for _ in range(chance.choice(OTHERS)):
            away = other + chance.choice((-1, 1)) * chance.randrange(2 * AROUND, 400)
            rows.append(self._around(question, away, -1, lang))
        return rows if rows[0].right.any() else []

    def _around(self, question: NDArray[np.int32], first: int, right: int, lang: str) -> Row:
        parts, answers = [], []
        for text in range(max(first, 0), min(first + 2 * AROUND, len(self._corpus.texts))):
            if self._corpus.langs[text] == lang:
                tokens = self._tokens(self._corpus.texts[text])
                parts.append(tokens)
                answers.append(np.full(len(tokens), text == right))
        if not parts:
            return Row(question, _NONE, _NONE, np.zeros(0, np.bool_))
        text, answer = np.concatenate(parts)[:PART_TOKENS], np.concatenate(answers)[:PART_TOKENS]
        return Row(question, _NONE, text, answer)

    def _row(
        self,
        question: NDArray[np.int32],
        passage: Passage,
        spans: Sequence[tuple[int, int]],
        told_in: str,
        chance: random.Random,
    ) -> Row:
        if told_in == passage.lang:
            ids, places = self._embedder.token_spans(passage.text)
            right = np.zeros(len(ids), np.bool_)
            for start, end in spans:
                right |= (places[:, 0] < end) & (places[:, 1] > start)
        else:
            ids, right = self._glossed_text(passage, spans, told_in, chance)
        title = self._tokens(passage.title)[:TITLE_TOKENS] if chance.random() < 0.7 else _NONE
        if len(ids) > PART_TOKENS:
            answers = np.flatnonzero(right)
            kept = chance.choice(answers.tolist()) if len(answers) else chance.randrange(len(ids))
            start = min(max(kept - chance.randrange(PART_TOKENS), 0), len(ids) - PART_TOKENS)
            ids, right = ids[start : start + PART_TOKENS], right[start : start + PART_TOKENS]
        return Row(question, title, ids, right)

    def _glossed_text(
        self, passage: Passage, spans: Sequence[tuple[int, int]], told_in: str, chance: random.Random
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """A passage word by word in another language. Parts that answer and those between are glossed on their own."""
        parts, answers, done = [], [], 0
        for start, end in [*spans, (len(passage.text), len(passage.text))]:
            for piece, right in ((passage.text[done:start], False), (passage.text[start:end], True)):
                for tokens in self._glosser.tokens(piece, passage.lang, told_in, chance) if piece.strip() else ():
                    parts.append(tokens)
                    answers.append(np.full(len(tokens), right))
            done = max(done, end)
        if not parts:
            return _NONE, np.zeros(0, np.bool_)
        return np.concatenate(parts), np.concatenate(answers)

    def _tokens(self, text: str) -> NDArray[np.int32]:
        return self._embedder.token_ids(text)

    def _glossed(self, text: str, lang: str, other: str, chance: random.Random) -> NDArray[np.int32]:
        parts = self._glosser.tokens(text, lang, other, chance)
        return np.concatenate(parts) if parts else _NONE


_NONE = np.zeros(0, np.int32)


def is_held_back(text: str) -> bool:
    """Whether a passage is one of those that are not learned from."""
    return sha256(" ".join(text.split()).encode()).digest()[0] < HELD_BACK


def _worth(lang: str) -> float:
    return {"en": 2.0, "pl": 1.5}.get(lang, 1.0)


def _occurrences(needle: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(needle) if needle else -1
    while start >= 0:
        yield start, start + len(needle)
        start = text.find(needle, start + len(needle))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
