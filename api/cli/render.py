"""Results and articles as lines for people to read. Text comes out with style marks, which `styled` turns to colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from backissue.api.cli.terminal import (
    BOLD,
    BOLD_OFF,
    DIM,
    DIM_OFF,
    LINED,
    LINED_OFF,
    TITLE,
    TITLE_OFF,
    neutral,
    safe,
    safe_line,
    wrapped,
)
from backissue.search.iso639 import language_name
from backissue.search.types import UNKNOWN_LANG, Article, ArticleRef, FacetValue, Hit, PassageHit, Results, Span

CONTEXT_CHARS = 220
"""How much of a passage is shown on each side of its answer: about two lines of a terminal."""

_FACETS_SHOWN = 5


def results_lines(
    results: Results, width: int, offset: int = 0, passages: int = 1, if_none: str = "Nothing found."
) -> Iterator[str]:
    """A page of hits, numbered from `offset` + 1, with its totals below; `if_none` where there is none at all."""
    if not results.hits:
        yield from wrapped(
            f"Only {results.total} found; the offset is beyond them." if results.total else if_none, width
        )
        return
    if results.no_good_answer:
        yield "Nothing here answers this well. The nearest:"
        yield ""
    for number, hit in enumerate(results.hits, offset + 1):
        yield from hit_lines(hit, number, width, passages)
        yield ""
    yield from _dim(wrapped(_totals(results, offset), width))


def hit_lines(hit: Hit, number: int, width: int, passages: int = 1) -> Iterator[str]:
    """One hit: title, what it is, its best passages with the answer and the matched words marked, and why."""
    indent = " " * 4
    heading = f"{number:>2}. {safe_line(hit.article.title) or 'untitled'}"
    first, *rest = wrapped(heading, width - 4)
    yield f"{' ' if number < 10 else ''}{TITLE}{first}{TITLE_OFF}"
    yield from (f"{indent}{TITLE}{line.strip()}{TITLE_OFF}" for line in rest)
    yield from _dim(wrapped(f"{_head(hit.article)} · score {hit.score:.2f}", width, indent))
    for passage in _shown(hit, passages):
        yield from wrapped(_marked(passage, hit), width, indent)
    if hit.copies:
        names = ", ".join(dict.fromkeys(safe_line(copy.source or copy.id) for copy in hit.copies))
        yield from _dim(wrapped(f"also run by {names}", width, indent))
    why = why_line(hit.explain)
    if why:
        yield from _dim(wrapped(f"why: {why}", width, indent))


def article_lines(article: Article, width: int) -> Iterator[str]:
    """A whole article, its paragraphs wrapped."""
    yield f"{TITLE}{safe_line(article.title) or 'untitled'}{TITLE_OFF}"
    yield f"{DIM}{_head(article)}{DIM_OFF}"
    for detail in (article.author, article.section, article.url):
        if detail:
            yield f"{DIM}{safe_line(detail)}{DIM_OFF}"
    for paragraph in safe(article.text).splitlines():
        yield from list(wrapped(paragraph, width)) or [""]


def why_line(explain: Mapping[str, Any]) -> str:
    """The explanation of a hit in one line: the rank each leg gave it, or why a leg was silent."""
    if "order" in explain:
        return safe_line(str(explain["order"]))
    told = [_leg_words(name, explain[name]) for name in ("lexical", "semantic") if name in explain]
    reranker = explain.get("rerank", {})
    if "by" in reranker:
        told.append(f"reranked by {reranker['by']}")
    return safe_line("; ".join(told))


def _leg_words(name: str, leg: Mapping[str, Any]) -> str:
    if leg.get("rank"):
        return f"{name} #{leg['rank']}"
    return (
        f"{name} silent ({leg['abstained']})" if leg.get("abstained") else f"{name} {leg.get('note', 'found nothing')}"
    )


def _head(article: Article | ArticleRef) -> str:
    lang = language_name(article.lang) if article.lang != UNKNOWN_LANG else None
    known = (article.source, (article.published or "")[:10], lang, article.id)
    return " · ".join(safe_line(part) for part in known if part)


def _shown(hit: Hit, count: int) -> Iterable[PassageHit]:
    return hit.passages[:count]


def _marked(passage: PassageHit, hit: Hit) -> str:
    """The part of a passage around its answer, with marks about the answer and the matched words."""
    text = neutral(passage.text)
    answer = (hit.answer.start - passage.start, hit.answer.end - passage.start) if hit.answer else (0, 0)
    if not 0 <= answer[0] < answer[1] <= len(text):
        answer = (0, 0)
    low, high = _window(text, answer)
    words = [(start - passage.start, end - passage.start) for start, end in passage.highlights]
    marks = [*_pair(answer, BOLD, BOLD_OFF, low, high)]
    for word in words:
        marks.extend(_pair(word, LINED, LINED_OFF, low, high))
    parts = ["… "] if low else []
    position = low
    for at, _, mark in sorted(marks, key=lambda one: one[:2]):
        parts.append(text[position:at] + mark)
        position = at
    parts.append(text[position:high] + (" …" if high < len(text) else ""))
    return "".join(parts)


def _pair(span: Span, on: str, off: str, low: int, high: int) -> list[tuple[int, int, str]]:
    """Both marks of a span cut to the window, with what orders them at one place: ends stand before beginnings."""
    start, end = max(span[0], low), min(span[1], high)
    return [(start, 1, on), (end, 0, off)] if start < end else []


def _window(text: str, answer: Span) -> Span:
    """What to show of a passage: the answer and its surroundings, cut between words."""
    start, end = answer
    low = max(0, start - CONTEXT_CHARS)
    high = min(len(text), max(end, low + CONTEXT_CHARS) + CONTEXT_CHARS)
    if low:
        low = text.find(" ", low, start) + 1 or low
    if high < len(text):
        cut = text.rfind(" ", max(end, low), high)
        high = cut if cut > 0 else high
    return low, high


def _totals(results: Results, offset: int) -> str:
    shown = f"{offset + 1}-{offset + len(results.hits)} of {results.total:,}"
    facets = [_facet_words(name, results.facets[name]) for name in ("lang", "source") if results.facets.get(name)]
    return " · ".join([shown, f"{results.took_ms:.0f} ms", *facets])


def _facet_words(name: str, values: Iterable[FacetValue]) -> str:
    listed = list(values)
    more = " …" if len(listed) > _FACETS_SHOWN else ""
    return f"{name} " + ", ".join(f"{safe_line(one.value)} {one.count}" for one in listed[:_FACETS_SHOWN]) + more


def _dim(lines: Iterable[str]) -> Iterator[str]:
    return (f"{DIM}{line}{DIM_OFF}" for line in lines)
