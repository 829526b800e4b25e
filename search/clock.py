"""The time of one search: what it has none left for, and whether anyone still waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from threading import Event
from typing import Final, TypeVar

from backissue.search.errors import SearchCancelledError

T = TypeVar("T")


class Clock:
    """Runs from when it is made. Steps that would begin after `budget_ms` are left out; `cancelled` ends the search.

    A step that takes long looks at it again before each of its parts.
    """

    def __init__(self, budget_ms: float | None = None, cancelled: Event | None = None) -> None:
        self._started = time.perf_counter()
        self._budget_ms = budget_ms
        self._cancelled = cancelled
        self.left_out: list[str] = []

    @property
    def took_ms(self) -> float:
        """The milliseconds since it began."""
        return (time.perf_counter() - self._started) * 1000

    def allows(self, step: str, wanted: bool) -> bool:
        """Whether a step that is wanted may begin; one that may not is noted."""
        late = self._budget_ms is not None and self.took_ms > self._budget_ms
        if wanted and late and step not in self.left_out:
            self.left_out.append(step)
        return wanted and not late

    def go_on(self) -> None:
        """Ends the search here if nobody waits for it.

        Raises:
            SearchCancelledError: it was cancelled.
        """
        if self._cancelled is not None and self._cancelled.is_set():
            raise SearchCancelledError(f"The search was cancelled after {self.took_ms:.0f} ms.")

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """The items, as long as somebody waits for them."""
        for item in items:
            self.go_on()
            yield item


UNHURRIED: Final = Clock()
"""Has all the time there is."""
