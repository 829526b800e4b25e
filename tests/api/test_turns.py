"""Work in turn: one after the other while it is short, side by side where it is not."""

from __future__ import annotations

import threading
import time

import pytest

from backissue.api.http.turns import Turns


def test_what_is_short_goes_one_after_the_other() -> None:
    turns, inside, most = Turns(patience_s=60), 0, 0

    def work() -> None:
        nonlocal inside, most
        with turns.taken():
            inside += 1
            most = max(most, inside)
            time.sleep(0.002)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (inside, most) == (0, 1)


def test_what_is_slow_is_not_waited_for_and_keeps_its_turn() -> None:
    turns = Turns(patience_s=0.01)
    is_over, has_come = threading.Event(), threading.Event()

    def slow() -> None:
        with turns.taken():
            has_come.set()
            assert is_over.wait(30)

    thread = threading.Thread(target=slow)
    thread.start()
    assert has_come.wait(30)
    with turns.taken():
        assert thread.is_alive()
    # Who went on beside another has not ended that one's turn.
    with turns.taken():
        assert thread.is_alive()
    is_over.set()
    thread.join(30)


def test_a_failure_ends_the_turn() -> None:
    turns = Turns(patience_s=60)
    for _ in range(2):
        with pytest.raises(ValueError, match="over"), turns.taken():
            raise ValueError("over")
