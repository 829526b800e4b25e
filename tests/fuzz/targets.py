"""What is fuzzed: functions of any bytes that may refuse them, but raise nothing and break no promise."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backissue.api.http import intake
from backissue.api.http.address import Address
from backissue.api.http.problems import ApiError
from backissue.api.http.render import safe_url
from backissue.indexer.chunk import chunk
from backissue.indexer.clean import clean_line, clean_text
from backissue.indexer.intake import sound
from backissue.indexer.readers import Problem, read
from backissue.indexer.readers.dates import parse_date
from backissue.search.analysis import surface, terms
from backissue.search.errors import InvalidArgumentError
from backissue.search.layout import LexicalState, Manifest
from backissue.search.query import parse
from backissue.search.types import Article

SUFFIXES = ("txt", "md", "html", "jsonl", "json", "csv", "tsv", "txt.gz", "jsonl.xz", "txt.bz2", "zip", "tar")


@contextmanager
def written(data: bytes, name: str) -> Iterator[Path]:
    """A file that holds `data`, in memory where the system has a folder for that."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def reader(suffix: str) -> Callable[[bytes], None]:
    """Reads the bytes as a file of that suffix: what comes is an article that can be stored, or a problem."""

    def target(data: bytes) -> None:
        with written(data, f"a.{suffix}") as path:
            for one in read([path]):
                if isinstance(one, Problem):
                    assert str(one).count("\n") == 0
                else:
                    assert one.text.strip()
                    assert one.id
                    json.dumps(sound(one).text).encode()

    return target


def question(data: bytes) -> None:
    """Takes a question apart: what is left holds no syntax, and has its own terms."""
    text = data.decode("utf-8", "surrogateescape" if data[:1] == b"s" else "replace")
    query = parse(text)
    assert parse(query.text).text == query.text
    for lang in ("en", "pl", "ko", "ar"):
        terms(query.text, lang)


def passages(data: bytes) -> None:
    """Cuts a text: passages are in order, within the text, and leave no letter out."""
    text = clean_text(data.decode("utf-8", "replace"))
    for lang in ("en", "zh", "und"):
        spans = chunk(text, lang, 20)
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert spans == sorted(spans)
        covered = set().union(*(range(start, end) for start, end in spans)) if spans else set()
        assert not any(char.isalnum() and place not in covered for place, char in enumerate(text))
        for token in surface(text):
            assert 0 <= token.start < token.end <= len(text)


def body(data: bytes) -> None:
    """Reads a body of articles, of one and of many."""
    try:
        assert isinstance(intake.one_article(data), Article)
    except ApiError as refusal:
        assert 400 <= refusal.status_code < 500
    for one in intake.articles(data, lambda _: None):
        assert isinstance(one, Article | Problem)


def address(data: bytes) -> None:
    """Reads what an address of the page asks for; what it writes is read as the same."""
    text = data.decode("utf-8", "replace")
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&"))]
    try:
        found = Address.parse(pairs)
    except InvalidArgumentError:
        return
    assert Address.parse(found.pairs) == found


def url(data: bytes) -> None:
    """What may be linked leads to a host by http, and nothing in it ends an attribute."""
    found = safe_url(data.decode("utf-8", "replace"))
    if found is not None:
        assert found.lower().startswith(("http://", "https://"))
        assert not set(found) & set("\"'<>`\n\r\t ")


def dates(data: bytes) -> None:
    """A date is one, or none."""
    text = data.decode("utf-8", "replace")
    parse_date(text)
    assert "\n" not in clean_line(text)


def manifest(data: bytes) -> None:
    """What a generation says of itself: it is that, or an error of the library."""
    from backissue.search.errors import BackissueError

    for name, kind in (("manifest.json", Manifest), ("lexical.json", LexicalState)):
        with written(data, name) as path:
            try:
                kind.read(path.parent)
            except BackissueError as error:
                assert name in str(error)


TARGETS: dict[str, Callable[[bytes], None]] = {
    **{suffix: reader(suffix) for suffix in SUFFIXES},
    "question": question,
    "passages": passages,
    "body": body,
    "address": address,
    "url": url,
    "dates": dates,
    "manifest": manifest,
}
