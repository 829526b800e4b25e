"""Text to terms: what the lexical leg counts.

    text ─ runs ─ pieces (number, word, unspaced script, Hangul) ─ normalise ─ stop words ─ stem ─ fold ─ term

A run is what stands between spaces and punctuation. Each distinct run is analysed once per language and
remembered, for a news archive repeats its words (Zipf); so the cost of a text is that of finding its runs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator
from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import Final, Literal, NamedTuple, TypeVar
from zlib import crc32

from backissue.search import sounds
from backissue.search.folding import fold, normalise
from backissue.search.slavic import stem_russian, stem_ukrainian
from backissue.search.stopwords import stop_words
from backissue.search.unicode_sets import CJK, HANGUL, IGNORABLE, MARKS, UNSPACED

__all__ = [
    "ANALYSER_VERSION",
    "TERMS_VERSION",
    "Forms",
    "Memo",
    "Token",
    "analyse",
    "forms",
    "hash_of_term",
    "hashes",
    "key_of_term",
    "may_come_again",
    "name_tokens",
    "occurrences",
    "stemmed_langs",
    "stop_words",
    "surface",
    "terms",
]

T = TypeVar("T")

TERMS_VERSION: Final = 1
"""Grows with every change of what `terms` gives: a table of translations of another version is of no use."""

ANALYSER_VERSION: Final = 2
"""Grows with every change of what `forms` gives: an index of another version has to be built anew."""

# Snowball by ISO 639-1 code. Slovak, Galician, Malay and the Serbo-Croatian standards borrow their nearest kin.
_SNOWBALL: Final = {
    "ar": "arabic", "bs": "serbian", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian",
    "fi": "finnish", "fr": "french", "ga": "irish", "gl": "portuguese", "hi": "hindi", "hr": "serbian",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ms": "indonesian",
    "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sk": "czech", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip

# Case endings that an apostrophe joins to a foreign name: Biden'a, Johnson'em. Turkish writes all of them so.
_CLITICS: Final = {"pl": frozenset({"a", "ami", "ego", "em", "emu", "ie", "om", "owi", "owie", "s", "u", "y", "ów"})}
_LANGS_OF_TAILED_NAMES: Final = frozenset({"az", "tr"})

_MAX_TERM_CHARS: Final = 64
_MAX_REMEMBERED_RUNS: Final = 1 << 17  # about 40 MB a language
_MAX_REMEMBERED_FORMS: Final = 1 << 16  # about 25 MB a language; they are nearly all that a language's texts repeat

_FIRST_WITHOUT_CAPITALS: Final = "\u0590"

_APOSTROPHES: Final = "'\u2019\u02bc\u02bb\uff07"
_HEBREW_POINTS: Final = '"\u05f3\u05f4'
_HYPHENS: Final = "\u2010\u2011-"

_W: Final = rf"[^\W_{_APOSTROPHES}{HANGUL}{UNSPACED}]"
_WORD: Final = rf"{_W}(?:{_W}|[{MARKS}{IGNORABLE}])*+"
_LETTER: Final = rf"[^\W\d_{HANGUL}{UNSPACED}]"

_RUN: Final = re.compile(
    rf"\w[\w{MARKS}{IGNORABLE}]*(?:[{_APOSTROPHES}{_HEBREW_POINTS}.,{_HYPHENS}]\w[\w{MARKS}{IGNORABLE}]*)*"
)
_PIECE: Final = (
    rf"(?P<number>(?:\d{{1,3}}(?:[.,]\d{{3}})+|(?<!\d[.,])\d+[.,]\d+(?![.,]\d)|\d+)(?!\d|{_W}))"
    rf"|(?P<acronym>{_LETTER}(?:\.{_LETTER})++(?!{_W}))"
    rf"|(?P<word>{_WORD}(?:[{_APOSTROPHES}{_HEBREW_POINTS}]{_WORD})*+)"
    rf"|(?P<hangul>[{HANGUL}{IGNORABLE}]*[{HANGUL}][{HANGUL}{IGNORABLE}{MARKS}]*)"
    rf"|(?P<unspaced>[{UNSPACED}][{UNSPACED}{IGNORABLE}{MARKS}]*)"
)
# One written character: conjoining jamo of a syllable, or a letter with its marks.
_CHARACTER: Final = (
    rf"[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6]*[\u11a8-\u11ff\ud7cb-\ud7fb]*[{IGNORABLE}]*"
    rf"|\S[{MARKS}{IGNORABLE}\uff9e\uff9f]*"
)
_PLAIN_CHARACTERS: Final = "[\u3005\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff가-힣]+"
_NEVER_REPEATED: Final = f"[{CJK}{UNSPACED}]"
_THOUSANDS: Final = r"\d{1,3}(?:[.,]\d{3})+"

_BY_START: Final = itemgetter(1)

# Compiled when they are first used: most runs are plain words, and the sets of characters take 20 ms to compile.
_compiled = cache(re.compile)

_Kind = Literal["number", "acronym", "word", "hangul", "unspaced"]


class Token(NamedTuple):
    """A term, and the half-open span of the text that it stands for, in code points."""

    term: str
    start: int
    end: int


def analyse(text: str, lang: str) -> list[Token]:
    """The terms of a text in `lang` (ISO 639-1; any other code leaves stop words in and words unstemmed).

    Scripts without spaces give overlapping pairs of characters, as Korean words of three syllables and more do: the
    standing choice where there is no dictionary (Kwok, SIGIR 1997; Lee and Ahn, SIGIR 1996; McNamee and Mayfield,
    Information Retrieval 2004). A name like F-16 gives `f16` beside its parts. Spans may overlap; starts ascend.
    """
    return _tokens(text, _lexicon(lang))


def terms(text: str, lang: str) -> list[str]:
    """The terms alone, `[token.term for token in analyse(text, lang)]`, faster."""
    lexicon = _lexicon(lang)
    return [token[0] for run in _RUN.findall(text) for token in lexicon[run]]


def occurrences(text: str, lang: str, wanted: Collection[str]) -> list[Token]:
    """Where wanted terms and keys of names (`sounds.key`) stand in a text, in order of their starts."""
    lexicons = [_lexicon_of_chunks(lang, names=False)]
    if any(term.startswith(sounds.MARK) for term in wanted):
        lexicons.append(_lexicon_of_chunks(lang, names=True))
    found = []
    # No run goes over a space, and what stands between two holds mostly nothing that is wanted.
    for chunk in {*text.split()}:
        for lexicon in lexicons:
            for term, start, end in lexicon[chunk]:
                if term in wanted:
                    found += [Token(term, at + start, at + end) for at in _places(chunk, text)]
    found.sort(key=_BY_START)
    return found


def _places(chunk: str, text: str) -> Iterator[int]:
    """Where a chunk begins that stands between spaces in a text."""
    at = text.find(chunk)
    while at >= 0:
        end = at + len(chunk)
        if (at == 0 or text[at - 1].isspace()) and (end == len(text) or text[end].isspace()):
            yield at
        at = text.find(chunk, at + 1)


def name_tokens(text: str, lang: str) -> list[Token]:
    """The words of a text that may be names, with the keys of their sound as terms (`sounds.key`)."""
    return _tokens(text, _names_lexicon(lang))


class Forms(NamedTuple):
    """A text as the indexes hold it: the keys of its terms and names, its words as written, and the hashes of the keys.

    Keys and words are joined by spaces, hashes are unsigned integers of 4 bytes, little-endian.
    """

    keys: str
    surface: str
    hashes: bytes


def forms(text: str, lang: str) -> Forms:
    """What the indexes hold of a text: `terms` and the keys of `name_tokens`, and `surface`, in one pass."""
    memo = _forms_of_run(lang)
    parts = [memo[run] for run in _RUN.findall(text)]
    if not parts:
        return Forms("", "", b"")
    keys, surfaces, hashed = zip(*parts, strict=True)
    return Forms(" ".join(filter(None, keys)), " ".join(filter(None, surfaces)), b"".join(hashed))


def hashes(text: str, lang: str) -> bytes:
    """The hashes of `forms` alone, sooner."""
    memo = _hashes_of_run(lang)
    return b"".join([memo[run] for run in _RUN.findall(text)])


def key_of_term(term: str, lang: str) -> str:
    """A term with its language, as the index holds it: a word of one language never meets a namesake of another."""
    return f"{lang}:{term}"


def hash_of_term(key: str) -> int:
    """32 bits that stand for a term's key where there is no room for it."""
    return crc32(key.encode("utf-8", "surrogatepass"))


def surface(text: str) -> list[Token]:
    """Every word as written but for case and accents, in order: what an exact phrase is compared by.

    Unspaced scripts and Korean give single characters.
    """
    return _tokens(text, _surface_lexicon())


@cache
def stemmed_langs() -> frozenset[str]:
    """The languages whose words are stemmed."""
    return frozenset(_SNOWBALL) | {"uk"}


class Memo(dict[str, T]):
    """What a function gives for runs; filled as runs are met, and emptied when it holds `limit` of them."""

    def __init__(self, function: Callable[[str], T], limit: int) -> None:
        super().__init__()
        self.function = function
        self._limit = limit

    def __missing__(self, run: str) -> T:
        value = self.function(run)
        if may_come_again(run):
            if len(self) >= self._limit:
                self.clear()
            self[run] = value
        return value


def may_come_again(run: str) -> bool:
    """Whether what a run gives is worth remembering."""
    return len(run) <= _MAX_TERM_CHARS and (run.isascii() or not _compiled(_NEVER_REPEATED).search(run))


_Lexicon = Memo[tuple[Token, ...]]
"""Runs and the tokens they give, offsets counted from the start of the run."""


def _tokens(text: str, lexicon: _Lexicon) -> list[Token]:
    tokens = []
    for run in _RUN.finditer(text):
        offset = run.start()
        tokens += [Token(term, offset + start, offset + end) for term, start, end in lexicon[run[0]]]
    return tokens


@cache
def _hashes_of_run(lang: str) -> Memo[bytes]:
    return Memo(lambda run: _hashed(_keys(run, lang)), _MAX_REMEMBERED_FORMS)


@cache
def _forms_of_run(lang: str) -> Memo[Forms]:
    written = _surface_lexicon().function

    def forms_of_run(run: str) -> Forms:
        keys = _keys(run, lang)
        return Forms(" ".join(keys), " ".join(token.term for token in written(run)), _hashed(keys))

    return Memo(forms_of_run, _MAX_REMEMBERED_FORMS)


def _keys(run: str, lang: str) -> list[str]:
    """The keys of a run's terms and names."""
    tokens = (*_lexicon(lang).function(run), *_names_lexicon(lang).function(run))
    return [key_of_term(token.term, lang) for token in tokens]


def _hashed(keys: list[str]) -> bytes:
    return b"".join([hash_of_term(key).to_bytes(4, "little") for key in keys])


@cache
def _lexicon(lang: str) -> _Lexicon:
    stops = frozenset(normalise(word, lang) for word in stop_words(lang))
    contractions = frozenset(word for word in stop_words(lang) if not word.isalpha())
    stem = _stemmer(lang)
    # In Vietnamese the marks of a syllable are most of what tells words apart.
    final_fold = str if lang == "vi" else fold

    def tokens_of_run(run: str) -> Iterator[Token]:
        if _is_plain_word(run):
            word = normalise(run, lang)
            if word not in stops or _is_abbreviation(run):
                yield Token(final_fold(stem(word))[:_MAX_TERM_CHARS], 0, len(run))
            return
        if run.lower().replace("\u2019", "'") in contractions:
            return
        for kind, start, end in _pieces(run):
            written = run[start:end]
            if kind == "unspaced":
                yield from (gram for gram in _bigrams(_characters(written, start)) if gram.term not in stops)
            elif kind == "hangul":
                if normalise(written) not in stops:
                    yield from (gram for gram in _bigrams(_characters(written, start)) if gram.term not in stops)
            elif kind == "number":
                yield Token(_number(written), start, end)
            else:
                for word, word_start, word_end in _words(kind, written, start, lang):
                    if word not in stops or _is_abbreviation(run[word_start:word_end]):
                        yield Token(final_fold(stem(word))[:_MAX_TERM_CHARS], word_start, word_end)

    return _remembering(tokens_of_run)


@cache
def _names_lexicon(lang: str) -> _Lexicon:
    """The words of a run that may be names, by their sound."""
    stops = frozenset(normalise(word, lang) for word in stop_words(lang))

    def tokens_of_run(run: str) -> Iterator[Token]:
        if run.islower() and max(run) < _FIRST_WITHOUT_CAPITALS:  # as most are: no name begins with a small letter
            return
        if _is_plain_word(run):
            if normalise(run, lang) not in stops:
                yield Token(sounds.key(run, lang), 0, len(run))
            return
        for kind, start, end in _pieces(run):
            if kind == "word":
                for word, word_start, word_end in _words(kind, run[start:end], start, lang):
                    if word not in stops:
                        yield Token(sounds.key(run[word_start:word_end], lang), word_start, word_end)
            elif kind == "hangul":
                yield Token(sounds.key(run[start:end], lang), start, end)
            elif kind == "unspaced":
                for name in sounds.KATAKANA.finditer(run, start, end):
                    yield Token(sounds.key(name[0], lang), name.start(), name.end())

    return _remembering(tokens_of_run)


@cache
def _lexicon_of_chunks(lang: str, *, names: bool) -> _Lexicon:
    """Of what stands between two spaces the terms, or the keys of names."""
    tokens_of_run = (_names_lexicon if names else _lexicon)(lang).function

    def tokens_of_chunk(chunk: str) -> Iterator[Token]:
        for run in _RUN.finditer(chunk):
            for term, start, end in tokens_of_run(run[0]):
                yield Token(term, run.start() + start, run.start() + end)

    return _remembering(tokens_of_chunk)


@cache
def _surface_lexicon() -> _Lexicon:
    def tokens_of_run(run: str) -> Iterator[Token]:
        if _is_plain_word(run):
            yield Token(fold(normalise(run))[:_MAX_TERM_CHARS], 0, len(run))
            return
        for kind, start, end in _pieces(run):
            written = run[start:end]
            if kind in ("unspaced", "hangul"):
                yield from _characters(written, start)
            elif kind == "number":
                yield Token(_number(written), start, end)
            elif kind != "compound":
                for word, word_start, word_end in _words(kind, written, start, lang=""):
                    yield Token(fold(word)[:_MAX_TERM_CHARS], word_start, word_end)

    return _remembering(tokens_of_run)


def _is_plain_word(run: str) -> bool:
    """Whether a run is one word of Latin letters, as most are, so that it need not be taken apart."""
    return run.isalpha() and (run.isascii() or max(run) < "\u0250")


def _remembering(tokens_of_run: Callable[[str], Iterator[Token]]) -> _Lexicon:
    return Memo(lambda run: tuple(token for token in tokens_of_run(run) if token.term), _MAX_REMEMBERED_RUNS)


def _pieces(run: str) -> Iterator[tuple[str, int, int]]:
    """The pieces of a run, each of one script, as (kind, start, end); F-16 is a compound and then its parts."""
    pieces = [(str(match.lastgroup), match.start(), match.end()) for match in _compiled(_PIECE).finditer(run)]
    for piece, following in zip(pieces, [*pieces, ("", -1, -1)][1:], strict=True):
        (kind, start, end), (next_kind, next_start, next_end) = piece, following
        if (kind, next_kind) == ("word", "number") and run[end:next_start] in tuple(_HYPHENS) and end - start <= 8:
            yield "compound", start, next_end
        yield piece


def _words(kind: str, written: str, start: int, lang: str) -> Iterator[Token]:
    """Normalised words of a piece. Apostrophes part words (l'homme), but are letters in Cyrillic and Hebrew."""
    end = start + len(written)
    if kind != "word" or "\u0400" <= written[0] <= "\u05ff":
        yield Token(normalise("".join(_compiled(_WORD).findall(written)), lang), start, end)
        return
    clitics = _CLITICS.get(lang, frozenset())
    for part in _compiled(_WORD).finditer(written):
        word = normalise(part[0], lang)
        if part.start() == 0 or word not in clitics:
            yield Token(word, start + part.start(), start + part.end())
        if lang in _LANGS_OF_TAILED_NAMES:
            return


def _number(written: str) -> str:
    """1,200 and 1.200 are 1200; 3,5 is 3.5."""
    if _compiled(_THOUSANDS).fullmatch(written):
        written = written.replace(",", "").replace(".", "")
    return ".".join(normalise(part) for part in written.replace(",", ".").split("."))[:_MAX_TERM_CHARS]


def _is_abbreviation(written: str) -> bool:
    """US, WHO and IT are no function words."""
    letters = written.replace(".", "")
    return 2 <= len(letters) <= 4 and letters.isupper()


def _characters(written: str, start: int) -> list[Token]:
    if _compiled(_PLAIN_CHARACTERS).fullmatch(written):
        return [Token(character, at, at + 1) for at, character in enumerate(written, start)]
    return [Token(normalise(m[0]), start + m.start(), start + m.end()) for m in _compiled(_CHARACTER).finditer(written)]


def _bigrams(characters: list[Token]) -> list[Token]:
    if len(characters) == 1:
        return characters
    return [Token(a[0] + b[0], a[1], b[2]) for a, b in pairwise(characters)]


def _stemmer(lang: str) -> Callable[[str], str]:
    if lang == "uk":
        return stem_ukrainian
    if lang not in _SNOWBALL:
        return str
    import Stemmer

    snowball = Stemmer.Stemmer(_SNOWBALL[lang], maxCacheSize=0)
    lock = threading.Lock()  # a stemmer keeps the word it works on in itself

    def stem(word: str) -> str:
        with lock:
            return str(snowball.stemWord(word))

    if lang == "ru":
        return lambda word: stem_russian(word, stem)
    return stem
