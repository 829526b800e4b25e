"""A writer is killed at any moment; what it had acknowledged is there afterwards, and nothing is half done.

`BACKISSUE_CRASH_ROUNDS`, `BACKISSUE_CRASH_MANY_ROUNDS` (of the slow test) and `BACKISSUE_CRASH_SEED` ask for more
rounds and others, `BACKISSUE_CRASH_SECONDS` for longer ones, where the machine is slow.
"""

import os
import random
import signal
import time
from contextlib import suppress

import pytest
from crash_child import make_article
from crash_lab import Lab, word_of

from backissue.indexer import Indexer
from backissue.search import Archive, Article

SEED = int(os.environ.get("BACKISSUE_CRASH_SEED", "20240502"))
ROUNDS = int(os.environ.get("BACKISSUE_CRASH_ROUNDS", "10"))
MANY_ROUNDS = int(os.environ.get("BACKISSUE_CRASH_MANY_ROUNDS", "200"))
ROUNDS_OF_ONE_ARCHIVE = 20
LONGEST_S = float(os.environ.get("BACKISSUE_CRASH_SECONDS", "1.2"))
"""The longest that a writer is left alive."""
FIRST_STEPS = range(17, 40)
"""The calls and returns of the write side that make an archive with nothing in it."""


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    yield made
    made.close()


def killed_at_moments(lab: Lab, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    state: dict[str, Article] = {}
    acknowledged = 0
    for number in range(rounds):
        pid = lab.start(seed=rng.randrange(10**6), operations=10_000)
        time.sleep(rng.uniform(0.02, LONGEST_S))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        assert lab.end() == -signal.SIGKILL, f"round {number}: the writer ended by itself"
        state = lab.settle()
        # All that was ever written is looked for after each round: a new archive now and then keeps that short.
        if number % ROUNDS_OF_ONE_ARCHIVE == ROUNDS_OF_ONE_ARCHIVE - 1 or number == rounds - 1:
            if (lab.index / "archive.db").exists():
                lab.rebuild(state)
            acknowledged += sum("done" in line for line in lab.journal.lines())
            lab.forget()
            print(f"{number + 1} kills, {acknowledged} changes acknowledged", flush=True)
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
    print(f"{deaths} deaths in {rounds} rounds")
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
def test_what_was_acknowledged_outlives_many_kills(lab):
    killed_at_moments(lab, MANY_ROUNDS, SEED + 1)


@pytest.mark.slow
def test_what_was_acknowledged_outlives_many_deaths(lab):
    dies_at_steps(lab, MANY_ROUNDS, SEED + 2)
