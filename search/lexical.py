"""The lexical leg: BM25 (Robertson & Zaragoza 2009; k1 = 1.2, b = 0.75) over analysed terms, served by tantivy.

One index holds many languages. Every term carries the language whose analysis made it (`pl:rakiet`), so a
query is analysed once for each language of the archive and a word of one never meets a namesake of another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import hash_of_term, key_of_term, surface, terms
from backissue.search.errors import IndexCorruptError
from backissue.search.filters import Restriction

if TYPE_CHECKING:
    import tantivy

TITLE_WEIGHT = 0.4
"""What a term's BM25 in the title counts beside its BM25 in the passage. Every passage of an article has the
title for context, so a higher weight lifts all of them together and hides which one answers."""

K1 = 1.2
"""BM25's saturation of term frequency, as tantivy has it."""

_OVER_DAMAGED_FILES = (ValueError, OSError, TypeError, OverflowError)
"""What tantivy raises over damaged files, and NumPy over the rows that it reads from them."""

_GAP = "\N{SYMBOL FOR UNIT SEPARATOR}"
"""Stands between title and passage in the field `exact`, so that no phrase reaches over the border."""


class WeightedTerm(NamedTuple):
    """A term of a language, or the key of a name's sound, and what its BM25 counts.

    `source` is the question's word that it stands for; with a probability, as one of its translations.
    Of the terms of one language for one word, the one that counts most decides.
    """

    lang: str
    term: str
    weight: float = 1.0
    source: str = ""
    probability: float | None = None

    @property
    def key(self) -> str:
        """The term as the index holds it."""
        return key_of_term(self.term, self.lang)


@dataclass(frozen=True, slots=True)
class LexicalHits:
    """Passage rows (n,) and their scores (n,), best first."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)


NO_LEXICAL_HITS = LexicalHits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))


def schema() -> tantivy.Schema:
    """The fields of a passage. Text comes analysed, so tantivy only splits it at spaces."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("title", tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("exact", tokenizer_name="whitespace", index_option="position")
    for name in ("lang", "source", "section", "author"):
        builder.add_unsigned_field(name, indexed=True)
    builder.add_integer_field("day", indexed=True, fast=True)
    return builder.build()


def language_terms(text: str, lang: str) -> list[str]:
    """The terms of a text as the index holds them."""
    return [key_of_term(term, lang) for term in terms(text, lang)]


def exact_words(text: str) -> list[str]:
    """The words of a text as phrases match them: not stemmed, none left out."""
    return [token.term for token in surface(text)]


def exact_field(title: str, body: str) -> str:
    """The content of the field `exact`, made of the words of title and body as written."""
    return f"{title} {_GAP} {body}"


def highest_term_bm25(passages: int, with_term: int) -> float:
    """What BM25 of a term approaches as its frequency grows, in an index of so many passages, so many with it."""
    idf = math.log(1 + (passages - with_term + 0.5) / (with_term + 0.5))
    return idf * (K1 + 1)


@dataclass(frozen=True)
class TermTable:
    """Terms as one index knows them, arrays (t,) of one entry a term.

    `word` numbers what each stands for, a word of the question in one language, of the languages in `langs`, (words,).
    `body` and `title` are the most that the term's weighted BM25 in these fields can be, 0 where none holds it. `worth`
    is what the term counts among the question's: as `body`, but a term that no passage holds counts only where no other
    of its word's does. What cannot be met must not make what is met look small, but a word that the whole archive lacks
    is one that a passage lacks.
    """

    terms: tuple[WeightedTerm, ...]
    keys: tuple[str, ...]
    word: NDArray[np.int64]
    langs: tuple[str, ...]
    body: NDArray[np.float64]
    title: NDArray[np.float64]
    worth: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def hashes(self) -> NDArray[np.uint32]:
        """What stands for the terms in the forward index, (t,)."""
        return np.array([hash_of_term(key) for key in self.keys], dtype=np.uint32)

    @cached_property
    def limits(self) -> Mapping[str, float]:
        """What all words of the question count together, at most, in each language."""
        highest = np.zeros(len(self.langs))
        np.maximum.at(highest, self.word, self.worth)
        limits: dict[str, float] = {}
        for lang, value in zip(self.langs, highest.tolist(), strict=True):
            limits[lang] = limits.get(lang, 0.0) + value
        return limits


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Within it, what tantivy raises over the files of the index at `path` is an IndexCorruptError."""
    try:
        yield
    except BaseException as error:
        # A panic has a class that cannot be imported, and that is no Exception.
        if isinstance(error, _OVER_DAMAGED_FILES) or type(error).__name__ == "PanicException":
            raise IndexCorruptError(f"{path} cannot be read ({error}). Mend it: backissue doctor --repair") from error
        raise


class LexicalIndex:
    """Reads one tantivy index."""

    def __init__(self, index: tantivy.Index, path: Path) -> None:
        self._index = index
        self._path = path
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def open(cls, path: Path) -> LexicalIndex:
        """Opens the index in the folder `path`.

        Raises:
            IndexCorruptError: there is none, or tantivy cannot read it.
        """
        import tantivy

        with translated_errors(path):
            return cls(tantivy.Index.open(str(path)), path)

    def reload(self) -> LexicalIndex:
        """The index as it was last committed; this one keeps what it sees.

        Raises:
            IndexCorruptError: the index was removed, or tantivy cannot read it.
        """
        with translated_errors(self._path):
            self._index.reload()
            return LexicalIndex(self._index, self._path)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def table(self, terms: Sequence[WeightedTerm]) -> TermTable:
        """The terms with what this index knows of them."""
        words: dict[tuple[str, str], int] = {}
        word = [words.setdefault((term.lang, term.source or term.term), len(words)) for term in terms]
        keys = tuple(term.key for term in terms)
        weights = np.array([term.weight for term in terms])
        frequencies = self._document_frequencies(keys)
        highest = weights * self._highest(frequencies)
        body, title = np.where(frequencies > 0, highest, 0.0)
        numbers = np.array(word, dtype=np.int64)
        worth = body
        if not body.all():
            met = np.bincount(numbers, weights=body, minlength=len(words)) > 0
            worth = np.where(met[numbers], body, highest[0])
        return TermTable(
            terms=tuple(terms),
            keys=keys,
            word=numbers,
            langs=tuple(lang for lang, _ in words),
            body=body,
            title=title * TITLE_WEIGHT,
            worth=worth,
        )

    def _highest(self, frequencies: NDArray[np.int64]) -> NDArray[np.float64]:
        """`highest_term_bm25` of many."""
        # Until tantivy merges them away, deleted passages count in a term's frequency but not in the number of all.
        passages = np.maximum(len(self), frequencies)
        return (K1 + 1) * np.log1p((passages - frequencies + 0.5) / (frequencies + 0.5))

    def _document_frequencies(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """How many bodies and how many titles hold each of t terms: (2, t)."""
        with translated_errors(self._path):
            find = self._searcher.doc_freq
            return np.array([[find(field, key) for key in keys] for field in ("body", "title")], dtype=np.int64)

    def search(self, table: TermTable, k: int, restriction: Restriction, langs: Sequence[str]) -> LexicalHits:
        """The `k` best passages by BM25 under the restriction: of each word the term that counts most, in sum."""
        if not (words := self._words(table)):
            return NO_LEXICAL_HITS
        import tantivy

        scored = tantivy.Query.boolean_query(words)
        clauses = self._clauses(restriction, langs)
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, scored), *clauses]) if clauses else scored
        return self._best(query, k)

    def _words(self, table: TermTable) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """The words of the question as alternatives, without the terms that no passage holds.

        A word of one term is put beside the others as it is: a plain union of terms is what tantivy can skip in.
        """
        import tantivy

        should = tantivy.Occur.Should
        exactly, weighted = tantivy.Query.term_query, tantivy.Query.boost_query
        options: dict[int, list[list[tuple[tantivy.Occur, tantivy.Query]]]] = {}
        in_fields = zip(table.body.tolist(), table.title.tolist(), strict=True)
        for term, key, word, (body, title) in zip(table.terms, table.keys, table.word.tolist(), in_fields, strict=True):
            scored = []
            if body:
                one = exactly(self._schema, "body", key, "freq")
                scored.append((should, one if term.weight == 1.0 else weighted(one, term.weight)))
            if title:
                one = exactly(self._schema, "title", key, "freq")
                scored.append((should, weighted(one, term.weight * TITLE_WEIGHT)))
            if scored:
                options.setdefault(word, []).append(scored)
        words = []
        for some in options.values():
            if len(some) == 1:
                words += some[0]
            else:
                of_terms = [one[0][1] if len(one) == 1 else tantivy.Query.boolean_query(one) for one in some]
                words.append((should, tantivy.Query.disjunction_max_query(of_terms)))
        return words

    def _best(self, query: tantivy.Query, k: int) -> LexicalHits:
        with translated_errors(self._path):
            found = self._searcher.search(query, limit=k, count=False).hits
        scores = np.array([score for score, _ in found], dtype=np.float32)
        return LexicalHits(self._rows([address for _, address in found]), scores)

    def rows_with_phrase(self, phrase: str) -> NDArray[np.int64]:
        """The rows of the passages that hold the phrase, or whose title does."""
        return self._all_rows(self._phrase(phrase))

    def rows_with_title_words(self, words: str, langs: Sequence[str]) -> NDArray[np.int64]:
        """The rows of the passages whose title holds every one of the words, in any inflection."""
        return self._all_rows(self._any([self._every_term(words, lang, "title") for lang in langs]))

    def rows_with_word(self, word: str, langs: Sequence[str]) -> NDArray[np.int64]:
        """The rows of the passages that hold the word in any inflection, or whose title does."""
        return self._all_rows(self._any_inflection(word, langs))

    def _exactly(self, name: str, value: Any) -> tantivy.Query:
        import tantivy

        option = "freq" if name in ("body", "title") else "position"
        return tantivy.Query.term_query(self._schema, name, value, option)

    def _any_inflection(self, word: str, langs: Sequence[str]) -> tantivy.Query:
        options = [self._every_term(word, lang, name) for lang in langs for name in ("body", "title")]
        # A stop word is in no stemmed field: what holds it is found by its exact form.
        return self._any([*options, self._phrase(word)])

    def _every_term(self, words: str, lang: str, name: str) -> tantivy.Query:
        import tantivy

        keys = dict.fromkeys(language_terms(words, lang))
        clauses = [(tantivy.Occur.Must, self._exactly(name, key)) for key in keys]
        return tantivy.Query.boolean_query(clauses) if clauses else tantivy.Query.empty_query()

    def _any(self, options: Sequence[tantivy.Query]) -> tantivy.Query:
        import tantivy

        return tantivy.Query.boolean_query([(tantivy.Occur.Should, option) for option in options])

    def _phrase(self, phrase: str) -> tantivy.Query:
        import tantivy

        words = exact_words(phrase)
        if len(words) == 1:
            return self._exactly("exact", words[0])
        return tantivy.Query.phrase_query(self._schema, "exact", [*words]) if words else tantivy.Query.empty_query()

    def _clauses(self, restriction: Restriction, langs: Sequence[str]) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        import tantivy

        must, must_not = tantivy.Occur.Must, tantivy.Occur.MustNot
        clauses = [(must, self._any_code(name, codes)) for name, codes in restriction.codes.items()]
        clauses += [(must_not, self._any_code(name, codes)) for name, codes in restriction.excluded_codes.items()]
        if restriction.first_day is not None or restriction.end_day is not None:
            days = tantivy.Query.range_query(
                self._schema,
                "day",
                tantivy.FieldType.Integer,
                lower_bound=restriction.first_day if restriction.first_day is not None else 1,
                upper_bound=restriction.end_day,
                include_upper=restriction.end_day is None,
            )
            clauses.append((must, tantivy.Query.const_score_query(days, 0.0)))
        clauses += [
            (must, tantivy.Query.const_score_query(self._phrase(phrase), 0.0)) for phrase in restriction.phrases
        ]
        clauses += [(must_not, self._phrase(phrase)) for phrase in restriction.excluded_phrases]
        clauses += [(must_not, self._any_inflection(word, langs)) for word in restriction.excluded_words]
        return clauses

    def _any_code(self, name: str, codes: Iterable[int]) -> tantivy.Query:
        import tantivy

        if not (options := [self._exactly(name, code) for code in sorted(codes)]):
            return tantivy.Query.empty_query()
        return tantivy.Query.const_score_query(self._any(options), 0.0)

    def _all_rows(self, query: tantivy.Query) -> NDArray[np.int64]:
        limit = max(len(self), 1)
        with translated_errors(self._path):
            found = self._searcher.search(query, limit=limit, count=False, order_by_field="row").hits
            return np.array([row for row, _ in found], dtype=np.int64)

    def _rows(self, addresses: list[tantivy.DocAddress]) -> NDArray[np.int64]:
        with translated_errors(self._path):
            values = self._searcher.fast_field_values("row", addresses)
            return np.array(values, dtype=np.int64).reshape(-1)
