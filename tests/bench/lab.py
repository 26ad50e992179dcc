"""A local cloud to measure on, and a look at the product's records and the cloud's that does not disturb either."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from local.clock import FileClock
from local.world import World
from shared.clock import SystemClock
from shared.runs.model import Run
from shared.runs.store import RunStore
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud, Host, copy_for_tests

FIRST_PORTS = 22_000
_GLANCE = 0.2
"""Real seconds between two looks at a run: seldom enough to leave the two processors to what is measured."""

_PARTS = {"host": ("functions",), "emulators": ("cloud", "azurite")}


def _seconds(pid: int | None) -> float:
    """Of a process and those of its children that have ended (proc(5): utime, stime, cutime, cstime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


@dataclass
class Lab:
    cloud: Cloud
    host: Host
    clock: FileClock
    """The copy's clock, read without asking anybody."""
    runs: RunStore
    """The product's record of runs, read from its table: the API shows whole seconds, which are too coarse here."""
    world: World
    """The local cloud's own record of what it did, and when; for reading."""

    def create(self, name: str) -> tuple[datetime, str]:
        """Asks for a hub; when that was, on the copy's clock, and the run."""
        asked = self.clock.now()
        return asked, self._run(self.host.post("/api/hubs", {"name": name}))

    def teardown(self, name: str) -> None:
        self.ended(self._run(self.host.delete(f"/api/hubs/{name}?confirm={name}")))

    def ended(self, run: str, timeout: float = 300) -> Run:
        """The run once it has succeeded. Raises RuntimeError when it does not, or not in `patience` real seconds."""
        deadline = time.monotonic() + timeout
        while not (found := self.runs.get(run)).status.ended:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{run} has not ended after {timeout:g} s\n{self.host.logs()}")
            time.sleep(_GLANCE)
        if found.fault:
            raise RuntimeError(f"{run}: {found.fault.message}\n{self.host.logs()}")
        return found

    def processor(self) -> dict[str, float]:
        """Seconds of processor time so far: of the functions host with its helm, of the emulators. No neighbour changes these."""
        return {name: sum(_seconds(self.cloud.copy.pid(each)) for each in names) for name, names in _PARTS.items()}

    def _run(self, answer: Any) -> str:
        if answer.status != 202:
            raise RuntimeError(f"{answer.status}: {answer.json}\n{self.host.logs()}")
        return str(answer.headers["Location"]).rsplit("/", 1)[-1]


@contextmanager
def lab(speed: float) -> Iterator[Lab]:
    """speed: see `Control.speed`. Everything is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="hubkeeper-bench-") as folder,
        copy_for_tests(Path(folder), first=FIRST_PORTS) as copy,
    ):
        cloud, host = Cloud(copy), Host(copy)
        cloud.start()
        cloud.control.speed(speed)
        host.start()
        tables = Services(Settings.from_environ(cloud.environment), SystemClock()).tables
        world = World(copy.state, copy.ports)
        try:
            yield Lab(cloud, host, FileClock(copy.state / "clock.json"), RunStore(tables), world)
        finally:
            world.close()
