"""The loop of one timer, its clock moved by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from local.clock import FileClock
from local.functions.alarms import Alarms
from local.functions.index import Function
from local.functions.invoke import Invoker
from local.functions.ncrontab import Schedule
from local.functions.timers import Status, Timer, initial, monitored

pytestmark = pytest.mark.local

START = datetime(2026, 11, 22, 10, 2, tzinfo=UTC)
HOURLY = Schedule.parse("0 0 * * * *")


class Runs:
    """Stands in for the invoker: notes each run's virtual time and whether it was past due."""

    def __init__(self, clock: FileClock) -> None:
        self.clock = clock
        self.seen: list[tuple[str, bool]] = []
        self.hold: Callable[[], Coroutine[Any, Any, None]] | None = None
        self.running = 0

    async def call(self, _: Function, request: Any) -> None:
        assert not self.running, "two runs of one timer overlap"
        self.running += 1
        self.seen.append((self.clock.now().strftime("%H:%M"), request.past_due))
        self.statuses = request.schedule_status
        if self.hold:
            await self.hold()
        self.running -= 1


@pytest.fixture
def clock(tmp_path: Path) -> FileClock:
    clock = FileClock(tmp_path / "clock.json")
    clock.set(START, rate=0)
    return clock


@asynccontextmanager
async def _ticking(clock: FileClock, folder: Path, runs: Runs, schedule: str = "0 */5 * * * *") -> AsyncIterator[None]:
    """A host that lasts as long as the block."""
    alarms = Alarms(clock)
    trigger = {"type": "timerTrigger", "name": "timer", "schedule": schedule}
    function = Function("tick", trigger, (trigger,), print, asynchronous=False, clients=(), takes_context=False)
    ringing = asyncio.create_task(alarms.run())
    await asyncio.sleep(0)
    timer = asyncio.create_task(Timer(function, folder, clock, alarms, cast("Invoker", runs)).run())
    await _let_it_look()
    try:
        yield
    finally:
        for task in (timer, ringing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _to(clock: FileClock, hour: int, minute: int) -> None:
    clock.set(START.replace(hour=hour, minute=minute))
    await _let_it_look()


async def _let_it_look() -> None:
    """Until the alarms have looked at the clock, and what they ring for has been done, however long this process was halted."""
    await asyncio.sleep(0.05)
    for _ in range(50):
        await asyncio.sleep(0)


def test_a_clock_moved_in_steps_fires_every_occurrence(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            for minute in (4, 5, 9, 10, 15):
                await _to(clock, 10, minute)

    asyncio.run(story())
    assert runs.seen == [("10:05", False), ("10:10", False), ("10:15", False)]


def test_a_clock_moved_by_hours_fires_once_and_past_due(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 15, 1)
            await _to(clock, 15, 5)

    asyncio.run(story())
    assert runs.seen == [("15:01", True), ("15:05", False)]


def test_a_clock_turned_back_starts_the_schedule_anew(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 15, 5)
            await _to(clock, 8, 1)
            await _to(clock, 8, 5)
        await _to(clock, 7, 1)
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 7, 5)

    asyncio.run(story())
    assert runs.seen == [("15:05", True), ("08:05", False), ("07:05", False)]


def test_a_new_timer_does_not_fire_at_once(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            pass

    asyncio.run(story())
    assert runs.seen == []


def test_after_a_restart_missed_occurrences_make_one_past_due_run(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 10, 5)
        clock.set(START.replace(hour=13))
        for _ in range(2):
            async with _ticking(clock, tmp_path / "timers", runs):
                pass

    asyncio.run(story())
    assert runs.seen == [("10:05", False), ("13:02", True)]


def test_a_restart_before_the_next_occurrence_makes_no_run(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        for _ in range(2):
            async with _ticking(clock, tmp_path / "timers", runs):
                pass
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 10, 5)

    asyncio.run(story())
    assert runs.seen == [("10:05", False)]


def test_occurrences_during_a_long_run_collapse_to_one_run_after_it(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def long() -> None:
        runs.hold = None
        clock.set(START.replace(minute=22))
        await asyncio.sleep(0.1)

    runs.hold = long

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 10, 5)
            await asyncio.sleep(0.15)
            await _to(clock, 10, 25)

    asyncio.run(story())
    assert runs.seen == [("10:05", False), ("10:22", False), ("10:25", False)]


def test_two_hosts_run_a_timer_once_and_the_second_takes_over(tmp_path: Path, clock: FileClock) -> None:
    first, second = Runs(clock), Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", first), AsyncExitStack() as rest:
            await rest.enter_async_context(_ticking(clock, tmp_path / "timers", second))
            await _to(clock, 10, 5)
            stays = rest.pop_all()
        await asyncio.sleep(0.3)
        await _to(clock, 10, 10)
        await stays.aclose()

    asyncio.run(story())
    assert first.seen == [("10:05", False)]
    assert second.seen == [("10:10", False)]


def test_the_status_survives_in_the_form_that_functions_see(tmp_path: Path, clock: FileClock) -> None:
    runs = Runs(clock)

    async def story() -> None:
        async with _ticking(clock, tmp_path / "timers", runs):
            await _to(clock, 10, 5)

    asyncio.run(story())
    assert runs.statuses["Last"].startswith("0001-01-01")
    assert runs.statuses["Next"] == "2026-11-22T10:05:00+00:00"
    written = json.loads((tmp_path / "timers" / "tick.json").read_text())
    assert (written["Last"], written["Next"]) == ("2026-11-22T10:05:00+00:00", "2026-11-22T10:10:00+00:00")


def test_another_schedule_starts_anew_and_is_not_past_due() -> None:
    recorded = Status(START, START + timedelta(minutes=3), START)
    later = START + timedelta(hours=5)
    found = initial(HOURLY, recorded, later)
    assert found is not None
    assert found.next == datetime(2026, 11, 22, 16, tzinfo=UTC)


def test_a_recorded_next_that_has_passed_is_kept() -> None:
    recorded = Status(START, datetime(2026, 11, 22, 11, tzinfo=UTC), START)
    assert initial(HOURLY, recorded, START + timedelta(hours=5)) == recorded


def test_schedules_under_a_minute_keep_no_status() -> None:
    assert not monitored({}, Schedule.parse("*/30 * * * * *"), START)
    assert monitored({}, Schedule.parse("0 * * * * *"), START)
    assert not monitored({"useMonitor": False}, HOURLY, START)
