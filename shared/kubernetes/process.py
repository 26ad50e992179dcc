"""Runs a program to its end or its limit, with nothing secret in its arguments, and leaves none of it behind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

GRACE = timedelta(seconds=10)
"""From asking a program to end (SIGTERM: helm marks its release as failed) to ending it (SIGKILL)."""

_TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True)
class Finished:
    code: int
    stdout: str
    stderr: str


class OverdueError(Exception):
    """The program had not ended at its limit; it and all that it started have been ended."""


def run(command: Sequence[str], *, stdin: str, environ: Mapping[str, str], limit: timedelta) -> Finished:
    """Raises OverdueError at the limit (wall time), OSError when the program cannot be started."""
    process = subprocess.Popen(
        _tethered(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # a process group of its own, so that it can be ended with all that it started
    )
    with process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=limit.total_seconds())
        except subprocess.TimeoutExpired:
            _end(process)
            raise OverdueError from None
        except BaseException:
            _signal(process, signal.SIGKILL)
            raise
    return Finished(process.returncode, stdout, stderr)


def _tethered(command: Sequence[str]) -> list[str]:
    """Ends with this process, even when that is killed. Only Linux can do so; elsewhere the program runs as it is."""
    if sys.platform != "linux" or not sys.executable:
        return list(command)
    return [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *command]


def _end(process: subprocess.Popen[str]) -> None:
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=GRACE.total_seconds())
    _signal(process, signal.SIGKILL)
    process.communicate()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
