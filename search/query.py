"""A question taken apart: what to rank by, what must be there, and what must not.

    what did Kim get "satellite technology" -sport -source:TASS lang:pl after:2023-09

    text             what did Kim get satellite technology
    phrases          satellite technology
    excluded_words   sport
    excluded         sources: TASS
    filter           langs: pl, after: 2023-09-01

Syntax is seen only where it is surely meant; everything else is the reader's own words, so no text is an error:

- A quotation mark opens a phrase unless it follows a letter or digit (`6" pipe`), and only when it is closed. Corner
  brackets (「君の名は」の監督) are how Japanese and Taiwan's Chinese write titles and speech, so they are text.
- A minus excludes only at the start of a token (not in `COVID-19`), and not before a digit (`fell to -37`).
- `field:value` needs a known field, nothing between colon and value, and a value that the field can have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from backissue.search.iso639 import language_code
from backissue.search.types import NO_FILTER, Filter, Query

_CLOSING = {'"': '"', "„": '”“"', "“": "”", "”": "”", "«": "»", "»": "«"}
_QUOTES = "".join(sorted({*_CLOSING, *"".join(_CLOSING.values())}))
# The bound keeps a text of nothing but opening marks from costing the square of its length.
_PHRASE = "|".join(f"{opening}[^{closing}]{{0,400}}[{closing}]" for opening, closing in _CLOSING.items())
_SYNTAX = re.compile(
    rf"""(?<!\w)(?P<phrase>{_PHRASE})
      | (?<!\S)(?P<minus>-?)(?P<field>title|source|author|section|lang|after|before|on):
        (?P<value>{_PHRASE}|[^\s{_QUOTES}]+)
      | (?<!\S)-(?P<excluded>{_PHRASE}|[^\W\d_][^\s{_QUOTES}]*)""",
    re.VERBOSE | re.IGNORECASE,
)
_FILTER_NAMES = {"title": "titles", "source": "sources", "author": "authors", "section": "sections", "lang": "langs"}
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile(rf"[{_QUOTES}:]|(?<!\w)-")


def parse(question: str, extra: Filter = NO_FILTER) -> Query:
    """Take a question apart; `extra` is required beside what the question itself asks for.

    `text` has the words of phrases in their places, and is empty when nothing but exclusions and filters was given.
    It holds no syntax: taking it apart again gives it back.
    """
    # Half a surrogate pair (a terminal or a JSON escape gives it) has no UTF-8 form, which the engines need.
    question = question.encode("utf-8", "replace").decode("utf-8")
    found = _scan(question)
    text = " ".join("".join(found.text).split())
    if found.syntax and _scan(text).syntax:
        text = " ".join(_MARKS.sub(" ", text).split())
    if found.syntax and not _WORD.search(text):
        text = ""
    return Query(
        raw=question,
        text=text,
        phrases=_unique(found.phrases),
        excluded_words=_unique(found.excluded_words),
        excluded_phrases=_unique(found.excluded_phrases),
        filter=_filter(found.required).within(found.period.after, found.period.before),
        also=extra,
        excluded=_filter(found.forbidden),
    )


def parse_date_bound(text: str) -> tuple[date, date] | None:
    """The first day of a year, month or day, and the first day after it; None where `text` is none of these."""
    match = _DATE.fullmatch(text.strip())
    if not match:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    try:
        start = date(year, 1 if month is None else month, 1 if day is None else day)
        if day is not None:
            return start, start + timedelta(days=1)
        if month is not None:
            return start, date(year + month // 12, month % 12 + 1, 1)
        return start, date(year + 1, 1, 1)
    except (ValueError, OverflowError):
        return None


@dataclass
class _Found:
    """What a scan has seen: syntax by its kind, and the text between."""

    text: list[str] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    excluded_phrases: list[str] = field(default_factory=list)
    required: dict[str, list[str]] = field(default_factory=dict)
    forbidden: dict[str, list[str]] = field(default_factory=dict)
    period: Filter = NO_FILTER
    syntax: bool = False


def _scan(question: str) -> _Found:
    found = _Found()
    position = 0
    while match := _SYNTAX.search(question, position):
        found.text.append(question[position : match.start()])
        if _take(match, found):
            found.syntax = True
            position = match.end()
        else:
            position = match.end("phrase") if match["phrase"] else match.start() + 1
            found.text.append(question[match.start() : position])
    found.text.append(question[position:])
    return found


def _take(match: re.Match[str], found: _Found) -> bool:
    """Put a match where it belongs; False when it is text after all."""
    if match["phrase"]:
        return _take_phrase(match, found)
    if match["field"]:
        taken = _take_field(match["field"].lower(), match["value"], bool(match["minus"]), found)
        return taken or (bool(match["minus"]) and _take_excluded(match[0][1:], found))
    return _take_excluded(match["excluded"], found)


def _take_phrase(match: re.Match[str], found: _Found) -> bool:
    phrase = _unquoted(match["phrase"])
    if phrase:
        runs_on = match.string[match.end() : match.end() + 1].isalnum()
        found.phrases.append(phrase)
        found.text.append(f" {phrase} " if runs_on else f" {phrase}")
    return bool(phrase)


def _take_field(name: str, quoted: str, forbidden: bool, found: _Found) -> bool:
    value = _unquoted(quoted)
    if name not in _FILTER_NAMES:
        bound = parse_date_bound(value)
        if bound is None or forbidden:
            return False
        start, end = bound
        found.period = found.period.within(
            after=start if name != "before" else None, before={"before": start, "on": end}.get(name)
        )
        return True
    known = language_code(value) if name == "lang" else value
    if known:
        (found.forbidden if forbidden else found.required).setdefault(_FILTER_NAMES[name], []).append(known)
    return bool(known)


def _take_excluded(quoted: str, found: _Found) -> bool:
    excluded = _unquoted(quoted)
    # `-COVID-19` means the two together, as a phrase does, not each of them.
    is_word = quoted[0] not in _QUOTES and _WORD.fullmatch(excluded)
    if excluded:
        (found.excluded_words if is_word else found.excluded_phrases).append(excluded)
    return bool(excluded)


def _unquoted(value: str) -> str:
    """The value without its quotation marks, or without a sentence's last punctuation; empty if no word is in it."""
    value = " ".join(value[1:-1].split()) if value[0] in _CLOSING else value.rstrip(".,;:!?…)]}")
    return value if _WORD.search(value) else ""


def _filter(values: dict[str, list[str]]) -> Filter:
    return Filter(**{name: _unique(names) for name, names in values.items()})  # type: ignore[arg-type]


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
