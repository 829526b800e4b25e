"""The libraries that are measured beside backissue, each as a Python user would set it up.

A leg is a function of a question's number that gives the positions of its best passages; so is a whole system. What
each library is told beside its defaults stands in its class.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import DIMENSION, Corpus

Ask = Callable[[int], list[int]]
K = 10
DEPTH = 200
"""Passages of each leg that whole systems fuse, where they can be told."""


def rank_bm25(corpus: Corpus) -> Ask:
    """rank_bm25's BM25Okapi over words, its idf replaced by Lucene's: the same formula as backissue's."""
    import math

    import rank_bm25 as library

    class Lucene(library.BM25Okapi):  # type: ignore[misc]
        def _calc_idf(self, nd: dict[str, int]) -> None:
            for term, n in nd.items():
                self.idf[term] = math.log(1 + (self.corpus_size - n + 0.5) / (n + 0.5))

    index = Lucene([text.split() for text in corpus.texts], k1=1.2, b=0.75)

    def ask(number: int) -> list[int]:
        scores = index.get_scores(list(dict.fromkeys(corpus.questions[number].split())))
        best = np.argpartition(-scores, K)[:K]
        return [int(i) for i in best[np.argsort(-scores[best], kind="stable")]]

    return ask


def bm25s(corpus: Corpus) -> Ask:
    """bm25s with method "lucene", numpy backend, tokens given."""
    import bm25s as library

    index = library.BM25(method="lucene", k1=1.2, b=0.75)
    index.index([text.split() for text in corpus.texts], show_progress=False)

    def ask(number: int) -> list[int]:
        words = list(dict.fromkeys(corpus.questions[number].split()))
        found, _ = index.retrieve([words], k=DEPTH, show_progress=False)
        return [int(i) for i in found[0]]

    return ask


def tantivy(corpus: Corpus, folder: Path) -> Ask:
    """tantivy, one field of white-space terms with frequencies, one segment, a union of the question's words."""
    import tantivy as library

    builder = library.SchemaBuilder()
    builder.add_unsigned_field("row", fast=True)
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
    folder.mkdir(parents=True)
    index = library.Index(builder.build(), path=str(folder))
    writer = index.writer(128 << 20, num_threads=1)
    for row, text in enumerate(corpus.texts):
        writer.add_document(library.Document.from_dict({"row": row, "body": text}, index.schema))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher, schema, should = index.searcher(), index.schema, library.Occur.Should

    def ask(number: int) -> list[int]:
        words = dict.fromkeys(corpus.questions[number].split())
        query = library.Query.boolean_query(
            [(should, library.Query.term_query(schema, "body", one, "freq")) for one in words]
        )
        hits = searcher.search(query, limit=DEPTH, count=False).hits
        return [int(row) for row in searcher.fast_field_values("row", [address for _, address in hits])]

    return ask


def faiss_exact(corpus: Corpus) -> Ask:
    """FAISS IndexFlatIP."""
    import faiss

    index = faiss.IndexFlatIP(DIMENSION)
    index.add(corpus.vectors)
    return _faiss(index, corpus)


def faiss_ivf(corpus: Corpus, lists: int, probes: int) -> Ask:
    """FAISS IVF,SQ8 as backissue chose it: lists and probes."""
    import faiss

    index = faiss.index_factory(DIMENSION, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 6
    index.train(corpus.vectors[:: max(len(corpus.vectors) // (lists * 40), 1)])
    index.add(corpus.vectors)
    index.nprobe = probes
    return _faiss(index, corpus)


def _faiss(index: Any, corpus: Corpus) -> Ask:
    return lambda number: index.search(corpus.question_vectors[number : number + 1], DEPTH)[1][0].tolist()


def txtai(corpus: Corpus) -> Ask:
    """txtai, hybrid and content on, FAISS as it chooses, vectors by a look-up that costs nothing."""
    from txtai import Embeddings

    vectors = dict(zip((*corpus.texts, *corpus.questions), (*corpus.vectors, *corpus.question_vectors), strict=True))
    embeddings = Embeddings(
        method="external", transform=lambda texts: np.stack([vectors[t] for t in texts]), hybrid=True, content=True
    )
    embeddings.index((row, text, None) for row, text in enumerate(corpus.texts))
    return lambda number: [int(hit["id"]) for hit in embeddings.search(corpus.questions[number], K)]


def lancedb(corpus: Corpus, folder: Path) -> Ask:
    """LanceDB: IVF_PQ by cosine with a refine factor of 10, full-text index, hybrid with its RRF reranker."""
    import lancedb as library
    from lancedb.rerankers import RRFReranker

    rows = [
        {"row": row, "text": text, "vector": vector}
        for row, (text, vector) in enumerate(zip(corpus.texts, corpus.vectors, strict=True))
    ]
    table = library.connect(str(folder)).create_table("passages", rows)
    table.create_index(metric="cosine", vector_column_name="vector")
    table.create_fts_index("text", use_tantivy=False)
    reranker = RRFReranker()

    def ask(number: int) -> list[int]:
        query = table.search(query_type="hybrid").vector(corpus.question_vectors[number])
        query = query.text(corpus.questions[number]).refine_factor(10).rerank(reranker).limit(K)
        return [int(row) for row in query.to_arrow()["row"].to_pylist()]

    return ask


def sqlite(corpus: Corpus, folder: Path) -> Ask:
    """SQLite (by apsw, for Python's own may load no extensions) with FTS5 (BM25) and sqlite-vec (exact), their ranks
    fused reciprocally, k = 60.
    """
    import apsw
    import sqlite_vec

    folder.mkdir(parents=True, exist_ok=True)
    connection = apsw.Connection(str(folder / "peer.db"))
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    with connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii')")
        connection.execute(f"CREATE VIRTUAL TABLE near USING vec0(vector float[{DIMENSION}] distance_metric=cosine)")
        connection.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", enumerate(corpus.texts, 1))
        blobs = ((row, vector.tobytes()) for row, vector in enumerate(corpus.vectors, 1))
        connection.executemany("INSERT INTO near(rowid, vector) VALUES (?, ?)", blobs)

    def ask(number: int) -> list[int]:
        words = " OR ".join(f'"{one}"' for one in dict.fromkeys(corpus.questions[number].split()))
        lexical = connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?", (words, DEPTH)
        ).fetchall()
        dense = connection.execute(
            "SELECT rowid FROM near WHERE vector MATCH ? AND k = ?",
            (corpus.question_vectors[number].tobytes(), DEPTH),
        ).fetchall()
        fused: dict[int, float] = {}
        for leg in (lexical, dense):
            for rank, (row,) in enumerate(leg, 1):
                fused[row] = fused.get(row, 0.0) + 1 / (60 + rank)
        return [row - 1 for row in sorted(fused, key=lambda row: -fused[row])[:K]]

    return ask


def versions() -> str:
    """The versions of all that is compared."""
    names = (
        "backissue",
        "rank-bm25",
        "bm25s",
        "tantivy",
        "faiss-cpu",
        "txtai",
        "lancedb",
        "sqlite-vec",
        "apsw",
        "numpy",
    )
    return ", ".join(f"{name} {version(name)}" for name in names)
