"""HTML inside text fields made plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS_TEXT = """
address article aside blockquote br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5
h6 header hr li main nav ol p pre section table tbody td tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCKS_TEXT.split())
_INLINE_TEXT = """
a abbr acronym audio b bdi bdo big button cite code col colgroup data del dfn em embed font i iframe img input
ins kbd label link mark meta meter noscript object option output param path picture q rp rt ruby s samp script
select small source span strike strong style sub summary sup svg textarea time track tt u var video wbr html
head body title template
"""
_INLINE = frozenset(_INLINE_TEXT.split())
_SILENT = ("script", "style", "noscript", "template", "svg", "iframe", "object", "select", "textarea", "title")
_KNOWN = "|".join(sorted(_BLOCKS | _INLINE))
# A tag that opens proves nothing, for news is full of ticker symbols: `Phillips Petroleum <P>`, `US Air <U>`.
_MARKUP = re.compile(
    rf"</(?i:{_KNOWN})\s*>|<(?i:br|hr)\s*/?>|<(?i:{_KNOWN})\s[^<>]*=[^<>]*>|<(?:p|li|div|h[1-6]|blockquote)>|<!--"
)


def strip_markup(text: str) -> str:
    """The text without its tags, blocks on lines of their own; a text without known tags comes back as it is.

    What only looks like a tag stays: `STANDARD OIL <SRD>` is a ticker symbol. Entities stay, too.
    """
    if "<" not in text or not _MARKUP.search(text):
        return text
    stripper = _Stripper(closed=frozenset(re.findall(r"</([a-z0-9]+)", text.lower())))
    stripper.feed(text)
    stripper.close()
    return "".join(stripper.pieces)


class _Stripper(HTMLParser):
    def __init__(self, closed: frozenset[str]) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self._closed = closed
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _BLOCKS and tag not in _INLINE:
            self._say(self.get_starttag_text() or "")
        elif tag in _SILENT and tag in self._closed:
            self._silent.append(tag)
        elif tag in _BLOCKS:
            self._say("\n" if tag in ("br", "td", "th") else "\n\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif tag in _BLOCKS and tag not in ("br", "hr"):
            self._say("\n\n")
        elif tag not in _INLINE and tag not in _BLOCKS:
            self._say(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._say(data)

    def handle_entityref(self, name: str) -> None:
        self._say(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._say(f"&#{name};")

    def _say(self, words: str) -> None:
        if not self._silent:
            self.pieces.append(words)
