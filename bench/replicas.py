"""A larger archive made of a real one: its articles again and again, each time with other words in many places.

In a replica a word in five gives its place to one that the archive has elsewhere, so that no replica is a copy of
another: runs of five words in a row stay in one place of three, and two replicas have a ninth of theirs in common.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from backissue.indexer.readers import read
from backissue.search import Article

CHANGED = 0.2
ARTICLES_A_FILE = 10_000
_WORD = re.compile(r"[^\W\d_]{3,}")


def articles(archives: Path, count: int, seed: int = 1) -> Iterator[Article]:
    """So many articles: those of the archives, then replicas."""
    own = [one for one in read([archives]) if isinstance(one, Article)]
    if not own:
        raise SystemExit(f"{archives} holds no articles")
    words: dict[str, list[str]] = {}
    for article in own:
        words.setdefault(article.lang, []).extend(_WORD.findall(article.text))
    rng = random.Random(seed)
    for number in range(count):
        round_, place = divmod(number, len(own))
        yield own[place] if not round_ else _replica(own[place], round_, words[own[place].lang], rng)


def _replica(article: Article, number: int, words: Sequence[str], rng: random.Random) -> Article:
    def other(match: re.Match[str]) -> str:
        return rng.choice(words) if rng.random() < CHANGED else match[0]

    title, text = _WORD.sub(other, article.title), _WORD.sub(other, article.text)
    values = {name: getattr(article, name) for name in Article.__slots__}
    return Article(**values | {"id": f"{article.id}-{number}", "title": title, "text": text})


def write(archives: Path, count: int, folder: Path) -> Path:
    """Writes the articles as JSON lines into files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    file = None
    for number, article in enumerate(articles(archives, count)):
        if number % ARTICLES_A_FILE == 0:
            if file:
                file.close()
            file = (folder / f"{number // ARTICLES_A_FILE:04}.jsonl").open("w", encoding="utf-8")
        assert file is not None
        record = {name: getattr(article, name) for name in Article.__slots__}
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    if file:
        file.close()
    return folder
