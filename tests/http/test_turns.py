"""Long computations come one after the other, and hold nobody up meanwhile."""

import asyncio
import sys
import threading
from contextvars import ContextVar
from functools import partial
from time import sleep

import pytest

from shared.http.turns import GIVES_WAY, in_turn

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


def test_never_two_at_a_time_and_each_in_its_turn() -> None:
    running, order = list[int](), list[int]()

    def work(number: int) -> int:
        running.append(number)
        assert running == [number]
        sleep(0.002)
        running.remove(number)
        order.append(number)
        return number * 10

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(in_turn(partial(work, number)) for number in range(12)))

    assert asyncio.run(all_at_once()) == [number * 10 for number in range(12)]
    assert order == list(range(12))


def test_who_waits_holds_no_thread() -> None:
    go = threading.Event()

    async def crowd() -> int:
        before = threading.active_count()
        waiting = [asyncio.ensure_future(in_turn(go.wait)) for _ in range(50)]
        await asyncio.sleep(0)
        threads = threading.active_count() - before
        go.set()
        await asyncio.gather(*waiting)
        return threads

    assert asyncio.run(crowd()) <= 1


def test_it_gives_way_sooner_and_only_while_it_computes() -> None:
    usual = sys.getswitchinterval()
    assert asyncio.run(in_turn(sys.getswitchinterval)) == pytest.approx(GIVES_WAY)
    assert sys.getswitchinterval() == usual


def test_an_error_is_the_callers_and_the_next_one_gets_its_turn() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_turn(lambda: 1 / 0))
    assert asyncio.run(in_turn(lambda: "next")) == "next"
    assert sys.getswitchinterval() == usual


def test_it_runs_in_the_context_of_who_asked() -> None:
    async def asking() -> str:
        WHO.set("ann")
        return await in_turn(WHO.get)

    assert asyncio.run(asking()) == "ann"
