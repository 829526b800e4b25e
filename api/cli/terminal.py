"""What reaches the terminal: text made safe, colour where it is wanted, and JSON."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import TextIO

BOLD, BOLD_OFF, LINED, LINED_OFF, DIM, DIM_OFF = "\ue000\ue001\ue002\ue003\ue004\ue005"
TITLE, TITLE_OFF, VOID = "\ue006\ue007\ue008"
"""Marks for styles, one character of no width each, so that text can be cut and wrapped before it is coloured;
and VOID, which stands for a character that is not shown, so that offsets stay true."""

_ANSI = {
    BOLD: "\x1b[1m",
    BOLD_OFF: "\x1b[22m",
    LINED: "\x1b[4m",
    LINED_OFF: "\x1b[24m",
    DIM: "\x1b[2m",
    DIM_OFF: "\x1b[22m",
    TITLE: "\x1b[1m",
    TITLE_OFF: "\x1b[22m",
    VOID: "",
}
_PLAIN = dict.fromkeys(_ANSI, "") | {BOLD: "**", BOLD_OFF: "**"}
_MARKS = "".join(_ANSI)

# CSI, then OSC and its kin up to their terminator, then any other escape sequence; 8-bit forms too.
_ESCAPE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
# Control characters, and the marks that make a terminal show text in another order than it is read.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_JSON_CONTROL = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def neutral(text: str) -> str:
    """Text of the same length in which nothing is a style mark, and what a terminal would obey is VOID."""
    text = re.sub(f"[{_MARKS}]", "\ufffd", text.replace("\t", " "))
    return _CONTROL.sub(VOID, _ESCAPE.sub(lambda found: VOID * len(found[0]), text))


def safe(text: str) -> str:
    """Text that moves no cursor, sets no colour or title and answers no query: only letters, spaces and lines."""
    return neutral(text).replace(VOID, "")


def safe_line(text: str) -> str:
    """The same as one line, its spaces single."""
    return " ".join(safe(text).split())


def styled(text: str, *, colour: bool) -> str:
    """Style marks turned into what the terminal knows, or into Markdown's bold where there is no colour."""
    table = _ANSI if colour else _PLAIN
    return "".join(table.get(character, character) for character in text)


def wants_colour(stream: TextIO) -> bool:
    """A terminal, unless the user asks for none (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cells(text: str) -> int:
    """How many columns of a terminal the text takes: two for wide characters, none for combining ones and marks."""
    return sum(
        0 if c in _MARKS or unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text
    )


def wrapped(text: str, width: int, indent: str = "") -> Iterator[str]:
    """Lines of at most `width` columns, broken at spaces, and inside a word only where it is wider than a line."""
    line, free = "", width - len(indent)
    for word in text.split():
        if line and cells(line) + 1 + cells(word) > free:
            yield indent + line
            line = ""
        line = f"{line} {word}" if line else word
        while cells(line) > free:
            fits = _longest_prefix(line, free)
            yield indent + line[:fits]
            line = line[fits:]
    if line:
        yield indent + line


def _longest_prefix(text: str, width: int) -> int:
    used = 0
    for index, character in enumerate(text):
        used += cells(character)
        if used > width:
            return max(index, 1)
    return len(text)


def say(text: str = "") -> None:
    """A line of the answer, on stdout."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """A line about the run, on stderr."""
    _write(sys.stderr, safe(text))


def emit_json(value: object) -> None:
    """One JSON object on stdout, without characters that a terminal obeys."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not is_utf8, default=str)
    say(_JSON_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
