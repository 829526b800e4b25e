import sqlite3
import zlib
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.search.texts import BLOCK_CHARS, TextReader, deflated, inflated, keys_of


@settings(deadline=None)
@given(st.text())
def test_a_text_is_read_back(text):
    assert "".join(map(inflated, deflated(text))) == text


def test_a_passage_is_read_from_the_blocks_that_it_lies_in():
    text = "".join(chr(0x4E00 + n % 20_000) for n in range(2 * BLOCK_CHARS + 100))
    blocks = deflated(text)
    assert len(blocks) == 3
    first, last = keys_of(7)
    assert first + len(blocks) <= last < keys_of(8)[0]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE texts (block INTEGER PRIMARY KEY, data BLOB NOT NULL)")
        connection.executemany("INSERT INTO texts VALUES (?, ?)", enumerate(blocks, first))
        reader = TextReader(connection)
        assert (reader.whole(7), reader.whole(8)) == (text, "")
        spans = [(0, 5), (BLOCK_CHARS - 3, BLOCK_CHARS + 3), (10, 2 * BLOCK_CHARS + 1), (2 * BLOCK_CHARS, len(text))]
        for start, end in [*spans, (BLOCK_CHARS, BLOCK_CHARS), (0, BLOCK_CHARS)]:
            assert reader.passage(7, start, end) == text[start:end]
        with pytest.raises(zlib.error, match="missing"):
            reader.passage(8, 0, 1)


@pytest.mark.parametrize("block", [b"", zlib.compress(b"cut")[:-1], zlib.compress(bytes(1 << 20)), "text", None])
def test_a_damaged_block_is_told(block):
    with pytest.raises(zlib.error):
        inflated(block)


def test_a_changed_block_is_told():
    (block,) = deflated("The dam, the train, the border, the red carpet.")
    for place in range(len(block)):
        changed = block[:place] + bytes([block[place] ^ 4]) + block[place + 1 :]
        with pytest.raises((zlib.error, UnicodeDecodeError)):
            assert inflated(changed) == ""
