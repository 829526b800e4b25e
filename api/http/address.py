"""What the address of a page says: the question and how it is narrowed. Every link of the page is an `Address`.

    /?q=what+did+Kim+get&lang=pl&lang=en&source=Echo&after=2023-09-01&before=2023-10-01&sort=date&page=2

Defaults are left out, so one view has one address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

from backissue.search.errors import InvalidArgumentError
from backissue.search.iso639 import language_code
from backissue.search.query import parse_date_bound
from backissue.search.types import Answer, Filter, Mode, Sort, Span

MAX_PAGE = 1000

Choice = TypeVar("Choice", bound=StrEnum)


class Reader(StrEnum):
    """What reads the best passages once more."""

    FAST = "fast"
    DEEP = "deep"


Narrowing = Literal["langs", "sources", "sections"]


@dataclass(frozen=True, slots=True)
class Address:
    """A question, its filters and the page of results; `after` is inclusive and `before` exclusive."""

    q: str = ""
    langs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None
    sort: Sort = Sort.RELEVANCE
    mode: Mode = Mode.HYBRID
    rerank: Reader = Reader.FAST
    page: int = 1

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> Address:
        """Reads the parameters of a URL; empty ones count as absent, unknown ones are left alone.

        Raises InvalidArgumentError naming the parameter whose value cannot be used.
        """
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                values.setdefault(name, []).append(value.strip())
        after, before = _day(values, "after"), _day(values, "before")
        if after and before and after >= before:
            raise InvalidArgumentError(
                f"No day is left between after {after} and before {before}: after includes its day, before does not. "
                "Give a later end or an earlier start."
            )
        return cls(
            q=_last(values, "q"),
            langs=_unique(_language(value) for value in values.get("lang", ())),
            sources=_unique(values.get("source", ())),
            sections=_unique(values.get("section", ())),
            after=after,
            before=before,
            sort=_choice(Sort, values, "sort", Sort.RELEVANCE),
            mode=_choice(Mode, values, "mode", Mode.HYBRID),
            rerank=_choice(Reader, values, "rerank", Reader.FAST),
            page=_page(_last(values, "page") or "1"),
        )

    @property
    def filter(self) -> Filter:
        """What the archive is asked to hold to."""
        return Filter(
            langs=self.langs, sources=self.sources, sections=self.sections, after=self.after, before=self.before
        )

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters of the URL, in a fixed order, without those that have their default."""
        pairs = [
            ("q", self.q),
            *(("lang", lang) for lang in self.langs),
            *(("source", source) for source in self.sources),
            *(("section", section) for section in self.sections),
            ("after", str(self.after or "")),
            ("before", str(self.before or "")),
            ("sort", self.sort.value if self.sort != Sort.RELEVANCE else ""),
            ("mode", self.mode.value if self.mode != Mode.HYBRID else ""),
            ("rerank", self.rerank.value if self.rerank != Reader.FAST else ""),
            ("page", str(self.page) if self.page > 1 else ""),
        ]
        return [(name, value) for name, value in pairs if value]

    @property
    def url(self) -> str:
        """The path and query of this view."""
        return f"/?{urlencode(self.pairs)}" if self.pairs else "/"

    def with_page(self, page: int) -> Address:
        """Another page of the same results."""
        return replace(self, page=page)

    def asking(self, question: str) -> Address:
        """Another question of the same part of the archive."""
        return replace(self, q=question, page=1)

    def sorted_by(self, sort: Sort) -> Address:
        """The same results in another order."""
        return replace(self, sort=sort, page=1)

    def searched_by(self, mode: Mode) -> Address:
        """The same question by other legs."""
        return replace(self, mode=mode, page=1)

    def read_by(self, reader: Reader) -> Address:
        """The same question, its best passages read by another."""
        return replace(self, rerank=reader, page=1)

    def within(self, after: date | None, before: date | None) -> Address:
        """The same question of another period."""
        return replace(self, after=after, before=before, page=1)

    def toggle(self, field: Narrowing, value: str) -> Address:
        """With the value when it was not there, without it when it was. Names are compared without case."""
        present: tuple[str, ...] = getattr(self, field)
        kept = tuple(other for other in present if other.casefold() != value.casefold())
        values = kept if len(kept) < len(present) else (*present, value)
        # Spelt out, so that the types of the fields are checked.
        if field == "langs":
            return replace(self, langs=values, page=1)
        if field == "sources":
            return replace(self, sources=values, page=1)
        return replace(self, sections=values, page=1)

    def has(self, field: Narrowing, value: str) -> bool:
        """Whether the value is one of those that narrow the field."""
        present: Sequence[str] = getattr(self, field)
        return value.casefold() in (other.casefold() for other in present)

    def unfiltered(self) -> Address:
        """The same question of the whole archive."""
        return Address(q=self.q, sort=self.sort, mode=self.mode, rerank=self.rerank)

    def article_url(self, article_id: str, passage: Span | None = None, answer: Answer | None = None) -> str:
        """The article, opened at the passage; the way back to these results travels along."""
        pairs = list(self.pairs)
        if passage:
            pairs += [("start", str(passage[0])), ("end", str(passage[1]))]
        if answer:
            pairs += [("answer", f"{answer.start}-{answer.end}")]
        query = f"?{urlencode(pairs)}" if pairs else ""
        return f"/article/{quote(article_id, safe='')}{query}{'#passage' if passage else ''}"


def _last(values: dict[str, list[str]], name: str) -> str:
    return values.get(name, [""])[-1]


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _language(value: str) -> str:
    code = language_code(value)
    if code is None:
        raise InvalidArgumentError(
            f"lang is “{value[:80]}”; it must be an ISO 639-1 code such as pl, or an English name such as Polish."
        )
    return code


def _day(values: dict[str, list[str]], name: str) -> date | None:
    value = _last(values, name)
    if not value:
        return None
    bound = parse_date_bound(value)
    if bound is None:
        raise InvalidArgumentError(
            f"{name} is “{value[:80]}”; write 2023 for a year, 2023-09 for a month or 2023-09-13 for a day."
        )
    return bound[0]


def _choice(kind: type[Choice], values: dict[str, list[str]], name: str, default: Choice) -> Choice:
    value = _last(values, name)
    try:
        return kind(value.casefold()) if value else default
    except ValueError:
        raise InvalidArgumentError(f"{name} is “{value[:80]}”; it must be one of {', '.join(kind)}.") from None


def _page(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 6 and 1 <= int(value) <= MAX_PAGE):
        raise InvalidArgumentError(f"page is “{value[:80]}”; it must be a number from 1 to {MAX_PAGE:,}.")
    return int(value)
