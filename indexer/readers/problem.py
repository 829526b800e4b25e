"""What could not be read: one line saying what and where, while the run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "empty",
    "binary",
    "encoding",
    "truncated",
    "too_large",
    "malformed",
    "unsupported",
    "missing",
    "duplicate",
    "unpruned",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was skipped: its path, the place in it (`line 12`, or empty for the whole), and why."""

    path: str
    where: str
    kind: Kind
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}, {self.where}" if self.where else self.path
        return " ".join(f"{place}: {self.kind}: {self.reason}".split())


class UnreadableError(Exception):
    """Raised inside the readers where a file cannot be read on; `read` turns it into a `Problem`."""

    def __init__(self, kind: Kind, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason
        self.where = where
