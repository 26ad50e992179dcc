"""Runs one command as a container is run: when it ends, or when whoever started this dies, nothing of it is left.

    python supervise.py PARENT COMMAND...

PARENT is the process id of the caller. SIGTERM is passed on to the command; SIGQUIT kills everything at once, and is
what the kernel sends when the caller dies, even of SIGKILL. Processes that the command has detached (kernels of a
notebook server have sessions of their own) are found because the kernel hands orphans to this process. A program of
its own, of the standard library alone, since it has to be small: one runs for every container.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KILLED = 128 + signal.SIGKILL
NOT_FOUND = 127
AWAITED = (signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD)


def prctl(option: int, argument: int) -> None:
    """Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def reaped() -> dict[int, int]:
    """Exit codes of the children that have ended since the last call, by process id."""
    codes: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return codes
        if pid == 0:
            return codes
        code = os.waitstatus_to_exitcode(status)
        codes[pid] = code if code >= 0 else 128 - code


def children() -> list[int]:
    """Processes whose parent this is."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # ended meanwhile
        if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
            found.append(int(entry.name))
    return found


def kill_rest() -> None:
    """Ends whatever is left; what a killed process leaves behind becomes a child of this one, so it ends, too."""
    while left := children():
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        for pid in left:
            os.waitpid(pid, 0)


def start(command: list[str]) -> int:
    """The process id of the command, which dies at once should this process be killed in spite of everything."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
            os.execvp(command[0], command)  # noqa: S606 - without a shell, which is the point
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        finally:
            os._exit(NOT_FOUND)
    return child


def wait_for(child: int) -> int:
    """The exit code of the command."""
    while True:
        arrived = signal.sigwait(AWAITED)
        if arrived == signal.SIGQUIT:
            return KILLED
        if arrived == signal.SIGTERM:
            os.kill(child, signal.SIGTERM)
        codes = reaped()
        if child in codes:
            return codes[child]


def main() -> int:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
    if os.getppid() != parent:  # it died before the kernel knew that this process wants to hear of it
        return KILLED
    child = start(command)
    code = wait_for(child)
    kill_rest()
    return code


if __name__ == "__main__":
    sys.exit(main())
