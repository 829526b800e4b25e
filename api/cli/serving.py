"""The verb that serves an archive over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from backissue.api.cli.exits import Exit
from backissue.api.cli.options import DEFAULT_INDEX, IndexOption
from backissue.api.cli.terminal import emit_json, note


def serve(
    index: IndexOption = DEFAULT_INDEX,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes answer.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print where it listens as one JSON object.")] = False,
) -> int:
    """Serve the web page and the HTTP interface."""
    # A missing or damaged index is told before anything is said of an address.
    from backissue.search.archive import Archive

    with Archive.open(index):
        pass
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    if json:
        emit_json({"url": url, "index": str(index)})
    note(f"Starting. {index} will be served at {url} until Ctrl-C.")
    from backissue.api.http.server import serve as run_server

    run_server(index, host, port, workers)
    return Exit.DONE
