"""Writes qrels.txt from questions.jsonl: the judgments in TREC's format, with the ids that articles get when read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from backissue.indexer import read
from backissue.search import Article

SEEDS = Path(__file__).parent


def article_id(name: str) -> str:
    """The id of an article that is named by its id, or by its path below articles/."""
    path = SEEDS / "articles" / name
    if not path.is_file():
        return name
    [article] = read([path])
    assert isinstance(article, Article), article
    return article.id


def lines() -> Iterator[str]:
    """The lines of qrels.txt: question, 0, article, grade."""
    ids: dict[str, str] = {}
    for line in (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        for answer in question["answers"]:
            name = answer["article"]
            ids.setdefault(name, article_id(name))
            yield f"{question['qid']} 0 {ids[name]} {answer['grade']}"


if __name__ == "__main__":
    (SEEDS / "qrels.txt").write_text("\n".join(dict.fromkeys(lines())) + "\n", encoding="utf-8")
