"""From a folder of corpora to one table of texts and a table of pairs that mean or answer the same.

A side of a pair is a range of rows of the text table, so that a passage of several sentences is a range too and is
never stored twice. Rows of one source and language stand together, in the order of the source.

The folder is laid out as its own MANIFEST.md says: `*.tsv.xz` with four columns are pairs, with three columns are
multiway translations, `lex/wordnet_multi.tsv.xz` has synsets, `*.jsonl.xz` has questions or headlines with passages.
A sub-folder `noncommercial/` is never read.
"""

from __future__ import annotations

import json
import lzma
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KINDS = ("sentences", "passages", "questions", "words", "glossed")
SENTENCES, PASSAGES, QUESTIONS, WORDS, GLOSSED = range(len(KINDS))

# Multiway sources whose rows follow each other as prose, so that neighbouring rows make a passage.
PROSE = frozenset(
    {
        "book_debian_handbook",
        "covid_nextstrain_sitreps",
        "docs_ethereum_org",
        "docs_letsencrypt",
        "docs_ms_dynamics",
        "guide_opensource",
        "guide_privacyguides",
        "guide_umbrella_security",
        "help_gnome_user_docs",
        "help_ms_alchemy",
        "news_debian",
        "news_ruby_lang",
        "pud_news_wiki",
        "udhr_un",
        "web_mozilla_org",
    }
)
HUBS = ("en", "pl")
# Word lists whose makers state no licence.
UNLICENSED = frozenset({"xling_eval"})
MAX_CHARS = 2000
PASSAGE_CHARS = 700
MIN_QUERY_CHARS = 24
WRITTEN_QUESTIONS = Path(__file__).with_name("questions.tsv")
"""What fusion and the reranker are learned on: the passages that it asks for are not trained on."""
CLOZES = 2
SENTENCE_END = re.compile(r"(?<=[.!?。！？؟])[\s]*(?=\S)")


@dataclass
class Corpus:
    """Texts with their languages, and pairs of ranges of texts.

    `pairs` is int32 (n, 5): left start, left end, right start, right end, meaning. Two pairs of one meaning
    are no negatives of each other. `groups[i]` numbers the (kind, source, language pair) of pair i in `group_names`.
    `english[i]` is the text that says in English what text i says: itself or its translation; -1 where there is none.
    """

    texts: list[str] = field(default_factory=list)
    langs: list[str] = field(default_factory=list)
    pairs: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 5), np.int32))
    groups: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    group_names: list[tuple[int, str, str]] = field(default_factory=list)
    english: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))


def sources(corpora: Path) -> list[Path]:
    """The files to learn from, in a fixed order."""
    files = [*corpora.glob("*.xz"), *(corpora / "lex").glob("*.xz")]
    return sorted(files)


def load(corpora: Path, seed: int = 0) -> Corpus:
    """Read every source."""
    builder = _Builder(seed)
    for path in sources(corpora):
        name = path.name.split(".")[0]
        if name not in UNLICENSED:
            builder.add(path, name)
    return builder.finish()


def english_texts(corpus: Corpus) -> NDArray[np.int32]:
    """What `Corpus.english` is to be, by the languages of the texts and the pairs that are translations."""
    is_english = np.array([lang == "en" for lang in corpus.langs], np.bool_)
    found = np.where(is_english, np.arange(len(corpus.langs)), -1).astype(np.int32)
    kind_of = np.array([kind for kind, _, _ in corpus.group_names])[corpus.groups]
    pairs = corpus.pairs[(kind_of == SENTENCES) | (kind_of == WORDS)]
    for english, other in ((0, 2), (2, 0)):
        told = pairs[is_english[pairs[:, english]] & ~is_english[pairs[:, other]]]
        found[told[:, other]] = told[:, english]
    return found


def passage_key(passage: str) -> str:
    """What a passage of a question set is called in `questions.tsv`."""
    return sha256(passage.encode()).hexdigest()[:16]


def asked_passages() -> frozenset[str]:
    """The keys of the passages that `questions.tsv` asks for."""
    return frozenset(line.split("\t")[1] for line in WRITTEN_QUESTIONS.read_text("utf-8").splitlines()[1:])


class _Builder:
    def __init__(self, seed: int) -> None:
        self.corpus = Corpus()
        self.held_out = asked_passages()
        self.random = random.Random(seed)
        self.pairs: list[NDArray[np.int32]] = []
        self.groups: list[NDArray[np.int32]] = []
        self.group_ids: dict[tuple[int, str, str], int] = {}
        self.meanings = 0

    def add(self, path: Path, name: str) -> None:
        if path.suffixes[0] == ".jsonl":
            self._add_questions(path, name)
        elif name == "wordnet_multi":
            self._add_wordnet(path, name)
        elif _column_count(path) == 3:
            self._add_multiway(path, name)
        else:
            self._add_pairs(path, name)

    def finish(self) -> Corpus:
        self.corpus.pairs = np.concatenate(self.pairs)
        self.corpus.groups = np.concatenate(self.groups)
        self.corpus.group_names = list(self.group_ids)
        self.corpus.english = english_texts(self.corpus)
        return self.corpus

    def _text(self, lang: str, text: str) -> int:
        self.corpus.texts.append(text[:MAX_CHARS])
        self.corpus.langs.append(lang)
        return len(self.corpus.texts) - 1

    def _group(self, kind: int, source: str, left: str, right: str) -> int:
        key = (kind, source, "-".join(sorted((left, right))))
        return self.group_ids.setdefault(key, len(self.group_ids))

    def _meaning(self) -> int:
        self.meanings += 1
        return self.meanings

    def _emit(self, rows: list[tuple[int, int, int, int, int, int]]) -> None:
        if rows:
            table = np.array(rows, np.int32)
            self.pairs.append(table[:, :5])
            self.groups.append(table[:, 5])

    def _add_pairs(self, path: Path, name: str) -> None:
        kind = WORDS if path.parent.name == "lex" else SENTENCES
        rows, meaning_of = [], {}
        for left_lang, left, right_lang, right in _tsv(path, 4):
            if left == right:
                continue
            a, b = self._text(left_lang, left), self._text(right_lang, right)
            # Test sets of several pairs share their English side: one meaning per text.
            meaning = meaning_of.get(left) or meaning_of.get(right) or self._meaning()
            meaning_of[left] = meaning_of[right] = meaning
            rows.append((a, a + 1, b, b + 1, meaning, self._group(kind, name, left_lang, right_lang)))
        self._emit(rows)

    def _add_multiway(self, path: Path, name: str) -> None:
        kind = WORDS if path.parent.name == "lex" else SENTENCES
        entries = [list(rows) for _, rows in groupby(_tsv(path, 3), key=lambda row: row[0])]
        by_lang: dict[str, list[tuple[int, str]]] = {}
        for number, entry in enumerate(entries):
            for lang, text in {row[1]: row[2] for row in entry}.items():
                by_lang.setdefault(lang, []).append((number, text))
        row_of: list[dict[str, int]] = [{} for _ in entries]
        for lang, texts in by_lang.items():
            for number, text in texts:
                row_of[number][lang] = self._text(lang, text)
        rows, seen, meaning_of = [], set(), {}
        for of_lang in row_of:
            anchor = self.corpus.texts[of_lang["en"]] if "en" in of_lang else None
            meaning = meaning_of.setdefault(anchor, self._meaning()) if anchor else self._meaning()
            for left, right in self._language_pairs(list(of_lang)):
                a, b = of_lang[left], of_lang[right]
                key = (self.corpus.texts[a], self.corpus.texts[b])
                if key[0] != key[1] and key not in seen:
                    seen.add(key)
                    rows.append((a, a + 1, b, b + 1, meaning, self._group(kind, name, left, right)))
        self._emit(rows)
        if name in PROSE:
            self._add_passages(name, row_of)

    def _language_pairs(self, langs: list[str]) -> Iterator[tuple[str, str]]:
        """Every pair with English or Polish, and as many of the others as there are languages."""
        for left, right in combinations(sorted(langs, key=lambda lang: (lang not in HUBS, lang)), 2):
            if left in HUBS or self.random.random() < 2 / len(langs):
                yield (left, right)

    def _add_passages(self, name: str, row_of: list[dict[str, int]]) -> None:
        """A sentence with the passage around its translation, or with what follows it (an inverse cloze task)."""
        rows = []
        texts, langs = self.corpus.texts, self.corpus.langs
        for of_lang in row_of:
            candidates = [lang for lang in of_lang if len(texts[of_lang[lang]]) >= MIN_QUERY_CHARS]
            if not candidates or len(of_lang) < 2:
                continue
            meaning = self._meaning()
            for _ in range(2):
                asked = "en" if "en" in candidates and self.random.random() < 0.4 else self.random.choice(candidates)
                told = self.random.choice([lang for lang in of_lang if lang != asked])
                row = of_lang[told]
                start = row + 1 if self.random.random() < 0.4 else max(row - self.random.randrange(3), 0)
                end, chars = start, 0
                while end < len(texts) and langs[end] == told and chars < PASSAGE_CHARS:
                    chars += len(texts[end])
                    end += 1
                if langs[start : start + 1] == [told] and chars >= 120:
                    query = of_lang[asked]
                    rows.append((query, query + 1, start, end, meaning, self._group(PASSAGES, name, asked, told)))
        self._emit(rows)

    def _add_wordnet(self, path: Path, name: str) -> None:
        rows = []
        for _, synset in groupby(_tsv(path, 4), key=lambda row: row[0]):
            meaning = self._meaning()
            entry = [(lang, lemmas.split(" | "), definition) for _, lang, lemmas, definition in synset if lemmas]
            english = next((row for row in entry if row[0] == "en"), None)
            for lang, lemmas, definition in entry:
                all_lemmas = self._text(lang, ", ".join(lemmas))
                if definition:
                    told = self._text("en" if english and definition == english[2] else lang, definition)
                    rows.append(
                        (all_lemmas, all_lemmas + 1, told, told + 1, meaning, self._group(WORDS, name, lang, lang))
                    )
                if english and lang != "en":
                    told = self._text("en", english[2] or english[1][0])
                    one = self._text("en", self.random.choice(english[1]))
                    other = self._text(lang, self.random.choice(lemmas))
                    group = self._group(WORDS, name, "en", lang)
                    rows.append((one, one + 1, other, other + 1, meaning, group))
                    rows.append((told, told + 1, all_lemmas, all_lemmas + 1, meaning, group))
        self._emit(rows)

    def _add_questions(self, path: Path, name: str) -> None:
        """Questions with their passages, and sentences of a passage with the rest of it."""
        rows, row_of = [], {}
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if passage_key(entry["p"]) in self.held_out:
                    continue
                lang, passage = entry["lang"], _one_line(entry["p"])
                if passage not in row_of:
                    row_of[passage] = (self._text(lang, passage), self._meaning())
                    rows += self._clozes(name, lang, passage, row_of[passage][1])
                told, meaning = row_of[passage]
                asked = self._text(lang, _one_line(entry["q"]))
                rows.append((asked, asked + 1, told, told + 1, meaning, self._group(QUESTIONS, name, lang, lang)))
        self._emit(rows)

    def _clozes(
        self, name: str, lang: str, passage: str, meaning: int
    ) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Some sentences of a passage, each with the passage without it (Lee et al. 2019)."""
        sentences = [one for one in SENTENCE_END.split(passage[:MAX_CHARS]) if one]
        long_enough = [i for i, one in enumerate(sentences) if len(one.encode()) >= 2 * MIN_QUERY_CHARS]
        if len(sentences) < 3:
            return
        for i in self.random.sample(long_enough, min(CLOZES, len(long_enough))):
            asked = self._text(lang, sentences[i])
            told = self._text(lang, " ".join(sentences[:i] + sentences[i + 1 :]))
            yield (asked, asked + 1, told, told + 1, meaning, self._group(PASSAGES, name, lang, lang))


def _tsv(path: Path, columns: int) -> Iterator[list[str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            row = line.rstrip("\n").split("\t")
            if len(row) == columns:
                yield row


def _column_count(path: Path) -> int:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        return next(lines).count("\t") + 1


def _one_line(text: str) -> str:
    return " ".join(text.split())
