"""Indexes of synthetic corpora: the product's own in all but that the vectors are given and not embedded."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backissue.indexer import generation
from backissue.indexer.copies import PERMUTATIONS, signature
from backissue.indexer.database import CutArticle, Database, Layout
from backissue.indexer.parallel import workers
from backissue.search import Article
from backissue.search.embedding import ModelRecord, StaticEmbedder, Vectors
from backissue.search.layout import IndexPaths
from backissue.search.store import Store
from backissue.search.texts import deflated
from backissue.search.vectors import encode_vectors
from bench.corpus import Corpus

ARTICLES_AT_ONCE = 4096
SIGNED_UP_TO = 200_000
"""In a larger corpus articles have no signatures: it is the derived indexes that are measured there."""

NO_SIGNATURE = np.full(PERMUTATIONS, np.iinfo(np.uint8).max, dtype=np.uint8)


@dataclass(frozen=True)
class Given:
    """Gives a question the vector that its text has in the corpus."""

    vectors: Mapping[str, NDArray[np.float32]]

    @property
    def model(self) -> ModelRecord:
        """The bundled one, so that the index opens like any other."""
        return StaticEmbedder.bundled().model

    @classmethod
    def of(cls, given: Corpus) -> Given:
        """The questions' vectors of a corpus."""
        return cls(dict(zip(given.questions, given.question_vectors, strict=True)))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """The vectors (n, d) of questions; for texts that are none, those of the first questions."""
        known = list(self.vectors.values())
        return np.stack([self.vectors.get(text, known[i % len(known)]) for i, text in enumerate(texts)])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """The same of passages."""
        return self.embed_queries(texts)


@dataclass(frozen=True)
class Built:
    """What an index of so many passages took: seconds, and seconds of processors in all processes, of the derived
    indexes; bytes on disk by part, and those of the text itself.
    """

    passages: int
    seconds: float
    cpu_seconds: float
    text_bytes: int
    disk: dict[str, int]

    @property
    def beside_text(self) -> float:
        """Bytes a passage beside the text."""
        return (sum(self.disk.values()) - self.text_bytes) / self.passages


def built(given: Corpus, folder: Path) -> Built:
    """The index of a corpus in a folder: built, or what building it took if it is there."""
    record = folder / "built.json"
    if not record.is_file():
        record.write_text(json.dumps(asdict(build(given, folder))), encoding="utf-8")
    return Built(**json.loads(record.read_text(encoding="utf-8")))


def build(given: Corpus, folder: Path) -> Built:
    """Writes a corpus to an archive and derives its indexes, as a rebuild does."""
    paths = IndexPaths(folder)
    model = StaticEmbedder.bundled().model
    layout = Layout(model.id, model.hash, model.dimension, 120, 1)
    number = write_archive(given, paths.database, layout)
    store = Store.open(paths.database)
    started, before = time.perf_counter(), cpu_seconds()
    with workers():
        manifest = generation.build(paths, store, number, layout, lambda done, total: None, Given.of(given))
    seconds = time.perf_counter() - started
    generation.publish(paths, manifest.generation)
    store.close()
    with Database.open(paths.database) as database:
        generation.hand_over(paths, database, manifest)
    text_bytes = sum(len(text.encode()) for text in given.texts)
    return Built(len(given.texts), seconds, cpu_seconds() - before, text_bytes, on_disk(folder))


def write_archive(given: Corpus, path: Path, layout: Layout) -> int:
    """Writes each passage as an article of its own; gives the number of the layout."""
    signed = len(given.texts) <= SIGNED_UP_TO
    with Database.open(path) as database:
        number = database.layout(layout)
        for first in range(0, len(given.texts), ARTICLES_AT_ONCE):
            texts = given.texts[first : first + ARTICLES_AT_ONCE]
            codes = encode_vectors(given.vectors[first : first + ARTICLES_AT_ONCE])
            with database.change() as seq:
                for row, (text, vector) in enumerate(zip(texts, codes, strict=True), first):
                    of_text = signature(text) if signed else NO_SIGNATURE
                    article = Article(id=str(row), text=text, lang=given.lang_of(row), section=given.section_of(row))
                    database.put(
                        CutArticle(article, deflated(text), ((0, len(text)),), vector[None], of_text), number, seq
                    )
    return number


def on_disk(folder: Path) -> dict[str, int]:
    """The bytes of the parts of an index."""
    sizes: dict[str, int] = {}
    counted: set[int] = set()
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "built.json" and path.stat().st_ino not in counted:
            counted.add(path.stat().st_ino)  # The vectors have two names.
            parts = path.relative_to(folder).parts
            part = parts[2] if len(parts) > 2 else parts[0].removesuffix("-wal").removesuffix("-shm")
            sizes[part] = sizes.get(part, 0) + path.stat().st_size
    return sizes


def cpu_seconds() -> float:
    """Seconds of processors that this process and those it waited for have used."""
    return sum(os.times()[:4])
