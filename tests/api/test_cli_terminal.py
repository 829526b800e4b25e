from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.api.cli.terminal import (
    BOLD,
    BOLD_OFF,
    LINED,
    LINED_OFF,
    VOID,
    cells,
    emit_json,
    neutral,
    safe,
    safe_line,
    styled,
    wrapped,
)

OBEYED = st.sampled_from(
    ["\x1b", "[", "]", "31m", "\x07", "\x9b", "\x9c", "\r", "\x08", "\u202e", BOLD, "a", " ", "\n"]
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red \x1b[31mtext\x1b[0m", "red text"),
        ("title \x1b]0;owned\x07here", "title here"),
        ("link \x1b]8;;http://x\x1b\\here", "link here"),
        ("eight bits \x9b31mtext", "eight bits text"),
        ("over\r\x08\x7fwritten", "overwritten"),
        ("order \u202egnp.exe", "order gnp.exe"),
        ("tab\tand\nline", "tab and\nline"),
        ("unfinished \x1b[", "unfinished "),
        ("żółw 북한 🚀 e\u0301", "żółw 북한 🚀 e\u0301"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.lists(OBEYED).map("".join))
def test_no_text_passes_a_control_character_or_a_style(text: str) -> None:
    assert len(neutral(text)) == len(text)
    assert not [c for c in safe(text) if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c in (BOLD, VOID)]
    assert "\n" not in safe_line(text)


def test_styles_are_colour_or_markdown() -> None:
    text = f"{BOLD}the {LINED}answer{LINED_OFF}{BOLD_OFF}{VOID}."
    assert styled(text, colour=True) == "\x1b[1mthe \x1b[4manswer\x1b[24m\x1b[22m."
    assert styled(text, colour=False) == "**the answer**."


def test_cells_are_what_a_terminal_counts() -> None:
    assert cells(f"{BOLD}abc{BOLD_OFF}") == 3
    assert cells("북한") == 4
    assert cells("e\u0301") == 1


def test_lines_break_at_spaces_and_in_words_only_when_they_must() -> None:
    assert list(wrapped("one two three", 9, "  ")) == ["  one two", "  three"]
    assert list(wrapped("北朝鮮は何を得るか", 8)) == ["北朝鮮は", "何を得る", "か"]
    assert list(wrapped("", 10)) == []


@given(st.text(alphabet="ab 北\n", max_size=60), st.integers(2, 12))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = list(wrapped(text, width))
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_json_has_no_character_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "a\x1b[31m\x9b31m\x7f\u202eż"}
    emit_json(value)
    printed = capsys.readouterr().out
    assert printed == '{"text": "a\\u001b[31m\\u009b31m\\u007f\\u202eż"}\n'
    assert json.loads(printed) == value
