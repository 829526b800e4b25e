"""The query path of backissue beside its floors and beside whole systems, over one corpus, on one thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from backissue.search import Filter, Mode, Query
from backissue.search.calibration import Calibration
from backissue.search.embedding import StaticEmbedder
from backissue.search.filters import NO_RESTRICTION
from backissue.search.pipeline import Options, run
from backissue.search.question import understand
from backissue.search.rerank import FastReranker
from backissue.search.snapshot import Snapshot
from backissue.search.types import NO_FILTER
from bench import peers
from bench.corpus import SECTIONS, Corpus, section_name
from bench.indexes import SIGNED_UP_TO, Given
from bench.peers import DEPTH, Ask, K
from bench.timing import Row, Target, measure, overlap, table

BARE = Options(answers=False, explain=False, facets=False, passages=1)


def legs(snapshot: Snapshot, given: Corpus, folder: Path) -> Iterator[str | Target]:
    """Each leg against plain tantivy, rank_bm25 and FAISS, and the dense leg under filters."""
    questions, dense = len(given.questions), snapshot.manifest.dense
    exact = peers.faiss_exact(given)
    asks = {"tantivy": peers.tantivy(given, folder / "tantivy"), **legs_of(snapshot, given), "FAISS exact": exact}
    if dense["probes"]:
        lists = int(dense["kind"].removeprefix("IVF").partition(",")[0])
        asks["FAISS IVF"] = peers.faiss_ivf(given, lists, dense["probes"])
    oracle, few = None, min(questions, 20)
    if len(given.texts) <= SIGNED_UP_TO:
        oracle = peers.rank_bm25(given)
        asks["bm25s"] = peers.bm25s(given)
    rows = measure(asks, questions)
    for name in ("backissue dense", "FAISS IVF"):
        if name in asks:
            rows[name] = Row(name, rows[name].ms, overlap(exact, asks[name], questions, 100))
    if oracle is not None:
        rows |= measure({"rank_bm25": oracle}, few, rounds=1)
        for name in ("tantivy", "bm25s", "backissue lexical"):
            rows[name] = Row(name, rows[name].ms, overlap(oracle, asks[name], few, K))
    yield from table("legs (recall: of rank_bm25's top 10, of the exact 100 nearest)", list(rows.values()))
    lexical = rows["backissue lexical"].p50
    yield Target("lexical leg / tantivy", lexical / rows["tantivy"].p50, 1.5)
    if oracle is not None:
        yield Target("lexical leg / rank_bm25", lexical / rows["rank_bm25"].p50, 1 / 300)
    yield Target("1 - recall@100 of the dense leg", 1 - (rows["backissue dense"].recall or 0.0), 0.05)
    under = filtered(snapshot, given, questions)
    yield from table("dense leg under a filter", under)
    yield Target("1 - recall@100 under a filter, worst", 1 - min(row.recall or 0.0 for row in under), 0.02)
    slowest = max(row.p50 for row in under)
    yield Target("dense leg under a filter / unfiltered", slowest / rows["backissue dense"].p50, 2)


def legs_of(snapshot: Snapshot, given: Corpus) -> dict[str, Ask]:
    """The legs of backissue as the pipeline asks them."""

    def lexical(number: int) -> list[int]:
        words = understand(Query(raw="", text=given.questions[number]), ["en"], None, None).terms
        found, _ = snapshot.search_lexical(snapshot.lexical.table(words), DEPTH, NO_RESTRICTION, None)
        return found.tolist()

    def dense(number: int) -> list[int]:
        return snapshot.search_dense(given.question_vectors[number], DEPTH, None)[0].tolist()

    return {"backissue lexical": lexical, "backissue dense": dense}


def filtered(snapshot: Snapshot, given: Corpus, questions: int) -> list[Row]:
    """The dense leg under filters, against a look at every passage that passes."""
    rng = np.random.default_rng(5)
    rows = []
    for share in SECTIONS:
        mask = rng.random(len(given.texts)) < share
        mask[:K] = True
        passing = np.flatnonzero(mask)
        kept = given.vectors[passing]
        times, shares = np.full(questions, np.inf), []
        for number in range(questions):
            vector = given.question_vectors[number]
            for _ in range(3):
                started = time.perf_counter()
                hits = snapshot.dense.search(vector, 100, mask)
                times[number] = min(times[number], (time.perf_counter() - started) * 1000)
            exact = passing[np.argsort(-(kept @ vector))[:100]]
            shares.append(len({*exact.tolist()} & {*hits.positions.tolist()}) / len(exact))
        rows.append(Row(f"{share:.1%} pass", times, float(np.mean(shares))))
    return rows


def whole(snapshot: Snapshot, given: Corpus, options: Options, rerank: bool, wanted: Filter = NO_FILTER) -> Ask:
    """backissue as a whole: the question's vector is given, as it is to the others."""
    embedder, tokens = Given.of(given), StaticEmbedder.bundled()
    reranker = FastReranker(tokens, Calibration.bundled().reranker[Mode.HYBRID]) if rerank else None

    def ask(number: int) -> list[int]:
        query = Query(raw="", text=given.questions[number], filter=wanted)
        results = run(snapshot, query, options, embedder=embedder, tokens=tokens, reranker=reranker)
        return [int(hit.article.id) for hit in results.hits]

    return ask


def systems(snapshot: Snapshot, given: Corpus, folder: Path, quick: bool) -> Iterator[str | Target]:
    """backissue as a whole against txtai and, unless in a hurry, LanceDB and SQLite."""
    asks = {
        "backissue hybrid": whole(snapshot, given, BARE, rerank=False),
        "backissue with rerank, answers, facets": whole(snapshot, given, Options(), rerank=True),
    }
    if len(given.texts) <= SIGNED_UP_TO:
        asks["txtai hybrid"] = peers.txtai(given)
        if not quick:
            asks["LanceDB hybrid"] = peers.lancedb(given, folder / "lancedb")
            asks["SQLite FTS5 + sqlite-vec"] = peers.sqlite(given, folder / "sqlite")
    rows = measure(asks, len(given.questions))
    yield from table("whole systems, top 10", list(rows.values()))
    under = {
        f"{share:.1%} pass": whole(snapshot, given, BARE, rerank=False, wanted=Filter(sections=(section_name(share),)))
        for share in SECTIONS
    }
    asks = {"unfiltered": asks["backissue hybrid"], **under}
    filtered_rows = measure(asks, len(given.questions))
    yield from table("backissue hybrid under a filter, as a user asks", list(filtered_rows.values()))
    unfiltered = filtered_rows.pop("unfiltered").p50
    slowest = max(row.p50 for row in filtered_rows.values())
    yield Target("hybrid under a filter / unfiltered", slowest / unfiltered, 2)
    bare, full = rows["backissue hybrid"], rows["backissue with rerank, answers, facets"]
    if "txtai hybrid" in rows:
        yield Target("hybrid / txtai", bare.p50 / rows["txtai hybrid"].p50, 1 / 3)
    of_million = len(given.texts) >= 1_000_000
    yield Target("hybrid, p50 ms", bare.p50, 10 if of_million else 4, ratio=False)
    yield Target("hybrid, p99 ms", bare.p99, 40 if of_million else 12, ratio=False)
    if not of_million:
        yield Target("with rerank, answers, facets, p50 ms", full.p50, 20, ratio=False)
        yield Target("with rerank, answers, facets, p99 ms", full.p99, 50, ratio=False)


def translated(snapshot: Snapshot, given: Corpus) -> Iterator[str | Target]:
    """An archive of several languages, the words of each question translated for every one of them."""
    row = measure({"hybrid, translated terms": whole(snapshot, given, BARE, rerank=False)}, len(given.questions))
    rows = [*row.values()]
    yield from table(f"{len(given.texts):,} passages in {len(given.langs)} languages, English questions", rows)
    yield Target("hybrid with translated terms, p50 ms", rows[0].p50, 10, ratio=False)
