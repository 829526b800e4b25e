"""The verbs that change an archive: rebuild, add, delete, rollback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backissue.api.cli.exits import Exit
from backissue.api.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    JsonOption,
    MapOption,
    PathsArgument,
    QuietOption,
    StrictOption,
)
from backissue.api.cli.progress import reporting
from backissue.api.cli.terminal import emit_json, note, safe_line, say
from backissue.search.errors import InvalidArgumentError

if TYPE_CHECKING:
    from backissue.indexer import Backup, Summary
    from backissue.indexer.readers import Problem

PROBLEMS_SHOWN = 20


def rebuild(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", exists=True, help="Files and folders of articles, or none.")
    ] = None,
    index: IndexOption = DEFAULT_INDEX,
    mapping: MapOption = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Embedding model: the name or folder of one; else the bundled one."),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete the articles that the paths no longer hold.")] = False,
    strict: StrictOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> int:
    """Build the index anew, from files or from what it holds.

    Without a path it is built from the articles that it holds. Searches go on meanwhile, in the old generation; the
    new one is published when it is whole.
    """
    if prune and not paths:
        raise InvalidArgumentError("--prune needs paths: it deletes the articles that are not in them.")
    from backissue.indexer import Indexer
    from backissue.indexer.readers import read

    articles = read(paths, mapping=mapping_of(mapping or ())) if paths else None
    with reporting(quiet) as progress:
        summary = Indexer(index, model=model).rebuild(articles, prune=prune, progress=progress, strict=strict)
    return _show_summary(summary, json, expects_articles=bool(paths))


def add(
    paths: PathsArgument,
    index: IndexOption = DEFAULT_INDEX,
    mapping: MapOption = None,
    strict: StrictOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> int:
    """Add articles, or new versions of them.

    They can be found when this ends, by servers that run too; nothing is rebuilt.
    """
    from backissue.indexer import Indexer
    from backissue.indexer.readers import read

    articles = read(paths, mapping=mapping_of(mapping or ()))
    with reporting(quiet) as progress:
        summary = Indexer(index).add(articles, progress=progress, strict=strict)
    return _show_summary(summary, json, expects_articles=True)


def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="The ids of articles, as search prints them.")],
    index: IndexOption = DEFAULT_INDEX,
    json: JsonOption = False,
) -> int:
    """Delete articles."""
    from backissue.indexer import Indexer

    summary = Indexer(index).delete(ids)
    if json:
        emit_json(summary.to_dict())
    else:
        say(f"Deleted {summary.deleted:,} of {len(set(ids)):,}.")
    return Exit.DONE if summary.deleted else Exit.NOTHING


def rollback(index: IndexOption = DEFAULT_INDEX, json: JsonOption = False) -> int:
    """Publish the previous generation again.

    It takes up all that was added and deleted since.
    """
    from backissue.indexer import Indexer

    generation = Indexer(index).rollback()
    if json:
        emit_json({"generation": generation})
    else:
        say(f"Generation {generation} is published again.")
    return Exit.DONE


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The new file that is to hold the archive.")],
    index: IndexOption = DEFAULT_INDEX,
    json: JsonOption = False,
) -> int:
    """Copy the archive to one file, and read the copy to its end.

    It is as the archive was at one moment; searches and changes go on meanwhile.
    """
    from backissue.indexer import Indexer

    return _show_backup(Indexer(index).backup(target), json, "Backed up to")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The file that backup made.")],
    index: IndexOption = DEFAULT_INDEX,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up what the archive holds now, where there is one.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Put back what a backup holds, and build its index."""
    from backissue.indexer import Indexer

    return _show_backup(Indexer(index).restore(source, replace=replace), json, "Restored from")


def _show_backup(made: Backup, json: bool, words: str) -> int:
    if json:
        emit_json(made.to_dict())
    else:
        say(f"{words} {made.path}: {made.articles:,} articles, {made.bytes:,} bytes, whole.")
    return Exit.DONE


def mapping_of(pairs: Sequence[str]) -> dict[str, str]:
    """`["text=body"]` as `{"text": "body"}`.

    Raises:
        InvalidArgumentError: a pair has no `=`, or a field is given twice.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not (field and equals and column):
            raise InvalidArgumentError(f"--map {pair} is no pair; write field=column, such as text=body.")
        if mapping.setdefault(field, column) != column:
            raise InvalidArgumentError(f"--map gives {field} two columns: {mapping[field]} and {column}.")
    return mapping


def _show_summary(summary: Summary, json: bool, *, expects_articles: bool) -> int:
    for line in problem_lines(summary.problems, summary.skipped):
        note(line)
    if json:
        emit_json(summary.to_dict())
    else:
        for line in summary_lines(summary):
            say(line)
    read_any = summary.added + summary.updated + summary.unchanged > 0
    return Exit.DONE if read_any or not expects_articles else Exit.NOTHING


def problem_lines(problems: Sequence[Problem], skipped: int) -> Iterator[str]:
    """The first problems one line each, then how many more of the `skipped` there are."""
    for problem in problems[:PROBLEMS_SHOWN]:
        yield f"skipped: {safe_line(str(problem))}"
    if skipped > PROBLEMS_SHOWN:
        listed = "them all" if skipped == len(problems) else f"the first {len(problems):,}"
        yield f"skipped: {skipped - PROBLEMS_SHOWN:,} more; --json lists {listed}"


def summary_lines(summary: Summary) -> Iterator[str]:
    """What a run did, one count a line."""
    by_kind = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in summary.skipped_by_kind.items())
    rate = f" ({summary.words / summary.seconds:,.0f} words/s)" if summary.seconds > 0 else ""
    yield f"articles    {summary.added + summary.updated + summary.unchanged:,}"
    yield f"  added     {summary.added:,}"
    yield f"  updated   {summary.updated:,}"
    yield f"  unchanged {summary.unchanged:,}"
    if summary.deleted:
        yield f"deleted     {summary.deleted:,}"
    yield f"skipped     {summary.skipped:,}" + (f" ({by_kind})" if by_kind else "")
    yield f"passages    {summary.passages:,}"
    yield f"words       {summary.words:,}{rate}"
    yield f"generation  {summary.generation}"
    yield f"seconds     {summary.seconds:.1f}"
