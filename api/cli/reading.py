"""The verbs that read an archive: search, show, similar, stats."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backissue.api.cli.exits import Exit
from backissue.api.cli.options import DEFAULT_INDEX, IndexOption, JsonOption
from backissue.api.cli.terminal import emit_json, safe, say, styled, wants_colour
from backissue.search.errors import InvalidArgumentError
from backissue.search.types import Filter, Mode, Sort, article_to_dict

if TYPE_CHECKING:
    from backissue.search.types import Results

_MAX_WIDTH = 110

Langs = Annotated[list[str] | None, typer.Option("--lang", metavar="LANG", help="Language: a code or an English name.")]
Sources = Annotated[list[str] | None, typer.Option("--source", metavar="NAME", help="Source; may be given again.")]
Sections = Annotated[list[str] | None, typer.Option("--section", metavar="NAME", help="Section; may be given again.")]
Authors = Annotated[list[str] | None, typer.Option("--author", metavar="NAME", help="Author; may be given again.")]
After = Annotated[
    str, typer.Option("--after", metavar="DATE", help="Published then or later: 2023, 2023-09, 2023-09-13.")
]
Before = Annotated[str, typer.Option("--before", metavar="DATE", help="Published before that year, month or day.")]
On = Annotated[str, typer.Option("--on", metavar="DATE", help="Published within that year, month or day.")]
Count = Annotated[int, typer.Option("--k", min=1, metavar="N", help="How many articles.")]


def search(
    question: Annotated[list[str], typer.Argument(metavar="QUESTION", help="Words in any language; see below.")],
    index: IndexOption = DEFAULT_INDEX,
    k: Count = 10,
    offset: Annotated[int, typer.Option(min=0, metavar="N", help="How many articles to pass over.")] = 0,
    lang: Langs = None,
    source: Sources = None,
    section: Sections = None,
    author: Authors = None,
    after: After = "",
    before: Before = "",
    on: On = "",
    mode: Annotated[Mode, typer.Option(help="Search by words, by meaning, or by both.")] = Mode.HYBRID,
    rerank: Annotated[str, typer.Option(metavar="NAME", help="fast, deep, off, or a cross-encoder's name.")] = "fast",
    sort: Annotated[Sort, typer.Option(help="The order of articles.")] = Sort.RELEVANCE,
    recency_days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="The age at which an article counts half.")
    ] = None,
    translate: Annotated[
        bool, typer.Option("--translate/--no-translate", help="Search other languages for the words' translations.")
    ] = True,
    passages: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many passages of each article: 3 in JSON, 1 in text.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Ask the archive a question.

    The articles that answer come first, whatever their language.

    \b
    In the question:
      "exact phrase"  -word  -"phrase"
      title: source: author: section: lang:     lang:pl  -source:"Daily News"
      after: before: on:                        after:2023  on:2023-09-13
    """
    _refuse_unknown_options(question)
    wanted = filter_of(lang, source, section, author, after, before, on)
    from backissue.search.archive import Archive

    with Archive.open(index) as archive:
        results = archive.search(
            " ".join(question),
            k=k,
            offset=offset,
            mode=mode,
            rerank=rerank,
            sort=sort,
            recency_days=recency_days,
            filter=wanted,
            translate=translate,
            passages=passages or 3,
        )
    return _show_results(results, offset, passages or 1, json, _NOTHING_MEETS_ALL)


def show(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="The id of an article, as search prints it.")],
    index: IndexOption = DEFAULT_INDEX,
    json: JsonOption = False,
) -> int:
    """Print an article."""
    from backissue.search.archive import Archive

    with Archive.open(index) as archive:
        article = archive.article(article_id)
    if json:
        emit_json(article_to_dict(article))
    else:
        from backissue.api.cli.render import article_lines

        _say_styled(article_lines(article, _width()))
    return Exit.DONE


def similar(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="The id of an article, as search prints it.")],
    index: IndexOption = DEFAULT_INDEX,
    k: Count = 10,
    lang: Langs = None,
    source: Sources = None,
    section: Sections = None,
    author: Authors = None,
    after: After = "",
    before: Before = "",
    on: On = "",
    json: JsonOption = False,
) -> int:
    """Find articles like an article, in any language."""
    wanted = filter_of(lang, source, section, author, after, before, on)
    from backissue.search.archive import Archive

    with Archive.open(index) as archive:
        results = archive.similar(article_id, k=k, filter=wanted)
    return _show_results(results, 0, 1, json)


def stats(index: IndexOption = DEFAULT_INDEX, json: JsonOption = False) -> int:
    """Tell what the archive holds."""
    from backissue.search.archive import Archive

    with Archive.open(index) as archive:
        counted = archive.stats()
    if json:
        emit_json(counted)
    else:
        for line in stats_lines(counted):
            say(line)
    return Exit.DONE


def stats_lines(counted: dict[str, Any], indent: str = "") -> Iterable[str]:
    """Counts as aligned lines, those of a table beneath its name."""
    width = max((len(str(name)) for name in counted), default=0)
    for name, value in counted.items():
        label = safe(str(name).replace("_", " "))
        if isinstance(value, dict):
            yield f"{indent}{label}"
            yield from stats_lines(value, indent + "  ")
        else:
            yield f"{indent}{label:<{width}}  {_value_words(value)}"


def filter_of(
    langs: list[str] | None,
    sources: list[str] | None,
    sections: list[str] | None,
    authors: list[str] | None,
    after: str,
    before: str,
    on: str,
) -> Filter:
    """The typed filter of the options.

    Raises:
        InvalidArgumentError: a language or a date is none.
    """
    within = _date_bounds("--on", on) if on else (None, None)
    given = Filter(
        langs=tuple(_language(lang) for lang in langs or ()),
        sources=tuple(sources or ()),
        sections=tuple(sections or ()),
        authors=tuple(authors or ()),
        after=_date_bounds("--after", after)[0] if after else None,
        before=_date_bounds("--before", before)[0] if before else None,
    )
    return given.within(*within)


def _language(name: str) -> str:
    from backissue.search.iso639 import language_code

    code = language_code(name)
    if code is None:
        raise InvalidArgumentError(f"--lang {name} is no language; give a code (pl) or an English name (Polish).")
    return code


def _date_bounds(option: str, text: str) -> tuple[date, date]:
    from backissue.search.query import parse_date_bound

    bounds = parse_date_bound(text)
    if bounds is None:
        raise InvalidArgumentError(f"{option} {text} is no date; give a year, month or day: 2023, 2023-09, 2023-09-13.")
    return bounds


def _refuse_unknown_options(words: list[str]) -> None:
    """`-word` is part of a question, so the parser lets unknown options pass; `--word` is surely a misspelt one."""
    for word in words:
        if word.startswith("--") and word[2:3].isalpha() and " " not in word:
            raise typer.BadParameter(f"No such option: {word}")


_NOTHING_MEETS_ALL = (
    "Nothing found. Quotation marks, minus signs, field:value parts and options must all hold: leave some out, or ask "
    "in other words."
)


def _show_results(results: Results, offset: int, passages: int, json: bool, if_none: str = "Nothing found.") -> int:
    if json:
        emit_json(results.to_dict())
    else:
        from backissue.api.cli.render import results_lines

        _say_styled(results_lines(results, _width(), offset, passages, if_none))
    return Exit.DONE if results.hits else Exit.NOTHING


def _say_styled(lines: Iterable[str]) -> None:
    colour = wants_colour(sys.stdout)
    for line in lines:
        say(styled(line, colour=colour))


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, _MAX_WIDTH)


def _value_words(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "-" if value is None else safe(str(value))
