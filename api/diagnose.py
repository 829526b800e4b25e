"""A look at the whole installation: what is installed, which model, which index, and whether it is whole."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from backissue.indexer.indexer import Indexer
from backissue.indexer.summary import Finding
from backissue.search.errors import BackissueError

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra == [\"'](?P<extra>[^\"']+)[\"'])?")
_OWN_EXTRAS = ("deep", "transformers", "eval")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a look at the installation gave: facts to report, and findings with how to mend what is wrong.

    `extras` are the optional parts, and whether all that each needs is installed.
    """

    python: str
    platform: str
    packages: dict[str, str | None]
    extras: dict[str, bool]
    model: dict[str, Any]
    index: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; warnings are not wrong."""
        return all(finding.level != "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The object that `backissue doctor --json` gives."""
        return {"ok": self.is_well} | asdict(self)


def diagnose(index: Path, *, full: bool = False) -> Diagnosis:
    """Look at what is installed and at the index in the folder `index`; `full` reads every file of it."""
    packages, extras = _installed()
    model, model_findings = _bundled_model()
    stats, index_findings = _index(index, full=full)
    missing = [
        Finding("error", f"The package {name} is not installed.", "Run: pip install --force-reinstall backissue")
        for name, version in packages.items()
        if version is None
    ]
    return Diagnosis(
        python=platform.python_version(),
        platform=platform.platform(),
        packages=packages,
        extras=extras,
        model=model,
        index=stats,
        findings=(*missing, *model_findings, *index_findings),
    )


def repair(index: Path) -> str:
    """Mend an index as far as its archive allows; says what was done.

    First what a crash left out is applied; where that does not make it whole, the derived indexes are built anew.

    Raises:
        BackissueError: the archive itself cannot be read, or another process is writing.
    """
    indexer = Indexer(index)
    try:
        if indexer.recover() and _is_whole(indexer):
            return "What had been left out was applied."
        if _is_whole(indexer):
            return "Nothing was wrong."
    except BackissueError as error:
        if error.code == "index_locked":
            raise
    summary = indexer.rebuild()
    return f"The index was built anew from its archive, as generation {summary.generation}."


def _is_whole(indexer: Indexer) -> bool:
    return all(finding.level != "error" for finding in indexer.check(full=True))


def _installed() -> tuple[dict[str, str | None], dict[str, bool]]:
    """Versions of backissue and what it needs (None: not installed), and which extras are complete."""
    packages: dict[str, str | None] = {"backissue": _version("backissue")}
    extras = dict.fromkeys(_OWN_EXTRAS, True)
    for name, extra in _requirements():
        version = _version(name)
        if extra is None:
            packages[name] = version
        elif extra in extras:
            extras[extra] &= version is not None
            if version is not None:
                packages[name] = version
    return packages, extras


def _requirements() -> Iterator[tuple[str, str | None]]:
    try:
        lines = metadata.requires("backissue") or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        if match := _REQUIREMENT.match(line):
            yield match["name"], match["extra"]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _bundled_model() -> tuple[dict[str, Any], list[Finding]]:
    from backissue.search.embedding import load_embedder

    try:
        record = load_embedder().model
    except (BackissueError, OSError) as error:
        return {}, [Finding("error", f"The bundled model cannot be loaded: {error}", "Install backissue again.")]
    return {"id": record.id, "hash": record.hash, "dimension": record.dimension}, []


def _index(index: Path, *, full: bool) -> tuple[dict[str, Any], list[Finding]]:
    from backissue.search.archive import Archive

    try:
        with Archive.open(index) as archive:
            stats = archive.stats()
    except BackissueError as error:
        stats = {"path": str(index)}
        if error.code == "index_not_found":
            return stats, [Finding("error", str(error), f"Run: backissue rebuild PATH… --index {index}")]
        opening = [Finding("error", str(error), f"Run: backissue doctor --repair --index {index}")]
    else:
        opening = []
    try:
        findings = Indexer(index).check(full=full)
    except BackissueError as error:
        findings = [Finding("error", str(error), "")]
    told = {finding.what for finding in findings}
    return stats, [finding for finding in opening if finding.what not in told] + findings
