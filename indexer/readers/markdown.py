"""Articles of .md files: front matter for the metadata, the first heading for the title, and no markup in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from backissue.indexer.markup import strip_markup
from backissue.indexer.readers.dates import date_in_name
from backissue.indexer.readers.decoding import decode
from backissue.indexer.readers.fields import recognised
from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.plain import read_whole
from backissue.indexer.readers.problem import Problem
from backissue.indexer.readers.streams import File

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"(\w[\w \-]*?)[ \t]*:(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"\s*-[ \t]+(.*)$")


def read_markdown(file: File, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    """The article of the file."""
    source = decode(read_whole(file)).replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    fields, body = split_front_matter(source)
    heading, text = plain_text(body)
    if not text.strip() and not heading:
        yield Problem(file.path, "", "empty", "no text")
        return
    known = recognised(fields, mapping) | {"text": text or heading}
    if text and known["title"] is None:
        known["title"] = heading
    yield RawArticle(file.path, "", known, published_by_name=date_in_name(file.name))


def split_front_matter(source: str) -> tuple[dict[str, object], str]:
    """The `key: value` lines between two `---` at the beginning, and what follows them.

    Values are text, or lists written `[a, b]` or one `- item` a line; quotes around them are taken off. Other
    constructs of YAML are left as the text they are: nothing here is ever evaluated.
    """
    match = _FRONT_MATTER.match(source)
    if not match:
        return {}, source
    fields: dict[str, object] = {}
    key = ""
    for line in (match[1] or "").splitlines():
        if field := _FIELD.match(line):
            key = field[1].strip()
            fields[key] = _value(field[2] or "")
        elif key and (item := _ITEM.match(line)):
            before = fields[key]
            fields[key] = [*(before if isinstance(before, list) else []), _unquoted(item[1])]
        elif key and line.startswith((" ", "\t")) and isinstance(fields[key], str):
            fields[key] = f"{fields[key]} {line.strip()}".lstrip("|> ")
    return fields, source[match.end() :]


def _value(text: str) -> object:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [_unquoted(item) for item in text[1:-1].split(",") if item.strip()]
    return _unquoted(text)


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].replace('\\"', '"') if text[0] == '"' else text[1:-1].replace("''", "'")
    return re.sub(r"\s+#.*$", "", text)


def plain_text(source: str) -> tuple[str, str]:
    """(the first heading, when it opens the text; the paragraphs, with a blank line between them)."""
    from markdown_it import MarkdownIt

    heading = ""
    paragraphs: list[str] = []
    marker = kind = ""
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        if token.type == "heading_open":
            kind = "heading"
        elif token.type == "list_item_open":
            marker = "- " if token.markup in ("-", "*", "+") else f"{token.info}{token.markup} "
        elif token.type == "inline":
            words = _words(token.children or ()).strip()
            if kind == "heading" and not heading and not paragraphs:
                heading = words
            elif words:
                paragraphs.append(marker + words)
            marker = kind = ""
        elif token.type in ("fence", "code_block"):
            paragraphs.append(token.content)
        elif token.type == "html_block":
            paragraphs.append(strip_markup(token.content))
    return heading, "\n\n".join(filter(str.strip, paragraphs))


def _words(tokens: Sequence[Token]) -> str:
    said = {"softbreak": " ", "hardbreak": "\n", "image": "", "html_inline": ""}
    return "".join(said.get(token.type, token.content) for token in tokens)
