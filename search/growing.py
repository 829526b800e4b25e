"""Arrays that grow while they are read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_ROOM = 1024
ROOM_SHARE = 4
"""A copy is made with room for a quarter more, so that each entry is copied some times and not once a change."""


@dataclass(slots=True)
class _Room:
    """An array of which the first `used` entries are somebody's."""

    array: NDArray[Any]
    used: int
    lock: threading.Lock = field(default_factory=threading.Lock)


class Growing:
    """An array `values` (n, …) that never changes, and of which a longer one is made without copying it.

    The longer one stands in the same memory, for which there is room behind the first. Only one can go on there: for
    whoever comes second, or where there is no room left, all is copied.
    """

    __slots__ = ("_room", "values")

    def __init__(self, values: NDArray[Any], room: _Room | None = None) -> None:
        self.values = values
        self._room = room or _Room(values, len(values))

    def followed_by(self, more: NDArray[Any]) -> Growing:
        """These values and `more` (m, …) behind them, in the type that holds both."""
        if not len(more):
            return self
        room, first, end = self._room, len(self.values), len(self.values) + len(more)
        with room.lock:
            goes_on = room.used == first and end <= len(room.array) and np.can_cast(more.dtype, room.array.dtype)
            if goes_on:
                room.used = end
        if not goes_on:
            kind = np.result_type(self.values, more)
            spare = max(first // ROOM_SHARE, LEAST_ROOM)
            room = _Room(np.empty((end + spare, *self.values.shape[1:]), dtype=kind), end)
            room.array[:first] = self.values
        room.array[first:end] = more
        return Growing(room.array[:end], room)
