"""Articles of .txt files, which have no metadata at all."""

from __future__ import annotations

from collections.abc import Iterator

from backissue.indexer.clean import clean_text
from backissue.indexer.readers.dates import date_in_name
from backissue.indexer.readers.decoding import decode
from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import MAX_ARTICLE_BYTES, File

_LONGEST_TITLE = 160
_SENTENCE_END = tuple(".,;:…。")


def read_whole(file: File) -> bytes:
    """All bytes of a file that must be read whole.

    Raises:
        UnreadableError: it is empty or too large.
    """
    with file.open() as stream:
        data = stream.read(MAX_ARTICLE_BYTES + 1)
    if len(data) > MAX_ARTICLE_BYTES:
        raise UnreadableError("too_large", f"over {MAX_ARTICLE_BYTES:,} bytes in one article; split it")
    if not data.strip():
        raise UnreadableError("empty", "nothing in it")
    return data


def read_text(file: File) -> Iterator[RawArticle | Problem]:
    """The article of a .txt file: its first line is the title where it reads like one."""
    title, text = split_title(clean_text(decode(read_whole(file)), keep_lines=True))
    yield RawArticle(file.path, "", {"title": title, "text": text}, published_by_name=date_in_name(file.name))


def split_title(text: str) -> tuple[str, str]:
    """(title, text) of a text whose first line may be its title, and may be its lead.

    A title is a short line of its own that does not end as a sentence does and is followed by something longer.
    """
    first, _, rest = text.partition("\n")
    if not rest.strip() or len(first) > _LONGEST_TITLE or first.endswith(_SENTENCE_END) or len(rest) < len(first):
        return "", text
    next_line = rest.lstrip("\n").partition("\n")[0]
    if not rest.startswith("\n") and (next_line[:1].islower() or not _had_room(first, next_line, text)):
        return "", text  # the first line of a hard-wrapped paragraph
    return first, rest.lstrip("\n")


def _had_room(line: str, next_line: str, text: str) -> bool:
    """Whether the next word would have fitted into the line, so that it ended for another reason than its width."""
    width = max(map(len, text.split("\n")))
    return len(line) + 1 + len(next_line.partition(" ")[0]) <= width
