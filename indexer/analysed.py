"""Passages as the derived indexes take them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, count, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backissue.indexer.forward import Word, parts_of, token_type
from backissue.indexer.lexical import LexicalPassage
from backissue.search.analysis import forms, may_come_again
from backissue.search.embedding import StaticEmbedder
from backissue.search.forward import HASH_BYTES
from backissue.search.lexical import exact_field

ANALYSED_AT_ONCE = 256

_MOST_REMEMBERED = 1 << 17
"""Words of a language, about 50 MB."""

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
    """What a word gives the indexes: the keys of its terms and how it is written, joined by spaces; how many terms it
    has; and what the forward index keeps of it, in more than one part where it is long.
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
    embedder = StaticEmbedder.bundled()
    written = [(lang, embedder.words(title), embedder.words(text)) for _, title, text, lang, *_ in records]
    met: defaultdict[str, list[list[str]]] = defaultdict(list)
    for lang, in_title, in_text in written:
        met[lang] += in_title, in_text
    for lang, texts in met.items():
        _words_of(lang).meet(chain.from_iterable(texts))
    passages, words, counts = [], [], []
    places: defaultdict[Word, int] = defaultdict(count().__next__)
    for (row, _, _, _, *codes, day), (lang, in_title, in_text) in zip(records, written, strict=True):
        known = _words_of(lang)
        of_title, of_text = [known[word] for word in in_title], [known[word] for word in in_text]
        lang_code, source, section, author = codes
        passages.append(
            LexicalPassage(
                row,
                _joined([word.keys for word in of_text]),
                _joined([word.keys for word in of_title]),
                exact_field(_joined([word.written for word in of_title]), _joined([word.written for word in of_text])),
                (lang_code, source, section, author),
                day,
            )
        )
        own = [places[part] for word in of_title + of_text for part in word.parts]
        words += own
        title_terms = sum([word.terms for word in of_title])
        counts.append((len(own), title_terms + sum([word.terms for word in of_text]), title_terms))
    return Analysed(
        passages, list(places), np.array(words, dtype=np.int32), np.array(counts, dtype=np.int64).reshape(-1, 3)
    )


def _joined(parts: list[str]) -> str:
    return " ".join(filter(None, parts))


class _Words(dict[str, _Word]):
    """The words of a language that were met, with what they give."""

    def __init__(self, lang: str) -> None:
        super().__init__()
        self._lang = lang
        self._passing: list[str] = []

    def meet(self, words: Iterable[str]) -> None:
        """Has each of some words here until others are met, and those that may come again for longer."""
        for word in self._passing:
            self.pop(word, None)
        if len(self) > _MOST_REMEMBERED:
            self.clear()
        new = list({word: None for word in words if word not in self})
        # Many are cut into tokens together, which takes a third of the time.
        embedder = StaticEmbedder.bundled()
        tokens, starts = embedder.token_ids_of_words(new)
        of_token = token_type(embedder.vocabulary)
        written, bounds = tokens.astype(of_token).tobytes(), (starts * of_token.itemsize).tolist()
        for word, (first, last) in zip(new, pairwise(bounds), strict=True):
            found = forms(word, self._lang)
            parts = parts_of(found.hashes, written[first:last], of_token.itemsize)
            self[word] = _Word(found.keys, found.surface, len(found.hashes) // HASH_BYTES, parts)
        self._passing = [word for word in new if not may_come_again(word)]


_words_of = cache(_Words)
