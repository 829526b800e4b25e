"""The writer's door: add, delete, rebuild, recover, check and roll back."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from backissue.indexer import generation
from backissue.indexer.backup import Backup, back_up, brought_over, look_at, put_back, set_aside
from backissue.indexer.check import check_index, check_parts
from backissue.indexer.database import Database
from backissue.indexer.intake import BATCH_ARTICLES, Intake
from backissue.indexer.lock import locked
from backissue.indexer.parallel import workers
from backissue.indexer.passages import OVERLAP_SENTENCES, TARGET_WORDS, Cutter, cut_together
from backissue.indexer.readers import Problem
from backissue.indexer.storage import storing
from backissue.indexer.summary import Finding, Progress, Summary
from backissue.search.embedding import load_embedder
from backissue.search.errors import (
    FormatVersionError,
    IndexCorruptError,
    IndexNotFoundError,
    InvalidArgumentError,
    MissingExtraError,
    ModelMismatchError,
    StorageError,
)
from backissue.search.layout import IndexPaths, LexicalState, Manifest
from backissue.search.lexical import LexicalIndex
from backissue.search.store import Store
from backissue.search.types import Article

TAIL_LEAST = 20_000
TAIL_SHARE = 0.2
"""A tail of more passages than both is folded into a new generation."""

SOON_FOUND = 5_000
"""So many passages are brought into the published generation within some seconds, also where it is to be replaced."""


def _silent(stage: str, done: int, total: int | None) -> None:
    del stage, done, total


@dataclass(slots=True)
class Indexer:
    """Writes the index in the folder `path`. Making one is cheap; each verb takes the writer's lock while it runs.

    `model` is an embedding model by name or path (None: that of the index, or the bundled one for a new index).
    Passages have about `target_words` words and share `overlap_sentences` with the one before (None: as the index has
    it, or 120 and 1). A change of these takes effect with the next rebuild.
    """

    path: str | Path
    model: str | None = None
    target_words: int | None = None
    overlap_sentences: int | None = None
    wait_seconds: float = 10.0
    _paths: IndexPaths = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._paths = IndexPaths(Path(self.path))

    def add(
        self, articles: Iterable[Article | Problem], *, progress: Progress | None = None, strict: bool = False
    ) -> Summary:
        """Adds articles, in place of those of the same id; they can be found when it returns.

        Articles are acknowledged batch by batch: what was committed before an error stays.

        Raises:
            IndexLockedError: another process is writing.
            ReadError: there is a problem among the articles and the run is strict.
        """
        report = progress or _silent
        with self._writing("add") as database:
            published = self._published(database)
            cutter = self._cutter(database, published)
            number = database.layout(cutter.layout)
            if published is not None and number != published.layout:
                raise InvalidArgumentError(
                    f"The index at {self._paths.root} has another model or other passages than are asked for. "
                    "To change them run: backissue rebuild"
                )
            run = Intake(database, cutter, number, report, strict)
            try:
                run.take(articles)
            finally:
                if published is not None:
                    self._fold(database, published, cutter, report)
            if published is None:
                self._build(database, cutter, number, report)
            return run.summary(self._paths.current_name())

    def delete(self, ids: Iterable[str]) -> Summary:
        """Deletes articles; ids that the archive does not hold are passed over.

        Raises:
            IndexNotFoundError: there is no index.
            IndexLockedError: another process is writing.
        """
        started = time.perf_counter()
        self._paths.current_name()
        with self._writing("delete") as database:
            self._published(database)
            with database.change() as seq:
                gone = database.delete(ids, seq)
            with closing(Store.open(self._paths.database)) as store:
                generation.catch_up(self._paths, store, self._paths.current_name())
        seconds = time.perf_counter() - started
        return Summary(deleted=len(gone), seconds=seconds, generation=self._paths.current_name())

    def rebuild(
        self,
        articles: Iterable[Article | Problem] | None = None,
        *,
        prune: bool = False,
        progress: Progress | None = None,
        strict: bool = False,
    ) -> Summary:
        """Builds a new generation, from the archive or with `articles` added to it first, and publishes it.

        With `prune` the archive holds just these articles afterwards. Searches go on in the old generation
        meanwhile. A rebuild that is cut off leaves the old one published, and the next one goes on from there.

        Raises:
            IndexNotFoundError: there is no archive and no article is given.
            IndexLockedError: another process is writing.
            ReadError: there is a problem among the articles and the run is strict.
        """
        report = progress or _silent
        if articles is None and not self._paths.database.is_file():
            raise IndexNotFoundError(
                f"There is no archive at {self._paths.root} to rebuild from. Name the files: backissue rebuild PATH…"
            )
        with self._writing("rebuild") as database:
            published = None
            with suppress(IndexCorruptError, FormatVersionError):  # What is published may be what has to be mended.
                published = self._published(database)
            cutter = self._cutter(database, published)
            number = database.layout(cutter.layout)
            run = Intake(database, *self._taking(database, published, cutter), report, strict)
            if articles is not None:
                try:
                    run.take(articles)
                    if prune:
                        run.prune()
                except BaseException:
                    if published is not None:
                        self._fold(database, published, self._taking(database, published, cutter)[0], report)
                    raise
            self._build(database, cutter, number, report)
            return run.summary(self._paths.current_name())

    def recover(self) -> bool:
        """Applies to the derived indexes what a crash left out; says whether there was anything.

        Where the crash was in the first build, the generation that it did not come to is built.

        Raises:
            IndexNotFoundError: there is no archive.
            IndexCorruptError: the index is damaged, which no crash does; `rebuild` mends what can be mended.
            IndexLockedError: another process is writing.
        """
        if self._is_caught_up():
            return False
        with self._writing("recover") as database:
            published = self._published(database)
            if published is None:
                cutter = self._cutter(database, None)
                self._build(database, cutter, database.layout(cutter.layout), _silent)
                return True
            self._fill(database, self._cutter_of(database, published.layout), published.layout, _silent)
            with closing(Store.open(self._paths.database)) as store:
                generation.catch_up(self._paths, store, published.generation)
        return True

    def _is_caught_up(self) -> bool:
        try:
            folder = self._paths.generation(self._paths.current_name())
        except IndexNotFoundError:
            if self._paths.database.is_file():
                return False
            raise
        number = Manifest.read(folder).layout
        with closing(Store.open(self._paths.database)) as store:
            return LexicalState.read(folder).seq == store.seq() and not store.ids_without_passages(number)

    def rollback(self) -> str:
        """Publishes the generation before the current one, with all that the archive holds by now; gives its name.

        Raises:
            IndexNotFoundError: there is no index, or no generation before the current one.
            IndexCorruptError: that generation is damaged; what is published stays.
            IndexLockedError: another process is writing.
        """
        self._paths.current_name()
        with self._writing("rollback") as database:
            name = generation.previous(self._paths)
            manifest = Manifest.read(self._paths.generation(name))
            manifest.check_contents(self._paths.generation(name))
            number = manifest.layout
            self._fill(database, self._cutter_of(database, number), number, _silent)
            with closing(Store.open(self._paths.database)) as store:
                generation.catch_up(self._paths, store, name)
            generation.publish(self._paths, name)
        return name

    def backup(self, target: str | Path) -> Backup:
        """Copies the archive as it is at one moment to the new file `target`, while others read and write.

        Raises:
            IndexNotFoundError: there is no archive.
            InvalidArgumentError: `target` is there already.
            IndexCorruptError: the archive, or the copy, is damaged.
            StorageError: the disk takes no copy.
        """
        return back_up(self._paths, Path(target))

    def restore(self, backup: str | Path, *, replace: bool = False) -> Backup:
        """Puts what a backup holds in place of what the archive does, and builds its generation.

        Cut off, it leaves the archive as it was or as it is to be; `recover` does the rest.

        Raises:
            IndexNotFoundError: there is no such file.
            IndexCorruptError, FormatVersionError: it is no backup that this version reads, or a damaged one.
            InvalidArgumentError: there is an archive already, which only `replace` gives up.
            IndexLockedError: another process is writing.
        """
        with storing(self._paths.root), brought_over(Path(backup), self._paths.root) as source:
            held = look_at(source)
            if self._paths.database.exists() and not replace:
                raise InvalidArgumentError(
                    f"There is an archive at {self._paths.root} already. To give up what it holds: "
                    f"backissue restore {backup} --index {self._paths.root} --replace"
                )
            with locked(self._paths.lock, "restore", self.wait_seconds):
                generation.unpublish(self._paths)
                try:
                    self._take_over(source)
                except IndexCorruptError:
                    set_aside(self._paths.database)
                    self._take_over(source)
        self.recover()
        return dataclasses.replace(held, path=str(backup))

    def _take_over(self, backup: Path) -> None:
        with storing(self._paths.root), Database.open(self._paths.database) as database:
            put_back(backup, database)

    def check(self, full: bool = False) -> list[Finding]:
        """Looks whether the index is whole; `full` reads every file and compares it with its checksum."""
        return check_index(self._paths, full=full)

    @contextmanager
    def _writing(self, purpose: str) -> Iterator[Database]:
        with (
            storing(self._paths.root),
            workers(),
            locked(self._paths.lock, purpose, self.wait_seconds),
            Database.open(self._paths.database) as database,
        ):
            yield database

    def _published(self, database: Database) -> Manifest | None:
        """What is published; None for a new index.

        Raises:
            FormatVersionError: it has a format that this version does not read.
            IndexCorruptError: it is damaged, or the archive is not the one that it was built from.
        """
        try:
            folder = self._paths.generation(self._paths.current_name())
        except IndexNotFoundError:
            return None
        manifest = Manifest.read(folder)
        # The numbers of changes and rows would come to mean other ones, were the older archive written to.
        if database.seq() < LexicalState.read(folder).seq:
            raise IndexCorruptError(
                f"{self._paths.database} is older than {folder}, which was built from it. "
                "Mend it: backissue doctor --repair"
            )
        return manifest

    def _cutter(self, database: Database, published: Manifest | None) -> Cutter:
        """The cutter that was asked for; what was not asked for is as the index has it."""
        layouts = [published.layout] if published is not None else database.layouts()
        known = database.layout_of(layouts[-1]) if layouts else None
        model = self.model or (known.model_id if known else None)
        words, overlap = self.target_words, self.overlap_sentences
        if words is None:
            words = known.target_words if known else TARGET_WORDS
        if overlap is None:
            overlap = known.overlap_sentences if known else OVERLAP_SENTENCES
        return Cutter(load_embedder(model), words, overlap)

    def _taking(self, database: Database, published: Manifest | None, cutter: Cutter) -> tuple[Cutter, int]:
        """The cutter and the layout by which articles are taken in: those that searches use meanwhile, if they can be
        used still. What is to be built gets its passages when all are in.
        """
        if published is not None:
            with suppress(ModelMismatchError, MissingExtraError, InvalidArgumentError):
                return self._cutter_of(database, published.layout), published.layout
        return cutter, database.layout(cutter.layout)

    def _cutter_of(self, database: Database, number: int) -> Cutter:
        """The cutter that made the passages of a layout."""
        layout = database.layout_of(number)
        cutter = Cutter(load_embedder(layout.model_id), layout.target_words, layout.overlap_sentences)
        if cutter.layout != layout:
            raise ModelMismatchError(
                f"The index at {self._paths.root} was built with other weights of {layout.model_id} than are here. "
                f"Run: backissue rebuild --index {self._paths.root}"
            )
        return cutter

    def _fill(self, database: Database, cutter: Cutter, number: int, report: Progress) -> None:
        """Cuts the articles that have no passages in a layout yet."""
        total = database.count_without_passages(number)
        if not total:
            return
        done = 0
        with closing(Store.open(self._paths.database)) as store:
            waiting: deque[list[tuple[int, str]]] = deque()

            def batches() -> Iterator[list[Article]]:
                last_row = 0
                while rows := database.rows_without_passages(number, last_row, BATCH_ARTICLES):
                    last_row = rows[-1][0]
                    waiting.append(rows)
                    yield [store.article(article_id) for _, article_id in rows]

            for cuts in cut_together(cutter, batches()):
                rows = waiting.popleft()
                with database.change() as seq:
                    for (row, _), cut in zip(rows, cuts, strict=True):
                        database.put_passages(row, cut, number, seq)
                done += len(rows)
                report("embed", done, total)

    def _fold(self, database: Database, published: Manifest, cutter: Cutter, report: Progress) -> None:
        """Brings the published generation up to what was committed; a long tail becomes part of a new base.

        What is soon brought up is found before the new base is built, which may take minutes.
        """
        if len(database.layouts()) > 1:  # A rebuild that was cut off may have taken articles into another one alone.
            self._fill(database, cutter, published.layout, report)
        seen = LexicalState.read(self._paths.generation(published.generation)).seq
        tail = database.count_passages_since(published.layout, published.seq)
        is_long = tail > max(TAIL_LEAST, TAIL_SHARE * published.passages)
        if not is_long or database.count_passages_since(published.layout, seen) <= SOON_FOUND:
            with closing(Store.open(self._paths.database)) as store:
                generation.catch_up(self._paths, store, published.generation)
        if is_long:
            self._build(database, cutter, published.layout, report)

    def _build(self, database: Database, cutter: Cutter, number: int, report: Progress) -> None:
        database.bury_damaged(number)
        self._fill(database, cutter, number, report)
        with closing(Store.open(self._paths.database)) as store:
            manifest = generation.build(
                self._paths,
                store,
                number,
                cutter.layout,
                lambda done, total: report("index", done, total),
                cutter.embedder,
            )
            report("publish", 0, 1)
            self._read_back(manifest)
            before = generation.current_or_none(self._paths)
            generation.publish(self._paths, manifest.generation)
        kept = generation.retire(self._paths, before)
        used = {one.layout for one in kept}
        with database.transaction():
            database.forget(set(database.layouts()) - used, min(one.seq for one in kept))
        generation.hand_over(self._paths, database, manifest)
        report("publish", 1, 1)

    def _read_back(self, manifest: Manifest) -> None:
        """Reads what was built, as searches will: a disk may lose what it took.

        Raises:
            StorageError: it is not what was written.
        """
        folder = self._paths.generation(manifest.generation)
        try:
            manifest.check_contents(folder)
            check_parts(folder, manifest)
            if (found := len(LexicalIndex.open(folder / "lexical"))) != manifest.passages:
                raise IndexCorruptError(f"{folder / 'lexical'} holds {found} passages, not {manifest.passages}")
        except IndexCorruptError as error:
            generation.remove(folder)
            raise StorageError(
                f"What was written to {self._paths.root} does not read back ({error}). The generation before stays "
                "published, and what was acknowledged is kept. Look after the disk, then run: backissue doctor --repair"
            ) from error
