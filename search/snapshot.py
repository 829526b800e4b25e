"""What a search sees: one generation with its tail at one moment. It never changes; a newer one takes its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backissue.search.analysis import surface
from backissue.search.bm25 import bm25, find_matches
from backissue.search.columns import Columns, GrowingColumns
from backissue.search.dense import DenseIndex
from backissue.search.errors import IndexCorruptError
from backissue.search.filters import (
    CODED_FIELDS,
    NO_RESTRICTION,
    Mask,
    Restriction,
    column_mask,
    in_articles,
    resolve,
)
from backissue.search.forward import (
    NO_DOCUMENT,
    NO_TOKENS,
    Document,
    Documents,
    Forward,
    Joined,
    TailDocuments,
    TokenIds,
    document,
    gathered,
    joined,
    tokens_of_document,
)
from backissue.search.growing import Growing
from backissue.search.layout import IndexPaths, LexicalState, Manifest
from backissue.search.lexical import LexicalIndex, TermTable
from backissue.search.store import Store
from backissue.search.types import UNKNOWN_LANG, Query

PER_FAMILY = 8
"""So many passages of one article, or of all copies of it, may be candidates: neither an agency's text in two hundred
papers nor one very long article may be all that is found."""

MOST_PASSED_OVER = 10_000
"""So many of the best by words are looked through for what is no copy of one before. Where a text stands more often
than that and answers best, what comes behind it is found by meaning alone."""

Found = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Positions and scores, best first."""


@dataclass(frozen=True)
class Snapshot:
    """One generation, the tail behind it, and what was deleted since: what a search runs on.

    `rows` are the columns of base and tail together, in the order of the positions that `dense` gives, and `tail` the
    vectors (m, d) of the tail. `alive` says which positions were not deleted (None where none was), `counts` how many
    of them each code of a language has, and `names` are the values of each coded field by their codes. `seq` is the
    last change of the archive that these know, `lexical_seq` one that `lexical` is known to have.

    A commit costs what it brings, not what is there: the next snapshot goes on where this one ends.
    """

    paths: IndexPaths
    manifest: Manifest
    store: Store
    lexical: LexicalIndex
    dense: DenseIndex
    forward: Forward
    tail_documents: TailDocuments[Document]
    tail_tokens: TailDocuments[TokenIds]
    base: Columns
    rows: GrowingColumns
    tail: Growing
    alive: Mask | None
    counts: Mapping[int, int]
    names: Mapping[str, Mapping[int, str]]
    seq: int
    lexical_seq: int

    @classmethod
    def open(cls, paths: IndexPaths, store: Store) -> Snapshot:
        """Opens the published generation.

        Raises:
            IndexNotFoundError: nothing is published.
            FormatVersionError: it has a format that this version does not read.
            IndexCorruptError: one of its files is missing, cut or unreadable; the message names it.
        """
        while True:
            name = paths.current_name()
            try:
                snapshot = cls._of(paths, store, name)
            except IndexCorruptError:
                if paths.current_name() == name:
                    raise
            else:
                if paths.current_name() == name:
                    return snapshot
            # A newer one was published meanwhile; this one, and what the archive kept for it, may be gone.

    @classmethod
    def _of(cls, paths: IndexPaths, store: Store, name: str) -> Snapshot:
        folder = paths.generation(name)
        manifest = Manifest.read(folder)
        manifest.check_sizes(folder)
        base = Columns.open(folder / "columns")
        snapshot = cls(
            paths=paths,
            manifest=manifest,
            store=store,
            lexical=LexicalIndex.open(folder / "lexical"),
            dense=DenseIndex.open(folder, manifest.dense, manifest.dimension),
            forward=Forward.open(folder / "forward", manifest.passages),
            tail_documents=TailDocuments(store, document, NO_DOCUMENT),
            tail_tokens=TailDocuments(store, tokens_of_document, NO_TOKENS),
            base=base,
            rows=GrowingColumns(base),
            tail=Growing(np.zeros((0, manifest.dimension), dtype=np.float32)),
            alive=None,
            counts=_counted(base.lang),
            names={kind: {} for kind in CODED_FIELDS},
            seq=manifest.seq,
            lexical_seq=manifest.seq,
        )
        if not len(snapshot.base) == len(snapshot.dense) == manifest.passages:
            raise IndexCorruptError(
                f"{folder} has {len(snapshot.base)} rows of columns and {len(snapshot.dense)} vectors for "
                f"{manifest.passages} passages. Mend it: backissue doctor --repair"
            )
        if store.seq() < manifest.seq:
            raise IndexCorruptError(
                f"{paths.database} is older than {folder}, which was built from it. Mend it: backissue doctor --repair"
            )
        return snapshot.caught_up()

    def is_current(self) -> bool:
        """Whether this is what is published, with all that was committed."""
        if self.paths.current_name() != self.manifest.generation or self.store.seq() > self.seq:
            return False
        if self.lexical_seq >= self.seq:
            return True
        # A change is committed to the archive first: what was seen between the two lacks it in the lexical index.
        try:
            return LexicalState.read(self._folder).seq <= self.lexical_seq
        except IndexCorruptError:
            return False

    def newest(self) -> Snapshot:
        """What is published now, with all that was committed until now."""
        if self.paths.current_name() == self.manifest.generation:
            try:
                snapshot = self.caught_up()
            except IndexCorruptError:
                if self.paths.current_name() == self.manifest.generation:
                    raise
            else:
                if self.paths.current_name() == self.manifest.generation:
                    return snapshot
        return Snapshot.open(self.paths, self.store)

    def caught_up(self) -> Snapshot:
        """The same generation with all that was committed to the archive until now."""
        lexical_seq = LexicalState.read(self._folder).seq
        manifest = self.manifest
        # Rows and names only grow, and what is deleted is masked: only what is new has to be read.
        last_row = max(int(self.columns.row[-1]) if len(self.columns) else 0, manifest.last_row)
        last_name = max((code for of_kind in self.names.values() for code in list(of_kind)[-1:]), default=0)
        with self.store.read():
            seq = self.store.seq()
            more, vectors = self.store.columns_after(manifest.layout, last_row, manifest.dimension)
            buried = self.store.tombstones_after(manifest.layout, self.seq)
            names = self.store.names_after(last_name)
        rows, tail = self.rows.followed_by(more), self.tail.followed_by(vectors)
        gone = rows.columns.positions(buried)
        gone = gone[gone >= 0]
        counts = Counter(self.counts)
        counts.update(_counted(more.lang))
        counts.subtract(_counted(rows.columns.lang[gone]))
        return replace(
            self,
            lexical=self.lexical.reload(),
            dense=self.dense.with_tail(tail.values),
            rows=rows,
            tail=tail,
            alive=_without(self.alive, gone, len(rows.columns)),
            counts=counts,
            names={kind: {**known, **names[kind]} if kind in names else known for kind, known in self.names.items()},
            seq=seq,
            lexical_seq=lexical_seq,
        )

    @property
    def _folder(self) -> Path:
        return self.paths.generation(self.manifest.generation)

    def __len__(self) -> int:
        return len(self.columns) if self.alive is None else int(self.alive.sum())

    @property
    def columns(self) -> Columns:
        """The columns of base and tail together."""
        return self.rows.columns

    @cached_property
    def passages_by_lang(self) -> Mapping[str, int]:
        """How many passages each language has, most first."""
        of = self.names["lang"]
        by_lang = {of.get(code, UNKNOWN_LANG): count for code, count in sorted(self.counts.items()) if count}
        return dict(sorted(by_lang.items(), key=lambda item: (-item[1], item[0])))

    @property
    def langs(self) -> list[str]:
        """The languages of the archive, that of most passages first."""
        return list(self.passages_by_lang)

    @cached_property
    def newest_day(self) -> int:
        """The last day on which anything was published, 0 where no article has a date."""
        days = self.columns.day if self.alive is None else self.columns.day[self.alive]
        return max(int(days.max(initial=0)), 0)

    def restriction(self, query: Query) -> Restriction:
        """The query's filters in this archive's codes."""
        if replace(query, raw="", text="") == Query(raw="", text=""):
            return NO_RESTRICTION
        return resolve(query, self.names, fold_name)

    def mask(self, restriction: Restriction) -> Mask | None:
        """Which positions may be found; None where all may."""
        if not restriction:
            return self.alive
        mask = column_mask(self.columns, restriction)
        if self.alive is not None:
            mask &= self.alive
        return mask & self._text_mask(restriction) if restriction.needs_text else mask

    def search_lexical(self, table: TermTable, k: int, restriction: Restriction, mask: Mask | None) -> Found:
        """Positions (n,) and BM25 scores (n,) of the `k` best passages that the mask lets pass, best first.

        The index applies what it can of the restriction itself. It cannot see which article a passage belongs to, and
        it may be a commit ahead of the columns: the mask decides.
        """
        depth = k
        while True:
            hits = self.lexical.search(table, depth, restriction, self.langs)
            positions = self.columns.positions(hits.rows)
            passing = positions >= 0
            if mask is not None:
                passing &= mask[np.maximum(positions, 0)]
            positions, scores = positions[passing], hits.scores[passing].astype(np.float64)
            kept = first_of_each(self.columns.family[positions], PER_FAMILY)
            if kept.sum() >= k or len(hits) < depth or len(positions) >= MOST_PASSED_OVER:
                return positions[kept][:k], scores[kept][:k]
            depth *= 4

    def search_dense(self, vector: NDArray[np.float32], k: int, mask: Mask | None) -> Found:
        """Positions (n,) and cosines (n,) of the `k` nearest passages that the mask lets pass, best first.

        Where families have more among the nearest than may be candidates, the nearest of the others are looked for, by
        a mask without these families: what has a million copies costs no more than what has a hundred.
        """
        positions, scores = np.zeros(0, dtype=np.int64), np.zeros(0)
        while True:
            hits = self.dense.search(vector, k, mask)
            positions = np.concatenate([positions, hits.positions])
            scores = np.concatenate([scores, hits.scores.astype(np.float64)])
            best = np.argsort(-scores, kind="stable")
            best = best[first_of_each(self.columns.family[positions[best]], PER_FAMILY)]
            if len(best) >= k or len(hits) < k:
                return positions[best][:k], scores[best][:k]
            families, counts = np.unique(self.columns.family[positions[best]], return_counts=True)
            full = families[counts == PER_FAMILY]
            best = best[np.isin(self.columns.family[positions[best]], full)]
            positions, scores = positions[best], scores[best]
            others = ~np.isin(self.columns.family, full)
            mask = others if mask is None else mask & others

    def documents(self, positions: NDArray[np.int64]) -> Documents:
        """The terms of passages."""
        in_base = positions < len(self.base)
        old = self.forward.documents(positions[in_base])
        if in_base.all():
            return old
        new = Documents.of(self.tail_documents.of(self.columns.row[positions[~in_base]].tolist()))
        terms, starts = _merged(in_base, (old.terms, old.term_starts), (new.terms, new.term_starts))
        title_terms = np.empty(len(positions), dtype=np.int64)
        title_terms[in_base], title_terms[~in_base] = old.title_terms, new.title_terms
        return Documents(terms, starts, title_terms)

    def tokens(self, positions: NDArray[np.int64]) -> Joined:
        """The ids of the tokens of passages."""
        in_base = positions < len(self.base)
        old = self.forward.tokens_at(positions[in_base])
        if in_base.all():
            return old
        return _merged(in_base, old, joined(self.tail_tokens.of(self.columns.row[positions[~in_base]].tolist())))

    def texts(self, positions: NDArray[np.int64]) -> list[tuple[str, str]]:
        """The titles and texts of passages, read from the archive; empty for one that is gone."""
        rows = self.columns.row[positions].tolist()
        with self.store.read():
            passages = self.store.passages(rows)
            refs = self.store.refs({passage.article for passage in passages.values()})
        titles = {passage.row: refs[passage.article].title for passage in passages.values() if passage.article in refs}
        return [(titles[row], passages[row].text) if row in titles else ("", "") for row in rows]

    def lexical_scores(self, table: TermTable, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """The BM25 scores (n,) of the passages at some positions; 0 for one that holds none of the terms."""
        documents = self.documents(positions)
        return bm25(table, documents, find_matches(table, documents), self.forward.mean_lengths)

    def cosines(self, vector: NDArray[np.float32], positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """The cosines (n,) of a vector (d,) of length 1 with the passages at some positions."""
        return (self.dense.vectors(positions) @ vector).astype(np.float64)

    def _text_mask(self, restriction: Restriction) -> Mask:
        mask = np.ones(len(self.columns), dtype=np.bool_)
        for phrase in restriction.phrases:
            mask &= self._holding(self.lexical.rows_with_phrase(phrase))
        for words in restriction.titles:
            mask &= self._holding(self.lexical.rows_with_title_words(words, self.langs))
        for words in restriction.excluded_titles:
            mask &= ~self._in_same_article(self.lexical.rows_with_title_words(words, self.langs))
        for word in restriction.excluded_words:
            mask &= ~self._in_same_article(self.lexical.rows_with_word(word, self.langs))
        for phrase in restriction.excluded_phrases:
            mask &= ~self._in_same_article(self.lexical.rows_with_phrase(phrase))
        return mask

    def _holding(self, rows: NDArray[np.int64]) -> Mask:
        mask = np.zeros(len(self.columns), dtype=np.bool_)
        positions = self.columns.positions(rows)
        mask[positions[positions >= 0]] = True
        return mask

    def _in_same_article(self, rows: NDArray[np.int64]) -> Mask:
        positions = self.columns.positions(rows)
        return in_articles(self.columns, positions[positions >= 0])


def first_of_each(families: NDArray[np.int64], limit: int) -> Mask:
    """True for the first `limit` entries of each family: shape (n,)."""
    in_order = np.sort(families)  # most often none has more
    if not (in_order[limit:] == in_order[:-limit]).any():
        return np.ones(len(families), dtype=np.bool_)
    grouped = np.argsort(families, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(families[grouped]) != 0))
    sizes = np.diff(np.append(starts, len(grouped)))
    kept = np.zeros(len(families), dtype=np.bool_)
    kept[grouped[np.arange(len(grouped)) - np.repeat(starts, sizes) < limit]] = True
    return kept


def _counted(codes: NDArray[np.int64]) -> dict[int, int]:
    """How often each code stands there."""
    return dict(zip(*(part.tolist() for part in np.unique(codes, return_counts=True)), strict=True))


def _without(alive: Mask | None, gone: NDArray[np.int64], length: int) -> Mask | None:
    """A mask that lets pass what `alive` does and what is behind it, but not the positions that are `gone`."""
    if alive is None and not len(gone):
        return None
    mask = np.ones(length, dtype=np.bool_)
    if alive is not None:
        mask[: len(alive)] = alive
    mask[gone] = False
    return mask


def _merged(chosen: Mask, some: Joined, others: Joined) -> Joined:
    """The parts of two in one order: where `chosen` (n,) is true the next of the one, elsewhere that of the other."""
    values = np.concatenate([some[0], others[0]])
    begins, lengths = np.empty(len(chosen), dtype=np.int64), np.empty(len(chosen), dtype=np.int64)
    for mask, starts, offset in ((chosen, some[1], 0), (~chosen, others[1], len(some[0]))):
        begins[mask], lengths[mask] = starts[:-1] + offset, np.diff(starts)
    return gathered(values, begins, lengths)


@lru_cache(maxsize=100_000)
def fold_name(name: str) -> str:
    """A name without case, accents or punctuation, so that two spellings of it are equal."""
    return " ".join(token.term for token in surface(name))
