"""From what a reader found to an `Article`: fields normalised, text cleaned, language detected, id derived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from backissue.indexer.clean import clean, clean_line, first_words
from backissue.indexer.readers.dates import parse_date
from backissue.indexer.readers.problem import Problem
from backissue.indexer.readers.streams import MAX_ARTICLE_BYTES
from backissue.search.iso639 import language_code
from backissue.search.language import detect
from backissue.search.types import UNKNOWN_LANG, Article

_IDENTITY = ("title", "lead", "text", "source", "published", "url")
_SURE = 0.9  # of another language than a web page declares: templates declare whatever they were copied with
_TELLING_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class RawArticle:
    """What a reader found: `fields` are those of an article, and `lead`, with the values that the file gives them.

    `published_by_name` is a date in the file's name: it dates an article that has no date of its own, and is no part
    of what the id is derived from. `lang_is_sure` is false where the language was declared by a web page's template.
    """

    path: str
    where: str
    fields: Mapping[str, object]
    published_by_name: str | None = None
    lang_is_sure: bool = True


def finish(raw: RawArticle) -> Article | Problem:
    """The article as it is stored, or why there is none."""
    fields = raw.fields
    text = _with_lead(_paragraphs(fields.get("text")), _paragraphs(fields.get("lead")))
    if len(text) > MAX_ARTICLE_BYTES:
        return Problem(raw.path, raw.where, "too_large", f"an article of over {MAX_ARTICLE_BYTES:,} characters")
    url = _line(fields.get("url"))
    article = clean(
        Article(
            id="",
            text=text,
            title=_line(fields.get("title")) or "",
            lang=_declared_language(fields.get("lang")),
            published=parse_date(fields.get("published")),
            source=_line(fields.get("source")) or _host(url),
            author=_names(fields.get("author")),
            section=_first(fields.get("section")),
            url=url,
        )
    )
    if not article.text:
        return Problem(raw.path, raw.where, "empty", "no text" if not text.strip() else "nothing but boilerplate")
    finished = replace(
        article,
        id=_line(fields.get("id")) or content_id(fields),
        title=article.title or first_words(article.text),
        lang=_language(article, sure=raw.lang_is_sure),
        published=article.published or raw.published_by_name,
    )
    # A title taken from a text that opens with a line like a heading is said twice.
    return finished if article.title else clean(finished)


def content_id(fields: Mapping[str, object]) -> str:
    """16 hexadecimal digits of a hash of what the article says, where and when, as it was read.

    The same file read again, or under another name, is the same article; agency copy run by two outlets is two. The
    hash is of the text before it was cleaned, so that it stays when the cleaning gets better.
    """
    said = "\0".join(" ".join(str(fields.get(name) or "").split()) for name in _IDENTITY)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _paragraphs(value: object) -> str:
    """Text from a string or, as some exports have it, a list of paragraphs."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return "\n\n".join(filter(None, map(_paragraphs, value)))
    if isinstance(value, Mapping):
        return _paragraphs(value.get("text") or value.get("content"))
    return str(value)


def _with_lead(text: str, lead: str) -> str:
    """The lead before the text, unless the text begins with it."""
    if not lead:
        return text
    plain_lead, plain_text = clean_line(lead), clean_line(text[: 2 * len(lead) + 1000])
    if not plain_lead or plain_lead.rstrip(".… ")[:200] in plain_text:
        return text
    return f"{lead}\n\n{text}"


def _line(value: object) -> str | None:
    """One line of plain text, or None."""
    if isinstance(value, Mapping):
        value = value.get("name") or value.get("title") or value.get("@id") or value.get("$oid")
    if value is None or isinstance(value, bool | list | tuple | Mapping):
        return None
    return clean_line(str(value)) or None


def _first(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return next(filter(None, map(_line, value)), None)
    return _line(value)


def _names(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return ", ".join(dict.fromkeys(filter(None, map(_line, value)))) or None
    return _line(value)


def _host(url: str | None) -> str | None:
    """`example.pl` of `https://www.example.pl/a/1`: where no source is named, its address names it."""
    try:
        return (urlsplit(url or "").hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def _declared_language(value: object) -> str:
    return language_code(_line(value) or "") or UNKNOWN_LANG


def _language(article: Article, *, sure: bool) -> str:
    if article.lang != UNKNOWN_LANG and (sure or len(article.text) < _TELLING_CHARACTERS):
        return article.lang
    found = detect(f"{article.title}\n{article.text}")
    if article.lang != UNKNOWN_LANG and (found.confidence < _SURE or found.lang == UNKNOWN_LANG):
        return article.lang
    return found.lang
