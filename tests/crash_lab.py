"""A folder with an index, a journal of what was done to it, and a process that carries out orders and may be lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from crash_child import Journal, answers_of, stored

from backissue.indexer import Indexer
from backissue.search import Archive, Article, Filter, IndexNotFoundError


class Lab:
    """A folder with an index and the journal of what was done to it, and the process that carries out orders."""

    def __init__(self, folder: Path, preload: Path | None = None) -> None:
        self.index = folder / "index"
        self.path = folder / "journal.jsonl"
        self.journal = Journal(self.path)
        self.seen: set[str] = set()
        script = Path(__file__).with_name("crash_child.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            env=os.environ | ({"LD_PRELOAD": str(preload)} if preload else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def start(self, **order: object) -> int:
        """Orders work; gives the process id of what carries it out."""
        order = {"do": "write", "index": str(self.index), "journal": str(self.path)} | order
        self.process.stdin.write(json.dumps(order) + "\n")
        return int(self.process.stdout.readline())

    def end(self) -> int:
        return int(self.process.stdout.readline())

    def forget(self) -> None:
        shutil.rmtree(self.index, ignore_errors=True)
        self.path.unlink(missing_ok=True)
        self.seen.clear()

    def settle(self) -> dict[str, Article]:
        """Recovers, and looks for every article by each way; what was begun may be done or not, but not in part."""
        sure, begun = self.journal.state()
        try:
            Indexer(self.index).recover()
        except IndexNotFoundError:
            assert not sure
            assert not (self.index / "archive.db").exists()
            self.journal.write(settled=[])
            return {}
        assert [one for one in Indexer(self.index).check(full=True) if one.level != "ok"] == []
        assert Indexer(self.index).recover() is False
        with Archive.open(self.index) as archive:
            done = [key for key in begun if stored(archive, key) == begun[key]]
            undone = [key for key in begun if stored(archive, key) == sure.get(key)]
            assert sorted({*done, *undone}) == sorted(begun), "an article is neither as it was nor as it was to be"
            assert len(done) in (0, len(begun)), "one change was done in part"
            self.journal.write(settled=done)
            state = self.journal.state()[0]
            self.look(archive, state)
        return state

    def look(self, archive: Archive, state: dict[str, Article]) -> None:
        self.seen |= {line_id for line in self.journal.lines() for line_id in line.get("change", ())}
        assert archive.stats()["articles"] == len(state)
        for key in sorted(self.seen):
            assert stored(archive, key) == state.get(key)
            only = Filter(sources=(f"source {key}",))
            for mode in ("semantic", "lexical"):
                found = archive.search("the harbour council was seen again", mode=mode, rerank="off", filter=only)
                assert [hit.article.id for hit in found.hits] == ([key] if key in state else []), mode
        words = {word_of(article): key for key, article in state.items()}
        for line in self.journal.lines():
            for article in filter(None, line.get("change", {}).values()):
                word = article["url"].rpartition("/")[2]
                found = archive.search(word, mode="lexical", rerank="off", answers=False, explain=False)
                assert [hit.article.id for hit in found.hits] == ([words[word]] if word in words else [])

    def rebuild(self, state: dict[str, Article]) -> None:
        """A rebuild gives the same articles, a second one the same answers, and neither leaves anything behind."""
        answers = []
        for _ in range(2):
            Indexer(self.index).rebuild()
            with Archive.open(self.index) as archive:
                self.look(archive, state)
                answers.append(answers_of(archive))
        assert answers[0] == answers[1]
        assert len(list((self.index / "generations").iterdir())) <= 2


def word_of(article: Article) -> str:
    return (article.url or "").rpartition("/")[2]
