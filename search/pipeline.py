"""The query stream: understand → retrieve → fuse → rerank → collapse → order → present, one function each."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from backissue.search.analysis import terms
from backissue.search.answer import Reader
from backissue.search.calibration import Calibration, Judgement
from backissue.search.embedding import Embedder, TokenEmbedder
from backissue.search.explain import explain
from backissue.search.fusion import NO_CANDIDATES, Candidates
from backissue.search.groups import Group, Judged, browse, collapse, facets, listed, order, score
from backissue.search.proximity import Worth, best_window, highest
from backissue.search.question import Question, understand
from backissue.search.rerank import Evidence, Reranker
from backissue.search.retrieval import SILENT, Legs, gather, retrieve
from backissue.search.snapshot import Snapshot
from backissue.search.store import StoredPassage
from backissue.search.translations import Translations
from backissue.search.types import Answer, ArticleRef, Hit, Mode, PassageHit, Query, Results, Sort

RERANK_DEPTH = 50
"""How many candidates the reranker reads."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to search. `recency_days` is the age at which a score halves, counted from the archive's newest day."""

    k: int = 10
    offset: int = 0
    mode: Mode = Mode.HYBRID
    sort: Sort = Sort.RELEVANCE
    recency_days: float | None = None
    translate: bool = True
    passages: int = 3
    answers: bool = True
    explain: bool = True


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
    restriction = snapshot.restriction(query)
    mask = snapshot.mask(restriction)
    translations = Translations.bundled() if options.translate else None
    question = understand(query, snapshot.langs, embedder, translations)
    page_of = slice(options.offset, options.offset + options.k)
    nothing = False
    if question.text:
        legs = retrieve(snapshot, question, options.mode, restriction, mask)
        candidates = gather(snapshot, question, legs, options.mode)
        groups = collapse(snapshot.columns, judge(snapshot, question, candidates, reranker))
        score(groups, snapshot, options.recency_days)
        found = order(groups, snapshot.columns, options.sort)
        firsts = np.array([group.best.position for group in found], dtype=np.int64)
        page = found[page_of]
        judge_of_best = reranker or Calibration.bundled().fusion[options.mode]
        best = max((group.best.judgement.probability for group in groups), default=0.0)
        nothing = best < judge_of_best.no_answer_below or not groups
    else:
        legs, candidates = SILENT, NO_CANDIDATES
        firsts = browse(snapshot.columns, mask)
        page = [listed(snapshot.columns, position) for position in firsts[page_of].tolist()]
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
    )


def judge(snapshot: Snapshot, question: Question, candidates: Candidates, reranker: Reranker | None) -> list[Judged]:
    """Judges every candidate: the first ones by the reranker, the rest by fusion alone, best first.

    Nothing that was not read closely stands above what was.
    """
    read = _read(snapshot, question, candidates, reranker) if reranker is not None else []
    read.sort(key=lambda one: (-one.judgement.log_odds, one.index))
    limit = read[-1].judgement.log_odds if read else math.inf
    unread = [
        Judged(index, int(candidates.positions[index]), Judgement(min(limit, fused), {}), read=False)
        for index, fused in enumerate(candidates.fused.tolist())
        if index >= len(read)
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


def _read(snapshot: Snapshot, question: Question, candidates: Candidates, reranker: Reranker) -> list[Judged]:
    positions = candidates.positions[:RERANK_DEPTH]
    rows = snapshot.columns.row[positions].tolist()
    with snapshot.store.read():
        passages = snapshot.store.passages(rows)
        refs = snapshot.store.refs({passage.article for passage in passages.values()})
    worth = {ref.lang: snapshot.worth(question.terms_in(ref.lang)) for ref in refs.values()}
    evidence = [evidence_of(candidates, index, passages.get(row), refs, worth) for index, row in enumerate(rows)]
    judgements = reranker.judge(question.text, evidence)
    return [
        Judged(index, int(position), judgement, read=True)
        for index, (position, judgement) in enumerate(zip(positions, judgements, strict=True))
    ]


def evidence_of(
    candidates: Candidates,
    index: int,
    passage: StoredPassage | None,
    refs: Mapping[int, ArticleRef],
    worth: Mapping[str, Worth],
) -> Evidence:
    """What is known of a candidate; of one that was deleted since the snapshot was taken, nothing."""
    ref = refs.get(passage.article) if passage is not None else None
    if passage is None or ref is None:
        return Evidence("", "", 0.0, 0.0, 0.0, bool(candidates.readable[index]))
    limit = highest(worth[ref.lang])
    together = 0.0
    if limit and not np.isnan(candidates.lexical[index]):
        together = best_window([*terms(ref.title, ref.lang), *terms(passage.text, ref.lang)], worth[ref.lang]) / limit
    return Evidence(
        title=ref.title,
        text=passage.text,
        words=float(candidates.words[index]),
        together=together,
        cosine=float(candidates.semantic[index]),
        readable=bool(candidates.readable[index]),
    )
