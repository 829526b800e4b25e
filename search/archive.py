"""The door: open an archive and ask it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from backissue.search import pipeline
from backissue.search.calibration import Calibration
from backissue.search.deep import DeepReranker
from backissue.search.deep import bundled as bundled_reader
from backissue.search.embedding import Embedder, StaticEmbedder, load_embedder
from backissue.search.errors import InvalidArgumentError, ModelMismatchError
from backissue.search.layout import IndexPaths
from backissue.search.pipeline import Options
from backissue.search.query import parse
from backissue.search.rerank import CrossEncoderReranker, FastReranker, Reranker
from backissue.search.similar import find_similar
from backissue.search.snapshot import Snapshot
from backissue.search.store import Store
from backissue.search.types import NO_FILTER, Article, Filter, Mode, Results, Sort, Span

MAX_K = 1000
MAX_QUESTION_CHARS = 10_000
RERANKERS_KEPT = 2

Choice = TypeVar("Choice", Mode, Sort)


class Archive:
    """An index, opened for searching. It may be used from several threads.

    Each search sees all that was acknowledged before it began, whichever process added it.
    """

    def __init__(self, paths: IndexPaths, store: Store, snapshot: Snapshot) -> None:
        self._paths = paths
        self._store = store
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._models_lock = threading.Lock()  # A model takes seconds to load, and searches go on meanwhile.
        self._embedder: Embedder | None = None
        self._rerankers: OrderedDict[str, Reranker] = OrderedDict()

    @classmethod
    def open(cls, path: str | Path = "index") -> Archive:
        """Opens the index in the folder `path`.

        Raises:
            IndexNotFoundError: there is no index.
            FormatVersionError: this version does not read its format.
            IndexCorruptError: a file of it is missing, cut or unreadable; the message names it.
        """
        paths = IndexPaths(Path(path))
        paths.current_name()
        store = Store.open(paths.database)
        try:
            return cls(paths, store, Snapshot.open(paths, store))
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files. The archive must not be used afterwards."""
        self._store.close()

    def search(
        self,
        question: str,
        *,
        k: int = 10,
        offset: int = 0,
        mode: str = Mode.HYBRID,
        rerank: str = "fast",
        sort: str = Sort.RELEVANCE,
        recency_days: float | None = None,
        filter: Filter | None = None,  # noqa: A002
        translate: bool = True,
        passages: int = 3,
        answers: bool = True,
        explain: bool = True,
        facets: bool = True,
        budget_ms: float | None = None,
        cancelled: threading.Event | None = None,
    ) -> Results:
        """Finds the articles that answer a question, best first.

        Args:
            question: words in any language, with the syntax that `backissue.search.query` tells of.
            k: how many articles, 1 to 1000.
            offset: how many articles to pass over.
            mode: "hybrid", "lexical" or "semantic".
            rerank: "fast", "deep" (needs the extra `deep`), "off", or the name or path of a cross-encoder.
            sort: "relevance" or "date" (newest first).
            recency_days: the age, from the archive's newest day, at which a score halves; None: age counts nothing.
            filter: what an article must satisfy beside what the question says.
            translate: whether passages in other languages are searched for the likely translations of the words.
            passages: how many passages of each article.
            answers: whether the answering sentence and the matched words of each hit are found.
            explain: whether hits tell why they stand where they do.
            facets: whether languages, sources, sections and months are counted.
            budget_ms: after so many milliseconds no further step is begun but what a page needs; `left_out` of the
                results names what was not done. None: all is done.
            cancelled: ends the search at its next step when it is set, by whoever waits for it in another thread.

        Raises:
            InvalidArgumentError: an argument is out of its range; the message says which.
            ModelMismatchError: the index was built with a model other than the one of its name here.
            SearchCancelledError: it was cancelled.
        """
        options = Options(
            k=_within("k", k, 1, MAX_K),
            offset=_within("offset", offset, 0, None),
            mode=_choice(Mode, "mode", mode),
            sort=_choice(Sort, "sort", sort),
            recency_days=recency_days,
            translate=translate,
            passages=_within("passages", passages, 1, 100),
            answers=answers,
            explain=explain,
            facets=facets,
            budget_ms=budget_ms,
            cancelled=cancelled,
        )
        if budget_ms is not None and not budget_ms > 0:
            raise InvalidArgumentError(f"budget_ms must be above 0, not {budget_ms}.")
        if recency_days is not None and not recency_days > 0:
            raise InvalidArgumentError(f"recency_days must be above 0, not {recency_days}.")
        if len(question) > MAX_QUESTION_CHARS:
            raise InvalidArgumentError(
                f"The question has {len(question)} characters; {MAX_QUESTION_CHARS} are the most. Ask in fewer words."
            )
        self.refresh()
        snapshot = self._snapshot
        return pipeline.run(
            snapshot,
            parse(question, filter or NO_FILTER),
            options,
            embedder=None if options.mode is Mode.LEXICAL else self._embedder_for(snapshot),
            tokens=StaticEmbedder.bundled(),
            reranker=self._reranker(rerank, options.mode, snapshot),
        )

    def similar(self, article_id: str, *, k: int = 10, filter: Filter | None = None) -> Results:  # noqa: A002
        """The articles nearest in meaning to an article, in any language, without its own copies.

        Raises:
            ArticleNotFoundError: the archive holds no article of this id.
        """
        self.refresh()
        return find_similar(self._snapshot, article_id, _within("k", k, 1, MAX_K), filter or NO_FILTER)

    def article(self, article_id: str) -> Article:
        """The article of this id.

        Raises:
            ArticleNotFoundError: the archive holds none.
        """
        return self._store.article(article_id)

    def passage_spans(self, article_id: str) -> list[Span]:
        """Where the passages of an article begin and end, in order.

        Raises:
            ArticleNotFoundError: the archive holds no article of this id.
        """
        self.refresh()
        with self._store.read():
            return self._store.spans(self._store.row_of(article_id), self._snapshot.manifest.layout)

    def stats(self) -> dict[str, Any]:
        """What the archive holds: counts, languages, sources, days, model, generation and bytes on disk."""
        self.refresh()
        snapshot = self._snapshot
        manifest = snapshot.manifest
        with self._store.read():
            articles, passages, first, last = self._store.totals(manifest.layout)
            languages, sources = self._store.count_by("lang"), self._store.count_by("source")
        folder = self._paths.generation(manifest.generation)
        return {
            "path": str(self._paths.root),
            "articles": articles,
            "passages": passages,
            "languages": languages,
            "sources": sources,
            "first_published": first,
            "last_published": last,
            "generation": manifest.generation,
            "built": manifest.created,
            "model": {"id": manifest.model_id, "hash": manifest.model_hash, "dimension": manifest.dimension},
            "dense": dict(manifest.dense),
            "tail_passages": len(snapshot.columns) - len(snapshot.base),
            "bytes": {
                "archive": _size(sorted(self._paths.root.glob("archive.db*"))),
                "generation": _size(sorted(folder.rglob("*"))),
            },
        }

    def refresh(self) -> bool:
        """Takes up what was published or committed since; says whether anything was.

        Searches that run meanwhile keep what they began with.
        """
        if self._snapshot.is_current():
            return False
        with self._lock:
            if self._snapshot.is_current():
                return False
            self._snapshot = self._snapshot.newest()
        return True

    def _embedder_for(self, snapshot: Snapshot) -> Embedder:
        with self._models_lock:
            if self._embedder is None or self._embedder.model.hash != snapshot.manifest.model_hash:
                self._embedder = load_embedder_of(snapshot)
            return self._embedder

    def _reranker(self, name: str, mode: Mode, snapshot: Snapshot) -> Reranker | None:
        if name == "off":
            return None
        fast = self._fast_reranker(mode, snapshot)
        if name == "fast":
            return fast
        if name == "deep":
            reader, weights = bundled_reader()
            return DeepReranker(fast, reader, weights)
        with self._models_lock:
            if name not in self._rerankers:
                self._rerankers[name] = CrossEncoderReranker(name)
            self._rerankers.move_to_end(name)
            while len(self._rerankers) > RERANKERS_KEPT:
                self._rerankers.popitem(last=False)
            return self._rerankers[name]

    def _fast_reranker(self, mode: Mode, snapshot: Snapshot) -> FastReranker:
        if StaticEmbedder.bundled().model.hash != snapshot.manifest.tokens_hash:
            raise ModelMismatchError(
                f"The forward index at {snapshot.paths.root} holds tokens of another version of the bundled model. "
                f"Run: backissue rebuild --index {snapshot.paths.root}"
            )
        return FastReranker(StaticEmbedder.bundled(), Calibration.bundled().reranker[mode])


def load_embedder_of(snapshot: Snapshot) -> Embedder:
    """The model that the index was built with.

    Raises:
        ModelMismatchError: the model of that name has other weights here.
    """
    manifest = snapshot.manifest
    embedder = load_embedder(manifest.model_id)
    if embedder.model.hash != manifest.model_hash:
        raise ModelMismatchError(
            f"The index at {snapshot.paths.root} was built with {manifest.model_id} {manifest.model_hash[:19]}…, "
            f"and here this model is {embedder.model.hash[:19]}…. Run: backissue rebuild --index {snapshot.paths.root}"
        )
    return embedder


def _within(name: str, value: int, least: int, most: int | None) -> int:
    if value < least or (most is not None and value > most):
        bounds = f"from {least} to {most}" if most is not None else f"at least {least}"
        raise InvalidArgumentError(f"{name} must be {bounds}, not {value}.")
    return value


def _choice(kind: type[Choice], name: str, value: str) -> Choice:
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(kind)
        raise InvalidArgumentError(f"{name} must be one of {allowed}, not {value!r}.") from None


def _size(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
