"""Text to sentences.

`sentencex` proposes borders; it is fast and knows most languages, but takes every full stop after an abbreviation it
does not know for the end of a sentence. Borders are then judged by what stands on their two sides. Lines and
paragraphs are borders of their own, unless the lines of a paragraph were wrapped at a width.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from backissue.search.abbreviations import NUMBERING, closing, opening
from backissue.search.types import UNKNOWN_LANG, Span

MAX_SENTENCE_CHARS: Final = 2000
"""Longer sentences (tables, lists of names, texts without punctuation) are cut at a clause or a space."""

_PARAGRAPH_BREAK: Final = re.compile(r"\n[^\S\n]*(?:\n\s*)|[\u2029\f\v]\s*|\r(?!\n)\s*")
_LINE_BREAK: Final = re.compile(r"\n\s*")
_MAX_WRAP_CHARS: Final = 100
_MIN_WRAPPED_LINES: Final = 3
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_CLOSERS: Final = "\"'”’»)\\]}」』）】》〉"
_LAST_WORD: Final = re.compile(r"(\w+(?:[.\-’']\w+)*)\.$")
_WINDOW: Final = 48  # characters on each side of a border that it is judged by
# Of names only the sure ones; a lone capital also ends sentences: grupy B., na X.
_INITIAL: Final = re.compile(r"(?:^|[.(\[„“«\"]\s*)[^\W\d_]\.$")
_AFTER_BRACKET: Final = re.compile(r"\w{4}[.!?…][)\]]\s+")  # sentencex takes none of these for a border
_MAX_DATE_WORDS: Final = 4
_ENDS_WITH_CLOSER: Final = re.compile(rf"[{_CLOSERS}]$")
_STRAY_CLOSERS: Final = re.compile(r"[”’»)\]}」』）】》〉,;:]|[\"'](?=\s|$)|[^\w\s]+$")
_OPENERS: Final = re.compile(r"[-–—„“”«\"'‘(\[\s]*")
_JAPANESE_QUOTATIVE: Final = re.compile(r"と|って")

# Where a sentence that is too long is cut: after a clause, else at a space.
_CLAUSE_END: Final = re.compile(r"[,;:–—](?=\s)|[，、；：。،؛]")
_SPACE: Final = re.compile(r"\s")


def split_sentences(text: str, lang: str = UNKNOWN_LANG) -> list[Span]:
    """Spans of the sentences of a text in `lang` (ISO 639-1, or "und").

    They are in order and disjoint, begin and end on a character that is not a space, hold every such character,
    and none is longer than MAX_SENTENCE_CHARS. A text of spaces gives none. The time is linear in the text.
    """
    return [
        piece
        for start, end in _blocks(text)
        for sentence in _sentences_of_block(text, start, end, lang)
        for piece in _no_longer(text, *sentence, MAX_SENTENCE_CHARS)
    ]


def trim(text: str, start: int, end: int) -> Span:
    """The span without the spaces at its ends."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _blocks(text: str) -> Iterator[Span]:
    """What stands between borders of paragraphs and lines."""
    for start, end in _between(_PARAGRAPH_BREAK, text, 0, len(text)):
        if text.find("\n", start, end) < 0 or _is_wrapped(text, start, end):
            yield start, end
        else:
            yield from _lines(text, start, end)


def _between(border: re.Pattern[str], text: str, start: int, end: int) -> Iterator[Span]:
    for match in border.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end


def _is_wrapped(text: str, start: int, end: int) -> bool:
    """Whether all lines but the last are about as long as the longest, and short enough for a page or a mail."""
    lengths = [b - a for a, b in _between(_LINE_BREAK, text, *trim(text, start, end))]
    longest = max(lengths)
    return len(lengths) >= _MIN_WRAPPED_LINES and longest <= _MAX_WRAP_CHARS and min(lengths[:-1]) >= longest / 2


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    """Lines, each joined to the next one while that goes on in lower case."""
    for line_break in _LINE_BREAK.finditer(text, start, end):
        if not text[line_break.end() : line_break.end() + 1].islower():
            yield start, line_break.start()
            start = line_break.end()
    yield start, end


def _sentences_of_block(text: str, start: int, end: int, lang: str) -> Iterator[Span]:
    start, end = trim(text, start, end)
    if start >= end:
        return
    block = text[start:end]
    begin = 0
    for cut in _proposed_cuts(block, lang):
        left, right = block[max(begin, cut - _WINDOW) : cut].rstrip(), block[cut : cut + _WINDOW].lstrip()
        if left and right and _is_border(left, right, lang):
            yield trim(text, start + begin, start + cut)
            begin = cut
    yield trim(text, start + begin, end)


def _proposed_cuts(block: str, lang: str) -> list[int]:
    """Positions in the block where another sentence may begin, ascending."""
    from sentencex import get_sentence_boundaries

    encodable = block if block.isascii() else _SURROGATE.sub("\ufffd", block)
    boundaries = get_sentence_boundaries("en" if lang == UNKNOWN_LANG else lang, encodable)
    after_brackets = (match.end() for match in _AFTER_BRACKET.finditer(block))
    return sorted({boundary["start_index"] for boundary in boundaries}.union(after_brackets) - {0, len(block)})


def _is_border(left: str, right: str, lang: str) -> bool:
    """Whether a sentence ends with `left` where `right` begins."""
    if _STRAY_CLOSERS.match(right):
        return False
    beginning = _OPENERS.sub("", right, count=1)[:1]
    if beginning.islower():
        return False
    if _JAPANESE_QUOTATIVE.match(right) and _ENDS_WITH_CLOSER.search(left):
        return False
    last = _LAST_WORD.search(left)
    if last is None:
        return any(map(str.isalnum, left))
    word = last[1].lower()
    if word in opening(lang):
        return False
    if beginning.isdigit():
        return word not in NUMBERING and word not in closing(lang)
    if word in closing(lang) and len(left.split()) <= _MAX_DATE_WORDS:
        return False  # "W 2023 r." says nothing yet
    return not (last[1].isupper() and _INITIAL.search(left))


def _no_longer(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    """The span in pieces of at most `limit` characters."""
    while end - start > limit:
        cut = best_cut(text, start + limit // 2, start + limit)
        yield trim(text, start, cut)
        start, _ = trim(text, cut, min(end, cut + limit))
        while start < end and text[start].isspace():
            start, _ = trim(text, start, min(end, start + limit))
    if start < end:
        yield start, end


def best_cut(text: str, earliest: int, latest: int) -> int:
    """The last end of a clause in the window, else its last space, else its end."""
    for border in (_CLAUSE_END, _SPACE):
        ends = [match.end() for match in border.finditer(text, earliest, latest)]
        if ends:
            return ends[-1]
    return latest
