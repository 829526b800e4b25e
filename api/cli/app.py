"""The command and its verbs."""

from __future__ import annotations

from typing import Annotated

import typer

from backissue.api.cli import doctoring, evaluating, keys, reading, serving, writing
from backissue.api.cli.exits import exits_help
from backissue.api.cli.terminal import say

app = typer.Typer(
    name="backissue",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="\b\n" + exits_help(),
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"backissue {version('backissue')}")
        raise typer.Exit


@app.callback()
def backissue(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask a news archive a question in any language; find the passages that answer it, whatever their language."""


app.command()(writing.rebuild)
app.command()(writing.add)
app.command()(writing.delete)
app.command(context_settings={"ignore_unknown_options": True})(reading.search)
app.command()(reading.show)
app.command()(reading.similar)
app.command()(reading.stats)
app.command()(serving.serve)
app.command("eval")(evaluating.evaluate)
app.command()(doctoring.doctor)
app.command()(writing.rollback)
app.command()(writing.backup)
app.command()(writing.restore)
app.command()(keys.key)
