"""Articles to passages: whole sentences up to about a target length, cut between paragraphs where one ends nearby."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from backissue.search.errors import InvalidArgumentError
from backissue.search.sentences import best_cut, split_sentences, trim
from backissue.search.types import Span
from backissue.search.unicode_sets import CJK, KHMER, LAO, MYANMAR, THAI

_CJK_RUN: Final = re.compile(f"[{CJK}]+")
_SOUTH_EAST_ASIAN_RUN: Final = re.compile(f"[{THAI}{LAO}{KHMER}{MYANMAR}]+")
_CJK_CHARS_PER_WORD: Final = 1.7
_SOUTH_EAST_ASIAN_CHARS_PER_WORD: Final = 4.5
_MAX_CHARS_PER_WORD: Final = 15  # on average; Finnish and Hungarian news have about 9 with the space

# A passage has between 3/4 and 5/4 of the target, the last one up to 3/2, so that none is left with a few words.
_SHORTEST: Final = 0.75
_LONGEST: Final = 1.25
_LAST: Final = 1.5
_LONGEST_SENTENCE: Final = 2.0


def chunk(text: str, lang: str, target_words: int = 120, overlap_sentences: int = 1) -> list[Span]:
    """Spans of the passages of a text in `lang`, in order; together they hold every character that is not a space.

    Each passage repeats the last `overlap_sentences` sentences of the one before, unless they are longer than half
    the target. A sentence longer than twice the target is cut at clauses. A text of spaces gives no passage.

    Raises InvalidArgumentError if `target_words` < 1 or `overlap_sentences` < 0.
    """
    if target_words < 1:
        raise InvalidArgumentError(f"target_words is {target_words}; a passage needs at least 1 word")
    if overlap_sentences < 0:
        raise InvalidArgumentError(f"overlap_sentences is {overlap_sentences}; it cannot be negative")
    sentences = [
        piece
        for span in split_sentences(text, lang)
        for piece in _pieces(text, *span, _LONGEST_SENTENCE * target_words)
    ]
    words_before = [0.0, *accumulate(length(text[start:end]) for start, end in sentences)]
    passages = []
    first = last = 0
    while first < len(sentences):
        # What overlaps must not be all of a passage: it goes further than the one before.
        last = max(_end_of_passage(text, sentences, words_before, first, target_words), last + 1)
        passages.append((sentences[first][0], sentences[last - 1][1]))
        if last == len(sentences):
            break
        overlap = max(first + 1, last - overlap_sentences)
        first = overlap if words_before[last] - words_before[overlap] <= target_words / 2 else last
    return passages


def length(text: str) -> float:
    """Length in words: what spaces part, and for scripts without spaces characters by their mean word length.

    Text of more than 15 characters a word (addresses, encoded data) counts by its characters.
    """
    if text.isascii():
        return _spaced_length(text)
    words = 0.0
    for run, chars_per_word in (
        (_CJK_RUN, _CJK_CHARS_PER_WORD),
        (_SOUTH_EAST_ASIAN_RUN, _SOUTH_EAST_ASIAN_CHARS_PER_WORD),
    ):
        rest, runs = run.subn(" ", text)
        if runs:
            words += (len(text) - len(rest) + runs) / chars_per_word
            text = rest
    return words + _spaced_length(text)


def _spaced_length(text: str) -> float:
    words = text.split()
    return max(len(words), sum(map(len, words)) / _MAX_CHARS_PER_WORD)


def _end_of_passage(text: str, sentences: list[Span], words_before: list[float], first: int, target: int) -> int:
    """The index after the last sentence of the passage that begins with `first`."""
    begun, whole = words_before[first], words_before[-1]
    if whole - begun <= _LAST * target:
        return len(sentences)
    longest = min(_LONGEST * target, whole - begun - target * (_LAST - 1))
    earliest = max(bisect_left(words_before, begun + _SHORTEST * target), first + 1)
    latest = max(bisect_right(words_before, begun + longest) - 1, first + 1)
    candidates = range(min(earliest, latest), latest + 1)

    def distance_from_target(end: int) -> float:
        return abs(words_before[end] - begun - target)

    at_paragraphs = [end for end in candidates if _is_paragraph_border(text, sentences, end)]
    return min(at_paragraphs or candidates, key=distance_from_target)


def _is_paragraph_border(text: str, sentences: list[Span], end: int) -> bool:
    return end < len(sentences) and text.find("\n", sentences[end - 1][1], sentences[end][0]) >= 0


def _pieces(text: str, start: int, end: int, longest_words: float) -> Iterator[Span]:
    """The sentence in parts of at most `longest_words`, halved at clauses."""
    if end - start < 2 or length(text[start:end]) <= longest_words:
        yield start, end
        return
    middle, quarter = (start + end) // 2, (end - start) // 4
    cut = best_cut(text, max(start + 1, middle - quarter), max(start + 1, middle + quarter // 2))
    for part_start, part_end in (trim(text, start, cut), trim(text, cut, end)):
        if part_start < part_end:
            yield from _pieces(text, part_start, part_end, longest_words)
