"""A running local cloud and functions host for tests: what the fixtures `cloud` and `host` hand out."""

import fcntl
import itertools
import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple

from local.azurite import ROOT
from local.environment import environment
from local.functions.web import ADMIN_KEY, HOST_KEY
from local.loopback import OPENER
from local.ports import Ports
from local.processes import Copy, free

type Headers = dict[str, str] | None

ENDED = ("succeeded", "failed", "cancelled")


class Answer(NamedTuple):
    status: int
    headers: Message
    json: Any
    """The body: as JSON, or as text when it is not JSON, or None when it is empty."""


def call(method: str, address: str, body: Any = None, headers: Headers = None) -> Answer:
    """Any status is an answer. `body`: bytes as they are, else sent as JSON. Raises OSError when nobody answers."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        address, data, {"content-type": "application/json"} | (headers or {}), method=method
    )
    try:
        with OPENER.open(request, timeout=60) as response:
            return Answer(response.status, response.headers, _parsed(response.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, _parsed(error.read()))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def wait_until[T](probe: Callable[[], T], timeout: float = 30, what: str = "") -> T:
    """The probe's first truthy result. Raises AssertionError with the last one after `timeout` real seconds.

    Asks less and less often: what is waited for long needs the processors more than another question.
    """
    deadline, pause = time.monotonic() + timeout, 0.02
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain{f' for {what}' if what else ''}; at last: {found!r}")
        time.sleep(pause)
        pause = min(pause * 1.2, 0.25)
    return found


@contextmanager
def free_ports(first: int = 20_000) -> Iterator[Ports]:
    """Ports that nobody uses, reserved among the test runs of this machine while the block runs.

    Below 32,768, where the system takes the ports of outgoing connections from.
    """
    folder = Path(tempfile.gettempdir()) / "hubkeeper-ports"
    folder.mkdir(exist_ok=True)
    for offset in itertools.chain(range(first, 25_000, 200), range(14_000, first, 200)):
        with (folder / str(offset)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            ports = Ports(offset)
            if all(free(port) for port in range(ports.functions, ports.prices + 1)):
                yield ports
                return
    raise AssertionError("no free range of ports is left: are old test processes running?")


@dataclass
class Control:
    """The local cloud's control endpoint."""

    address: str

    def now(self) -> datetime:
        return datetime.fromisoformat(self._ask("GET", "/clock")["now"])

    def clock(self, now: datetime | None = None, rate: float | None = None) -> None:
        """Moves the clock to `now`, or leaves it, and makes it run at `rate` (0: stand still), or as before."""
        wanted = {"now": now and now.isoformat(), "rate": rate}
        self._ask("PUT", "/clock", {name: value for name, value in wanted.items() if value is not None})

    def advance(self, by: timedelta) -> None:
        self.clock(self.now() + by)

    def speed(self, factor: float) -> None:
        """0: Azure's operations take no time."""
        self._ask("PUT", "/speed", {"factor": factor})

    def fault(self, **fault: Any) -> Any:
        """Adds one; the fields are those of local.faults.Fault."""
        return self._ask("POST", "/faults", fault)

    def faults(self) -> list[Any]:
        return list(self._ask("GET", "/faults"))

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def clear_fault(self, identity: int) -> None:
        self._ask("DELETE", f"/faults/{identity}")

    def resources(self) -> list[Any]:
        return list(self._ask("GET", "/resources"))

    def requests(self) -> list[Any]:
        return list(self._ask("GET", "/requests"))

    def clear_requests(self) -> None:
        self._ask("DELETE", "/requests")

    def subscription(self, **documents: Any) -> Any:
        """The subscription's settings (quotas, policies, providers, ...), after merging these into them (RFC 7396)."""
        return self._ask("PUT", "/subscription", documents) if documents else self._ask("GET", "/subscription")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = call(method, self.address + path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.json}"
        return answer.json


class Cloud:
    """The local cloud's process and Azurite."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.state = copy.state
        self.ports = copy.ports
        self.control = Control(f"http://127.0.0.1:{copy.ports.control}")

    @property
    def environment(self) -> dict[str, str]:
        """The product's settings for this copy."""
        return environment(self.state, self.ports)

    def start(self) -> None:
        """Raises StartError with the end of the log."""
        self.copy.up(["cloud", "azurite"])

    def restart(self) -> None:
        """The cloud's process, ended as by `make down`; its state stays."""
        self.copy.down(["cloud"])
        self.copy.up(["cloud"])

    def calm(self) -> None:
        """As a test may expect to find it: no faults, operations without length, the clock at its usual pace."""
        self.control.clear_faults()
        self.control.speed(0)
        self.control.clock(rate=1)

    def logs(self) -> str:
        return "\n".join(self.copy.tail(name) for name in ("cloud", "azurite"))


class Host:
    """The functions host's process and what can be asked of it. Paths are below its address: "/api/hubs"."""

    def __init__(self, copy: Copy, variables: dict[str, str] | None = None) -> None:
        self.copy = copy
        self.address = f"http://127.0.0.1:{copy.ports.functions}"
        self._variables = variables or {}

    def start(self) -> None:
        """Returns when it answers; at once when it runs. Raises StartError with the end of the log."""
        self.copy.start("functions", self._variables)
        self.copy.wait("functions")

    def kill(self) -> None:
        """SIGKILL."""
        self.copy.kill("functions")

    def stop(self) -> None:
        self.copy.down(["functions"])

    def get(self, path: str, key: str | None = HOST_KEY, headers: Headers = None) -> Answer:
        return self.call("GET", path, None, key, headers)

    def post(self, path: str, body: Any = None, key: str | None = HOST_KEY, headers: Headers = None) -> Answer:
        return self.call("POST", path, body, key, headers)

    def put(self, path: str, body: Any = None, key: str | None = HOST_KEY, headers: Headers = None) -> Answer:
        return self.call("PUT", path, body, key, headers)

    def patch(self, path: str, body: Any = None, key: str | None = HOST_KEY, headers: Headers = None) -> Answer:
        return self.call("PATCH", path, body, key, headers)

    def delete(self, path: str, key: str | None = HOST_KEY, headers: Headers = None) -> Answer:
        return self.call("DELETE", path, None, key, headers)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = HOST_KEY,
        headers: Headers = None,
    ) -> Answer:
        keyed = {"x-functions-key": key} if key else {}
        return call(method, self.address + path, body, keyed | (headers or {}))

    def fire(self, function_name: str) -> None:
        """Starts a function that has no HTTP trigger, and does not wait for it."""
        answer = self.post(f"/admin/functions/{function_name}", {}, key=ADMIN_KEY)
        assert answer.status == 202, f"{function_name}: {answer.status} {answer.json}"

    def wait_run(self, run_id: str, timeout: float = 180) -> dict[str, Any]:
        """The run once it has ended, in whatever way; `run_id` may be the Location of a 202."""
        path = f"/api/runs/{run_id.rsplit('/', 1)[-1]}"
        last: dict[str, Any] = {}

        def ended() -> bool:
            answer = self.get(path)
            assert answer.status == 200, f"{path}: {answer.status} {answer.json}"
            last.update(answer.json)
            return last["status"] in ENDED

        try:
            wait_until(ended, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\nThe run at last:\n{json.dumps(last, indent=1)}") from None
        return last

    def logs(self) -> str:
        return self.copy.tail("functions")


@contextmanager
def copy_for_tests(state: Path, app: Path = ROOT, first: int = 20_000) -> Iterator[Copy]:
    """A copy on free ports; nothing runs yet, and nothing does afterwards."""
    with free_ports(first) as ports:
        copy = Copy(state, ports, app, tied=True)
        try:
            yield copy
        finally:
            copy.down()
