"""HTML inside text fields made plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCKS_TEXT = """
address article aside blockquote br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6
header hr li main nav ol p pre section table tbody td tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCKS_TEXT.split())
_INLINE_TEXT = """
a abbr acronym audio b bdi bdo big button cite code col colgroup data del dfn em embed font i iframe img input ins
kbd label link mark meta meter noscript object option output param path picture q rp rt ruby s samp script select
small source span strike strong style sub summary sup svg textarea time track tt u var video wbr html head body
title template
"""
_INLINE = frozenset(_INLINE_TEXT.split())
_SILENT = frozenset(
    ("script", "style", "noscript", "template", "svg", "iframe", "object", "select", "textarea", "title")
)
_WITHIN_A_LINE = frozenset(("br", "td", "th"))

_KNOWN = "|".join(sorted(_BLOCKS | _INLINE))
# A tag that opens proves nothing, for news is full of ticker symbols: `Phillips Petroleum <P>`, `US Air <U>`.
_PROOF = re.compile(
    rf"</(?i:{_KNOWN})\s*>|<(?i:br|hr)\s*/?>|<(?i:{_KNOWN})\s[^<>=]*=[^<>]*>|<(?:p|li|div|h[1-6]|blockquote)>|<!--"
)
_TAG = re.compile(rf"<!--|<(/?)({_KNOWN})(?:[\s/][^<>]*)?>", re.IGNORECASE)


def strip_markup(text: str) -> str:
    """The text without its tags, blocks on lines of their own; a text without HTML comes back as it is.

    What only looks like a tag stays: `STANDARD OIL <SRD>` is a ticker symbol. Entities stay, too. The time is linear
    in the text, however broken its markup.
    """
    if "<" not in text or not _PROOF.search(text):
        return text
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    unclosed: set[str] = set()
    for tag in _TAG.finditer(text):
        if tag.start() < at:
            continue  # within a comment or a script
        name = (tag[2] or "").lower()
        end = tag.end()
        if tag[0] == "<!--" or (name in _SILENT and not tag[1]):
            closing = "-->" if tag[0] == "<!--" else f"</{name}>"
            if closing in unclosed:
                continue
            found = _find(text, closing, end)
            if found < 0:
                unclosed.add(closing)
                continue
            end = found + len(closing)
        yield text[at : tag.start()]
        if name in _BLOCKS:
            yield "\n" if name in _WITHIN_A_LINE else "\n\n"
        at = end
    yield text[at:]


def _find(text: str, closing: str, start: int) -> int:
    """Where `closing` comes next in any case of its letters, or -1."""
    found = re.compile(re.escape(closing), re.IGNORECASE).search(text, start)
    return found.start() if found else -1
