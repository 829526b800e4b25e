"""Articles like an article, across languages."""

from __future__ import annotations

import time

import numpy as np

from backissue.search.groups import facets
from backissue.search.retrieval import LEG_DEPTH
from backissue.search.snapshot import Snapshot
from backissue.search.types import Filter, Hit, PassageHit, Query, Results


def find_similar(snapshot: Snapshot, article_id: str, k: int, wanted: Filter) -> Results:
    """The articles whose best passage is nearest to the mean of this article's passages.

    Raises:
        ArticleNotFoundError: the archive holds no article of this id.
    """
    started = time.perf_counter()
    store, manifest = snapshot.store, snapshot.manifest
    with store.read():
        row = store.row_of(article_id)
        vectors = store.vectors_of(row, manifest.layout, manifest.dimension)
        title = store.refs([row])[row].title
    restriction = snapshot.restriction(Query(raw="", text="", filter=wanted))
    mask = snapshot.mask(restriction)
    own = snapshot.columns.article == row
    family = snapshot.columns.family[own]
    others = ~np.isin(snapshot.columns.family, family)
    mask = others if mask is None else mask & others
    groups: dict[int, tuple[float, int, int]] = {}
    if len(vectors) and vectors.any():
        mean = vectors.mean(axis=0)
        positions, cosines = snapshot.search_dense((mean / np.linalg.norm(mean)).astype(np.float32), LEG_DEPTH, mask)
        for position, cosine in zip(positions.tolist(), cosines.tolist(), strict=True):
            key = int(snapshot.columns.family[position])
            groups.setdefault(key, (float(cosine), int(position), int(snapshot.columns.article[position])))
    ordered = list(groups.values())
    return Results(
        query=title,
        took_ms=(time.perf_counter() - started) * 1000,
        hits=tuple(_present(snapshot, ordered[:k])),
        facets=facets(snapshot, np.array([position for _, position, _ in ordered], dtype=np.int64)),
        total=len(ordered),
        no_good_answer=not ordered,
    )


def _present(snapshot: Snapshot, found: list[tuple[float, int, int]]) -> list[Hit]:
    rows = [int(snapshot.columns.row[position]) for _, position, _ in found]
    with snapshot.store.read():
        passages = snapshot.store.passages(rows)
        refs = snapshot.store.refs(article for *_, article in found)
    hits: list[Hit] = []
    for row, (cosine, _, article) in zip(rows, found, strict=True):
        if row not in passages or article not in refs:
            continue  # Deleted since the snapshot was taken.
        passage = passages[row]
        shown = PassageHit(passage.text, passage.start, passage.end, cosine)
        told = {"semantic": {"rank": len(hits) + 1, "score": round(cosine, 4)}}
        hits.append(Hit(refs[article], max(cosine, 0.0), None, (shown,), explain=told))
    return hits
