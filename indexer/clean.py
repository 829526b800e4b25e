"""Cleaning: what is not the story goes, before the text is stored and any offset is counted.

A pass mends characters, lays out paragraphs and takes boilerplate out, and passes follow each other until one changes
nothing, so that cleaning what is clean changes nothing.
"""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from dataclasses import replace
from functools import cache

from backissue.indexer.boilerplate import without_boilerplate
from backissue.indexer.markup import strip_markup
from backissue.search.types import Article

_MOST_PASSES = 20
_LONGEST_HEADLINE = 110
_WIDEST_WRAPPED_LINE = 120

_RUN = re.compile("[^\x00-\x7f]{2,}")
_ONE_BYTE_ENCODINGS = ("latin-1", "cp1252", "cp1250", "iso8859-2", "cp1251", "mac-roman", "cp437")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_LINE_END = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
# Controls, surrogates, bidirectional marks and other characters that print nothing, and where text was already lost.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]"
)
# Joiners shape the letters of Persian and Hindi and the emoji of families; in Latin, Greek or Cyrillic they are dirt.
_STRAY_JOINER = re.compile("(?<![\u0590-\U0010ffff])[\u200c\u200d]+|[\u200c\u200d]+(?![\u0590-\U0010ffff])")


def clean(article: Article) -> Article:
    """The article without what is not the story; `clean(clean(a)) == clean(a)`."""
    title, text = clean_line(article.title), clean_text(article.text)
    while title and text.startswith(f"{title}\n\n") and (rest := clean_text(text[len(title) :])):
        text = rest
    return replace(article, title=title, text=text)


def clean_text(text: str, *, keep_lines: bool = False) -> str:
    """Paragraphs with one blank line between them.

    With `keep_lines`, lines stay as they were, for who still has to tell the title by its line.
    """
    for _ in range(_MOST_PASSES):
        cleaned = without_boilerplate(_lines(_characters(text)) if keep_lines else _paragraphs(_characters(text)))
        if cleaned == text:
            break
        text = cleaned
    return text


def clean_line(text: str) -> str:
    """One line: a title or a name."""
    for _ in range(_MOST_PASSES):
        cleaned = " ".join(_characters(text).split())
        if cleaned == text:
            break
        text = cleaned
    return text


def first_words(text: str) -> str:
    """What an article without a title is shown by: its first sentence, or as many words of it as make a headline."""
    line = text.partition("\n")[0]
    sentence = re.match(r".{20,}?[^\W\d_]{3,}[.!?…](?=\s|$)", line)
    line = sentence[0].rstrip(".") if sentence else line  # a headline has no full stop
    if len(line) <= _LONGEST_HEADLINE:
        return line
    words = line[: _LONGEST_HEADLINE + 1].rpartition(" ")[0] or line[:_LONGEST_HEADLINE]
    return words.rstrip(" ,;:–—-") + "…"


def _characters(text: str) -> str:
    """Broken encodings mended, entities and tags resolved, invisible characters gone, accents composed."""
    text = strip_markup(_mended(text))
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", text))
    if "\u200c" in text or "\u200d" in text:
        text = _STRAY_JOINER.sub("", text)
    return unicodedata.normalize("NFC", text)


def _mended(text: str) -> str:
    """UTF-8 that was once read as an encoding of one byte a character, read again; line by line, for dirt is local."""
    if text.isascii() or not any(map(_misread_utf8().search, set(_RUN.findall(text)))):
        return text
    import ftfy

    return "\n".join(line if line.isascii() else ftfy.fix_encoding(line) for line in text.split("\n"))


@cache
def _misread_utf8() -> re.Pattern[str]:
    """What a character of several bytes in UTF-8 looks like in an encoding of one: without it nothing was misread.

    It is common enough in good text (`№`, `Óś`) to prove nothing, and rare enough to save most texts the real test.
    """
    shapes = []
    for encoding in _ONE_BYTE_ENCODINGS:
        char = bytes(range(256)).decode(encoding, "replace")
        following = _one_of(char[0x80:0xC0])
        for lead, more in ((char[0xC2:0xE0], 1), (char[0xE0:0xF0], 2), (char[0xF0:0xF5], 3)):
            shapes.append(f"{_one_of(lead)}{following}{{{more}}}")
    return re.compile("|".join(shapes))


def _one_of(chars: str) -> str:
    return f"[{re.escape(chars)}]"


def _lines(text: str) -> str:
    """No white space at the ends of lines, none twice within, and at most one blank line."""
    text = _SPACES.sub(" ", text)
    if " \n" in text or "\n " in text:
        text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _paragraphs(text: str) -> str:
    """One line a paragraph, whether the text had its paragraphs on lines or its lines wrapped at some width."""
    blocks = [block.split("\n") for block in _lines(text).split("\n\n")]
    if _is_wrapped(blocks):
        return "\n\n".join(" ".join(block) for block in blocks)
    return "\n\n".join(line for block in blocks for line in block)


def _is_wrapped(blocks: list[list[str]]) -> bool:
    """Whether lines end because the next word had no room: then a line end is a space and not a paragraph."""
    width = max(map(len, (line for block in blocks for line in block)), default=0)
    pairs = [pair for block in blocks for pair in itertools.pairwise(block)]
    if len(pairs) < 2 or width > _WIDEST_WRAPPED_LINE:
        return False
    full = sum(len(line) + 1 + len(following.partition(" ")[0]) > width - 3 for line, following in pairs)
    return full >= 0.8 * len(pairs)
