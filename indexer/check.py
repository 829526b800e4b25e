"""Whether an index is whole: each part is looked at on its own, and each finding says how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from backissue.indexer.database import content_hash, passage_checksum, when
from backissue.indexer.summary import Finding
from backissue.search.analysis import ANALYSER_VERSION
from backissue.search.columns import Columns
from backissue.search.dense import DenseIndex
from backissue.search.errors import BackissueError, IndexCorruptError
from backissue.search.forward import Forward
from backissue.search.layout import IndexPaths, LexicalState, Manifest, check_contents, check_sizes
from backissue.search.lexical import LexicalIndex
from backissue.search.store import Store, is_of_earlier_format

REBUILD = "backissue doctor --repair (or backissue rebuild)"
REPAIR = "backissue doctor --repair"
RESTORE = "backissue restore FILE --replace, with FILE a backup"


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
    earlier = is_of_earlier_format(paths.database)
    yield _try(lambda: _check_articles(paths.database, full=full), REBUILD if earlier else RESTORE)
    yield _try(lambda: _check_passages(paths.database, full=full), REPAIR)
    try:
        name = paths.current_name()
        folder = paths.generation(name)
        manifest = Manifest.read(folder)
        LexicalState.read(folder)
    except BackissueError as error:
        yield Finding("error", str(error), REBUILD)
        return
    check = manifest.check_contents if full else manifest.check_sizes
    yield _try(lambda: check(folder) or f"the files of generation {name} are as its manifest says", REBUILD)
    yield _try(lambda: check_parts(folder, manifest), REBUILD)
    if manifest.analyser_version != ANALYSER_VERSION:
        yield Finding("warning", f"generation {name} was built by another version of the text analysis", REBUILD)
    with closing(Store.open(paths.database)) as store:
        yield _try(lambda: _check_lexical(store, folder, full=full), REBUILD)
        behind = store.seq() - LexicalState.read(folder).seq
        if behind:
            yield Finding("warning", f"the lexical index is {behind} changes behind the archive", REPAIR)
            return
        yield Finding("ok", "the lexical index has every committed change")
        if missing := store.ids_without_passages(manifest.layout):
            yield Finding("warning", f"{len(missing)} articles have no passages yet, {missing[0]} among them", REPAIR)
        yield _try(lambda: _count(store, folder, manifest), REBUILD)


def check_archive(path: Path, *, full: bool) -> str:
    """Looks whether an archive is whole, with `full` at every article and passage; says how it is.

    Raises:
        IndexNotFoundError, FormatVersionError, IndexCorruptError: there is none, or none that is whole.
    """
    told = _check_articles(path, full=full)
    _check_passages(path, full=full)
    return told


def _check_articles(path: Path, *, full: bool) -> str:
    """Looks at the file and, with `full`, compares articles with their checksums: SQLite keeps none of what its pages
    hold.
    """
    with closing(Store.open(path)) as store:
        pragma = "integrity_check(1)" if full else "quick_check(1)"
        with store.read() as connection:
            (verdict,) = connection.execute(f"PRAGMA {pragma}").fetchone()
            (articles,) = connection.execute("SELECT COUNT(*) FROM articles").fetchone()
        if verdict != "ok":
            raise IndexCorruptError(f"{path} is damaged: {verdict}")
        for article, digest, day, published_s in store.hashed_articles() if full else ():
            if content_hash(article) != digest or when(article.published) != (day, published_s):
                raise IndexCorruptError(
                    f"{path} is damaged: the article {article.id!r} has changed since it was written"
                )
    return f"archive.db is whole and holds {articles} articles"


def _check_passages(path: Path, *, full: bool) -> str:
    """Looks whether the files of vectors are there, and with `full` compares passages with their checksums."""
    with closing(Store.open(path)) as store:
        store.check_files()
        for row, start, end, vector, checksum in store.checksummed_passages() if full else ():
            if passage_checksum(start, end, vector) != checksum:
                raise IndexCorruptError(f"{path} is damaged: the passage {row} has changed since it was written")
    return "the vectors that archive.db handed over are there"


def check_parts(folder: Path, manifest: Manifest) -> str:
    """Opens the columns, the vectors and the forward index of a generation and counts them; says how they are.

    Raises:
        IndexCorruptError: they cannot be read, or are not as many as the manifest says.
    """
    columns = Columns.open(folder / "columns")
    dense = DenseIndex.open(folder, manifest.dense, manifest.dimension)
    if not len(columns) == len(dense) == manifest.passages:
        raise IndexCorruptError(
            f"{folder} has {len(columns)} rows of columns and {len(dense)} vectors for {manifest.passages} passages"
        )
    Forward.open(folder / "forward", manifest.passages)
    return f"generation {manifest.generation} has {manifest.passages} passages, its columns and vectors as many"


def _check_lexical(store: Store, folder: Path, *, full: bool) -> str:
    """Compares the files of the lexical index with how the last writer left them, unless one has begun meanwhile."""
    state = LexicalState.read(folder)
    try:
        (check_contents if full else check_sizes)(folder, state.files)
    except IndexCorruptError:
        if state.seq == store.seq() and state == LexicalState.read(folder):
            raise
    if store.seq() < state.seq:
        raise IndexCorruptError(f"archive.db is older than {folder}, which was built from it")
    return "the files of the lexical index are as its last writer left them"


def _count(store: Store, folder: Path, manifest: Manifest) -> str:
    _, passages, _, _ = store.totals(manifest.layout)
    found = len(LexicalIndex.open(folder / "lexical"))
    if found != passages:
        raise IndexCorruptError(f"{folder / 'lexical'} holds {found} passages, the archive {passages}")
    return f"the lexical index holds all {passages} passages"


def _try(check: Callable[[], str | None], mend: str) -> Finding:
    try:
        return Finding("ok", check() or "")
    except (BackissueError, OSError, ValueError, TypeError) as error:
        return Finding("error", str(error), mend)
