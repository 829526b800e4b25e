"""What the bundled model costs: loading it, embedding passages, reranking fifty.

    python -m bench.model --archives DIR [--passages 20000]

Times are of one processor, as the system counts them, so that other work on the machine counts little: two processors
embed twice as much. Passages are 120 words of the archives' own text, each embedded once; the tokeniser of the library
`tokenizers` alone, on the same texts, is what the speed can be compared with.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backissue.indexer import Indexer
from backissue.indexer.readers import read
from backissue.search import Archive, Article, Mode
from backissue.search.asked import AskedTokens
from backissue.search.calibration import Calibration
from backissue.search.embedding import BUNDLED_FOLDER, StaticEmbedder
from backissue.search.fusion import Candidates
from backissue.search.lexical import TermTable
from backissue.search.pipeline import RERANK_DEPTH, evidence_of
from backissue.search.query import parse
from backissue.search.question import understand
from backissue.search.rerank import FastReranker
from backissue.search.retrieval import gather, retrieve
from backissue.search.snapshot import Snapshot
from backissue.search.translations import Translations
from bench.archives import files_of, questions_of

PASSAGE_WORDS = 120
BATCH = 256
LOADS = 5
INDEXED = 4000
ROUNDS = 3
LOADING = """
import time
import numpy, tokenizers, safetensors, backissue.search.embedding as embedding
wall, cpu = time.perf_counter(), time.process_time()
embedding.StaticEmbedder.bundled().embed_queries(["what does North Korea get in return"])
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def passages(articles: Sequence[Article]) -> Iterator[str]:
    """The words of the articles, 120 at a time."""
    words = chain.from_iterable(article.text.split() for article in articles)
    while some := list(islice(words, PASSAGE_WORDS)):
        yield " ".join(some)


def processor_s(work: Callable[[], object]) -> float:
    """What some work takes of the processors, in seconds."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def loading() -> Iterator[str]:
    """How long a fresh process takes from the imported libraries to the first vector."""
    runs = [
        [float(value) for value in subprocess.check_output([sys.executable, "-c", LOADING], text=True).split()]
        for _ in range(LOADS)
    ]
    wall, cpu = np.median(runs, axis=0)
    yield f"loading to the first vector: {wall * 1000:.0f} ms, {cpu * 1000:.0f} ms of processor (median of {LOADS})"


def embedding(articles: Sequence[Article], count: int) -> Iterator[str]:
    """How many passages one processor embeds in a second, beside what the tokeniser alone does."""
    from tokenizers import Tokenizer

    texts = list(islice(passages(articles), count))
    embedder = StaticEmbedder.bundled()
    batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
    own = processor_s(lambda: [embedder.embed_passages(batch) for batch in batches])
    tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
    alone = processor_s(lambda: [tokenizer.encode_batch_fast(batch, add_special_tokens=False) for batch in batches])
    yield (
        f"embedding {len(texts):,} passages of {PASSAGE_WORDS} words: {len(texts) / own:,.0f} a second of one "
        f"processor; the tokeniser alone in one batch after another: {len(texts) / alone:,.0f}"
    )


def reranking(articles: Sequence[Article], questions: Sequence[str]) -> Iterator[str]:
    """What the fast reranker takes for the first fifty, with what it is told of them, on one processor."""
    embedder = StaticEmbedder.bundled()
    reranker = FastReranker(embedder, Calibration.bundled().reranker[Mode.HYBRID])
    with tempfile.TemporaryDirectory() as folder:
        Indexer(folder).rebuild(articles)
        with Archive.open(folder) as archive:
            snapshot, taken_ms = archive._snapshot, []
            for text in list(questions) * ROUNDS:
                query = parse(text)
                question = understand(query, snapshot.langs, embedder, Translations.bundled())
                table = snapshot.lexical.table(question.terms)
                legs = retrieve(snapshot, question, table, Mode.HYBRID, snapshot.restriction(query), None)
                candidates = gather(snapshot, question, table, legs, Mode.HYBRID, keep_all=True)
                first = np.arange(min(RERANK_DEPTH, len(candidates)))
                judging = partial(_judge, reranker, text, snapshot, table, candidates, first)
                taken_ms.append(1000 * processor_s(judging))
    taken_ms = taken_ms[len(questions) :]
    p50, p99 = np.percentile(taken_ms, (50, 99))
    yield f"reranking {RERANK_DEPTH}: p50 {p50:.1f} ms, p99 {p99:.1f} ms of one processor, {len(taken_ms)} times"


def _judge(
    reranker: FastReranker,
    text: str,
    snapshot: Snapshot,
    table: TermTable,
    candidates: Candidates,
    first: NDArray[np.int64],
) -> None:
    asked = AskedTokens(text, reranker.tokens)
    reranker.judge(text, evidence_of(snapshot, table, candidates, first, asked))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=Path, required=True, help="the folder of archives")
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--questions", type=Path, default=Path(__file__).with_name("archive_questions.jsonl"))
    arguments = parser.parse_args()
    articles = [one for one in read(files_of(arguments.archives)) if isinstance(one, Article)]
    questions = [one.text for one in questions_of(arguments.questions)]
    for line in chain(loading(), embedding(articles, arguments.passages), reranking(articles[:INDEXED], questions)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
