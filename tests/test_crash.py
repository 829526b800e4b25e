"""A writer is killed at any moment; what it had acknowledged is there afterwards, and nothing is half done.

`BACKISSUE_CRASH_ROUNDS` and `BACKISSUE_CRASH_SEED` ask for more rounds and others.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from crash_child import Journal, make_article, stored

from backissue.indexer import Indexer
from backissue.search import Archive, Article, Filter, IndexNotFoundError

SEED = int(os.environ.get("BACKISSUE_CRASH_SEED", "20240502"))
ROUNDS = int(os.environ.get("BACKISSUE_CRASH_ROUNDS", "10"))
MANY_ROUNDS = 100
FIRST_STEPS = range(17, 40)
"""The calls and returns of the write side that make an archive with nothing in it."""


class Lab:
    """A folder with an index and the journal of what was done to it, and the process that carries out orders."""

    def __init__(self, folder: Path) -> None:
        self.index = folder / "index"
        self.path = folder / "journal.jsonl"
        self.journal = Journal(self.path)
        self.seen: set[str] = set()
        script = Path(__file__).with_name("crash_child.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
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
        """A rebuild gives the same articles, and leaves nothing behind."""
        Indexer(self.index).rebuild()
        with Archive.open(self.index) as archive:
            self.look(archive, state)
        assert len(list((self.index / "generations").iterdir())) <= 2


def word_of(article: Article) -> str:
    return (article.url or "").rpartition("/")[2]


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    yield made
    made.close()


def killed_at_moments(lab: Lab, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    state: dict[str, Article] = {}
    for number in range(rounds):
        pid = lab.start(seed=rng.randrange(10**6), operations=10_000)
        time.sleep(rng.uniform(0.02, 1.2))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        assert lab.end() == -signal.SIGKILL, f"round {number}: the writer ended by itself"
        state = lab.settle()
    if (lab.index / "archive.db").exists():
        lab.rebuild(state)
    acknowledged = sum("done" in line for line in lab.journal.lines())
    assert acknowledged >= rounds / 2, "the rounds are too short to try anything"


def dies_at_steps(lab: Lab, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    deaths = 0
    for number in range(rounds):
        if number % 4 == 0:
            lab.forget()
        step = rng.randint(1, 1500 if number % 2 else 400)
        lab.start(seed=rng.randrange(10**6), operations=3, die_at=step)
        status = lab.end()
        assert status in (0, -signal.SIGKILL)
        deaths += status != 0
        state = lab.settle()
        if number % 4 == 3:
            lab.rebuild(state)
    assert deaths >= rounds / 2, "the steps are too many to die at"


def test_what_was_acknowledged_outlives_a_kill_at_any_moment(lab):
    killed_at_moments(lab, ROUNDS, SEED)


def test_what_was_acknowledged_outlives_a_death_at_any_step(lab):
    dies_at_steps(lab, 2 * ROUNDS, SEED)


def test_a_new_archive_is_there_or_not_wherever_its_writer_dies(lab):
    for step in FIRST_STEPS:
        lab.forget()
        lab.start(seed=20240502, operations=1, die_at=step)
        assert lab.end() == -signal.SIGKILL
        lab.settle()


def test_what_a_rebuild_took_in_before_it_was_cut_off_is_found_after_the_next_addition(tmp_path):
    rng = random.Random(SEED)
    first, second, changed = (make_article(rng, key) for key in ("first", "second", "first"))
    Indexer(tmp_path).add([first])

    def cut_off(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Indexer(tmp_path, target_words=40).rebuild([changed], progress=cut_off)
    Indexer(tmp_path).add([second])
    with Archive.open(tmp_path) as archive:
        for article in (changed, second):
            found = archive.search(word_of(article), mode="lexical", rerank="off")
            assert [hit.article.id for hit in found.hits] == [article.id]
        assert archive.search(word_of(first), mode="lexical", rerank="off").hits == ()
    assert [one for one in Indexer(tmp_path).check(full=True) if one.level != "ok"] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED + 1, SEED + 4))
def test_what_was_acknowledged_outlives_many_deaths(lab, seed):
    killed_at_moments(lab, MANY_ROUNDS, seed)
    lab.forget()
    dies_at_steps(lab, MANY_ROUNDS, seed)
