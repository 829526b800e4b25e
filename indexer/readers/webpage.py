"""Articles of .html files: the main text, and the metadata that the page declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from backissue.indexer.readers.dates import date_in_name, parse_date
from backissue.indexer.readers.decoding import decode
from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.plain import read_whole
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import File

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_MAX_PAGE_BYTES = 10_000_000  # a parsed page takes some 20 times its bytes of memory
_MAX_ATTRIBUTES = 1000  # the parser compares each attribute of a tag with all others
_QUOTED = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_TAG = re.compile(r"<[a-zA-Z](?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+")
_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w\-]+)", re.IGNORECASE)
_JSON_DATE = re.compile(r'"datePublished"\s*:\s*"([^"]{4,60})"')

_DATE_PATHS = (
    "//meta[@property='article:published_time' or @property='og:article:published_time']/@content",
    "//*[@itemprop='datePublished']/@content",
    "//*[@itemprop='datePublished']/@datetime",
    "//meta[@name='date' or @name='pubdate' or @name='publish-date' or @name='DC.date.issued']/@content",
    "//article//time[1]/@datetime",
)
_SECTION_PATHS = (
    "//meta[@property='article:section']/@content",
    "//meta[@itemprop='articleSection' or @name='section' or @name='article:section']/@content",
)
_LANG_PATHS = (
    "/html/@lang",
    "//meta[@property='og:locale']/@content",
    "//meta[@http-equiv='content-language']/@content",
)


def read_webpage(file: File) -> Iterator[RawArticle | Problem]:
    """The article of the page."""
    from trafilatura import bare_extraction, load_html
    from trafilatura.settings import Document

    data = read_whole(file)
    if len(data) > _MAX_PAGE_BYTES:
        raise UnreadableError("too_large", f"a page of over {_MAX_PAGE_BYTES:,} bytes; save its text as .txt")
    declared = _CHARSET.search(data[:4096])
    page = decode(data, declared[1].decode("ascii", "ignore") if declared else None).replace("\0", "")
    if any(_attributes(tag[0]) > _MAX_ATTRIBUTES for tag in _TAG.finditer(page)):
        raise UnreadableError(
            "too_large", f"a tag of over {_MAX_ATTRIBUTES:,} attributes; save the page's text as .txt"
        )
    tree = load_html(_without_declaration(page))
    if tree is None:
        yield Problem(file.path, "", "malformed", "no HTML in it")
        return
    extracted = bare_extraction(tree, with_metadata=True, include_comments=False)
    found = extracted if isinstance(extracted, Document) else Document()
    fields = {
        "title": found.title,
        "text": (found.text or "").replace("\n", "\n\n") or _all_text(page),
        "lang": _first(tree, _LANG_PATHS),
        "published": _published(tree) or found.date,
        "source": found.sitename,
        "author": (found.author or "").split("; "),
        "section": _first(tree, _SECTION_PATHS) or [*(found.categories or ()), *(found.tags or ())],
        "url": found.url,
    }
    yield RawArticle(file.path, "", fields, published_by_name=date_in_name(file.name), lang_is_sure=False)


def _attributes(tag: str) -> int:
    """About how many attributes a tag has, and rather too many than too few."""
    return len(_QUOTED.sub(" ", tag).split()) if len(tag) > 2 * _MAX_ATTRIBUTES else 0


def _without_declaration(page: str) -> str:
    """XML declarations of an encoding must go once the page is text."""
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", page, count=1)


def _first(tree: HtmlElement, paths: tuple[str, ...]) -> str | None:
    for path in paths:
        for value in tree.xpath(path):
            if str(value).strip():
                return str(value)
    return None


def _published(tree: HtmlElement) -> str | None:
    declared = [str(value) for path in _DATE_PATHS for value in tree.xpath(path)]
    for script in tree.xpath("//script[@type='application/ld+json']/text()"):
        declared += _JSON_DATE.findall(str(script))
    return next(filter(None, map(parse_date, declared)), None)


def _all_text(page: str) -> str:
    """Every word of a page in which no article was made out."""
    import trafilatura

    return str(trafilatura.html2txt(page) or "")
