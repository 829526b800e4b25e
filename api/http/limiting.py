"""How often a client may come: counted for each key that opens something, and for each address otherwise."""

from __future__ import annotations

import time
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import HTTPConnection

from backissue.api.http.problems import ApiError
from backissue.search.errors import InvalidArgumentError

_NETWORK_OF_ONE_CLIENT = 64
"""Bits of an IPv6 address that tell clients apart: whoever has one address has all those that differ in the others."""


def checked_rate(text: str) -> str:
    """A rate such as `100/minute`, and no limit where it is empty.

    Raises:
        InvalidArgumentError: it is no rate.
    """
    try:
        _item(text)
    except ValueError:
        raise InvalidArgumentError(f"it is {text!r}, and no rate; write 100/minute, 5/second or 10000/day.") from None
    return text


@lru_cache
def _item(rate: str) -> RateLimitItem | None:
    return parse(rate) if rate else None


class Limiter:
    """Counts requests in the memory of this process."""

    def __init__(self) -> None:
        self._counts = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, rate: str, what: str, who: str) -> None:
        """Counts one request.

        Raises:
            ApiError: it is one too many.
        """
        item = _item(rate)
        if item is not None and not self._counts.hit(item, what, who):
            raise self._refusal(item, what, who)

    def check(self, rate: str, what: str, who: str) -> None:
        """Counts nothing.

        Raises:
            ApiError: the next one would be one too many.
        """
        item = _item(rate)
        if item is not None and not self._counts.test(item, what, who):
            raise self._refusal(item, what, who)

    def _refusal(self, item: RateLimitItem, what: str, who: str) -> ApiError:
        reset_s = self._counts.get_window_stats(item, what, who).reset_time
        wait_s = max(1, min(item.get_expiry(), round(reset_s - time.time() + 0.5)))
        return ApiError(
            "too_many_requests",
            f"{item} {what} are taken. Come back in {wait_s} seconds.",
            headers={"Retry-After": str(wait_s)},
        )


def address_of(connection: HTTPConnection) -> str:
    """The network address of a client, of IPv6 only the part that tells clients apart."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> _NETWORK_OF_ONE_CLIENT << _NETWORK_OF_ONE_CLIENT))
    return str(address)
