"""Passages as the derived indexes take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backissue.indexer.lexical import LexicalPassage
from backissue.search.analysis import forms
from backissue.search.embedding import StaticEmbedder
from backissue.search.forward import HASH_BYTES, in_context
from backissue.search.lexical import exact_field

ANALYSED_AT_ONCE = 256

Record = tuple[int, str, str, str, int, int, int, int, int]
"""A passage as it is read: row, title, text, language, the codes of language, source, section and author, and day."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """Some passages for the lexical index, and what `ForwardWriter.append` takes of them."""

    passages: list[LexicalPassage]
    terms: NDArray[np.uint32]
    tokens: NDArray[np.integer[Any]]
    counts: NDArray[np.int64]


def analyse_passages(records: Sequence[Record]) -> Analysed:
    """The passages of records, each analysed in its language."""
    embedder = StaticEmbedder.bundled()
    passages, hashes, tokens, counts = [], [], [], []
    for row, title, text, lang, *codes, day in records:
        of_title, of_text = forms(title, lang), forms(text, lang)
        exact = exact_field(of_title.surface, of_text.surface)
        lang_code, source, section, author = codes
        passages.append(
            LexicalPassage(row, of_text.keys, of_title.keys, exact, (lang_code, source, section, author), day)
        )
        ids = embedder.token_ids(in_context(title, text))
        both = of_title.hashes + of_text.hashes
        hashes.append(both)
        tokens.append(ids)
        counts.append((len(both) // HASH_BYTES, len(of_title.hashes) // HASH_BYTES, len(ids)))
    return Analysed(
        passages,
        np.frombuffer(b"".join(hashes), dtype="<u4"),
        np.concatenate(tokens) if tokens else np.zeros(0, dtype=np.int32),
        np.array(counts, dtype=np.int64).reshape(-1, 3),
    )
