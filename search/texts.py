"""How archive.db keeps texts: deflated, in blocks, so that of a very long article no more is read than a passage needs.

A block is a row of the table `texts`. Its key is the article's row and, in the lowest bits, the number of the block.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping

BLOCK_CHARS = 1 << 15
"""All of most articles. To inflate so many takes a tenth of a millisecond."""

_NUMBER_BITS = 20
_MOST_BYTES = 4 * BLOCK_CHARS  # what a block can be in UTF-8

BLOCKS_OF_PASSAGE = (
    f"t.block BETWEEN (p.article << {_NUMBER_BITS}) + p.start / {BLOCK_CHARS} "
    f"AND (p.article << {_NUMBER_BITS}) + max(p.end - 1, p.start) / {BLOCK_CHARS}"
)
"""What joins a passage `p` with the rows `t` of its text."""


def deflated(text: str) -> tuple[bytes, ...]:
    """The blocks of a text in order."""
    return tuple(
        zlib.compress(text[first : first + BLOCK_CHARS].encode()) for first in range(0, len(text), BLOCK_CHARS)
    )


def inflated(block: object) -> str:
    """The text of a block.

    Raises:
        zlib.error, UnicodeDecodeError: it is damaged.
    """
    if not isinstance(block, bytes):
        raise zlib.error("a block of a text has another type")
    stream = zlib.decompressobj()
    text = stream.decompress(block, _MOST_BYTES)
    if not stream.eof:
        raise zlib.error("a block of a text is cut, or longer than any that is written")
    return text.decode()


def keys_of(article: int) -> tuple[int, int]:
    """The first and the last key that blocks of an article may have."""
    return article << _NUMBER_BITS, (article + 1 << _NUMBER_BITS) - 1


class TextReader:
    """Reads texts through a connection. Passages of a block that is held, or was read last, take no further look.

    All that it does raises zlib.error or UnicodeDecodeError where what is read is damaged, beside SQLite's own errors.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._blocks: dict[int, str] = {}

    def hold(self, blocks: Mapping[int, object]) -> None:
        """Holds these blocks, as the archive has them, by their keys, and no others."""
        self._blocks = {key: inflated(block) for key, block in blocks.items()}

    def whole(self, article: int) -> str:
        """The text of an article."""
        query = "SELECT data FROM texts WHERE block BETWEEN ? AND ? ORDER BY block"
        return "".join([inflated(data) for (data,) in self._connection.execute(query, keys_of(article))])

    def passage(self, article: int, start: int, end: int) -> str:
        """What stands from character `start` of an article to `end`."""
        key, _ = keys_of(article)
        first, last = start // BLOCK_CHARS, max(end - 1, start) // BLOCK_CHARS
        text = "".join([self._block(key + number) for number in range(first, last + 1)])
        return text[start - first * BLOCK_CHARS : end - first * BLOCK_CHARS]

    def _block(self, key: int) -> str:
        if key not in self._blocks:
            record = self._connection.execute("SELECT data FROM texts WHERE block = ?", (key,)).fetchone()
            if record is None:
                raise zlib.error("a block of a text is missing")
            self.hold({key: record[0]})
        return self._blocks[key]
