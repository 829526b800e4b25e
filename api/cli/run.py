"""The border of the command line: every way a command can end becomes an exit code and at most one line of error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from backissue.api.cli.exits import Exit, exit_of
from backissue.api.cli.terminal import emit_json, note
from backissue.search.errors import BackissueError

# The base of all errors in how a command was written (click's ClickException), which typer gives no name of its own.
_COMMAND_ERROR: type[typer.BadParameter] = typer.BadParameter.__mro__[2]


_GIVING_WAY = frozenset({"add", "delete", "rebuild", "restore"})
_NICENESS = 5
"""Where processors are short, whoever waits for an answer gets three times as much of them as whoever changes the
archive; where they are not, nobody notices."""


def main() -> NoReturn:
    """The entry point of the command `backissue`."""
    if _GIVING_WAY.intersection(sys.argv[1:2]) and hasattr(os, "nice"):
        os.nice(_NICENESS)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and give its exit code; errors are one line on stderr, and an object on stdout with --json."""
    try:
        try:
            code = _invoke(arguments)
            sys.stdout.flush()
            return code
        except BackissueError as error:
            return _fail(exit_of(error.code), error.code, str(error), arguments)
    except KeyboardInterrupt:
        note("Interrupted. What was acknowledged is kept; run the same command again to go on.")
        return Exit.INTERRUPTED
    except OSError as error:
        if error.errno == errno.EPIPE:
            _discard_stdout()
            return Exit.PIPE_CLOSED
        return _unexpected(error, arguments)
    except Exception as error:
        return _unexpected(error, arguments)


def _invoke(arguments: Sequence[str]) -> int:
    from backissue.api.cli.app import app

    command = typer.main.get_command(app)
    try:
        with command.make_context("backissue", list(arguments)) as context:
            return int(command.invoke(context) or Exit.DONE)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _COMMAND_ERROR as error:
        error.show()
        if "--json" in arguments:
            emit_json({"error": {"code": "usage", "message": error.format_message()}})
        return Exit.USAGE


def _fail(code: Exit, name: str, message: str, arguments: Sequence[str]) -> Exit:
    note(f"backissue: {' '.join(message.split())} [{name}]")
    if "--json" in arguments:
        emit_json({"error": {"code": name, "message": message}})
    return code


def _unexpected(error: Exception, arguments: Sequence[str]) -> Exit:
    if os.environ.get("BACKISSUE_DEBUG"):
        import traceback

        note(traceback.format_exc().rstrip())
    return _fail(Exit.UNEXPECTED, "unexpected", f"{type(error).__name__}: {error}", arguments)


def _discard_stdout() -> None:
    """Point stdout away from the closed pipe, or the interpreter reports it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
