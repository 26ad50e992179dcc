"""Which processes run, whose children they are, and how they are ended."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_GRACE = 15.0
"""Real seconds between asking processes to end and killing them."""


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    began: int


def _stat(pid: int) -> Process | None:
    """From /proc/PID/stat (proc(5)), whose second field, the name, may hold spaces; None when gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else Process(pid, int(fields[1]), int(fields[19]))


def began(pid: int) -> int | None:
    """When the process began, in ticks since boot; 0 on systems without /proc, where the number alone must do."""
    if Path("/proc/self/stat").exists():
        found = _stat(pid)
        return found.began if found else None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    return 0


def running() -> list[Process]:
    """Every running process; none on systems without /proc."""
    return [found for folder in Path("/proc").glob("[0-9]*") if (found := _stat(int(folder.name))) is not None]


def descendants(leaders: Iterable[int]) -> dict[int, int]:
    """When they began, by number: the children of these processes, and theirs."""
    every = running()
    found: dict[int, int] = {}
    parents = set(leaders)
    while parents:
        children = [each for each in every if each.parent in parents and each.pid not in found]
        found |= {each.pid: each.began for each in children}
        parents = {each.pid for each in children}
    return found


def marked(mark: str) -> list[int]:
    """The running processes with this NAME=VALUE in their environment, whoever their parent is now."""
    found = []
    for each in running():
        with contextlib.suppress(OSError):
            if each.pid != os.getpid() and mark.encode() in Path(f"/proc/{each.pid}/environ").read_bytes().split(b"\0"):
                found.append(each.pid)
    return found


def end(pids: Iterable[int]) -> None:
    """Asks, waits, kills."""
    left = {pid: since for pid in pids if (since := began(pid)) is not None}
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = {pid: since for pid, since in left.items() if began(pid) == since}
            time.sleep(0.02)
        if not left:
            return
