"""Run as a script: becomes the given program, tied to the life of the process that started it.

A host that is killed cannot end its helm, and a helm that outlives its host would work on beside the next one. The
kernel ends it instead (PR_SET_PDEATHSIG, kept across exec). A script of its own, because code between fork and exec
(preexec_fn) can deadlock in a process with threads. Usage: python -I -S tether.py PARENT_PID PROGRAM ARGUMENT...
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - an argv list, no shell


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
