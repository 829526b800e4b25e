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

MAX_REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was skipped: its path, the place in it (`line 12`, or empty for the whole), and why."""

    path: str
    where: str
    kind: Kind
    reason: str

    def __post_init__(self) -> None:
        # A reason may quote the names that a stranger's file has for its fields.
        if len(self.reason) > MAX_REASON_CHARS:
            object.__setattr__(self, "reason", f"{self.reason[:MAX_REASON_CHARS]}…")

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
