"""Dates as newspapers write them, made ISO 8601.

A date stays as precise as it came, and nothing is guessed: a time of day without a zone is dropped, `03/04/2023` is
no date because half the world reads it the other way round, and `1987` alone is no day.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from backissue.indexer.readers.months import MONTHS

_FIRST_YEAR, _LAST_YEAR = 1600, 2100  # the first newspaper appeared in 1605
_LONGEST_DATE = 80

_ISO = re.compile(
    r"(?P<y>\d{4})(?P<sep>[-/.]?)(?P<m>\d{2})(?P=sep)(?P<d>\d{2})"
    r"(?:[T\s]\s*(?P<H>\d{2})(?P<c>:?)(?P<M>\d{2})(?:(?P=c)(?P<S>\d{2})(?:[.,]\d+)?)?\s*"
    r"(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s*[-/.年년]\s*(\d{1,2})\s*[-/.月월]\s*(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<![\d.])(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{4})(?!\d)")
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|º|\.)?[\s\-/]+(?:de\s+)?([^\W\d_]{3,})\.?,?[\s\-/]+(?:del?\s+)?(\d{4})(?!\d)"
)
_MONTH_DAY = re.compile(r"(?<!\w)([^\W\d_]{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)")
_EPOCH = re.compile(r"-?\d{9,13}(?:\.\d+)?")
_IN_NAME = re.compile(
    r"(?<![0-9A-Za-z])((?:1[6-9]|20)\d{2})(?P<sep>[-_./]?)(0[1-9]|1[0-2])(?P=sep)(0[1-9]|[12]\d|3[01])(?![0-9A-Za-z])"
)


def parse_date(value: object) -> str | None:
    """An ISO 8601 date, or date-time with its zone, from what a field holds; None where it names no certain day."""
    if isinstance(value, bool) or value is None:
        return None
    text = " ".join(str(value).split())
    if not text or len(text) > _LONGEST_DATE:
        return None
    for read in (_iso, _epoch, _rfc2822, _numeric, _named_month):
        if found := read(text):
            return found
    return None


def date_in_name(name: str) -> str | None:
    """The day in a file's name or folders: `2023-09-13-summit.txt`, `2023/09/13/4711.txt`, `20230913_1.txt`."""
    match = _IN_NAME.search(name)
    return _day(int(match[1]), int(match[3]), int(match[4])) if match else None


def _iso(text: str) -> str | None:
    match = _ISO.fullmatch(text)
    if not match:
        return None
    day = _day(int(match["y"]), int(match["m"]), int(match["d"]))
    if day is None or match["H"] is None or match["zone"] is None:
        return day
    zone = _zone(match["zone"])
    hour, minute, second = int(match["H"]), int(match["M"]), int(match["S"] or 0)
    if zone is None or hour > 23 or minute > 59 or second > 59:
        return day
    return f"{day}T{hour:02}:{minute:02}:{second:02}{zone}"


def _zone(text: str) -> str | None:
    if text.upper() in ("Z", "UTC", "GMT"):
        return "+00:00"
    digits = text[1:].replace(":", "").ljust(4, "0")
    return f"{text[0]}{digits[:2]}:{digits[2:]}" if digits[:2] <= "14" and digits[2:] <= "59" else None


def _epoch(text: str) -> str | None:
    """Seconds or milliseconds since 1970, as programs write them; eight digits were a date before this is asked."""
    if not _EPOCH.fullmatch(text):
        return None
    seconds = float(text)
    if abs(seconds) >= 1e11:
        seconds /= 1000
    if not -1e10 < seconds < 4e9:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    return moment.isoformat()


def _rfc2822(text: str) -> str | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if not re.search(r"\b\d{4}\b", text) or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    if moment.tzinfo is None or abs(moment.utcoffset() or timedelta()) > timedelta(hours=14):
        return moment.date().isoformat()
    offset = timezone(moment.utcoffset() or timedelta())
    return moment.replace(tzinfo=offset, microsecond=0).isoformat()


def _numeric(text: str) -> str | None:
    if match := _YEAR_FIRST.search(text):
        return _day(int(match[1]), int(match[2]), int(match[3]))
    if not (match := _YEAR_LAST.search(text)):
        return None
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if match[2] == ".":
        return _day(year, second, first)
    readings = {day for day in (_day(year, second, first), _day(year, first, second)) if day}
    return readings.pop() if len(readings) == 1 else None


def _named_month(text: str) -> str | None:
    lowered = text.casefold()
    for match in _DAY_MONTH.finditer(lowered):
        if month := MONTHS.get(match[2]):
            return _day(int(match[3]), month, int(match[1]))
    for match in _MONTH_DAY.finditer(lowered):
        if month := MONTHS.get(match[1]):
            return _day(int(match[3]), month, int(match[2]))
    return None


def _day(year: int, month: int, day: int) -> str | None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
