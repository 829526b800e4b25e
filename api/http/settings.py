"""The settings of the server: one table of names, defaults and help, read from BACKISSUE_* variables."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from backissue.api.http.auth import ApiKey, keys_in
from backissue.api.http.limiting import checked_rate
from backissue.search.errors import InvalidArgumentError

PREFIX = "BACKISSUE_"
_TRUTHS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}

T = TypeVar("T")


def _setting(default: T, read: Callable[[str], T], text: str, minimum: float | None = None) -> T:
    value: T = field(default=default, metadata={"read": read, "help": text, "minimum": minimum})
    return value


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _keys(text: str) -> tuple[ApiKey, ...]:
    return tuple(ApiKey.from_text(item, number) for number, item in enumerate(_items(text), start=1))


def _key_file(text: str) -> str:
    if not text:
        return ""
    path = Path(text).absolute()
    keys_in(path)
    return str(path)


def _yes_or_no(text: str) -> bool:
    if text.casefold() not in _TRUTHS:
        raise InvalidArgumentError(f"it is {text!r}; it must be yes or no.")
    return _TRUTHS[text.casefold()]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the server behaves. Each field is read from the variable `BACKISSUE_` + its name in capitals.

    Raises:
        InvalidArgumentError: a number is below its minimum.
    """

    api_keys: tuple[ApiKey, ...] = _setting(
        (),
        _keys,
        "Keys that may change the archive, separated by commas: a secret, or name:scope:sha256. None: no one.",
    )
    api_keys_file: str = _setting("", _key_file, "A file of such keys, one a line; it is read again when it changes.")
    public_reading: bool = _setting(
        True, _yes_or_no, "Whether everyone may search; if no, reading needs a key of the scope read."
    )
    rate_per_key: str = _setting("", checked_rate, "Requests that a key may make, such as 1000/minute. None: no limit.")
    rate_per_address: str = _setting(
        "", checked_rate, "Requests that an address may make without a key, such as 60/minute. None: no limit."
    )
    rate_of_wrong_keys: str = _setting(
        "20/minute", checked_rate, "Wrong keys that an address may present before it is refused for a while."
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), _items, "Addresses of proxies whose X-Forwarded-For and -Proto are believed, separated by commas."
    )
    cors_origins: tuple[str, ...] = _setting(
        (), _items, "Origins whose pages may read this server's answers, separated by commas. None: no other."
    )
    max_connections: int = _setting(512, int, "Clients that may be connected at once.", minimum=1)
    client_seconds: float = _setting(
        15.0, float, "Time that a client may take to send its request's head or a piece of it.", minimum=0.001
    )
    upload_seconds: float = _setting(120.0, float, "Time that a body may take to arrive whole.", minimum=0.001)
    rerankers: tuple[str, ...] = _setting(
        (), _items, "Other rerankers that a request may ask for, separated by commas, besides fast, deep and off."
    )
    max_concurrent_searches: int = _setting(
        4, int, "Searches that run at once; those that take milliseconds do so in turn.", minimum=1
    )
    max_queued_searches: int = _setting(64, int, "Searches that may wait; more are told to come back.", minimum=0)
    max_search_seconds: float = _setting(10.0, float, "Time that a search may take, waiting included.", minimum=0.001)
    search_budget_ms: float = _setting(
        0.0, float, "Milliseconds after which a search begins neither reranking nor answers. 0: no bound.", minimum=0
    )
    max_query_chars: int = _setting(2_000, int, "Length of a question in characters.", minimum=1)
    max_body_bytes: int = _setting(32 << 20, int, "Size of a body of articles in bytes.", minimum=1)
    shutdown_seconds: int = _setting(
        10, int, "Time that running requests have to end when the server stops.", minimum=0
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            minimum, value = setting.metadata["minimum"], getattr(self, setting.name)
            if minimum is not None and not value >= minimum:
                raise InvalidArgumentError(f"{variable(setting.name)} is {value}; it must be {minimum} or more.")

    def keys(self) -> tuple[ApiKey, ...]:
        """All keys that are good now.

        Raises:
            InvalidArgumentError: the file of keys cannot be read.
        """
        return self.api_keys + (keys_in(Path(self.api_keys_file)) if self.api_keys_file else ())

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> ServerSettings:
        """The settings that the environment holds; what it does not name has its default.

        Raises:
            InvalidArgumentError: a value cannot be read, or a variable has nearly the name of a setting.
        """
        readers = {variable(setting.name): setting for setting in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in environ.items():
            if not name.startswith(PREFIX):
                continue
            if name not in readers:
                _reject_misspelt(name, tuple(readers))
                continue
            values[readers[name].name] = _read(name, text, readers[name].metadata["read"])
        return cls(**values)

    def to_env(self) -> dict[str, str]:
        """The variables that `from_env` reads these settings from; of keys they hold hashes only."""
        return {variable(setting.name): _text(getattr(self, setting.name)) for setting in fields(self)}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def reference() -> list[tuple[str, str, str]]:
    """Variable, default and help of each setting."""
    return [(variable(one.name), _text(one.default), one.metadata["help"]) for one in fields(ServerSettings)]


def _read(name: str, text: str, read: Callable[[str], object]) -> object:
    try:
        return read(text.strip())
    except ValueError:
        kind = "a whole number" if read is int else "a number"
        raise InvalidArgumentError(f"{name} is {text!r}; it must be {kind}.") from None
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{name}: {error}") from None


def _reject_misspelt(name: str, known: tuple[str, ...]) -> None:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    if near:
        raise InvalidArgumentError(f"{name} is not a setting. Did you mean {near[0]}?")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(item.to_text() if isinstance(item, ApiKey) else str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
