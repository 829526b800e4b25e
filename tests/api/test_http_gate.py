"""Back-pressure: how many calls are let in, and what the others are told."""

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from backissue.api.http.gate import Gate
from backissue.api.http.problems import ApiError


async def outcome(call: Awaitable[object]) -> object:
    try:
        return await call
    except ApiError as error:
        return error.code


def run_with(gate: Gate, scenario: Callable[[Gate], Awaitable[object]]) -> object:
    try:
        return asyncio.run(scenario(gate))
    finally:
        gate.close()


def test_what_the_work_returns_and_raises_comes_through():
    def fail() -> None:
        raise KeyError("mine")

    async def scenario(gate: Gate) -> object:
        with pytest.raises(KeyError, match="mine"):
            await gate.run(fail)
        return await gate.run(lambda: 6 * 7)

    assert run_with(Gate("test", at_once=1, waiting=0, seconds=5), scenario) == 42


def test_a_failure_that_was_told_is_not_logged_as_told_to_nobody(caplog: pytest.LogCaptureFixture):
    async def scenario(gate: Gate) -> object:
        with pytest.raises(ZeroDivisionError):
            await gate.run(lambda: 1 // 0)
        await asyncio.sleep(0)
        return None

    run_with(Gate("test", at_once=1, waiting=0, seconds=5), scenario)
    gc.collect()
    assert not caplog.records


def test_the_works_own_timeout_is_not_taken_for_the_gates():
    def fail() -> None:
        raise TimeoutError("mine")

    async def scenario(gate: Gate) -> object:
        with pytest.raises(TimeoutError, match="mine"):
            await gate.run(fail)
        return None

    run_with(Gate("test", at_once=1, waiting=0, seconds=5), scenario)


def test_two_run_one_waits_and_the_rest_are_turned_away():
    release = threading.Event()
    peak, running, lock = 0, 0, threading.Lock()

    def work() -> str:
        nonlocal peak, running
        with lock:
            running += 1
            peak = max(peak, running)
        release.wait(5)
        with lock:
            running -= 1
        return "done"

    async def scenario(gate: Gate) -> object:
        calls = [asyncio.create_task(outcome(gate.run(work))) for _ in range(5)]
        while sum(call.done() for call in calls) < 2:
            await asyncio.sleep(0.001)
        assert gate.is_full
        assert gate.inside == 3
        release.set()
        return sorted(map(str, await asyncio.gather(*calls)))

    gate = Gate("test", at_once=2, waiting=1, seconds=5)
    assert run_with(gate, scenario) == ["done", "done", "done", "overloaded", "overloaded"]
    assert peak == 2
    assert gate.inside == 0


def test_work_that_outlives_its_time_is_answered_but_keeps_its_place_until_it_ends():
    release = threading.Event()

    async def scenario(gate: Gate) -> object:
        first = await outcome(gate.run(lambda: release.wait(5)))
        second = await outcome(gate.run(lambda: "never begun"))
        release.set()
        while gate.inside:
            await asyncio.sleep(0.001)
        return first, second, await outcome(gate.run(lambda: "served"))

    gate = Gate("test", at_once=1, waiting=0, seconds=0.05)
    assert run_with(gate, scenario) == ("timed_out", "overloaded", "served")


def test_what_waited_too_long_gives_its_place_back_at_once():
    release = threading.Event()

    async def scenario(gate: Gate) -> object:
        blocking = asyncio.create_task(outcome(gate.run(lambda: release.wait(5))))
        while not gate.inside:
            await asyncio.sleep(0.001)
        waiting = await outcome(gate.run(lambda: "late"))
        inside = gate.inside
        release.set()
        await blocking
        return waiting, inside

    assert run_with(Gate("test", at_once=1, waiting=1, seconds=0.05), scenario) == ("timed_out", 1)


@pytest.mark.parametrize("seconds", [5, 0.05], ids=["client gone", "time over"])
def test_work_that_nobody_waits_for_is_told_to_stop(seconds: float):
    async def leave() -> None:
        await asyncio.sleep(0.05 if seconds == 5 else 60)

    async def scenario(gate: Gate) -> object:
        stop = threading.Event()
        said = await outcome(gate.run(lambda: stop.wait(10), stop=stop, gone=leave()))
        while gate.inside:
            await asyncio.sleep(0.001)
        return said, await outcome(gate.run(lambda: "served", stop=stop, gone=leave()))

    expected = "cancelled" if seconds == 5 else "timed_out"
    assert run_with(Gate("test", at_once=1, waiting=0, seconds=seconds), scenario) == (expected, "served")


def test_work_that_is_waited_for_is_not_told_to_stop():
    stop = threading.Event()

    async def scenario(gate: Gate) -> object:
        return await outcome(gate.run(lambda: "served", stop=stop, gone=asyncio.sleep(60)))

    assert run_with(Gate("test", at_once=1, waiting=0, seconds=5), scenario) == "served"
    assert not stop.is_set()


def test_a_closed_gate_says_that_the_server_stops():
    gate = Gate("test", at_once=1, waiting=0, seconds=1)
    gate.close()
    assert asyncio.run(outcome(gate.run(lambda: None))) == "not_ready"
    assert gate.inside == 0


def test_work_that_ends_just_as_its_time_does_is_answered():
    class Late(Gate):
        """Its work is done in the moment in which the time is over."""

        def _enter(self, work):
            future = super()._enter(work)
            time.sleep(0.3)  # the loop comes to look at both when both have happened
            return future

    async def scenario(gate: Gate) -> object:
        return await outcome(gate.run(lambda: "done"))

    assert run_with(Late("test", at_once=1, waiting=0, seconds=0.0), scenario) == "done"
