"""Running the app: one process, or several workers behind one port."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from backissue.api.http.settings import ServerSettings

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
        IndexNotFoundError, IndexCorruptError, FormatVersionError, ModelMismatchError: the index cannot be searched.
        InvalidArgumentError: a setting in the environment cannot be used.
    """
    from backissue.search.archive import Archive

    settings = settings or ServerSettings.from_env(os.environ)
    Archive.open(index).close()
    with tempfile.TemporaryDirectory(prefix="backissue-") as folder:
        _run(index.resolve(), host, port, workers, settings, Path(folder))


def _run(index: Path, host: str, port: int, workers: int, settings: ServerSettings, run_folder: Path) -> None:
    import uvicorn

    if workers > 1:
        shared_metrics = run_folder / "metrics"
        shared_metrics.mkdir()
        os.environ.update(
            settings.to_env()
            | {
                _INDEX_VARIABLE: str(index),
                _RUN_FOLDER_VARIABLE: str(run_folder),
                "PROMETHEUS_MULTIPROC_DIR": str(shared_metrics),
            }
        )
        app: FastAPI | str = f"{__name__}:app_from_env"
    else:
        from backissue.api.http.app import create_app

        app = create_app(index, settings, run_folder=run_folder)
    uvicorn.run(
        app,
        factory=workers > 1,
        host=host,
        port=port,
        workers=workers,
        proxy_headers=False,  # whose word to take for an address is for a proxy's operator to say
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
    )
