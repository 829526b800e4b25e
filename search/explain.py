"""Why a passage stands where it does, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from backissue.search import sounds
from backissue.search.fusion import Candidates
from backissue.search.groups import Judged
from backissue.search.lexical import WeightedTerm
from backissue.search.question import Question
from backissue.search.retrieval import LEG_DEPTH, Legs
from backissue.search.types import ArticleRef


def explain(
    question: Question,
    candidates: Candidates,
    legs: Legs,
    one: Judged,
    ref: ArticleRef,
    reranker: str,
    matched: Sequence[tuple[WeightedTerm, str]],
) -> dict[str, Any]:
    """Why a passage stands where it does: what each leg, the fusion and the reranker gave."""
    if not question.text:
        return {"order": "by date: nothing was asked but filters"}
    silence = legs.abstained.get("lexical") or _lexical_silence(question, ref.lang, matched)
    lexical = _leg(candidates.lexical_rank[one.index], candidates.lexical[one.index], silence)
    if matched:
        lexical["terms"] = list(dict.fromkeys(_term(term, written) for term, written in matched))
    words = float(candidates.words[one.index])
    told: dict[str, Any] = {
        "languages": {"question": question.lang, "passage": ref.lang},
        "lexical": lexical,
        "semantic": _leg(
            candidates.semantic_rank[one.index], candidates.semantic[one.index], legs.abstained.get("semantic")
        ),
        "fusion": {
            "rank": one.index + 1,
            "log_odds": round(float(candidates.fused[one.index]), 3),
            "words": 0.0 if math.isnan(words) else round(words, 4),
        },
    }
    if one.read:
        features = {name: round(value, 4) for name, value in one.judgement.features.items() if value}
        told["rerank"] = {"by": reranker, **features, "log_odds": round(one.judgement.log_odds, 3)}
    else:
        told["rerank"] = {"note": "not among the candidates that the reranker reads" if reranker != "off" else "off"}
    return told


def _leg(rank: int, score: float, silence: str | None) -> dict[str, Any]:
    if rank:
        return {"rank": int(rank), "score": round(float(score), 4)}
    if silence:
        return {"abstained": silence}
    return {"rank": None, "score": round(float(score), 4), "note": f"not among its best {LEG_DEPTH}"}


def _lexical_silence(question: Question, lang: str, matched: Sequence[tuple[WeightedTerm, str]]) -> str | None:
    if matched or question.reads(lang):
        return None
    return f"the question is in {question.lang}, the passage in {lang}: no name and no translated word is shared"


def _term(term: WeightedTerm, written: str) -> str:
    """As in "return → zamian 0.31", a translation, or "zelensky ≈ Зеленського", which sounds alike."""
    word = term.source or term.term
    if term.term.startswith(sounds.MARK):
        return f"{word} ≈ {written}"
    return word if term.probability is None else f"{word} → {term.term} {term.probability:.2f}"
