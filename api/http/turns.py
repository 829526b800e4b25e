"""Searches one after the other, for as long as each is short."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.25


class Turns:
    """Lets threads work in turn, and those that have waited for `patience_s` beside whoever is at work.

    Threads that run Python side by side wait for each other wherever one lets go of the interpreter, and a search does
    that hundreds of times: four at once take twice the processor time of four in a row. Only what is slow, or itself
    waits, is better not waited for.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._at_work = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Within it, it is the turn of the calling thread, or it has waited long enough."""
        is_mine = self._at_work.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            if is_mine:
                self._at_work.release()
