"""The verb that makes API keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from backissue.api.cli.exits import Exit
from backissue.api.cli.options import JsonOption
from backissue.api.cli.terminal import emit_json, say


class ScopeName(StrEnum):
    """What a key allows, as it is written."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    scope: Annotated[ScopeName, typer.Option(help="What it allows; each allows what those before do.")],
    json: JsonOption = False,
) -> int:
    """Make an API key for a server.

    The secret is for the client and is kept nowhere. The key holds its hash, and goes into BACKISSUE_API_KEYS or a line
    of the file BACKISSUE_API_KEYS_FILE.
    """
    from backissue.api.http.auth import Scope, new_key

    secret, made = new_key(name, Scope[scope.name])
    if json:
        emit_json({"secret": secret, "key": made.to_text()})
    else:
        say(f"secret  {secret}")
        say(f"key     {made.to_text()}")
    return Exit.DONE
