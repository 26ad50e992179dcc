"""The processes of one copy of the local cloud: how they are started, watched until they answer, and ended.

Each leads a session of its own, so that Ctrl-C in the terminal reaches only who started it, and carries the copy's
state folder in its environment, by which whatever it leaves behind is found.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from local import proctree
from local.azurite import ROOT
from local.environment import environment
from local.loopback import OPENER
from local.ports import Ports

_PATIENCE = 60.0
"""Real seconds for a service to answer."""
MARK = "HUBKEEPER_LOCAL_STATE"
"""In the environment of all that is started here: the state folder."""
_LOG_TAIL = 25


class StartError(Exception):
    """A service did not come up. The message is for the person at the terminal: what happened, and what to do."""


@dataclass(frozen=True)
class Service:
    name: str
    argv: Callable[[], list[str]]
    listens: dict[str, int]
    """What it listens on from the start, by a name that people know."""
    health: str
    """An address that answers, with whatever status, once the service works."""
    after: tuple[str, ...] = ()


def services(ports: Ports, app: Path) -> list[Service]:
    """Of one copy, in the order of their start; `app` is the folder with function_app.py."""
    here = [sys.executable, "-m", "local"]
    cloud = {
        name: getattr(ports, name) for name in ("charts", "control", "arm", "graph", "keyvault", "identity", "prices")
    }
    return [
        Service("cloud", lambda: [*here, "cloud"], cloud, f"http://127.0.0.1:{ports.control}/health"),
        Service(
            "azurite",
            lambda: [*here, "azurite"],
            {"blobs": ports.blobs, "queues": ports.queues, "tables": ports.tables},
            f"http://127.0.0.1:{ports.tables}/",
        ),
        Service(
            "functions",
            lambda: [*here, "functions", str(app)],
            {"functions": ports.functions, "engine": ports.engine},
            f"http://127.0.0.1:{ports.functions}/",
            after=("cloud", "azurite"),
        ),
    ]


class Copy:
    """One state folder's processes."""

    def __init__(self, state: Path, ports: Ports, app: Path = ROOT, *, tied: bool = False) -> None:
        """`tied`: what is started ends with this process, even when it is killed."""
        self.state = state.resolve()
        self.ports = ports
        self._services = {each.name: each for each in services(ports, app)}
        self._tied = tied
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def up(self, names: Iterable[str] = ("cloud", "azurite", "functions")) -> list[str]:
        """Starts what does not run, side by side where it can, and returns the names of what it started.

        Raises StartError; what was started by then keeps running, for `down` to end.
        """
        fresh: list[str] = []
        waiting = [self._services[name] for name in names]
        while waiting:
            group = [each for each in waiting if not {other.name for other in waiting} & set(each.after)]
            fresh += [each.name for each in group if self.start(each.name)]
            for each in group:
                self.wait(each.name)
            waiting = [each for each in waiting if each not in group]
        return fresh

    def start(self, name: str, variables: dict[str, str] | None = None) -> bool:
        """False when it runs already. Does not wait until it answers.

        Raises StartError when a port is taken, or when the service runs on other ports.

        `variables` go before those that the service has here, and these before what this process inherited: somebody who
        works with Azure has AZURE_SUBSCRIPTION_ID set.
        """
        if self.pid(name) is not None:
            self._check_offset(name)
            return False
        service = self._services[name]
        self._check_ports(service)
        (self.state / "logs").mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                service.argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
                env=_inherited() | self._variables(name) | (variables or {}),
            )
        self._started[name] = process
        self._record(name).parent.mkdir(parents=True, exist_ok=True)
        record = {"pid": process.pid, "began": proctree.began(process.pid), "offset": self.ports.offset}
        self._record(name).write_text(json.dumps(record))
        return True

    def wait(self, name: str) -> None:
        """Until the service answers. Raises StartError with the end of its log when it ends first or takes too long."""
        service = self._services[name]
        deadline = time.monotonic() + _PATIENCE
        while not answers(service.health):
            if self.pid(name) is None:
                raise StartError(f"{name} ended before it answered.\n{self.tail(name)}")
            if time.monotonic() > deadline:
                raise StartError(
                    f"{name} does not answer at {service.health} after {_PATIENCE:g} s.\n{self.tail(name)}"
                )
            time.sleep(0.03)

    def pid(self, name: str) -> int | None:
        """Of the running service; None when it does not run."""
        started = self._started.get(name)
        if started is not None and started.poll() is not None:
            return None
        try:
            record = json.loads(self._record(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        # The system gives numbers out again: only the same number with the same beginning is the same process.
        return record["pid"] if proctree.began(record["pid"]) == record["began"] else None

    def kill(self, name: str) -> None:
        """SIGKILL to the service alone, as in a crash; returns when it is gone."""
        pid = self.pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._reap(name)

    def down(self, names: Iterable[str] = ("functions", "cloud", "azurite")) -> list[str]:
        """Ends these services and all processes they left, and returns the names of those that ran."""
        leaders = {name: pid for name in names if (pid := self.pid(name)) is not None}
        family = proctree.descendants(leaders.values())
        proctree.end(leaders.values())  # before their children, whose end would look to them like a crash
        proctree.end([pid for pid, began in family.items() if proctree.began(pid) == began])
        if set(names) >= set(self._services):
            proctree.end(proctree.marked(f"{MARK}={self.state}"))
        for name in names:
            self._reap(name)
            self._record(name).unlink(missing_ok=True)
        return list(leaders)

    def log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    def tail(self, name: str) -> str:
        """The last lines of its log, indented, below the log's path."""
        path = self.log(name)
        lines = path.read_text(errors="replace").splitlines()[-_LOG_TAIL:] if path.exists() else []
        return "\n".join([f"The end of {path}:", *(f"    {line}" for line in lines)])

    def _record(self, name: str) -> Path:
        return self.state / "run" / f"{name}.json"

    def _variables(self, name: str) -> dict[str, str]:
        settings = environment(self.state, self.ports) if name == "functions" else {}
        return (
            settings
            | {
                "STATE": str(self.state),
                "PORT_OFFSET": str(self.ports.offset),
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
                MARK: str(self.state),
            }
            | ({"HUBKEEPER_LOCAL_TIED": str(os.getpid())} if self._tied else {})
        )

    def _reap(self, name: str) -> None:
        process = self._started.pop(name, None)
        if process is not None:
            process.wait()

    def _check_offset(self, name: str) -> None:
        offset = json.loads(self._record(name).read_text())["offset"]
        if offset != self.ports.offset:
            raise StartError(
                f"{name} runs already in {self.state}, with PORT_OFFSET={offset}. Use that, end it (`make down`), or "
                "choose another STATE."
            )

    def _check_ports(self, service: Service) -> None:
        for what, port in service.listens.items():
            if not free(port):
                raise StartError(
                    f"{service.name} cannot start: port {port} ({what}) is taken by another program. End that program "
                    "(`make down`, if it is an earlier start of this), or choose other ports: "
                    f"PORT_OFFSET={self.ports.offset + 200}."
                )


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(address: str) -> bool:
    try:
        OPENER.open(address, timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def _inherited() -> dict[str, str]:
    """This process's environment without proxies, which would stand between parts on one machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
