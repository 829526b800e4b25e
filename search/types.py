"""The types that cross borders: what an archive holds, what is asked of it, and what it answers.

Every offset is a position in Unicode code points in `Article.text` as it is stored, so
`article.text[start:end]` is always what was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

Span = tuple[int, int]

UNKNOWN_LANG = "und"


@dataclass(frozen=True, slots=True)
class Article:
    """One article of the archive. All but `id` and `text` may be missing.

    `lang` is an ISO 639-1 code, or "und" where it is not known. `published` is an ISO 8601 date
    (`2023-09-13`) or date-time with its zone (`2023-09-13T10:00:00+02:00`), just as precise as its source.
    """

    id: str
    text: str
    title: str = ""
    lang: str = UNKNOWN_LANG
    published: str | None = None
    source: str | None = None
    author: str | None = None
    section: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ArticleRef:
    """An article without its text: what a hit shows of it."""

    id: str
    title: str
    lang: str
    source: str | None = None
    published: str | None = None
    url: str | None = None
    author: str | None = None
    section: str | None = None


class Mode(StrEnum):
    """Which legs search."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    SEMANTIC = "semantic"


class Sort(StrEnum):
    """The order of hits."""

    RELEVANCE = "relevance"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Filter:
    """What an article must satisfy. Values of one field are alternatives; fields are all required.

    `after` is inclusive and `before` exclusive, in the article's own calendar, so after 2023 and before 2024
    is the year 2023. Names of sources, sections and authors are compared without case or accents; an author
    matches when every word given is in the name. `titles` are words that the title must hold.
    """

    langs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None

    def __bool__(self) -> bool:
        return self != NO_FILTER

    def within(self, after: date | None, before: date | None) -> Filter:
        """This filter with a later start or an earlier end, where these are given."""
        return replace(
            self,
            after=max(filter(None, (self.after, after)), default=None),
            before=min(filter(None, (self.before, before)), default=None),
        )


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Query:
    """A question taken apart: `text` is what is left to rank by when the syntax is taken out.

    `filter` is what the question itself asks for, `also` what was asked for beside it; both must hold.
    """

    raw: str
    text: str
    phrases: tuple[str, ...] = ()
    excluded_words: tuple[str, ...] = ()
    excluded_phrases: tuple[str, ...] = ()
    filter: Filter = NO_FILTER
    also: Filter = NO_FILTER
    excluded: Filter = NO_FILTER


@dataclass(frozen=True, slots=True)
class Answer:
    """The sentence that answers, found at `text[start:end]` of the article."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PassageHit:
    """A passage of an article that was found; `highlights` are the matched words in it, as article offsets."""

    text: str
    start: int
    end: int
    score: float
    highlights: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One article that was found, with its best passages, best first.

    `score` is calibrated: the estimated probability, 0 to 1, that the article answers, decayed by age where that was
    asked for; it is 0 where nothing was asked but filters, and for articles like an article it is the cosine. `copies`
    are the other articles of its family that were found (near-duplicates: agency copy run by several outlets).
    `explain` says what each leg, the fusion and the reranker gave, and which leg abstained and why.
    """

    article: ArticleRef
    score: float
    answer: Answer | None
    passages: tuple[PassageHit, ...]
    copies: tuple[ArticleRef, ...] = ()
    explain: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet and how many articles of the candidate set have it; of copies the best one is counted."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to a question: one page of hits, and `total` and facets (where these were wanted) counted over the
    whole candidate set.

    `left_out` are the steps for which a search with a budget of time had none left: "rerank", "answers".
    """

    query: str
    took_ms: float
    hits: tuple[Hit, ...]
    facets: Mapping[str, tuple[FacetValue, ...]]
    total: int
    no_good_answer: bool
    lang: str = UNKNOWN_LANG
    left_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The object that HTTP and `backissue search --json` give."""
        return {
            "query": self.query,
            "took_ms": round(self.took_ms, 2),
            "lang": self.lang,
            "hits": [hit_to_dict(hit) for hit in self.hits],
            "facets": {
                name: [{"value": facet.value, "count": facet.count} for facet in values]
                for name, values in self.facets.items()
            },
            "total": self.total,
            "no_good_answer": self.no_good_answer,
            **({"left_out": list(self.left_out)} if self.left_out else {}),
        }


def hit_to_dict(hit: Hit) -> dict[str, Any]:
    """One hit as JSON holds it."""
    return {
        "article": ref_to_dict(hit.article),
        "score": round(hit.score, 4),
        "answer": None
        if hit.answer is None
        else {"text": hit.answer.text, "start": hit.answer.start, "end": hit.answer.end},
        "passages": [
            {
                "text": p.text,
                "start": p.start,
                "end": p.end,
                "score": round(p.score, 4),
                "highlights": [list(span) for span in p.highlights],
            }
            for p in hit.passages
        ],
        "copies": [ref_to_dict(copy) for copy in hit.copies],
        "explain": dict(hit.explain),
    }


def ref_to_dict(ref: ArticleRef) -> dict[str, Any]:
    """An article's head as JSON holds it."""
    return {name: getattr(ref, name) for name in ArticleRef.__slots__}


def article_to_dict(article: Article) -> dict[str, Any]:
    """An article as JSON holds it; `Article(**article_to_dict(a)) == a`."""
    return {name: getattr(article, name) for name in Article.__slots__}
