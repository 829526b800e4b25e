"""The query stream: understand → retrieve → fuse → rerank → collapse → order → present, one function each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from threading import Event

import numpy as np
from numpy.typing import NDArray

from backissue.search.answer import Reader
from backissue.search.asked import AskedTokens
from backissue.search.bm25 import covered, find_matches, windows
from backissue.search.calibration import Calibration, Judgement
from backissue.search.clock import Clock
from backissue.search.embedding import Embedder, TokenEmbedder
from backissue.search.explain import explain
from backissue.search.fusion import NO_CANDIDATES, Candidates
from backissue.search.groups import (
    Group,
    Judgements,
    browse,
    collapse,
    decay,
    facets,
    listed,
    order,
    page_of,
)
from backissue.search.lexical import TermTable
from backissue.search.question import Question, understand
from backissue.search.rerank import Evidence, Reranker
from backissue.search.retrieval import SILENT, Legs, gather, limits_of, retrieve
from backissue.search.snapshot import Snapshot
from backissue.search.translations import Translations
from backissue.search.types import Answer, Hit, Mode, PassageHit, Query, Results, Sort

RERANK_DEPTH = 50
"""How many candidates the reranker reads."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to search. `recency_days` is the age at which a score halves, counted from the archive's newest day. What
    would begin after `budget_ms` is left out: the reranker, then answers and highlights. `cancelled` is looked
    at before every step.
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
    facets: bool = True
    budget_ms: float | None = None
    cancelled: Event | None = None


def run(
    snapshot: Snapshot,
    query: Query,
    options: Options,
    *,
    embedder: Embedder | None,
    tokens: TokenEmbedder,
    reranker: Reranker | None,
) -> Results:
    """Answers a query. Without an embedder only the lexical leg searches.

    Raises:
        SearchCancelledError: `options.cancelled` was set meanwhile.
    """
    clock = Clock(options.budget_ms, options.cancelled)
    restriction = snapshot.restriction(query)
    mask = snapshot.mask(restriction)
    translations = Translations.bundled() if options.translate else None
    question = understand(query, snapshot.langs, embedder, translations)
    asked = AskedTokens(question.text, tokens)
    shown = slice(options.offset, options.offset + options.k)
    nothing = False
    if question.text:
        table = snapshot.lexical.table(question.terms)
        clock.go_on()
        legs = retrieve(snapshot, question, table, options.mode, restriction, mask)
        clock.go_on()
        candidates = gather(snapshot, question, table, legs, options.mode)
        if not clock.allows("rerank", reranker is not None):
            reranker = None
        clock.go_on()
        judged = judge(snapshot, question, table, candidates, reranker, asked, clock)
        families = decay(collapse(snapshot.columns, judged), snapshot, options.recency_days)
        found = order(families, snapshot.columns, options.sort)
        firsts = found.positions
        page = page_of(found, snapshot.columns, shown)
        judge_of_best = reranker or Calibration.bundled().fusion[options.mode]
        nothing = (
            not len(judged) or Judgement(float(judged.log_odds[0]), {}).probability < judge_of_best.no_answer_below
        )
    else:
        legs, candidates = SILENT, NO_CANDIDATES
        firsts = browse(snapshot.columns, mask)
        page = [listed(snapshot.columns, position) for position in firsts[shown].tolist()]
    if options.answers and not clock.allows("answers", bool(question.text)):
        options = replace(options, answers=False)
    reader = Reader(question, asked)
    hits = tuple(clock.each(present(snapshot, question, candidates, legs, page, reader, options, reranker)))
    return Results(
        query=query.raw,
        took_ms=clock.took_ms,
        hits=hits,
        facets=facets(snapshot, firsts) if options.facets else {},
        total=len(firsts),
        no_good_answer=nothing,
        lang=question.lang,
        left_out=tuple(clock.left_out),
    )


def judge(
    snapshot: Snapshot,
    question: Question,
    table: TermTable,
    candidates: Candidates,
    reranker: Reranker | None,
    asked: AskedTokens,
    clock: Clock,
) -> Judgements:
    """Judges every candidate: the first ones by the reranker, the rest by fusion alone, best first.

    Nothing that was not read closely stands above what was.
    """
    index = np.arange(len(candidates))
    if reranker is None or not len(candidates):
        return Judgements(index, candidates.positions, candidates.fused, ())
    first, rest = index[:RERANK_DEPTH], index[RERANK_DEPTH:]
    judgements = reranker.judge(question.text, evidence_of(snapshot, table, candidates, first, asked), clock)
    read = np.array([one.log_odds for one in judgements])
    first = np.argsort(-read, kind="stable")
    index = np.concatenate([first, rest])
    return Judgements(
        index,
        candidates.positions[index],
        np.concatenate([read[first], np.minimum(candidates.fused[rest], read.min())]),
        [judgements[place] for place in first.tolist()],
    )


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
        span = (
            reader.answer(best.text, ref.lang, first.judgement.reading) if options.answers and question.text else None
        )
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


def evidence_of(
    snapshot: Snapshot, table: TermTable, candidates: Candidates, some: NDArray[np.int64], asked: AskedTokens
) -> Evidence:
    """What is known of some of the candidates."""
    positions = candidates.positions[some]
    documents = snapshot.documents(positions)
    limits = limits_of(snapshot, table, positions)
    everywhere = together = np.zeros(len(some))
    if not np.isnan(candidates.lexical[some]).all():
        matches = find_matches(table, documents)
        everywhere, together = covered(table, matches, len(some)), windows(table, matches, len(some))
    tokens, token_starts = snapshot.tokens(positions)
    return Evidence(
        words=candidates.words[some],
        covered=np.divide(everywhere, limits, out=np.zeros(len(some)), where=limits > 0),
        together=np.divide(together, limits, out=np.zeros(len(some)), where=limits > 0),
        cosine=candidates.semantic[some],
        readable=candidates.readable[some],
        tokens=tokens,
        token_starts=token_starts,
        asked=asked,
        texts=lambda: snapshot.texts(positions),
    )
