"""The verb that looks whether all is well, and mends what can be mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from backissue.api.cli.exits import Exit
from backissue.api.cli.options import DEFAULT_INDEX, IndexOption, JsonOption
from backissue.api.cli.terminal import emit_json, note, safe_line, say

if TYPE_CHECKING:
    from backissue.api.diagnose import Diagnosis


def doctor(
    index: IndexOption = DEFAULT_INDEX,
    full: Annotated[bool, typer.Option("--full", help="Read every file and compare it with its checksum.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend the index from its archive, then look again.")] = False,
    json: JsonOption = False,
) -> int:
    """Tell whether all is well, and how to mend what is not.

    What is installed, which model, which index, and whether it is whole.
    """
    from backissue.api import diagnose

    if repair:
        note(diagnose.repair(index))
    diagnosis = diagnose.diagnose(index, full=full)
    if json:
        emit_json(diagnosis.to_dict())
    else:
        for line in diagnosis_lines(diagnosis):
            say(line)
    return Exit.DONE if diagnosis.is_well else Exit.NOTHING


def diagnosis_lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The diagnosis as lines: facts, then findings with how to mend them, then the verdict."""
    yield f"python    {diagnosis.python} on {diagnosis.platform}"
    for name, version in diagnosis.packages.items():
        yield f"package   {name} {version or 'MISSING'}"
    for name, is_complete in diagnosis.extras.items():
        state = "installed" if is_complete else f"not installed; pip install 'backissue[{name}]'"
        yield f"extra     {name}: {state}"
    if model := diagnosis.model:
        yield f"model     {model['id']}, {model['dimension']} dimensions, {model['hash'][:19]}…"
    yield from _index_lines(diagnosis)
    for finding in diagnosis.findings:
        yield f"{finding.level:<9} {safe_line(finding.what)}"
        if finding.mend:
            yield f"          {safe_line(finding.mend)}"
    yield "All is well." if diagnosis.is_well else "Something is wrong; see the lines that begin with error."


def _index_lines(diagnosis: Diagnosis) -> Iterator[str]:
    index = diagnosis.index
    yield f"index     {safe_line(str(index['path']))}"
    if "generation" in index:
        model = index["model"]
        yield f"          generation {index['generation']}"
        yield f"          {index['articles']:,} articles, {index['passages']:,} passages"
        yield f"          built with {safe_line(str(model['id']))}, {str(model['hash'])[:19]}…"
