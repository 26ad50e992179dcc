"""Containers as supervised processes of this machine."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

SUPERVISOR = Path(__file__).with_name("supervise.py")
PERIOD = 0.05
"""Real seconds between two looks at a process that is not ready yet, or is to end."""


class SupervisedProcess:
    """A running command, its log and its readiness.

    Once ready it stays so until it ends: the charts' own probes forgive half an hour of silence after the first answer.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, probe: Callable[[], Awaitable[bool]]) -> None:
        self._process = process
        self._log = log
        self._ready = False
        self._probing = asyncio.create_task(self._wait_until_ready(probe))

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        probe: Callable[[], Awaitable[bool]],
    ) -> Self:
        """Starts `command` in `folder`; `log` receives what it prints, `probe` tells whether it serves."""
        supervisor = [sys.executable, "-I", "-S", str(SUPERVISOR), str(os.getpid())]
        with log.open("ab") as output:
            # Not asyncio's subprocess: that kills the supervisor, and it alone, when the event loop is closed.
            process = subprocess.Popen(
                [*supervisor, *command],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(process, log, probe)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        return self._ready and self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def stop(self, grace: float) -> None:
        """Asks it to end, kills it and all that it started after `grace` real seconds; returns when it is gone."""
        self._probing.cancel()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._end(), grace)
        self._signal(signal.SIGQUIT)
        await self._end()

    def _signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            self._process.send_signal(number)

    async def _end(self) -> None:
        while self.exit_code is None:
            await asyncio.sleep(PERIOD)

    async def _wait_until_ready(self, probe: Callable[[], Awaitable[bool]]) -> None:
        while self.exit_code is None and not self._ready:
            self._ready = await probe()
            if not self._ready:
                await asyncio.sleep(PERIOD)
