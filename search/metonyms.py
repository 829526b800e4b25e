"""Names that news uses for each other: a country and its seats of power, as Russia and the Kremlin.

They are read from data/metonyms.tsv, whose head says how it is written.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from backissue.search.analysis import Token, analyse, terms

NO_PLACE: Final = "-"
"""Stands for names that only look like a place of the table: Northern Ireland."""

_PATH: Final = Path(__file__).parent / "data" / "metonyms.tsv"
_TELLING: Final = re.compile(r"\[(.+)\]")
_HEAD_FIRST: Final = frozenset({"ar", "es", "fr", "it", "pl", "pt"})
"""Where the noun leads: Corea del Norte, Korea Północna."""


class Mention(NamedTuple):
    """A place that a question names, and the word of the name that its metonyms stand for."""

    place: str
    head: Token


class _Name(NamedTuple):
    """A name by its terms in a row; `telling` is the one that tells it alone, or empty."""

    place: str
    terms: tuple[str, ...]
    telling: str
    head: int
    needs_capital: bool


def mentions(text: str, lang: str) -> list[Mention]:
    """The places that a text names, in its order; of names that begin at one word the longest is meant.

    The metonyms of a name of several words stand for one of them: the one that tells the name alone (Saudi), or
    else its noun (Korea). So a passage that only says Pyongyang has met half of "North Korea", as one that says Korea.
    """
    tokens = analyse(text, lang)
    found = []
    at = 0
    while at < len(tokens):
        name = _name_at(text, tokens, at, lang)
        if name is not None and name.place != NO_PLACE:
            found.append(Mention(name.place, tokens[at + name.head]))
        at += len(name.terms) if name is not None else 1
    return found


@cache
def telling_terms(place: str, lang: str) -> tuple[str, ...]:
    """The terms that each tell a place in a language: of its names and its seats."""
    return tuple(dict.fromkeys(name.telling for name in _names(lang) if name.place == place and name.telling))


def _name_at(text: str, tokens: Sequence[Token], at: int, lang: str) -> _Name | None:
    for name in _by_first_term(lang).get(tokens[at].term, ()):
        here = tuple(token.term for token in tokens[at : at + len(name.terms)])
        if here == name.terms and (not name.needs_capital or text[tokens[at].start].isupper()):
            return name
    return None


@cache
def _by_first_term(lang: str) -> dict[str, list[_Name]]:
    """Names by their first term, longest first."""
    names: dict[str, list[_Name]] = {}
    for name in sorted(_names(lang), key=lambda name: -len(name.terms)):
        names.setdefault(name.terms[0], []).append(name)
    return names


@cache
def _names(lang: str) -> tuple[_Name, ...]:
    return tuple(
        _name(place, written, lang)
        for place, cells in _table()
        for written in cells.get(lang, "").split("/")
        if written
    )


def _name(place: str, written: str, lang: str) -> _Name:
    plain = re.sub(r"[\[\]?]", "", written)
    its_terms = tuple(terms(plain, lang))
    marked = _TELLING.search(written)
    ambiguous = written.endswith("?")
    alone = len(its_terms) == 1 and not ambiguous
    telling = terms(marked[1], lang)[0] if marked else its_terms[0] if alone else ""
    noun = 0 if lang in _HEAD_FIRST else len(its_terms) - 1
    head = its_terms.index(telling) if telling in its_terms else noun
    return _Name(place, its_terms, telling, head, ambiguous)


@cache
def _table() -> tuple[tuple[str, dict[str, str]], ...]:
    """The lines of the table: a place, and its names by language."""
    return tuple(_lines())


def _lines() -> Iterator[tuple[str, dict[str, str]]]:
    with _PATH.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"):
            yield row["place"], row
