"""The query stream: understand → retrieve → fuse → rerank → collapse → order → present, one function each."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from backissue.search.answer import Reader
from backissue.search.bm25 import covered, find_matches, windows
from backissue.search.calibration import Calibration, Judgement
from backissue.search.embedding import Embedder, TokenEmbedder
from backissue.search.explain import explain
from backissue.search.fusion import NO_CANDIDATES, Candidates
from backissue.search.groups import Group, Judged, browse, collapse, facets, listed, order, score
from backissue.search.lexical import TermTable
from backissue.search.question import Question, understand
from backissue.search.rerank import Evidence, Reranker
from backissue.search.retrieval import SILENT, Legs, gather, limits_of, retrieve
from backissue.search.snapshot import Snapshot
from backissue.search.translations import Translations
from backissue.search.types import Answer, Hit, Mode, PassageHit, Query, Results, Sort

RERANK_DEPTH = 50
"""How many candidates the reranker reads."""


_NO_FEATURES: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Options:
    """How to search. `recency_days` is the age at which a score halves, counted from the archive's newest day. What
    would begin after `budget_ms` is left out: the reranker, then answers and highlights.
    """

    k: int = 10
    offset: int = 0
    mode: Mode = Mode.HYBRID
    sort: Sort = Sort.RELEVANCE
    recency_days: float | None = None
    translate: bool = True
    passages: int = 3
    answers: bool = True
    explain: bool = True
    budget_ms: float | None = None


def run(
    snapshot: Snapshot,
    query: Query,
    options: Options,
    *,
    embedder: Embedder | None,
    tokens: TokenEmbedder,
    reranker: Reranker | None,
) -> Results:
    """Answers a query. Without an embedder only the lexical leg searches."""
    started = time.perf_counter()
    left_out: list[str] = []

    def in_time(step: str, wanted: bool) -> bool:
        late = options.budget_ms is not None and (time.perf_counter() - started) * 1000 > options.budget_ms
        if wanted and late:
            left_out.append(step)
        return wanted and not late

    restriction = snapshot.restriction(query)
    mask = snapshot.mask(restriction)
    translations = Translations.bundled() if options.translate else None
    question = understand(query, snapshot.langs, embedder, translations)
    page_of = slice(options.offset, options.offset + options.k)
    nothing = False
    if question.text:
        table = snapshot.lexical.table(question.terms)
        legs = retrieve(snapshot, question, table, options.mode, restriction, mask)
        candidates = gather(snapshot, question, table, legs, options.mode)
        if not in_time("rerank", reranker is not None):
            reranker = None
        groups = collapse(snapshot.columns, judge(snapshot, question, table, candidates, reranker))
        score(groups, snapshot, options.recency_days)
        found = order(groups, snapshot.columns, options.sort)
        firsts = np.array([group.best.position for group in found], dtype=np.int64)
        page = found[page_of]
        judge_of_best = reranker or Calibration.bundled().fusion[options.mode]
        log_odds = max((group.passages[0].judgement.log_odds for group in groups), default=-math.inf)
        nothing = not groups or Judgement(log_odds, {}).probability < judge_of_best.no_answer_below
    else:
        legs, candidates = SILENT, NO_CANDIDATES
        firsts = browse(snapshot.columns, mask)
        page = [listed(snapshot.columns, position) for position in firsts[page_of].tolist()]
    if not in_time("answers", options.answers and bool(question.text)):
        options = replace(options, answers=False)
    reader = Reader(question, tokens)
    hits = tuple(present(snapshot, question, candidates, legs, page, reader, options, reranker))
    return Results(
        query=query.raw,
        took_ms=(time.perf_counter() - started) * 1000,
        hits=hits,
        facets=facets(snapshot, firsts),
        total=len(firsts),
        no_good_answer=nothing,
        lang=question.lang,
        left_out=tuple(left_out),
    )


def judge(
    snapshot: Snapshot, question: Question, table: TermTable, candidates: Candidates, reranker: Reranker | None
) -> list[Judged]:
    """Judges every candidate: the first ones by the reranker, the rest by fusion alone, best first.

    Nothing that was not read closely stands above what was.
    """
    read = _read(snapshot, question, table, candidates, reranker) if reranker is not None else []
    read.sort(key=lambda one: (-one.judgement.log_odds, one.index))
    limit = read[-1].judgement.log_odds if read else math.inf
    positions = candidates.positions[len(read) :].tolist()
    log_odds = np.minimum(candidates.fused[len(read) :], limit).tolist()
    unread = [
        Judged(index, position, Judgement(fused, _NO_FEATURES), read=False)
        for index, (position, fused) in enumerate(zip(positions, log_odds, strict=True), start=len(read))
    ]
    return read + unread


def present(
    snapshot: Snapshot,
    question: Question,
    candidates: Candidates,
    legs: Legs,
    page: Sequence[Group],
    reader: Reader,
    options: Options,
    reranker: Reranker | None,
) -> Iterator[Hit]:
    """The hits of one page: texts fetched, the answering sentence and the matched words found."""
    shown = {group.article: group.passages[: options.passages] for group in page}
    rows = {one.position: int(snapshot.columns.row[one.position]) for some in shown.values() for one in some}
    with snapshot.store.read():
        passages = snapshot.store.passages(rows.values())
        refs = snapshot.store.refs({*shown, *chain.from_iterable(group.copies for group in page)})
    by = reranker.name if reranker is not None else "off"
    for group in page:
        ref = refs.get(group.article)
        here = [(one, passages[rows[one.position]]) for one in shown[group.article] if rows[one.position] in passages]
        if ref is None or not here:
            continue  # Deleted since the snapshot was taken.
        first, best = here[0]
        span = reader.answer(best.text, ref.lang) if options.answers and question.text else None
        answer = None
        if span is not None:
            answer = Answer(best.text[slice(*span)], best.start + span[0], best.start + span[1])
        yield Hit(
            article=ref,
            score=group.score,
            answer=answer,
            passages=tuple(
                PassageHit(
                    text=passage.text,
                    start=passage.start,
                    end=passage.end,
                    score=one.judgement.probability,
                    highlights=tuple(
                        (passage.start + start, passage.start + end)
                        for start, end in reader.highlights(passage.text, ref.lang)
                    )
                    if options.answers
                    else (),
                )
                for one, passage in here
            ),
            copies=tuple(refs[copy] for copy in group.copies if copy in refs),
            explain=explain(question, candidates, legs, first, ref, by, reader.matched(best.text, ref.lang))
            if options.explain
            else {},
        )


def _read(
    snapshot: Snapshot, question: Question, table: TermTable, candidates: Candidates, reranker: Reranker
) -> list[Judged]:
    first = np.arange(min(RERANK_DEPTH, len(candidates)))
    evidence = evidence_of(snapshot, table, candidates, first)
    judgements = reranker.judge(question.text, evidence)
    return [
        Judged(index, position, judgement, read=True)
        for index, (position, judgement) in enumerate(
            zip(candidates.positions[first].tolist(), judgements, strict=True)
        )
    ]


def evidence_of(snapshot: Snapshot, table: TermTable, candidates: Candidates, some: NDArray[np.int64]) -> Evidence:
    """What is known of some of the candidates."""
    positions = candidates.positions[some]
    documents = snapshot.documents(positions)
    limits = limits_of(snapshot, table, positions)
    everywhere = together = np.zeros(len(some))
    if not np.isnan(candidates.lexical[some]).all():
        matches = find_matches(table, documents)
        everywhere, together = covered(table, matches, len(some)), windows(table, matches, len(some))
    return Evidence(
        words=candidates.words[some],
        covered=np.divide(everywhere, limits, out=np.zeros(len(some)), where=limits > 0),
        together=np.divide(together, limits, out=np.zeros(len(some)), where=limits > 0),
        cosine=candidates.semantic[some],
        readable=candidates.readable[some],
        tokens=documents.tokens,
        token_starts=documents.token_starts,
        texts=lambda: snapshot.texts(positions),
    )
