"""Glosses: texts translated word by word, for pairs across languages where there is no translation.

A static model does not see the order of words, so a text in which each word is replaced by a likely translation is
nearly as good to it as a translation. The words and their probabilities are aligned from the parallel sentences of
the corpus (`alignment`), in their surface forms. With them an English question and its passage become pairs of an
English question with a passage in any language, and the questions of every other set become English ones.
"""

from __future__ import annotations

import random
from array import array
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
from data import GLOSSED, PASSAGES, QUESTIONS, SENTENCES, WORDS, Corpus
from static import SOURCE_WEIGHT, Encoded
from tokenizer import WORD_START
from tokenizers import Tokenizer
from translations import HUB, Corpora, Table, learn

MAX_PAIRS = 250_000
"""Sentence pairs that are aligned in a language, the most telling sources first."""
UNSPACED = frozenset({"zh", "ja", "ko"})
"""Their words are the pieces of the tokeniser; elsewhere a word is what stands between spaces and marks."""
LANGS_OF_A_PASSAGE = 4
PARALLEL_KINDS = (SENTENCES, WORDS)


class Words:
    """Cuts texts of the corpus into words, and turns words into tokens."""

    def __init__(self, tokenizer: Tokenizer, corpus: Corpus, encoded: Encoded) -> None:
        self._tokenizer, self._corpus, self._encoded = tokenizer, corpus, encoded
        self._tokens: dict[str, bytes] = {}

    def of_text(self, text: int) -> list[str]:
        """The words of text number `text`."""
        if self._corpus.langs[text] in UNSPACED:
            start, end = self._encoded.starts[text : text + 2]
            return [f"#{token}" for token in self._encoded.tokens[start:end].tolist()]
        normalized = self._tokenizer.normalizer.normalize_str(self._corpus.texts[text])
        return [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]

    def tokens(self, word: str) -> bytes:
        """The tokens of a word, int32."""
        known = self._tokens.get(word)
        if known is None:
            ids = [int(word[1:])] if is_token(word) else self._encode(word)
            known = self._tokens[word] = np.array(ids, np.int32).tobytes()
        return known

    def _encode(self, word: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(word.removeprefix(WORD_START), add_special_tokens=False).ids
        return ids


def is_token(word: str) -> bool:
    """Whether a word is a piece of the tokeniser by its number."""
    return len(word) > 1 and word[0] == "#"


def bitexts(corpus: Corpus, words: Words, langs: Sequence[str], most: int = MAX_PAIRS) -> Corpora:
    """The sentence pairs of English and each language, in words, `most` of a language."""
    corpora = Corpora(langs)
    groups = [
        (SOURCE_WEIGHT.get(source, 1.0), kind == WORDS, number, next(lang for lang in pair.split("-") if lang != HUB))
        for number, (kind, source, pair) in enumerate(corpus.group_names)
        if kind in PARALLEL_KINDS and HUB in pair.split("-") and len(set(pair.split("-"))) == 2
    ]
    words_of = lru_cache(100_000)(words.of_text)
    taken = dict.fromkeys(langs, 0)
    order = np.argsort(corpus.groups, kind="stable")
    bounds = np.searchsorted(corpus.groups[order], np.arange(len(corpus.group_names) + 1))
    for weight, _, number, lang in sorted(groups, reverse=True):
        for row in order[bounds[number] : bounds[number + 1]].tolist():
            if lang not in taken or taken[lang] >= most or corpora.full(lang):
                break
            one, other = int(corpus.pairs[row, 0]), int(corpus.pairs[row, 2])
            if corpus.langs[one] != HUB:
                one, other = other, one
            corpora.add(lang, words_of(one), words.of_text(other), weight)
            taken[lang] += 1
    return corpora


@dataclass(frozen=True)
class Glossary:
    """The translations of the words of one language in another, with their cumulative probabilities."""

    ways: dict[str, tuple[list[bytes], list[float]]]

    @classmethod
    def of(cls, table: Table, words: Words) -> Glossary:
        """The glossary of a table of probabilities."""
        return cls(
            {
                word: ([words.tokens(way) for way, _ in some], list(accumulate(chance for _, chance in some)))
                for word, some in table.items()
            }
        )

    def gloss(self, some: Sequence[str], words: Words, chance: random.Random) -> bytes:
        """The tokens of words, each in one of its translations; what has none is kept."""
        parts = []
        for word in some:
            way = self.ways.get(word)
            if way is None:
                parts.append(words.tokens(word))
            else:
                tokens, cumulative = way
                parts.append(tokens[min(bisect(cumulative, chance.random() * cumulative[-1]), len(tokens) - 1)])
        return b"".join(parts)


def glossaries(tables: dict[tuple[str, str], Table], words: Words) -> dict[tuple[str, str], Glossary]:
    """The glossaries of tables, by the languages from and to."""
    return {pair: Glossary.of(table, words) for pair, table in tables.items()}


def aligned(corpora: Corpora, langs: Sequence[str]) -> dict[tuple[str, str], Table]:
    """Translation probabilities between English and each language, both ways."""
    tables: dict[tuple[str, str], Table] = {}
    for lang in langs:
        tables[HUB, lang], tables[lang, HUB] = learn(corpora, lang)
        print(f"glosses {lang}: {len(tables[HUB, lang])} + {len(tables[lang, HUB])} words", flush=True)
    return tables


class _Glosser:
    """Appends glossed texts and pairs to a corpus and its tokens."""

    def __init__(
        self, corpus: Corpus, encoded: Encoded, words: Words, books: dict[tuple[str, str], Glossary], seed: int
    ) -> None:
        self.corpus, self.words, self.books = corpus, words, books
        self.random = random.Random(seed)
        self.langs = sorted({lang for pair in books for lang in pair} - {HUB})
        self.tokens: list[bytes] = []
        self.lengths = array("q")
        self.originals = array("i")
        self.first = len(encoded.starts) - 1
        self.group_ids = {name: number for number, name in enumerate(corpus.group_names)}
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.groups = array("i")
        self.glossed: dict[tuple[int, str], int] = {}
        self.words_of = lru_cache(64)(words.of_text)

    def text(self, text: int, lang: str) -> int:
        """The number of the gloss of a text in a language, made when it is first asked for."""
        key = (text, lang)
        if key not in self.glossed:
            book = self.books[self.corpus.langs[text], lang]
            tokens = book.gloss(self.words_of(text), self.words, self.random)
            self.tokens.append(tokens)
            self.lengths.append(len(tokens) // 4)
            self.originals.append(text)
            self.corpus.texts.append("")
            self.corpus.langs.append(lang)
            self.glossed[key] = self.first + len(self.tokens) - 1
        return self.glossed[key]

    def pair(self, source: str, one: int, other: int, meaning: int) -> None:
        """One pair of texts more."""
        langs = self.corpus.langs
        name = (GLOSSED, source, "-".join(sorted((langs[one], langs[other]))))
        self.rows.append((one, one + 1, other, other + 1, meaning))
        self.groups.append(self.group_ids.setdefault(name, len(self.group_ids)))

    def add(self, source: str, asked: int, told: int, meaning: int) -> None:
        """What a question and its passage give."""
        lang = self.corpus.langs[told]
        if lang == HUB:
            for other in random.Random(told).sample(self.langs, LANGS_OF_A_PASSAGE):
                passage = self.text(told, other)
                self.pair(source, asked, passage, meaning)
                question = self.text(asked, other)
                self.pair(source, question, passage if self.random.random() < 0.5 else told, meaning)
        elif (lang, HUB) in self.books:
            self.pair(source, self.text(asked, HUB), told, meaning)


def add_glosses(
    corpus: Corpus, encoded: Encoded, words: Words, books: dict[tuple[str, str], Glossary], seed: int
) -> Encoded:
    """The corpus, changed in place, and its tokens with the glosses of all questions and their passages."""
    glosser = _Glosser(corpus, encoded, words, books, seed)
    for source, asked, told, meaning in _questions(corpus):
        glosser.add(source, asked, told, meaning)
    corpus.pairs = np.concatenate([corpus.pairs, np.array(glosser.rows, np.int32)])
    corpus.groups = np.concatenate([corpus.groups, np.frombuffer(glosser.groups, np.int32)])
    corpus.group_names = list(glosser.group_ids)
    corpus.english = np.concatenate([corpus.english, corpus.english[np.frombuffer(glosser.originals, np.int32)]])
    ends = encoded.starts[-1] + np.cumsum(np.frombuffer(glosser.lengths, np.int64))
    tokens = np.frombuffer(b"".join(glosser.tokens), np.int32)
    return Encoded(np.concatenate([encoded.tokens, tokens]), np.concatenate([encoded.starts, ends]))


def _questions(corpus: Corpus) -> Iterator[tuple[str, int, int, int]]:
    """Source, question, passage and meaning of all pairs within a language that stand as single texts."""
    names = corpus.group_names
    wanted = np.array([kind in (QUESTIONS, PASSAGES) and len(set(pair.split("-"))) == 1 for kind, _, pair in names])
    single = (corpus.pairs[:, 1] - corpus.pairs[:, 0] == 1) & (corpus.pairs[:, 3] - corpus.pairs[:, 2] == 1)
    for row in np.flatnonzero(wanted[corpus.groups] & single).tolist():
        asked, _, told, _, meaning = corpus.pairs[row].tolist()
        yield names[corpus.groups[row]][1], asked, told, meaning
