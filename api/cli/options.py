"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

IndexOption = Annotated[
    Path, typer.Option("--index", metavar="DIR", envvar="BACKISSUE_INDEX", help="Where the index is.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Stop at the first file or record that cannot be read.")]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="The column or key that holds a field, such as text=body."),
]
PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH", exists=True, help="Files and folders of articles.")
]
DEFAULT_INDEX = Path("index")
