"""Speed beside other libraries on one synthetic corpus: the same texts, vectors and questions for all, in one process.

    python -m bench.speed [--passages 1000 10000 100000] [--questions 200] [--out bench/speed.md] [--only-ratios]

Each leg is measured against its floor (plain tantivy, plain FAISS), and the whole against whole systems. A library
answers every question once to warm up; then the questions go round among the libraries, so that whatever else the
machine does meets all of them alike. What counts is the ratio. The process exits with 1 where a ratio is missed at
100,000 passages or more. Everything runs on one thread.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import math
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backissue.indexer import generation
from backissue.indexer.copies import signature
from backissue.indexer.database import CutArticle, Database, Layout
from backissue.indexer.parallel import workers
from backissue.search import Article, Mode, Query
from backissue.search.calibration import Calibration
from backissue.search.embedding import ModelRecord, StaticEmbedder, Vectors
from backissue.search.filters import NO_RESTRICTION
from backissue.search.pipeline import Options, run
from backissue.search.question import understand
from backissue.search.rerank import FastReranker
from backissue.search.snapshot import Snapshot
from backissue.search.store import Store, encode_vectors
from bench import corpus, peers
from bench.corpus import DIMENSION, Corpus
from bench.peers import DEPTH, Ask, K

RATIOS_FROM = 100_000
FILTERS = (0.001, 0.01, 0.1, 0.5)
ARTICLES_AT_ONCE = 4096
MODEL = ModelRecord("bench", "sha256:" + 64 * "0", DIMENSION)


@dataclass(frozen=True)
class Given:
    """Gives a question the vector that its text has in the corpus."""

    vectors: Mapping[str, NDArray[np.float32]]
    model: ModelRecord = MODEL

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """The vectors (n, d) of questions; for texts that are none, those of the first questions."""
        known = list(self.vectors.values())
        return np.stack([self.vectors.get(text, known[i % len(known)]) for i, text in enumerate(texts)])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """The same of passages."""
        return self.embed_queries(texts)


@dataclass(frozen=True)
class Row:
    """A line of a table: a library's milliseconds, and its recall of the exact best where that is known."""

    name: str
    ms: NDArray[np.float64]
    recall: float | None = None

    @property
    def p50(self) -> float:
        """The middle one."""
        return float(np.percentile(self.ms, 50))

    def __str__(self) -> str:
        recall = "–" if self.recall is None else f"{self.recall:.3f}"
        return f"| {self.name} | {self.p50:.2f} | {np.percentile(self.ms, 99):.2f} | {recall} |"


def build(given: Corpus, folder: Path) -> float:
    """An index of a corpus with its own vectors; gives the seconds that the derived indexes took."""
    paths = generation.IndexPaths(folder)
    layout = Layout(MODEL.id, MODEL.hash, DIMENSION, 120, 1)
    with Database.open(paths.database) as database:
        number = database.layout(layout)
        for first in range(0, len(given.texts), ARTICLES_AT_ONCE):
            texts = given.texts[first : first + ARTICLES_AT_ONCE]
            codes = encode_vectors(given.vectors[first : first + ARTICLES_AT_ONCE])
            with database.change() as seq:
                for row, (text, vector) in enumerate(zip(texts, codes, strict=True), first):
                    article = Article(id=str(row), text=text, lang="en")
                    database.put(CutArticle(article, ((0, len(text)),), vector[None], signature(text)), number, seq)
    store = Store.open(paths.database)
    started = time.perf_counter()
    embedder = Given(dict(zip(given.questions, given.question_vectors, strict=True)))
    with workers():
        manifest = generation.build(paths, store, number, layout, lambda done, total: None, embedder)
    seconds = time.perf_counter() - started
    generation.publish(paths, manifest.generation)
    store.close()
    return seconds


def measure(asks: Mapping[str, Ask], questions: int, rounds: int = 3) -> dict[str, Row]:
    """Milliseconds of each: the best of some rounds for each question, asked in turn."""
    best = {name: np.full(questions, np.inf) for name in asks}
    for ask in asks.values():
        for number in range(questions):
            ask(number)
    for _ in range(rounds):
        for number in range(questions):
            for name, ask in asks.items():
                started = time.perf_counter()
                ask(number)
                best[name][number] = min(best[name][number], (time.perf_counter() - started) * 1000)
    return {name: Row(name, times) for name, times in best.items()}


def overlap(wanted: Ask, ask: Ask, questions: int, k: int) -> float:
    """The part of the wanted best `k` that is found among the best `k`."""
    shares = [len({*wanted(n)[:k]} & {*ask(n)[:k]}) / k for n in range(questions)]
    return float(np.mean(shares))


def legs_of(snapshot: Snapshot, given: Corpus) -> dict[str, Ask]:
    """The legs of backissue as the pipeline asks them."""

    def lexical(number: int) -> list[int]:
        words = understand(Query(raw="", text=given.questions[number]), ["en"], None).terms
        found, _ = snapshot.search_lexical(snapshot.lexical.table(words), DEPTH, NO_RESTRICTION, None)
        return found.tolist()

    def dense(number: int) -> list[int]:
        return snapshot.search_dense(given.question_vectors[number], DEPTH, None)[0].tolist()

    return {"backissue lexical": lexical, "backissue dense": dense}


def whole(snapshot: Snapshot, given: Corpus, options: Options, rerank: bool) -> Ask:
    """backissue as a whole: the question's vector is given, as it is to the others."""
    embedder = Given(dict(zip(given.questions, given.question_vectors, strict=True)))
    fast = FastReranker(StaticEmbedder.bundled(), Calibration.bundled().reranker[Mode.HYBRID])
    reranker = fast if rerank else None

    def ask(number: int) -> list[int]:
        query = Query(raw="", text=given.questions[number])
        results = run(snapshot, query, options, embedder=embedder, tokens=StaticEmbedder.bundled(), reranker=reranker)
        return [int(hit.article.id) for hit in results.hits]

    return ask


def table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    """Lines of Markdown."""
    yield from ("", f"**{title}**", "", "| | p50 ms | p99 ms | recall |", "|---|---|---|---|", *map(str, rows))


def filtered(snapshot: Snapshot, given: Corpus, questions: int) -> list[Row]:
    """The dense leg under filters, against a look at every passage that passes."""
    rng = np.random.default_rng(5)
    rows = []
    for share in FILTERS:
        mask = rng.random(len(given.texts)) < share
        mask[:K] = True
        passing = np.flatnonzero(mask)
        times, shares = np.zeros(questions), []
        for number in range(questions):
            vector = given.question_vectors[number]
            started = time.perf_counter()
            hits = snapshot.dense.search(vector, 100, mask)
            times[number] = (time.perf_counter() - started) * 1000
            scores = given.vectors[passing] @ vector
            exact = passing[np.argsort(-scores)[:100]]
            shares.append(len({*exact.tolist()} & {*hits.positions.tolist()}) / len(exact))
        rows.append(Row(f"{share:.1%} pass", times, float(np.mean(shares))))
    return rows


def compare(passages: int, questions: int, folder: Path, slow_peers: bool) -> Iterator[str | tuple[str, float, float]]:
    """Tables for one size, and the ratios: what, measured, wanted at most."""
    given = corpus.make(passages, questions)
    seconds = build(given, folder / "backissue")
    with closing(Store.open(folder / "backissue" / "archive.db")) as store:
        opened = time.perf_counter()
        snapshot = Snapshot.open(generation.IndexPaths(folder / "backissue"), store)
        snapshot.search_dense(given.question_vectors[0], 10, None)
        opened = time.perf_counter() - opened
        text_bytes = sum(map(len, given.texts))
        disk = sum(path.stat().st_size for path in (folder / "backissue").rglob("*") if path.is_file()) - text_bytes
        yield f"### {passages:,} passages"
        yield ""
        yield (
            f"derived indexes built in {seconds:.1f} s ({passages / seconds:,.0f} passages/s), opened in "
            f"{opened * 1000:.0f} ms, {disk / passages:,.0f} bytes a passage beside the text; dense "
            f"{json.dumps(snapshot.manifest.dense)}"
        )
        own = legs_of(snapshot, given)
        exact = peers.faiss_exact(given)
        oracle = peers.rank_bm25(given)
        few = min(questions, 20)
        asks = {
            "tantivy": peers.tantivy(given, folder / "tantivy"),
            "bm25s": peers.bm25s(given),
            **own,
            "FAISS exact": exact,
        }
        dense = snapshot.manifest.dense
        if dense["probes"]:
            lists = int(dense["kind"].removeprefix("IVF").partition(",")[0])
            asks["FAISS IVF"] = peers.faiss_ivf(given, lists, dense["probes"])
        rows = measure(asks, questions)
        rows |= measure({"rank_bm25": oracle}, few, rounds=1)
        for name, wanted, k in (
            ("tantivy", oracle, 10),
            ("bm25s", oracle, 10),
            ("backissue lexical", oracle, 10),
            ("backissue dense", exact, 100),
            ("FAISS IVF", exact, 100),
        ):
            if name in asks:
                n = few if wanted is oracle else questions
                rows[name] = Row(name, rows[name].ms, overlap(wanted, asks[name], n, k))
        yield from table("legs (recall: of rank_bm25's top 10, of the exact 100 nearest)", list(rows.values()))
        under = filtered(snapshot, given, questions)
        yield from table("dense leg under a filter", under)
        bare = Options(answers=False, explain=False, passages=1)
        systems = {
            "backissue hybrid": whole(snapshot, given, bare, rerank=False),
            "backissue with rerank, answers, facets": whole(snapshot, given, Options(), rerank=True),
            "txtai hybrid": peers.txtai(given),
        }
        if slow_peers:
            systems["LanceDB hybrid"] = peers.lancedb(given, folder / "lancedb")
            try:
                systems["SQLite FTS5 + sqlite-vec"] = peers.sqlite(given, folder / "sqlite")
            except AttributeError:
                yield "SQLite is left out: this Python's sqlite3 loads no extensions."
        whole_rows = measure(systems, questions)
        yield from table("whole systems, top 10", list(whole_rows.values()))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        yield from ("", f"the process held {memory:,.0f} MB at most, all libraries together")
        yield ("build seconds", float(passages), seconds)
        yield ("query ms", float(passages), whole_rows["backissue hybrid"].p50)
        yield ("disk bytes", float(passages), float(disk))
        if passages >= RATIOS_FROM:
            lexical = rows["backissue lexical"].p50
            yield ("lexical leg / tantivy", lexical / rows["tantivy"].p50, 1.5)
            yield ("lexical leg / rank_bm25", lexical / rows["rank_bm25"].p50, 1 / 300)
            yield ("1 - recall@100 of the dense leg", 1 - (rows["backissue dense"].recall or 0.0), 0.05)
            yield ("1 - recall@100 under a filter, worst", 1 - min(row.recall or 0.0 for row in under), 0.02)
            yield ("hybrid / txtai", whole_rows["backissue hybrid"].p50 / whole_rows["txtai hybrid"].p50, 1 / 3)


def power(points: Sequence[tuple[float, float]]) -> float:
    """The power that the second grows by with the first: the slope of the logarithms."""
    x, y = np.log([p for p, _ in points]), np.log([v for _, v in points])
    return float(np.polyfit(x, y, 1)[0])


def chart(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """An SVG of how each grows, both axes logarithmic, each beginning at 1."""
    width, height, pad = 560, 320, 40
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">']
    xs = [math.log10(p) for points in series.values() for p, _ in points]
    ys = [math.log10(v / points[0][1]) for points in series.values() for _, v in points]
    left, right, low, high = min(xs), max(xs) + 1e-9, min(0.0, *ys), max(ys) + 1e-9
    for i, (name, points) in enumerate(series.items()):
        at = [
            (
                pad + (math.log10(p) - left) / (right - left) * (width - 3 * pad),
                height - pad - (math.log10(v / points[0][1]) - low) / (high - low) * (height - 2 * pad),
            )
            for p, v in points
        ]
        colour = ("#b3261e", "#1d5fa8", "#2e7d32", "#6a4c93")[i % 4]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in at)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines.append(
            f'<text x="{pad}" y="{pad + 16 * i}" fill="{colour}" font-size="12">{name}, ^{power(points):.2f}</text>'
        )
    for p in sorted({p for points in series.values() for p, _ in points}):
        x = pad + (math.log10(p) - left) / (right - left) * (width - 3 * pad)
        lines.append(f'<text x="{x:.0f}" y="{height - 12}" font-size="11" text-anchor="middle">{p:,.0f}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    """Measures and prints, and saves where asked; exits with 1 where a ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="without LanceDB and SQLite")
    parser.add_argument("--out", type=Path, help="where to save the tables; the chart goes beside them")
    arguments = parser.parse_args()
    lines = [f"`python -m bench.speed --passages {' '.join(map(str, arguments.passages))}`", "", peers.versions(), ""]
    print("\n".join(lines))
    growth: dict[str, list[tuple[float, float]]] = {}
    missed = []
    for passages in arguments.passages:
        with tempfile.TemporaryDirectory() as folder:
            for told in compare(passages, arguments.questions, Path(folder), not arguments.quick):
                if isinstance(told, str):
                    line = told
                elif told[0] in ("build seconds", "query ms", "disk bytes"):
                    growth.setdefault(told[0], []).append(told[1:])
                    continue
                else:
                    name, measured, wanted = told
                    line = f"- {name}: {measured:.4f}, wanted at most {wanted:.4f}{' — MISSED' * (measured > wanted)}"
                    missed += [name] * (measured > wanted)
                print(line, flush=True)
                lines.append(line)
    if len(arguments.passages) > 1:
        for name, points in growth.items():
            lines.append(f"- {name} grow by the power {power(points):.2f}")
            print(lines[-1])
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if len(arguments.passages) > 1:
            arguments.out.with_suffix(".svg").write_text(chart(growth), encoding="utf-8")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
