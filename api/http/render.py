"""Untrusted text and spans in, safe markup out.

Every character of the text is escaped; the only tags are those of the layers, so what is left when they are
stripped is the text itself. Spans may overlap, run over the ends, and come in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from backissue.search.types import Answer, PassageHit, Span

CONTEXT_BEFORE_CHARS = 160
CONTEXT_AFTER_CHARS = 220
"""How much of a passage a result shows around its answer: about two lines before and three after at reading width."""

LEAST_CUT_CHARS = 60
"""A cut that hides less than this costs the reader more than it saves."""

_PARAGRAPH = re.compile(r"[^\n\r\u2028\u2029]+")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"]")


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of mark: an element around each of its spans. `tag`, `css` and `anchor` never come from outside."""

    tag: str
    css: str
    spans: tuple[Span, ...]
    anchor: str = ""

    def wrap(self, inner: Markup) -> Markup:
        """The element around `inner`."""
        anchor = Markup(' id="{}"').format(self.anchor) if self.anchor else ""
        return Markup('<{0} class="{1}"{2}>{3}</{0}>').format(self.tag, self.css, anchor, inner)


def terms(spans: Iterable[Span]) -> Layer:
    """Matched words."""
    return Layer("b", "term", tuple(spans))


def answers(answer: Answer | None) -> Layer:
    """The answering sentence."""
    return Layer("mark", "answer", ((answer.start, answer.end),) if answer else ())


def passages(span: Span | None, anchor: str = "") -> Layer:
    """The passage within its article."""
    return Layer("span", "passage", (span,) if span else (), anchor)


def mark(text: str, *layers: Layer, offset: int = 0) -> Markup:
    """The text, escaped, with the spans of each layer wrapped; the first layer is outermost.

    `offset` is the place of `text[0]` in the coordinates of the spans.
    """
    if not layers:
        return escape(text)
    layer, inner = layers[0], layers[1:]
    parts: list[Markup] = []
    position = 0
    for start, end in merge(layer.spans, offset, offset + len(text)):
        start, end = start - offset, end - offset
        parts.append(mark(text[position:start], *inner, offset=offset + position))
        parts.append(layer.wrap(mark(text[start:end], *inner, offset=offset + start)))
        position = end
    parts.append(mark(text[position:], *inner, offset=offset + position))
    return Markup("").join(parts)


def merge(spans: Iterable[Span], low: int, high: int) -> list[Span]:
    """The union of the spans within [low, high): ordered, disjoint, none empty, touching ones joined."""
    merged: list[Span] = []
    for start, end in sorted((max(start, low), min(end, high)) for start, end in spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def window(text: str, focus: Span, before: int = CONTEXT_BEFORE_CHARS, after: int = CONTEXT_AFTER_CHARS) -> Span:
    """The part of `text` around `focus` that is worth showing, cut between words where the script has spaces."""
    start, end = max(0, focus[0] - before), min(len(text), focus[1] + after)
    start, end = (start if start >= LEAST_CUT_CHARS else 0), (end if len(text) - end >= LEAST_CUT_CHARS else len(text))
    if start:
        start = _after_space(text, start, focus[0])
    if end < len(text):
        end = _before_space(text, focus[1], end)
    return start, end


def _after_space(text: str, start: int, limit: int) -> int:
    """Just after the first space in `text[start:limit]`, looking no further than a long word."""
    found = re.compile(r"\s+").search(text, start, min(limit, start + 40))
    return found.end() if found else start


def _before_space(text: str, limit: int, end: int) -> int:
    """Just before the last space in `text[limit:end]`, looking no further than a long word."""
    low = max(limit, end - 40)
    cut = max((at.start() for at in re.finditer(r"\s+", text[low:end])), default=end - low)
    return low + cut


def excerpt(passage: PassageHit, answer: Answer | None) -> Markup:
    """A passage as a result shows it: the answer and the matched words marked, and `…` where the context is cut."""
    inside = answer is not None and passage.start <= answer.start < passage.end
    focus = passage.highlights[0] if passage.highlights else (passage.start, passage.start)
    if answer is not None and inside:
        focus = (answer.start, min(answer.end, passage.end))
    local = (max(0, focus[0] - passage.start), min(len(passage.text), focus[1] - passage.start))
    start, end = window(passage.text, local)
    shown = mark(
        passage.text[start:end],
        answers(answer if inside else None),
        terms(passage.highlights),
        offset=passage.start + start,
    )
    return Markup("{}{}{}").format("… " if start else "", shown, " …" if end < len(passage.text) else "")


def paragraphs(text: str, passage: Span | None = None, answer: Answer | None = None) -> list[Markup]:
    """An article's text by paragraphs, the passage and the answer marked; the passage begins at `#passage`."""
    marked: list[Markup] = []
    anchor = "passage"
    for found in _PARAGRAPH.finditer(text):
        line, offset = found[0], found.start()
        if not line.strip():
            continue
        here = passage is not None and bool(merge([passage], offset, offset + len(line)))
        marked.append(mark(line, passages(passage, anchor if here else ""), answers(answer), offset=offset))
        if here:
            anchor = ""
    return marked


def safe_url(url: str | None) -> str | None:
    """The URL when it can be linked: absolute, http or https, with a host and nothing that could end an attribute."""
    if not url or _NOT_IN_URLS.search(url.strip()):
        return None
    try:
        parts = urlsplit(url.strip())
        named = bool(parts.hostname)
    except ValueError:
        return None
    return url.strip() if named and parts.scheme in {"http", "https"} else None


def host(url: str) -> str:
    """The host that a safe URL leads to, to be shown beside the link."""
    return urlsplit(url).hostname or ""
