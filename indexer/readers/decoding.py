"""Text out of bytes whose encoding nobody wrote down.

UTF-8 proves itself: a wrong guess fails within a few bytes. The single-byte encodings prove nothing, so each is tried
and the one wins whose accented letters one single language has: Polish in cp1250 read as cp1252 gives `³` and `¹`
within words, French in cp1252 read as cp1250 gives `č` beside `ę`, which no language writes.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

from backissue.indexer.readers.problem import UnreadableError

SAMPLE_BYTES = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
_ALPHABETS: dict[str, tuple[str, ...]] = {
    "cp1252": ("éèêëàâçîïôùûüœæ", "äöüß", "áéíóúñü¿¡", "áâãàçéêíóôõú", "åäöæøé", "àèéìíòóù", "ëéèïöü", "åäöé"),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćžšđ", "ăâîșțşţ"),
    "iso8859-2": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćžšđ"),
    "cp1251": (_CYRILLIC + "ё", _CYRILLIC + "іїєґ", _CYRILLIC + "ўі"),
    "koi8-u": (_CYRILLIC + "ё", _CYRILLIC + "іїєґ"),
    "cp1253": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋ",),
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
}
_TYPOGRAPHY = "„“”‘’‚«»‹›–—…•°§©®€£№ \xad¿¡"
_NOT_LEADING = bytes(range(0xC0))  # in UTF-8 a character outside ASCII begins with a byte above these
_ENOUGH = 0.8  # of the letters outside ASCII
_FEW_BAD = 0.01  # of the characters outside ASCII, which a long UTF-8 text may have lost


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of a whole file.

    Raises:
        UnreadableError: "binary" where it is no text, "encoding" where no encoding reads it.
    """
    encoding = encoding_of(data[:SAMPLE_BYTES], declared)
    return decode_as(data, encoding)


def decode_as(data: bytes, encoding: str, at_byte: int = 0) -> str:
    """`data` in `encoding`, or where a piece of it is not, in whatever that piece is.

    `at_byte` is where `data` begins in its file.
    """
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        error_at = error.start
    if encoding in ("utf-8", "utf-8-sig"):
        if _is_mostly_utf8(data):
            return data.decode(encoding, "replace").replace("\N{REPLACEMENT CHARACTER}", "")
        around = data[max(0, error_at - SAMPLE_BYTES // 2) :][:SAMPLE_BYTES]
        if guess := _single_byte(around) or _multi_byte(around):
            return data.decode(guess, "ignore")
    elif encoding.startswith(("utf-16", "utf-32")):
        return data.decode(encoding, "ignore")
    elif (salvaged := data.decode(encoding, "ignore")) and len(salvaged) > (1 - _FEW_BAD) * len(data):
        return salvaged
    place = at_byte + error_at
    raise UnreadableError("encoding", f"byte {place:,} is no {encoding}, nor any other encoding; convert to UTF-8")


def encoding_of(sample: bytes, declared: str | None = None) -> str:
    """The encoding of the file that `sample` begins.

    Raises:
        UnreadableError: "binary" where it is no text, "encoding" where no encoding reads it.
    """
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    if wide := _utf16_without_bom(sample):
        return wide
    if (b"\0" in sample and sample.count(b"\0") > len(sample) / 1000) or _MAGIC.match(sample):
        raise UnreadableError("binary", "not text")
    bad = _first_bad_utf8(sample)
    if bad is None:
        return "utf-8"
    if declared and (known := _known(declared)) and _reads(sample, known):
        return known
    if guess := _single_byte(sample):
        return guess
    if _is_mostly_utf8(sample):
        return "utf-8"
    if guess := _multi_byte(sample):
        return guess
    raise UnreadableError("encoding", f"byte {bad:,} is no UTF-8, and no other encoding fits; convert to UTF-8")


_MAGIC = re.compile(
    rb"%PDF-|\x89PNG|\xff\xd8\xff|GIF8|PK\x03\x04|\x7fELF|\x1f\x8b|\xd0\xcf\x11\xe0|RIFF|ID3|OggS|7z\xbc\xaf|BZh"
    rb"|SQLite format 3"
)


def _utf16_without_bom(sample: bytes) -> str | None:
    """Latin script in UTF-16 has a zero in every other byte."""
    head = sample[:4096]
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.4 and even < 0.02:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.02 else None


def _first_bad_utf8(sample: bytes) -> int | None:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError as error:
        return error.start
    return None


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether the few bytes that are no UTF-8 were lost from a text that is."""
    bad = data.decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}")
    outside = len(data.translate(None, _NOT_LEADING))
    return bad <= max(1, _FEW_BAD * outside) and bad < outside


def _known(name: str) -> str | None:
    try:
        return codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        return None


def _reads(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _single_byte(sample: bytes) -> str | None:
    scored = {encoding: _fit(sample, encoding) for encoding in _ALPHABETS}
    best = max(scored, key=lambda encoding: scored[encoding])
    return best if scored[best] >= _ENOUGH else None


def _fit(sample: bytes, encoding: str) -> float:
    """The share of characters outside ASCII that the best single language has, small letters unless a word begins."""
    text = " " + sample.decode(encoding, "replace")
    outside = Counter(_OUTSIDE.findall(text))
    total = sum(outside.values())
    if not total:
        return 0.0
    fitting = max(
        sum(count for (before, char), count in outside.items() if _belongs(before, char, alphabet))
        for alphabet in _ALPHABETS[encoding]
    )
    return fitting / total


_OUTSIDE = re.compile(r"(?s)(?<=(.))([^\x00-\x7f])")


def _belongs(before: str, char: str, alphabet: str) -> bool:
    if char in alphabet or char in _TYPOGRAPHY:
        return True
    return char.lower() in alphabet and not before.isalpha()


def _multi_byte(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample[:65536]).best()
    return best.encoding if best else None
