"""Running the app: one process, or several workers behind one port."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from backissue.api.http.metrics import SHARED_FOLDER_VARIABLE
from backissue.api.http.settings import ServerSettings
from backissue.search.errors import InvalidArgumentError

if TYPE_CHECKING:
    from fastapi import FastAPI

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000

_INDEX_VARIABLE = "BACKISSUE_INDEX"
_RUN_FOLDER_VARIABLE = "BACKISSUE_RUN_FOLDER"


def serve(
    index: Path,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    workers: int = 1,
    settings: ServerSettings | None = None,
) -> None:
    """Serves the index at `index` until the process is told to stop; running requests are let finish.

    Raises:
        IndexNotFoundError, IndexCorruptError, FormatVersionError: the index cannot be searched.
        InvalidArgumentError: a setting in the environment cannot be used, or the address cannot be listened on.
    """
    from backissue.search.archive import Archive

    settings = settings or ServerSettings.from_env(os.environ)
    if workers < 1:
        raise InvalidArgumentError(f"workers must be 1 or more, not {workers}.")
    Archive.open(index).close()
    _check_address(host, port)
    with _ending_by_terminate(), tempfile.TemporaryDirectory(prefix="backissue-") as folder:
        _run(index.resolve(), host, port, workers, settings, Path(folder))


@contextmanager
def _ending_by_terminate() -> Iterator[None]:
    """SIGTERM ends the program rather than kills it: uvicorn sends itself the signal again when it has shut down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> NoReturn:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_address(host: str, port: int) -> None:
    """Tries the address, so that one that is taken is an error of ours rather than an exit of uvicorn's."""
    if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
        raise InvalidArgumentError(f"port must be from 0 to 65535, not {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise InvalidArgumentError(
            f"The server cannot listen on {host} port {port}: {error}. Choose another --host or --port."
        ) from error


def _run(index: Path, host: str, port: int, workers: int, settings: ServerSettings, run_folder: Path) -> None:
    import uvicorn

    from backissue.api.http.protocol import MAX_HEADER_BYTES, PatientProtocol

    if workers > 1:
        shared_metrics = run_folder / "metrics"
        shared_metrics.mkdir()
        os.environ.update(
            settings.to_env()
            | {
                _INDEX_VARIABLE: str(index),
                _RUN_FOLDER_VARIABLE: str(run_folder),
                SHARED_FOLDER_VARIABLE: str(shared_metrics),
            }
        )
        app: FastAPI | str = f"{__name__}:app_from_env"
    else:
        from backissue.api.http.app import create_app

        app = create_app(index, settings, run_folder=run_folder, warm_up=True)
    uvicorn.run(
        app,
        factory=workers > 1,
        host=host,
        port=port,
        workers=workers,
        lifespan="on",
        http=PatientProtocol,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),  # whose word to take for an address is for the operator to say
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def app_from_env() -> FastAPI:
    """The app of one worker process, from the variables that `serve` sets."""
    from backissue.api.http.app import create_app

    environ = {name: value for name, value in os.environ.items() if name != _RUN_FOLDER_VARIABLE}
    return create_app(
        Path(os.environ[_INDEX_VARIABLE]),
        ServerSettings.from_env(environ),
        run_folder=Path(os.environ[_RUN_FOLDER_VARIABLE]),
        warm_up=True,
    )
