"""Which field of a record is which: the usual names, in the languages of the newsrooms that chose them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.problem import Problem
from backissue.search.errors import InvalidArgumentError

_NAMES: dict[str, str] = {
    "id": "id _id guid uuid article_id articleid doc_id docid document_id identifier",
    "title": "title headline tytul tytuł name heading titre titulo título titel überschrift заголовок 제목",
    "text": "text body content article fulltext full_text article_body articlebody article_text maintext main_text "
    "content_text content_html body_text body_html tresc treść texte texto текст 본문",
    "lead": "lead summary description abstract excerpt standfirst intro teaser zajawka streszczenie chapeau",
    "published": "published published_at publishedat publication_date pub_date pubdate date_published datepublished "
    "publish_date published_date date datetime date_time timestamp time created created_at createdat data "
    "data_publikacji fecha datum дата 날짜",
    "source": "source source_name outlet publisher publication site sitename site_name domain newspaper media zrodlo "
    "źródło",
    "author": "author authors byline creator autor autorzy auteur автор 기자",
    "section": "section category categories topic topics rubric rubryka dzial dział kategoria desk rubrique ressort",
    "url": "url link permalink canonical canonical_url href web_url uri adres",
    "lang": "lang language lang_code language_code jezyk język langue idioma sprache мова язык",
}
"""Our field → the names it goes by, the likeliest first."""

FIELDS = tuple(_NAMES)
_CANDIDATES = {field: tuple(names.split()) for field, names in _NAMES.items()}


def check_mapping(mapping: Mapping[str, str] | None) -> dict[str, str]:
    """The mapping, our field → the record's field.

    Raises:
        InvalidArgumentError: it names a field that articles do not have.
    """
    for field in mapping or {}:
        if field not in FIELDS:
            raise InvalidArgumentError(f"map: an article has no field {field!r}; its fields are {', '.join(FIELDS)}")
    return dict(mapping or {})


def missing_columns(columns: Iterable[str], mapping: Mapping[str, str]) -> list[str]:
    """The fields that `mapping` names and a table does not have."""
    known = {_folded(column) for column in columns}
    return [column for column in mapping.values() if _folded(column) not in known]


def to_raw(record: Mapping[str, object], mapping: Mapping[str, str], path: str, where: str) -> RawArticle | Problem:
    """One record of a JSON or CSV file as an article in its own words."""
    found = recognised(record, mapping)
    if found["text"] is None and found["lead"] is None:
        if "text" in mapping:
            return Problem(path, where, "empty", f"no text: its field {mapping['text']!r} is absent or empty")
        if any(_folded(name) in _CANDIDATES["text"] for name in record):
            return Problem(path, where, "empty", "no text")
        names = ", ".join(map(str, list(record)[:12])) or "none"
        return Problem(path, where, "malformed", f"no field holds the text (fields: {names}); name it with a mapping")
    return RawArticle(path, where, found)


def recognised(record: Mapping[str, object], mapping: Mapping[str, str]) -> dict[str, object]:
    """Our field → its value in the record, None where it has none."""
    values = {_folded(name): value for name, value in reversed(list(record.items())) if not _is_blank(value)}
    return {field: _value(record, values, field, mapping) for field in FIELDS}


def _value(
    record: Mapping[str, object], values: Mapping[str, object], field: str, mapping: Mapping[str, str]
) -> object:
    if field in mapping:
        wanted = mapping[field]
        return values[_folded(wanted)] if _folded(wanted) in values else _nested(record, wanted)
    taken = {_folded(name) for name in mapping.values()}
    return next((values[name] for name in _CANDIDATES[field] if name in values and name not in taken), None)


def _nested(record: object, dotted: str) -> object:
    """`content.body` reaches into records within a record."""
    for name in dotted.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return None if _is_blank(record) else record


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().casefold() in ("", "null", "none", "nan"))


def _folded(name: object) -> str:
    return "_".join(str(name).strip().casefold().replace("-", " ").replace(":", " ").split())


class Unseen:
    """Watches for fields that a mapping names and no record of a file has: a misspelling, most likely."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._unseen = {wanted: field for field, wanted in mapping.items()}
        self._names: list[str] = []

    def look(self, record: Mapping[str, object]) -> None:
        """Take note of one record."""
        if not self._unseen:
            return
        names = {_folded(name) for name in record}
        self._names = self._names or list(map(str, record))[:12]
        for wanted in list(self._unseen):
            if _folded(wanted) in names or _nested(record, wanted) is not None:
                del self._unseen[wanted]

    def problems(self, path: str) -> Iterator[Problem]:
        """One for each field that no record had, after the last record."""
        for wanted, field in self._unseen.items():
            if self._names:
                names = ", ".join(self._names)
                yield Problem(path, "", "malformed", f"no record has the field {wanted!r} mapped to {field} ({names})")
