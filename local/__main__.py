"""python -m local COMMAND, with the state folder in STATE (.state) and PORT_OFFSET (0) in the environment.

cloud      Azure, Kubernetes, prices and charts, in the foreground
azurite    the storage emulator, in the foreground
functions  the Functions host for the app in this folder (or in the folder given), in the foreground
up         all of them in the background, until they answer
down       ends them, and whatever they left
run        all of them and a first hub, in the foreground, until Ctrl-C
"""

import asyncio
import ctypes
import io
import os
import signal
import sys
from pathlib import Path

from local import azurite
from local.ports import Ports

_LAST_OFFSET = 58_000  # the last port of a copy is 7199 above it
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TIED = "HUBKEEPER_LOCAL_TIED"
"""Set for processes that are to end with the one that started them, whose number it is."""


def main(arguments: list[str]) -> int:
    """The exit status of one command."""
    state = Path(os.environ.get("STATE") or ".state").resolve()
    offset = os.environ.get("PORT_OFFSET") or "0"
    if not (offset.isdecimal() and int(offset) <= _LAST_OFFSET):
        print(f"PORT_OFFSET is {offset}; it must be a whole number from 0 to {_LAST_OFFSET}.", file=sys.stderr)
        return 2
    ports = Ports(int(offset))
    if os.environ.get(_TIED):
        _tie(int(os.environ[_TIED]))
    match arguments:
        case ["cloud"]:
            _cloud(state, ports)
        case ["azurite"]:
            command = azurite.command(state, ports)
            os.execv(command[0], command)  # noqa: S606 - the emulator takes this process's place, signals and all
        case ["functions", *rest] if len(rest) <= 1:
            _functions(Path(rest[0]) if rest else azurite.ROOT, state, ports)
        case ["up" | "down" | "run" as command]:
            return _manage(command, state, ports)
        case _:
            print(__doc__)
            return 2
    return 0


def _cloud(state: Path, ports: Ports) -> None:
    from local import cloud

    asyncio.run(cloud.run(state, ports.offset))


def _functions(app: Path, state: Path, ports: Ports) -> None:
    from local.environment import environment
    from local.functions.host import run
    from local.processes import MARK

    if MARK not in os.environ:  # started by hand; the process manager has seen to the settings otherwise
        os.environ.update(environment(state, ports))
    asyncio.run(run(app.resolve(), state, ports))
    # Without waiting for functions in threads, which an orderly end would: Azure takes its machines away, too.
    os._exit(0)


def _tie(parent: int) -> None:
    """SIGTERM to this process when its parent ends in whatever way (prctl(2), kept across exec; Linux has it alone)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the kernel was asked
            sys.exit(1)


def _manage(command: str, state: Path, ports: Ports) -> int:
    from local import run
    from local.processes import Copy, StartError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that who reads it through a pipe sees it when it happens
    copy = Copy(state, ports, tied=command == "run")
    try:
        return {"up": run.up, "down": run.down, "run": run.run}[command](copy)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
