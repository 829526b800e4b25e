"""Generations: built beside the published one, checked, and published by one rename."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backissue.indexer import lexical
from backissue.indexer.analysed import ANALYSED_AT_ONCE, Analysed, Record, analyse_passages
from backissue.indexer.database import Database, Layout
from backissue.indexer.dense import EXACT_UP_TO, SAMPLES, Coded, build_lists, write_vectors
from backissue.indexer.forward import ForwardWriter
from backissue.indexer.lexical import LexicalPassage
from backissue.indexer.parallel import mapped
from backissue.indexer.storage import flush, make_folder
from backissue.search.analysis import ANALYSER_VERSION
from backissue.search.columns import Columns
from backissue.search.dense import LISTS_FILE, SCALES_FILE, VECTORS_FILE
from backissue.search.embedding import Embedder, StaticEmbedder
from backissue.search.errors import FormatVersionError, IndexCorruptError, IndexNotFoundError
from backissue.search.layout import GENERATION_FORMAT, IndexPaths, LexicalState, Manifest, describe
from backissue.search.store import Store
from backissue.search.texts import TextReader
from backissue.search.types import UNKNOWN_LANG
from backissue.search.vectors import VectorFiles

Report = Callable[[int, int], None]

_ANALYSED_HERE_FIRST = 4
"""So many times `ANALYSED_AT_ONCE` passages take as long as to start other processes."""

_QUESTION_WORDS = 8
_QUESTION_CHARS = 80

_LEXICAL_QUERY = """
    SELECT p.article, p.start, p.end, p.row, a.title, COALESCE(l.value, ?), COALESCE(a.lang, 0), COALESCE(a.source, 0),
           COALESCE(a.section, 0), COALESCE(a.author, 0), a.day
    FROM passages p JOIN articles a ON a.row = p.article LEFT JOIN names l ON l.code = a.lang
    WHERE p.layout = ? AND p.seq > ? ORDER BY p.row
"""


def build(
    paths: IndexPaths, store: Store, number: int, layout: Layout, report: Report, embedder: Embedder | None = None
) -> Manifest:
    """Builds a generation of all passages of a layout and leaves it unpublished in its folder.

    `report` is told how many passages of how many are done. By the embedder the depth of the vector search is set for
    vectors like those of questions.
    """
    name = f"{_highest(paths) + 1:06}"
    work = paths.generations / f"{name}.tmp"
    shutil.rmtree(work, ignore_errors=True)
    make_folder(work)
    try:
        manifest = _write(work, name, store, number, layout, report, embedder)
        flush_tree(work)
        work.rename(paths.generation(name))
        flush(paths.generations)
    except BaseException:
        # Half a generation is of no use, and the disk may be full of it.
        shutil.rmtree(work, ignore_errors=True)
        raise
    return manifest


def _write(
    work: Path, name: str, store: Store, number: int, layout: Layout, report: Report, embedder: Embedder | None
) -> Manifest:
    """Writes the files of a generation into the folder `work`."""
    with store.read():
        seq = store.seq()
        columns, vectors = _columns_and_vectors(store, number, layout.dimension, work)
        total = len(columns)
        index = lexical.create(work / "lexical")
        analysed = _counted(analysed_passages(store, number, 0), report, total)
        with ForwardWriter(work / "forward", StaticEmbedder.bundled().vocabulary) as forward:
            lexical.apply(index, (), _written(analysed, forward), fresh=True)
    columns.save(work / "columns")
    questions = _like_questions(store, columns, embedder) if embedder and total > EXACT_UP_TO else None
    dense = build_lists(vectors, work, questions)
    manifest = Manifest(
        format_version=GENERATION_FORMAT,
        generation=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        layout=number,
        model_id=layout.model_id,
        model_hash=layout.model_hash,
        dimension=layout.dimension,
        tokens_hash=StaticEmbedder.bundled().model.hash,
        analyser_version=ANALYSER_VERSION,
        passages=total,
        last_row=int(columns.row[-1]) if total else 0,
        seq=seq,
        dense=dense,
        files={},
    )
    dense_files = (path for name in (VECTORS_FILE, SCALES_FILE, LISTS_FILE) if (path := work / name).exists())
    files = sorted([*(work / "columns").iterdir(), *(work / "forward").iterdir(), *dense_files])
    manifest = replace(manifest, files={path.relative_to(work).as_posix(): describe(path) for path in files})
    manifest.write(work)
    LexicalState(seq, _lexical_files(work, {})).write(work)
    return manifest


def publish(paths: IndexPaths, name: str) -> None:
    """Makes a generation the one that searches use, by one rename."""
    fresh = paths.current.with_suffix(".new")
    fresh.write_text(name + "\n", encoding="utf-8")
    flush(fresh)
    fresh.replace(paths.current)
    flush(paths.root)


def unpublish(paths: IndexPaths) -> None:
    """Takes the published generation out of use: its archive is about to be another one."""
    paths.current.unlink(missing_ok=True)
    flush(paths.root)


def catch_up(paths: IndexPaths, store: Store, name: str) -> int:
    """Applies to a generation's lexical index what was committed since it was last done; gives the passages added.

    It may be cut off at any point and done again.

    Raises:
        IndexCorruptError: the generation is damaged.
    """
    folder = paths.generation(name)
    manifest = Manifest.read(folder)
    done = LexicalState.read(folder)
    with store.read():
        seq = store.seq()
        if seq == done.seq:
            return 0
        removed = [int(row) for row in store.tombstones_after(manifest.layout, done.seq)]
        added = lexical.catch_up(
            folder / "lexical",
            removed,
            chain.from_iterable(some.passages for some in analysed_passages(store, manifest.layout, done.seq)),
        )
    LexicalState(seq, _lexical_files(folder, done.files)).write(folder)
    return added


def names(paths: IndexPaths) -> list[str]:
    """The names of all finished generations, the oldest first."""
    if not paths.generations.is_dir():
        return []
    return sorted(path.name for path in paths.generations.iterdir() if path.name.isdigit())


def current_or_none(paths: IndexPaths) -> str | None:
    """The name of the published generation, None where there is none that can be named."""
    try:
        return paths.current_name()
    except (IndexNotFoundError, IndexCorruptError):
        return None


def retire(paths: IndexPaths, before: str | None) -> list[Manifest]:
    """Removes all but what is published and what was `before`, kept for a rollback; gives the manifests of both."""
    current = paths.current_name()
    kept = {current: Manifest.read(paths.generation(current))}
    if before is not None and (manifest := _readable(paths, before)):
        kept[before] = manifest
    for path in [*paths.generations.iterdir()]:
        if path.name not in kept:
            remove(path)
    return [*kept.values()]


def hand_over(paths: IndexPaths, database: Database, manifest: Manifest) -> None:
    """Has the archive hand the vectors of a published generation over to the file that this was built with."""
    folder, number = paths.generation(manifest.generation), int(manifest.generation)
    database.hand_over(number, folder / VECTORS_FILE, Columns.open(folder / "columns").row)
    kept = {*database.used_files(), *map(int, names(paths))}
    for file in set(database.files.numbers()) - kept:
        database.files.path(file).unlink(missing_ok=True)
    database.give_back()


def remove(folder: Path) -> None:
    """Removes the folder of a generation; what the disk does not let go of now is removed another time."""
    with suppress(OSError):
        # First its name goes: what is removed only in part must not pass for a generation.
        shutil.rmtree(folder.rename(folder.with_name(f"{folder.stem}.old")), ignore_errors=True)


def previous(paths: IndexPaths) -> str:
    """The generation before the published one.

    Raises:
        IndexNotFoundError: there is none.
    """
    current = paths.current_name()
    older = [name for name in names(paths) if name < current]
    if not older:
        raise IndexNotFoundError(f"{paths.root} has no generation before {current} to go back to.")
    return older[-1]


def _columns_and_vectors(store: Store, number: int, dimension: int, work: Path) -> tuple[Columns, Coded]:
    """The columns of a layout's passages, and their vectors, which take no memory: they are written to `work`."""
    parts = []

    def codes() -> Iterator[NDArray[np.int8]]:
        for some, own in store.column_batches(number, dimension):
            parts.append(some)
            yield own

    vectors = write_vectors(codes(), store.count_passages(number), dimension, work)
    return Columns.concat(parts), vectors


def analysed_passages(store: Store, layout: int, after_seq: int) -> Iterator[Analysed]:
    """The passages of changes after `after_seq`, analysed, some at a time."""
    with store.read() as connection:
        records = _records(connection, layout, after_seq)
        some = iter(lambda: list(islice(records, ANALYSED_AT_ONCE)), [])
        yield from mapped(analyse_passages, some, done_here_first=_ANALYSED_HERE_FIRST)


def _records(connection: sqlite3.Connection, layout: int, after_seq: int) -> Iterator[Record]:
    texts = TextReader(connection)
    for article, start, end, row, title, *others in connection.execute(
        _LEXICAL_QUERY, (UNKNOWN_LANG, layout, after_seq)
    ):
        yield (row, title, texts.passage(article, start, end), *others)


def _like_questions(store: Store, columns: Columns, embedder: Embedder) -> NDArray[np.float32]:
    """The vectors of a few words in a row out of some passages: short, and on what the archive is about."""
    rng = np.random.default_rng(0)
    rows = columns.row[rng.choice(len(columns), min(SAMPLES, len(columns)), replace=False)]
    texts = []
    for passage in store.passages(rows.tolist()).values():
        words = passage.text.split()
        first = int(rng.integers(0, max(len(words) - _QUESTION_WORDS, 0) + 1))
        texts.append(" ".join(words[first : first + _QUESTION_WORDS])[:_QUESTION_CHARS])
    return embedder.embed_queries(texts)


def _written(analysed: Iterable[Analysed], forward: ForwardWriter) -> Iterator[LexicalPassage]:
    for some in analysed:
        forward.append(some.vocabulary, some.words, some.counts)
        yield from some.passages


def _counted(analysed: Iterable[Analysed], report: Report, total: int) -> Iterator[Analysed]:
    done = 0
    for some in analysed:
        yield some
        done += len(some.passages)
        report(done, total)


def _highest(paths: IndexPaths) -> int:
    """The highest number of a generation; that of a published one, and one of a file of vectors, count also where
    its folder is gone.
    """
    published = current_or_none(paths)
    of_files = VectorFiles(paths.vectors).numbers()
    return max([*map(int, names(paths)), int(published or 0), *of_files], default=0)


def _readable(paths: IndexPaths, name: str) -> Manifest | None:
    try:
        return Manifest.read(paths.generation(name))
    except (IndexCorruptError, FormatVersionError):
        return None


def _lexical_files(folder: Path, known: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The files of a generation's lexical index; what is `known` of those that tantivy never changes is not read."""
    files = {}
    for path in sorted((folder / "lexical").iterdir()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".lock":
            continue
        is_fixed = path.suffix != ".json"
        files[name] = known[name] if is_fixed and name in known else describe(path)
    return files


def flush_tree(folder: Path) -> None:
    """Waits until a folder and all in it are on the disk."""
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)
