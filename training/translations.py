"""The table of translated terms: from a folder of corpora to `search/data/translations.bin`.

    python training/translations.py --corpora DIR [--out search/data/translations.bin]

Parallel sentences are read in the terms of the index, aligned word by word between English and every other language
(`alignment`), joined with dictionaries and names as sentences of a word or two, pruned and packed
(`backissue.search.translations`). The folder is laid out as its MANIFEST.md says; `noncommercial/` is never read.
"""

from __future__ import annotations

import argparse
import lzma
import time
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, product
from pathlib import Path

import numpy as np
from alignment import Bitext, Links, align
from numpy.typing import NDArray

from backissue.search.analysis import terms
from backissue.search.translations import pack

HUB = "en"
LANGS = (
    "pl",
    "uk",
    "ru",
    "de",
    "fr",
    "es",
    "cs",
    "it",
    "pt",
    "nl",
    "tr",
    "ar",
    "zh",
    "ja",
    "ko",
    "sk",
    "hu",
    "ro",
    "sv",
)

# How often a sentence counts. What reads like news leads, what speaks of software follows.
WEIGHTS = {
    "pud_news_wiki": 3.0, "mlqe_pe_wikipedia": 2.0, "tico19_covid": 2.0, "udhr_un": 2.0, "un_sdg_goals": 2.0,
    "covid_nextstrain_sitreps": 2.0, "questions_ru_en_rubq": 1.5, "tatoeba_challenge_test": 1.0, "stsb_multi_mt": 1.0,
    "civic_platforms": 0.7, "guide_umbrella_security": 0.7, "guide_opensource": 0.5, "guide_privacyguides": 0.5,
    "news_debian": 0.5, "docs_ethereum_org": 0.4, "web_mozilla_org": 0.3, "strings_cwa_ios": 0.3,
    "news_ruby_lang": 0.3, "strings_android": 0.3, "strings_web_yml": 0.3, "strings_mediawiki_ext": 0.2,
    "strings_wikibase": 0.2, "docs_letsencrypt": 0.2, "docs_ms_dynamics_headings": 0.2, "help_ms_alchemy_headings": 0.2,
    "help_gnome_user_docs": 0.2, "book_debian_handbook": 0.2, "strings_thunderbird": 0.15, "docs_python": 0.15,
    "lex/eurovoc_en_fr": 1.0, "lex/wordnet_multi": 0.7, "lex/cldr_names": 1.5,
    "lex/country_names": 1.5, "lex/osm_presets": 0.5, "lex/cpv_codes": 0.3,
}  # fmt: skip
NEWS = Path(__file__).with_name("news.tsv")
NEWS_WEIGHT = 20.0
PLACES = "lex/country_names"
LANGS_OF_A_PLACE = 10  # A place that fewer languages name is a village.
WORDNET = "lex/wordnet_multi"
MAX_TERMS = 40
MAX_LINKS = 10_000_000
MAX_WAYS = 4
MIN_COUNT = 0.8
MIN_BIGRAM_COUNT = 1.4  # Most pairs of characters that are rare are no words.
LANGS_OF_BIGRAMS = ("zh", "ja", "ko")
DISCOUNT = 0.1
MIN_PROBABILITY = 0.03
MAX_TRANSLATIONS = 8


@dataclass
class Sentences:
    """The terms of one side of a bitext, flat, with the ids of a vocabulary that grows."""

    lang: str
    vocabulary: dict[str, int]
    ids: array[int] = field(default_factory=lambda: array("i"))
    starts: array[int] = field(default_factory=lambda: array("q", [0]))

    def append(self, words: Sequence[str]) -> None:
        """One sentence more."""
        vocabulary = self.vocabulary
        self.ids.extend([vocabulary.setdefault(word, len(vocabulary)) for word in words])
        self.starts.append(len(self.ids))


class Corpora:
    """Sentence pairs of English and each other language, in the terms of the index."""

    def __init__(self, langs: Sequence[str]) -> None:
        self.vocabularies: dict[str, dict[str, int]] = {lang: {} for lang in (HUB, *langs)}
        self.sides = {
            lang: (Sentences(HUB, self.vocabularies[HUB]), Sentences(lang, self.vocabularies[lang])) for lang in langs
        }
        self.weights: dict[str, array[float]] = {lang: array("f") for lang in langs}
        self._links: dict[str, int] = defaultdict(int)

    def full(self, lang: str) -> bool:
        """Whether a language has as many candidate links as can be held."""
        return self._links[lang] >= MAX_LINKS

    def add(self, lang: str, english: Sequence[str], other: Sequence[str], weight: float) -> None:
        """A pair of one sentence in English and one in `lang`, unless it is empty or too long to align."""
        if 0 < len(english) <= MAX_TERMS and 0 < len(other) <= MAX_TERMS:
            self._links[lang] += len(english) * len(other)
            self.sides[lang][0].append(english)
            self.sides[lang][1].append(other)
            self.weights[lang].append(weight)

    def bitext(self, lang: str) -> Bitext:
        """All pairs of one language."""
        english, other = self.sides[lang]
        return Bitext(
            source=np.frombuffer(english.ids, dtype=np.int32),
            source_starts=np.frombuffer(english.starts, dtype=np.int64),
            target=np.frombuffer(other.ids, dtype=np.int32),
            target_starts=np.frombuffer(other.starts, dtype=np.int64),
            weights=np.frombuffer(self.weights[lang], dtype=np.float32),
        )


def read(folder: Path, langs: Sequence[str], leave_out: Sequence[str] = ()) -> Corpora:
    """The corpora of a folder, words and names first and then the weightiest, for the number of links is bounded."""
    corpora = Corpora(langs)
    for meaning in _news(langs):
        _add(corpora, meaning, NEWS_WEIGHT)
    wanted = {HUB, *LANGS}
    for name, weight in sorted(WEIGHTS.items(), key=lambda item: (not item[0].startswith("lex/"), -item[1])):
        path = folder / f"{name}.tsv.xz"
        if name not in leave_out and path.exists():
            for meaning in _meanings(path, wanted, synsets=name == WORDNET):
                if name != PLACES or len(meaning) >= LANGS_OF_A_PLACE:
                    _add(corpora, meaning, weight)
    return corpora


def _add(corpora: Corpora, meaning: Mapping[str, Sequence[str]], weight: float) -> None:
    langs = [lang for lang in meaning if lang in corpora.sides and not corpora.full(lang)]
    english = [terms(text, HUB) for text in meaning.get(HUB, ())[:MAX_WAYS]] if langs else []
    for lang in langs:
        others = [terms(text, lang) for text in meaning[lang][:MAX_WAYS]]
        for one, other in product(english, others):
            corpora.add(lang, one, other, weight / max(len(english), len(others)) ** 0.5)


def _news(langs: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """Names and words of the news, as each language has them."""
    header, *rows = [line.split("\t") for line in NEWS.read_text("utf-8").splitlines()]
    for row in rows:
        yield {lang: names.split(" / ") for lang, names in zip(header, row, strict=True) if lang in (HUB, *langs)}


def _meanings(path: Path, langs: set[str], *, synsets: bool) -> Iterator[dict[str, list[str]]]:
    """Texts that translate each other, by language."""
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        rows = (line.rstrip("\n").split("\t") for line in lines)
        first = next(rows)
        everything = (row for part in ([first], rows) for row in part)
        if len(first) == 4 and not synsets:
            for row in everything:
                if (
                    len(row) == 4
                    and row[0] in langs
                    and row[2] in langs
                    and HUB in (row[0], row[2])
                    and row[0] != row[2]
                ):
                    yield {row[0]: [row[1]], row[2]: [row[3]]}
            return
        for _, group in groupby(everything, key=lambda row: row[0]):
            meaning: dict[str, list[str]] = defaultdict(list)
            for row in group:
                if len(row) >= 3 and row[1] in langs:
                    meaning[row[1]] += row[2].split(" | ") if synsets else [row[2]]
            if len(meaning) > 1:
                yield meaning


def prune(links: Links, min_count: float) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """The likely translations of each frequent source term: (source, target, probability), by source, best first."""
    source, target, counts = links.source, links.target, links.counts
    total = np.bincount(source, counts)
    kept = (counts - DISCOUNT > 0) & (total[source] >= min_count)
    source, target, counts = source[kept], target[kept], counts[kept] - DISCOUNT
    probability = counts / np.bincount(source, counts)[source]
    kept = probability >= MIN_PROBABILITY
    source, target, probability = source[kept], target[kept], probability[kept]
    order = np.lexsort((-probability, source))
    source, target, probability = source[order], target[order], probability[order]
    starts = np.flatnonzero(np.r_[True, source[1:] != source[:-1]])
    rank = np.arange(len(source)) - np.repeat(starts, np.diff(np.r_[starts, len(source)]))
    kept = rank < MAX_TRANSLATIONS
    source, target, probability = source[kept], target[kept], probability[kept]
    return source, target, probability / np.bincount(source, probability)[source]


Table = dict[str, list[tuple[str, float]]]


def table(links: Links, sources: Sequence[str], targets: Sequence[str], min_count: float = MIN_COUNT) -> Table:
    """Translations by source term. A term whose only translation is itself is left out: so are names unknown."""
    found: Table = defaultdict(list)
    for source, target, probability in zip(*(column.tolist() for column in prune(links, min_count)), strict=True):
        found[sources[source]].append((targets[target], probability))
    return {term: ways for term, ways in found.items() if [way[0] for way in ways] != [term]}


def learn(corpora: Corpora, lang: str) -> tuple[Table, Table]:
    """The tables from English to `lang` and back."""
    links = align(corpora.bitext(lang))
    english, other = list(corpora.vocabularies[HUB]), list(corpora.vocabularies[lang])
    back = Links(links.target, links.source, links.counts)
    min_count = MIN_BIGRAM_COUNT if lang in LANGS_OF_BIGRAMS else MIN_COUNT
    return table(links, english, other), table(back, other, english, min_count)


def main() -> None:
    """Reads, learns, packs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("search/data/translations.bin"))
    parser.add_argument("--langs", default=",".join(LANGS))
    parser.add_argument("--leave-out", default="", metavar="NAMES", help="corpora to hold back, by commas")
    args = parser.parse_args()
    langs = args.langs.split(",")
    began = time.perf_counter()
    corpora = read(args.corpora, langs, args.leave_out.split(","))
    print(f"read in {time.perf_counter() - began:.0f} s")
    tables: dict[tuple[str, str], Table] = {}
    for lang in langs:
        tables[HUB, lang], tables[lang, HUB] = learn(corpora, lang)
        print(
            f"{lang}: {len(corpora.weights[lang])} pairs, {len(tables[HUB, lang])} + {len(tables[lang, HUB])} terms, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )
    args.out.write_bytes(pack(tables))
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
