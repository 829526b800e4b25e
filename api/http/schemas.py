"""The shapes of requests and responses, as OpenAPI documents them.

Responses are sent as the library's own `to_dict` gives them; these models describe them, and tests hold them equal.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from backissue.search.query import parse_date_bound
from backissue.search.types import Filter, Mode, Sort

MAX_K = 100
MAX_OFFSET = 10_000

Name = Annotated[str, Field(max_length=200)]
Names = Annotated[list[Name], Field(max_length=50)]
DateBound = Annotated[str, Field(max_length=10, examples=["2023", "2023-09", "2023-09-13"])]


class FilterParams(BaseModel):
    """What an article must satisfy; values of one parameter are alternatives."""

    model_config = ConfigDict(extra="forbid")

    lang: Names = Field([], description="Language of the article, an ISO 639-1 code; repeatable.", examples=[["pl"]])
    source: Names = Field([], description="Name of its source, without regard to case or accents; repeatable.")
    section: Names = Field([], description="Name of its section; repeatable.")
    author: Names = Field([], description="Words that the name of its author holds; repeatable.")
    after: DateBound | None = Field(None, description="Published on or after the first day of this year, month or day.")
    before: DateBound | None = Field(None, description="Published before the first day of this year, month or day.")

    @field_validator("after", "before")
    @classmethod
    def _is_date(cls, value: str | None) -> str | None:
        if value is not None and parse_date_bound(value) is None:
            raise ValueError("it must be a date like 2023, 2023-09 or 2023-09-13")
        return value

    def to_filter(self) -> Filter:
        """The filter that the engine takes."""
        return Filter(
            langs=tuple(self.lang),
            sources=tuple(self.source),
            sections=tuple(self.section),
            authors=tuple(self.author),
            after=_first_day(self.after),
            before=_first_day(self.before),
        )


class SimilarParams(FilterParams):
    """How many similar articles, and which."""

    k: int = Field(10, ge=1, le=MAX_K, description="Articles to return.")


class SearchParams(FilterParams):
    """A question and how to answer it."""

    q: str = Field(
        description='The question, in any language. `"exact phrase"`, `-word` and `field:value` are understood.',
        examples=["what does North Korea get in return"],
    )
    k: int = Field(10, ge=1, le=MAX_K, description="Articles on a page.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="Articles to pass over, for the next pages.")
    mode: Mode = Field(Mode.HYBRID, description="Which legs search.")
    rerank: Name = Field("fast", description="`fast`, `deep` (slower), `off`, or a reranker that this server offers.")
    sort: Sort = Field(Sort.RELEVANCE, description="The order of hits.")
    recency_days: float | None = Field(
        None, gt=0, le=100_000, allow_inf_nan=False, description="Days after which a story counts half as much."
    )
    translate: bool = Field(True, description="Search other languages for the likely translations of the words.")
    passages: int = Field(3, ge=1, le=20, description="Passages of each article.")
    explain: bool = Field(True, description="Say what each leg, the fusion and the reranker gave.")
    budget_ms: float | None = Field(
        None,
        gt=0,
        le=600_000,
        allow_inf_nan=False,
        description="Milliseconds after which neither reranking nor answers are begun; `left_out` names what was not.",
    )


def _first_day(bound: str | None) -> date | None:
    period = parse_date_bound(bound) if bound else None
    return period[0] if period else None


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ArticleRefShape(_Shape):
    """An article without its text."""

    id: str = Field(examples=["nk-2023-09-14"])
    title: str = Field(examples=["Kim wraca z Rosji. Co dostanie w zamian"])
    lang: str = Field(examples=["pl"], description="ISO 639-1, or `und` where it is not known.")
    source: str | None = Field(examples=["Kurier Północny"])
    published: str | None = Field(
        examples=["2023-09-18"], description="ISO 8601 date or date-time, as precise as known."
    )
    url: str | None = Field(examples=[None])
    author: str | None = Field(examples=["Anna Lis"])
    section: str | None = Field(examples=["Świat"])


class ArticleShape(ArticleRefShape):
    """An article of the archive."""

    text: str = Field(description="All offsets are positions in it, in Unicode code points.")


class AnswerShape(_Shape):
    """The sentence that answers, at `text[start:end]` of the article."""

    text: str = Field(examples=["W zamian Pjongjang dostaje żywność, ropę i pomoc przy satelitach."])
    start: int = Field(examples=[412])
    end: int = Field(examples=[478])


class PassageShape(_Shape):
    """A passage at `text[start:end]` of the article; highlights are the matched words, as article offsets."""

    text: str
    start: int
    end: int
    score: float
    highlights: list[tuple[int, int]] = Field(examples=[[[412, 418]]])


class HitShape(_Shape):
    """One article that was found; `score` is the estimated probability that it answers."""

    article: ArticleRefShape
    score: float = Field(ge=0, le=1, examples=[0.91])
    answer: AnswerShape | None
    passages: list[PassageShape]
    copies: list[ArticleRefShape]
    explain: dict[str, Any]


class FacetShape(_Shape):
    """A value and how many articles of the whole candidate set have it."""

    value: str = Field(examples=["pl"])
    count: int = Field(examples=[7])


class ResultsShape(_Shape):
    """The answer to a question, the same object as `backissue search --json` prints."""

    query: str = Field(examples=["what does North Korea get in return"])
    took_ms: float = Field(examples=[24.31])
    lang: str = Field(examples=["en"], description="The language of the question.")
    hits: list[HitShape]
    facets: dict[str, list[FacetShape]]
    total: int = Field(description="Articles in the candidate set that is paged and counted.", examples=[12])
    no_good_answer: bool = Field(description="Nothing that was found is likely to answer.")
    left_out: list[Literal["rerank", "answers"]] = Field(
        [], description="Steps that there was no time for; missing where all was done."
    )


class ArticleInput(BaseModel):
    """An article to add. All but `text` may be missing; the usual names of fields in exports are understood too."""

    model_config = ConfigDict(extra="allow")

    text: str = Field(
        examples=["Przywódca Korei Północnej zakończył wizytę w Rosji. W zamian za amunicję dostanie żywność."]
    )
    id: str | None = Field(None, description="Derived from the content when missing.")
    title: str | None = Field(None, examples=["Kim wraca z Rosji"])
    lang: str | None = Field(None, description="Detected when missing.", examples=["pl"])
    published: str | None = Field(None, examples=["2023-09-18"])
    source: str | None = Field(None, examples=["Kurier Północny"])
    author: str | None = None
    section: str | None = None
    url: str | None = None


class SummaryShape(_Shape):
    """What a change did. It is committed and searchable."""

    added: int
    updated: int
    unchanged: int
    deleted: int
    skipped: int
    skipped_by_kind: dict[str, int] = Field(examples=[{"empty": 1}])
    passages: int
    words: int
    seconds: float
    problems: list[str] = Field(
        description="What was skipped, where, and why.", examples=[["body, line 12: empty: no text"]]
    )
    generation: str


class AddedShape(SummaryShape):
    """What was added, with the ids of the accepted articles in their order."""

    ids: list[str] = Field(examples=[["nk-2023-09-14"]])


class JobShape(_Shape):
    """A piece of long work: `done` of `total` in the current `stage`, where the total is known."""

    id: str
    kind: str = Field(examples=["rebuild"])
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    stage: str = Field(examples=["embed"])
    done: int
    total: int | None
    created: str
    started: str | None
    ended: str | None
    error: dict[str, str] | None
    summary: dict[str, Any] | None


class StatsShape(BaseModel):
    """What the archive holds."""

    articles: int
    passages: int
    generation: str
    model: dict[str, Any]
    languages: dict[str, int]
    sources: dict[str, int]
    first_published: str | None
    last_published: str | None
    bytes: dict[str, int]


class HealthShape(BaseModel):
    """Whether the process lives, or is ready to answer."""

    status: Literal["ok", "ready"]


class ReadyShape(HealthShape):
    """What a ready server searches."""

    generation: str


class FieldProblem(BaseModel):
    """One parameter that cannot be used."""

    location: str = Field(examples=["query"])
    field: str = Field(examples=["k"])
    detail: str = Field(examples=["Input should be less than or equal to 100"])
    kind: str = Field(examples=["less_than_equal"])


class Problem(BaseModel):
    """A failure, as RFC 9457 describes it; `code` is stable."""

    type: str = Field(examples=["/errors/invalid_request"])
    title: str = Field(examples=["A parameter cannot be used."])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["k: Input should be less than or equal to 100"])
    code: str = Field(examples=["invalid_request"])
    instance: str = Field(examples=["/v1/search"])
    errors: list[FieldProblem] | None = None


class KindShape(BaseModel):
    """A kind of failure."""

    type: str
    code: str
    status: int
    title: str
