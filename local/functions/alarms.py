"""Waking up when virtual time has come, however the clock got there."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

from local.clock import FileClock

_GLANCE = 0.01
"""Real seconds between two looks at the clock's file while anything is due later: any process may move the clock."""


class Alarms:
    """Calls back on the event loop that runs `run`."""

    def __init__(self, clock: FileClock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._added = asyncio.Event()
        self._turned = asyncio.Event()
        self._seen = clock.seconds()

    def at(self, when: datetime, call: Callable[[], None]) -> None:
        """Calls `call` once when the clock has reached `when`, at once when it already has. From any thread."""
        if self._loop is None:
            raise RuntimeError("the alarms are not running")
        self._loop.call_soon_threadsafe(self._add, when.timestamp(), call)

    async def reach(self, when: datetime) -> bool:
        """True when the clock has reached `when`; False when it was turned back before that."""
        reached = asyncio.Event()
        self.at(when, reached.set)
        waits = [asyncio.create_task(event.wait()) for event in (reached, self._turned)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return reached.is_set()

    async def run(self) -> None:
        """Never returns."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._ring()
            if not self._waiting:
                self._added.clear()
                await self._added.wait()
            else:
                await asyncio.sleep(min(_GLANCE, self._clock.real_delay(self._waiting[0][0] - self._clock.seconds())))

    def _add(self, when: float, call: Callable[[], None]) -> None:
        if when <= self._clock.seconds():
            call()
            return
        heapq.heappush(self._waiting, (when, next(self._order), call))
        self._added.set()

    def _ring(self) -> None:
        now = self._clock.seconds()
        if now < self._seen:
            self._turned.set()
            self._turned = asyncio.Event()
        self._seen = now
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
