"""Passages as the derived indexes take them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backissue.indexer.forward import Word, parts_of, token_type
from backissue.indexer.lexical import LexicalPassage
from backissue.search.analysis import forms, may_come_again
from backissue.search.embedding import StaticEmbedder
from backissue.search.forward import HASH_BYTES, gathered, starts_of_counts
from backissue.search.lexical import exact_field

ANALYSED_AT_ONCE = 1024
"""The more passages, the more often one has the words of another: of 256 a passage takes a quarter longer."""

_MOST_REMEMBERED = 1 << 19
"""Words of all languages, about 200 MB. Of 100,000 articles of news and replicas of them two processes analyse
0.43 million words with it, and 1.04 million with a quarter of it."""

Record = tuple[int, str, str, str, int, int, int, int, int]
"""A passage as it is read: row, title, text, language, the codes of language, source, section and author, and day."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """Some passages for the lexical index, and what `ForwardWriter.append` takes of them."""

    passages: list[LexicalPassage]
    vocabulary: list[Word]
    words: NDArray[np.int32]
    counts: NDArray[np.int64]


class _Word(NamedTuple):
    """What a word gives the indexes: the keys of its terms and how it is written, each with a space before; how many
    terms it has; and what the forward index keeps of it, in more than one part where it is long.
    """

    keys: str
    written: str
    terms: int
    parts: tuple[Word, ...]


_ALONE = threading.Lock()
"""Writers of two indexes in one process share the words that were met."""


def analyse_passages(records: Sequence[Record]) -> Analysed:
    """The passages of records, each analysed in its language."""
    with _ALONE:
        return _analysed(records)


def _analysed(records: Sequence[Record]) -> Analysed:
    cut = StaticEmbedder.bundled().words
    if sum(map(len, _known.values())) > _MOST_REMEMBERED:
        _known.clear()
    # Each word of a language is numbered where it is met first, and looked up once.
    langs = {lang: _Met(lang) for _, _, _, lang, *_ in records}
    titles = [langs[lang].numbers_of(cut(title)) for _, title, _, lang, *_ in records]
    texts = [langs[lang].numbers_of(cut(text)) for _, _, text, lang, *_ in records]
    offsets: dict[str, int] = {}
    known: list[_Word] = []
    for lang, met in langs.items():
        offsets[lang] = len(known)
        known += met.look_up()
    passages = [
        LexicalPassage(row, *langs[lang].written(in_title, in_text), (lang_code, source, section, author), day)
        for (row, _, _, lang, lang_code, source, section, author, day), in_title, in_text in zip(
            records, titles, texts, strict=True
        )
    ]
    return Analysed(passages, *_forward(known, titles, texts, [offsets[lang] for _, _, _, lang, *_ in records]))


class _Met:
    """The words of a language that some passages have, numbered as they are met."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._numbers: dict[str, int] = defaultdict(count().__next__)
        self._keys: list[str] = []
        self._written: list[str] = []

    def numbers_of(self, words: Iterable[str]) -> list[int]:
        """The numbers of words."""
        return [*map(self._numbers.__getitem__, words)]

    def look_up(self) -> list[_Word]:
        """What the words give, in their order."""
        known = _known[self._lang].of([*self._numbers])
        self._keys, self._written = [word.keys for word in known], [word.written for word in known]
        return known

    def written(self, in_title: Sequence[int], in_text: Sequence[int]) -> tuple[str, str, str]:
        """What the lexical index takes of a passage whose title and text have these words."""
        surface = exact_field(_joined(self._written, in_title), _joined(self._written, in_text))
        return _joined(self._keys, in_text), _joined(self._keys, in_title), surface


def _joined(parts: Sequence[str], numbers: Iterable[int]) -> str:
    """Parts of these numbers, each of which has a space before it or is empty."""
    return "".join(map(parts.__getitem__, numbers))[1:]


def _forward(
    known: Sequence[_Word], titles: Sequence[list[int]], texts: Sequence[list[int]], offsets: Sequence[int]
) -> tuple[list[Word], NDArray[np.int32], NDArray[np.int64]]:
    """What the forward index takes of n passages, whose titles and texts have words that stand in `known` so far behind
    an offset, (n,).
    """
    places: defaultdict[Word, int] = defaultdict(count().__next__)
    parts_of_word = [word.parts for word in known]
    parts = np.array([*map(places.__getitem__, chain.from_iterable(parts_of_word))], dtype=np.int32)
    part_counts = np.array([*map(len, parts_of_word)], dtype=np.int64)
    in_title, in_text = (np.array([*map(len, some)], dtype=np.int64) for some in (titles, texts))
    numbers = np.array([*chain.from_iterable(map(chain, titles, texts))], dtype=np.int64)
    numbers += np.repeat(np.array(offsets, dtype=np.int64), in_title + in_text)
    words, part_starts = gathered(parts, starts_of_counts(part_counts)[:-1][numbers], part_counts[numbers])
    term_starts = starts_of_counts(np.array([word.terms for word in known], dtype=np.int64)[numbers])
    ends = np.cumsum(in_title + in_text)
    begins = ends - in_title - in_text
    of_title = term_starts[begins + in_title] - term_starts[begins]
    counts = [part_starts[ends] - part_starts[begins], term_starts[ends] - term_starts[begins], of_title]
    return list(places), words, np.stack(counts, axis=1).astype(np.int64)


class _Words(dict[str, _Word]):
    """The words of a language that were met, with what they give."""

    def __init__(self, lang: str) -> None:
        super().__init__()
        self._lang = lang

    def of(self, words: Sequence[str]) -> list[_Word]:
        """What words give, each of them another. Those that may come again are kept."""
        new = [word for word in words if word not in self]
        self._meet(new)
        given = [*map(self.__getitem__, words)]
        for word in new:
            if not may_come_again(word):
                del self[word]
        return given

    def _meet(self, new: Sequence[str]) -> None:
        # Many are cut into tokens together, which takes a third of the time.
        embedder = StaticEmbedder.bundled()
        tokens, starts = embedder.token_ids_of_words(new)
        of_token = token_type(embedder.vocabulary)
        written, bounds = tokens.astype(of_token).tobytes(), (starts * of_token.itemsize).tolist()
        for word, (first, last) in zip(new, pairwise(bounds), strict=True):
            found = forms(word, self._lang)
            parts = parts_of(found.hashes, written[first:last], of_token.itemsize)
            keys, surface = (f" {part}" if part else "" for part in (found.keys, found.surface))
            self[word] = _Word(keys, surface, len(found.hashes) // HASH_BYTES, parts)


class _Known(dict[str, _Words]):
    """The words of each language that were met."""

    def __missing__(self, lang: str) -> _Words:
        self[lang] = _Words(lang)
        return self[lang]


_known = _Known()
