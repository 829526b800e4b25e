"""Building: from files to a published index, beside txtai's rate for the same articles; and the disk it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from backissue.indexer import Indexer
from backissue.indexer.readers import read
from bench import replicas
from bench.corpus import DIMENSION
from bench.indexes import Built, cpu_seconds, on_disk
from bench.timing import Target

DERIVED_WANTED = 4000
WORDS_WANTED = 200_000
DISK_WANTED = 1200


def derived(built: Built) -> Iterator[str | Target]:
    """What the derived indexes of a synthetic corpus took."""
    parts = ", ".join(f"{part} {size / built.passages:,.0f}" for part, size in sorted(built.disk.items()))
    yield ""
    yield (
        f"derived indexes built in {built.seconds:.1f} s ({built.passages / built.seconds:,.0f} passages/s; "
        f"{built.passages / built.cpu_seconds:,.0f} a second of one processor)"
    )
    yield (
        f"bytes a passage: {parts}; the text itself {built.text_bytes / built.passages:,.0f}, "
        f"beside it {built.beside_text:,.0f}"
    )
    yield Target("ms a passage, derived indexes", 1000 * built.seconds / built.passages, 1000 / DERIVED_WANTED, False)
    of_two = 2 * 1000 / DERIVED_WANTED
    yield Target(
        "ms of processors a passage, derived indexes", 1000 * built.cpu_seconds / built.passages, of_two, False
    )
    yield Target("bytes a passage beside the text, synthetic", built.beside_text, DISK_WANTED, False)


def from_files(archives: Path, count: int, folder: Path) -> Iterator[str | Target]:
    """Reads, cleans, cuts, embeds and indexes so many articles of real archives, and has txtai index their texts."""
    files, index = replicas.write(archives, count, folder / "files"), folder / "index"
    started, before = time.perf_counter(), cpu_seconds()
    done = Indexer(index).rebuild(read([files]))
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - before
    texts = [article.text for article in replicas.articles(archives, count)]
    text_bytes = sum(len(text.encode()) for text in texts)
    sizes = on_disk(index)
    beside = (sum(sizes.values()) - text_bytes) / done.passages
    theirs, their_cpu = _txtai(texts)
    yield ""
    yield (
        f"{count:,} articles of {archives.name} and replicas of them, {done.words:,} words, {done.passages:,} "
        f"passages: {done.words / seconds:,.0f} words/s, {done.words / cpu:,.0f} a second of one processor; txtai, "
        f"unchunked, with an embedding that costs nothing: {done.words / theirs:,.0f} words/s, "
        f"{done.words / their_cpu:,.0f} a second of one processor"
    )
    parts = ", ".join(f"{part} {size / done.passages:,.0f}" for part, size in sorted(sizes.items()))
    yield f"bytes a passage: {parts}; the text itself {text_bytes / done.passages:,.0f}, beside it {beside:,.0f}"
    yield Target("µs a word, from files", 1e6 * seconds / done.words, 1e6 / WORDS_WANTED, ratio=False)
    yield Target("bytes a passage beside the text, real news", beside, DISK_WANTED, ratio=False)


def _txtai(texts: list[str]) -> tuple[float, float]:
    from txtai import Embeddings

    rng = np.random.default_rng(0)
    embeddings = Embeddings(
        method="external",
        transform=lambda some: rng.standard_normal((len(some), DIMENSION), dtype=np.float32),
        hybrid=True,
        content=True,
    )
    started, before = time.perf_counter(), cpu_seconds()
    embeddings.index((row, text, None) for row, text in enumerate(texts))
    return time.perf_counter() - started, cpu_seconds() - before
