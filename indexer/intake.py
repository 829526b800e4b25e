"""Taking articles in: batch by batch they are compared with the archive, cut, embedded and committed."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from backissue.indexer.database import CutArticle, Database, Known, content_hash
from backissue.indexer.passages import Cutter, cut_together
from backissue.indexer.readers import Problem
from backissue.indexer.summary import Progress, Summary
from backissue.search.errors import ReadError
from backissue.search.types import UNKNOWN_LANG, Article

BATCH_ARTICLES = 256
"""So many articles are cut and embedded together."""

COMMITTED_ARTICLES = 1024
COMMIT_SECONDS = 5.0
"""So many articles are acknowledged together, or what came in so long a time. Each commit waits for the disk and has
every reader look for what is new."""

MAX_PROBLEMS_KEPT = 1000
"""So many problems of a run are kept with their places; the others are counted, or a billion bad rows would fill the
memory."""

BATCH_CHARS = 4_000_000
"""A batch ends before it holds more text than this, however few its articles are, and a commit with the batch that
reaches it."""

Cuts = tuple[list[Article], list[CutArticle]]
"""Articles, and those of them cut that the archive does not hold as they are."""


@dataclass(slots=True)
class Intake:
    """One run of taking articles in, and the counts of what it did."""

    database: Database
    cutter: Cutter
    layout: int
    report: Progress
    strict: bool
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    passages: int = 0
    words: int = 0
    problems: list[Problem] = field(default_factory=list)
    skipped_by_kind: Counter[str] = field(default_factory=Counter)
    _started: float = field(default_factory=time.perf_counter)
    _first_seq: int = 0
    _same: set[str] = field(default_factory=set)

    def take(self, articles: Iterable[Article | Problem]) -> None:
        """Takes articles in, batch by batch; while one is written, some of the next are cut already.

        Raises:
            ReadError: there is a problem among the articles and the run is strict.
        """
        self._first_seq = self.database.seq()
        waiting: list[Cuts] = []
        since = time.monotonic()
        try:
            for batch in self._cut(_batches(self._without_problems(articles))):
                waiting.append(batch)
                if _is_enough(waiting) or time.monotonic() - since >= COMMIT_SECONDS:
                    self._commit(waiting)
                    since = time.monotonic()
        finally:
            self._commit(waiting)

    def prune(self) -> None:
        """Deletes the articles that this run did not take in.

        Where something could not be read, none is: what is missing may be in there.
        """
        kinds = set(self.skipped_by_kind) - {"duplicate", "empty", "unsupported"}
        if unread := sum(self.skipped_by_kind[kind] for kind in kinds):
            self._note(Problem("prune", "", "unpruned", f"{unread} inputs could not be read, so nothing was pruned"))
            return
        ids = self.database.ids_not_written_since(self._first_seq, self._same)
        if ids:
            with self.database.change() as seq:
                self.deleted += len(self.database.delete(ids, seq))

    def summary(self, generation: str) -> Summary:
        """What the run did until now."""
        return Summary(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            deleted=self.deleted,
            passages=self.passages,
            words=self.words,
            seconds=time.perf_counter() - self._started,
            generation=generation,
            problems=tuple(self.problems),
            skipped_by_kind=dict(self.skipped_by_kind.most_common()),
        )

    def _without_problems(self, articles: Iterable[Article | Problem]) -> Iterator[Article]:
        for article in articles:
            if not isinstance(article, Article):
                self._note(article)
            elif article.text.strip():
                yield sound(article)
            else:
                self._note(Problem(article.id, "", "empty", "no text"))

    def _note(self, problem: Problem) -> None:
        self.skipped_by_kind[problem.kind] += 1
        if len(self.problems) < MAX_PROBLEMS_KEPT:
            self.problems.append(problem)
        if self.strict:
            raise ReadError(f"{problem} (the run is strict; what was read before it is kept)")

    def _cut(self, batches: Iterable[list[Article]]) -> Iterator[Cuts]:
        waiting: deque[list[Article]] = deque()

        def unknown() -> Iterator[list[Article]]:
            for batch in batches:
                waiting.append(batch)
                known = self.database.known([article.id for article in batch])
                yield [one for one in batch if one.id not in known or known[one.id].hash != content_hash(one)]

        for cuts in cut_together(self.cutter, unknown()):
            yield waiting.popleft(), cuts

    def _commit(self, waiting: list[Cuts]) -> None:
        """Commits the batches that wait, and none of them waits any more."""
        batches, waiting[:] = waiting[:], []
        if batches:
            together = [article for articles, _ in batches for article in articles]
            self._put(together, [cut for _, cuts in batches for cut in cuts])
            self.report("read", self.added + self.updated + self.unchanged, None)

    def _put(self, batch: list[Article], cuts: list[CutArticle]) -> None:
        known = self.database.known([article.id for article in batch])
        hashes = {article.id: known_article.hash for article in batch if (known_article := known.get(article.id))}
        changed: dict[str, Article] = {}
        for article in batch:
            own = content_hash(article)
            if hashes.get(article.id) != own:
                changed[article.id] = article
                hashes[article.id] = own
            elif article.id in changed or article.id in self._same or self._written_by_this_run(known, article.id):
                self._note(Problem(article.id, "", "duplicate", "the same article was read before in this run"))
            else:
                self.unchanged += 1
                self._same.add(article.id)
        if not changed:
            return
        cut_of = {cut.article: cut for cut in cuts}
        # What was the archive's own when it was read may have been written over by a batch before this one.
        cut_of |= {cut.article: cut for cut in self.cutter.cut([one for one in changed.values() if one not in cut_of])}
        chosen = [cut_of[article] for article in changed.values()]
        with self.database.change() as seq:
            for cut in chosen:
                self.database.put(cut, self.layout, seq)
        for cut in chosen:
            self.passages += len(cut.spans)
            self.words += cut.article.text.count(" ") + 1
        self.updated += sum(1 for article_id in changed if article_id in known)
        self.added += sum(1 for article_id in changed if article_id not in known)

    def _written_by_this_run(self, known: dict[str, Known], article_id: str) -> bool:
        return article_id in known and known[article_id].seq > self._first_seq


def sound(article: Article) -> Article:
    """The article in the form that can be stored: without half surrogate pairs and null characters, offsets kept."""
    changed = {
        name: _storable(value)
        for name in Article.__slots__
        if (value := getattr(article, name)) is not None and value != _storable(value)
    }
    if not article.lang:
        changed["lang"] = UNKNOWN_LANG
    return replace(article, **changed) if changed else article


def _storable(text: str) -> str:
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x00", " ") if "\x00" in text else text


def _batches(articles: Iterable[Article]) -> Iterator[list[Article]]:
    batch: list[Article] = []
    chars = 0
    for article in articles:
        if batch and (len(batch) >= BATCH_ARTICLES or chars + len(article.text) > BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(article)
        chars += len(article.text)
    if batch:
        yield batch


def _is_enough(waiting: Sequence[Cuts]) -> bool:
    articles = [article for batch, _ in waiting for article in batch]
    return len(articles) >= COMMITTED_ARTICLES or sum(len(article.text) for article in articles) >= BATCH_CHARS
