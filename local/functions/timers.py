"""Timer triggers: the schedule monitor, the lock that keeps a timer single, and the loop that fires it.

As azure-webjobs-sdk-extensions does it (TimerListener, StorageScheduleMonitor), with files in place of blobs. A
timer's status survives the host, so a host that starts after missed occurrences makes one run, past due, however many
they were; a changed schedule starts anew; schedules under a minute keep no status. One host at a time owns a timer;
another takes it over when that host ends.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import azure.functions as func

from local.clock import FileClock
from local.functions.alarms import Alarms
from local.functions.index import Function
from local.functions.invoke import Invoker
from local.functions.ncrontab import Schedule

_log = logging.getLogger("host")

_NEVER = datetime.min.replace(tzinfo=UTC)
_TAKEOVER = 0.25
"""Real seconds between two attempts at a timer that another host owns."""


@dataclass(frozen=True)
class Status:
    last: datetime
    """Start of the last run, virtual UTC; 0001-01-01 when there was none since the schedule was set."""
    next: datetime
    updated: datetime

    def document(self) -> dict[str, str]:
        """The form that the trigger's `schedule_status` and the file have."""
        return {"Last": self.last.isoformat(), "LastUpdated": self.updated.isoformat(), "Next": self.next.isoformat()}


def initial(schedule: Schedule, recorded: Status | None, now: datetime) -> Status | None:
    """The status that a starting host works from; its `next` may have passed: past due. None: the timer never fires.

    A recorded `next` that the schedule does not give is of another schedule, and is not past due; nor is one of a time that
    the clock has been turned back from.
    """
    if recorded is not None and recorded.updated <= now:
        basis = recorded.last if recorded.last != _NEVER else recorded.updated
        if recorded.next == schedule.next(basis):
            return recorded
    coming = schedule.next(now)
    return None if coming is None else Status(_NEVER, coming, now)


def monitored(trigger: dict[str, Any], schedule: Schedule, now: datetime) -> bool:
    """Whether the timer's status is kept: `use_monitor` (default true), and occurrences are a minute apart at least."""
    first = schedule.next(now)
    second = first and schedule.next(first)
    if not trigger.get("useMonitor", True):
        return False
    return first is None or second is None or second - first >= timedelta(minutes=1)


class Timer:
    def __init__(self, function: Function, folder: Path, clock: FileClock, alarms: Alarms, invoker: Invoker) -> None:
        """`folder`: where the timers' status is. Raises ValueError for a schedule that the host would refuse."""
        self._function = function
        self._schedule = Schedule.parse(_resolved(str(function.trigger["schedule"])))
        self._file = folder / f"{function.name}.json"
        self._clock = clock
        self._alarms = alarms
        self._invoker = invoker
        self._keeps = monitored(function.trigger, self._schedule, clock.now())
        self._latest: Status | None = None

    async def run(self) -> None:
        """Waits for the lock, then fires for good. Returns only when the schedule has no occurrence left."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            await _own(lock)
            await self._fire_for_good()

    async def _fire_for_good(self) -> None:
        if self._function.trigger.get("runOnStartup"):
            await self.fire()
        status = initial(self._schedule, self._read(), self._clock.now())
        overrun = False
        while status is not None:
            self._write(status)
            if not await self._alarms.reach(status.next):
                status = initial(self._schedule, status, self._clock.now())
                continue
            now = self._clock.now()
            # A run that began late because the one before it took long is not past due to the host.
            late = now - status.next > timedelta(seconds=max(1.0, self._clock.rate)) and not overrun
            await self.fire(status, past_due=late)
            coming = self._schedule.next(now)
            status = None if coming is None else Status(now, coming, now)
            overrun = coming is not None and coming <= self._clock.now()

    async def fire(self, status: Status | None = None, *, past_due: bool = False) -> None:
        """One run. A failure is logged and not retried, as in Azure."""
        shown = status or self._latest
        request = func.timer.TimerRequest(
            past_due=past_due, schedule_status=shown.document() if shown else {}, schedule={"AdjustForDST": True}
        )
        with contextlib.suppress(Exception):  # the invoker has logged it
            await self._invoker.call(self._function, request)

    def _read(self) -> Status | None:
        if not self._keeps or not self._file.exists():
            return None
        document = json.loads(self._file.read_text())
        return Status(*(datetime.fromisoformat(document[name]) for name in ("Last", "Next", "LastUpdated")))

    def _write(self, status: Status) -> None:
        self._latest = status
        if self._keeps:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(status.document()))
            fresh.replace(self._file)


async def _own(lock: IO[str]) -> None:
    """Takes the lock, which the system gives back when this process ends, in whatever way."""
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        await asyncio.sleep(_TAKEOVER)


def _resolved(expression: str) -> str:
    """`%NAME%` stands for an app setting."""
    if expression.startswith("%") and expression.endswith("%"):
        return os.environ[expression.strip("%")]
    return expression
