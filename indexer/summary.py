"""What a run of the indexer did and what a check found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from backissue.indexer.readers import Problem

Progress = Callable[[str, int, int | None], None]
"""Is told the stage ("read", "embed", "index", "publish"), how much of it is done, and of how much if that is known."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. `problems` are the first thousand of those that `skipped_by_kind` counts, most first."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    passages: int = 0
    words: int = 0
    seconds: float = 0.0
    generation: str = ""
    problems: tuple[Problem, ...] = ()
    skipped_by_kind: dict[str, int] = field(default_factory=dict)

    @property
    def skipped(self) -> int:
        """How many files or articles were passed over."""
        return sum(self.skipped_by_kind.values())

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON holds it."""
        return {
            "added": self.added,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "deleted": self.deleted,
            "skipped": self.skipped,
            "skipped_by_kind": self.skipped_by_kind,
            "passages": self.passages,
            "words": self.words,
            "seconds": round(self.seconds, 3),
            "generation": self.generation,
            "problems": [str(problem) for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check: how it stands, what was looked at, and how to mend it."""

    level: Literal["ok", "warning", "error"]
    what: str
    mend: str = ""
