"""Whether an index is whole: each part is looked at on its own, and each finding says how to mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from backissue.indexer import generation
from backissue.indexer.summary import Finding
from backissue.search.columns import Columns
from backissue.search.dense import DenseIndex
from backissue.search.errors import BackissueError
from backissue.search.layout import IndexPaths, Manifest
from backissue.search.lexical import LexicalIndex
from backissue.search.store import Store, connect_read_only

REBUILD = "backissue doctor --repair (or backissue rebuild)"


def check_index(paths: IndexPaths, *, full: bool) -> list[Finding]:
    """What is found, in the order in which the parts stand on each other; the first error ends the check."""
    findings = []
    for finding in _findings(paths, full=full):
        findings.append(finding)
        if finding.level == "error":
            break
    return findings


def _findings(paths: IndexPaths, *, full: bool) -> Iterator[Finding]:
    if not paths.database.is_file():
        yield Finding("error", f"no archive at {paths.database}", f"backissue rebuild PATH… --index {paths.root}")
        return
    yield _try(lambda: _check_database(paths.database, full=full), "restore archive.db from a backup")
    try:
        name = paths.current_name()
        folder = paths.generation(name)
        manifest = Manifest.read(folder)
    except BackissueError as error:
        yield Finding("error", str(error), REBUILD)
        return
    check = manifest.check_contents if full else manifest.check_sizes
    yield _try(lambda: check(folder) or f"the files of generation {name} are as its manifest says", REBUILD)
    yield _try(lambda: _check_parts(folder, manifest), REBUILD)
    with closing(Store.open(paths.database)) as store:
        behind = store.seq() - generation.applied(folder)
        yield (
            Finding("warning", f"the lexical index is {behind} changes behind the archive", "backissue doctor --repair")
            if behind
            else Finding("ok", "the lexical index has every committed change")
        )
        yield _count(store, folder, manifest)


def _check_database(path: Path, *, full: bool) -> str:
    with closing(connect_read_only(path)) as connection:
        pragma = "integrity_check" if full else "quick_check(1)"
        try:
            (verdict,) = connection.execute(f"PRAGMA {pragma}").fetchone()
            (articles,) = connection.execute("SELECT COUNT(*) FROM articles").fetchone()
        except sqlite3.DatabaseError as error:
            raise BackissueError(f"{path} is damaged: {error}") from error
    if verdict != "ok":
        raise BackissueError(f"{path} is damaged: {verdict}")
    return f"archive.db is whole and holds {articles} articles"


def _check_parts(folder: Path, manifest: Manifest) -> str:
    columns = Columns.open(folder / "columns")
    dense = DenseIndex.open(folder / "dense.faiss", int(manifest.dense["probes"]), manifest.dimension)
    if not len(columns) == len(dense) == manifest.passages:
        raise BackissueError(
            f"{folder} has {len(columns)} rows of columns and {len(dense)} vectors for {manifest.passages} passages"
        )
    return f"generation {manifest.generation} has {manifest.passages} passages, its columns and vectors as many"


def _count(store: Store, folder: Path, manifest: Manifest) -> Finding:
    _, passages, _, _ = store.totals(manifest.layout)
    try:
        found = len(LexicalIndex.open(folder / "lexical"))
    except BackissueError as error:
        return Finding("error", str(error), REBUILD)
    if found != passages:
        level = f"the lexical index holds {found} passages, the archive {passages}"
        return Finding("error", level, REBUILD)
    return Finding("ok", f"the lexical index holds all {passages} passages")


def _try(check: Callable[[], str | None], mend: str) -> Finding:
    try:
        return Finding("ok", check() or "")
    except (BackissueError, OSError, ValueError) as error:
        return Finding("error", str(error), mend)
