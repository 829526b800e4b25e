"""Work in turn: one after the other while it is short, side by side where it is not."""

from __future__ import annotations

import threading
import time

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


def test_what_is_slow_is_not_waited_for_and_what_follows_takes_turns_again() -> None:
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
    patient = Turns(patience_s=0)
    with patient.taken(), patient.taken():
        pass
    with turns.taken():
        pass


def test_a_failure_ends_the_turn() -> None:
    turns = Turns(patience_s=60)
    for _ in range(2):
        try:
            with turns.taken():
                raise ValueError
        except ValueError:
            pass
