"""What `make up`, `make down` and `make run` do for the person at the terminal."""

import contextlib
import errno
import json
import math
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, NoReturn

from local.azurite import ROOT
from local.functions.web import ADMIN_KEY, HOST_KEY
from local.loopback import OPENER
from local.ports import Ports
from local.processes import Copy, StartError
from local.progress import ENDED, View

SERVICES = ("cloud", "azurite", "functions")

_EXAMPLE = ROOT / "examples" / "r5.json"
_SPEED = "60"
"""By how much Azure's operations are quicker here than there, unless SPEED says otherwise."""
_GLANCE = 0.2
_PATIENCE = 60.0
"""Real seconds for a hub to answer whose cluster is on: JupyterHub's start on a busy machine."""
_WEB = 80
"""The port that hubs are published on, as on a public address."""


def up(copy: Copy) -> int:
    """Raises StartError."""
    started = copy.up()
    print("Started: " + ", ".join(started) if started else "Everything runs already.")
    print(addresses(copy))
    if why := unpublishable(copy.ports):
        print(f"\n{why}", file=sys.stderr)
    return 0


def down(copy: Copy) -> int:
    ended = copy.down()
    print("Ended: " + ", ".join(ended) if ended else "Nothing was running.")
    return 0


def run(copy: Copy) -> int:
    """Until Ctrl-C or SIGTERM, then ends what it started. Raises StartError, having ended that too."""
    if why := unpublishable(copy.ports):
        raise StartError(why)
    speed = _speed()
    running = [name for name in SERVICES if copy.pid(name)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = 0
    try:
        print("Starting the local cloud ...")
        copy.up()
        print(addresses(copy))
        status = _show(copy, speed)
        print("\nCtrl-C ends it all.")
        _watch(copy)
    except KeyboardInterrupt:
        pass  # how a person ends it
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        print("\nEnding what was started ...")
        copy.down([name for name in reversed(SERVICES) if name not in running])
    return status


def _watch(copy: Copy) -> NoReturn:
    """Until Ctrl-C. Raises StartError when one of the services ends before."""
    while True:
        for name in SERVICES:
            if copy.pid(name) is None:
                raise StartError(f"{name} has ended by itself.\n{copy.tail(name)}")
        time.sleep(1)


def unpublishable(ports: Ports) -> str:
    """Why hubs cannot be published on this machine, and what to do; empty when they can."""
    address = f"{ports.network}.0.1"  # load balancers are given later ones
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, _WEB))
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, f"That is refused here: {error.strerror}.")
            return f"Hubs are published on port {_WEB} of addresses like {address}, and nobody could reach one here.\n{remedy}"
    return ""


_REMEDIES = {
    errno.EACCES: "Only root may listen there. Allow it to everybody, until the next boot:\n"
    f"  sudo sysctl net.ipv4.ip_unprivileged_port_start={_WEB}",
    errno.EADDRINUSE: "Another program has that port of all addresses. End it, or let it listen on addresses of its own.",
    errno.EADDRNOTAVAIL: "This system has no such addresses: the local cloud needs Linux.",
}


def addresses(copy: Copy) -> str:
    base = _base(copy)
    return "\n".join(
        [
            f"API        {base}/api (header x-functions-key: {HOST_KEY})",
            f"Reference  {base}/api/openapi.json",
            f"Control    http://127.0.0.1:{copy.ports.control}/resources, /clock, /speed, /faults, /requests",
            f"Logs       {copy.state / 'logs'}",
        ]
    )


def _speed() -> float:
    """0: Azure's operations take no time. Raises StartError."""
    given = os.environ.get("SPEED") or _SPEED
    try:
        speed = float(given)
    except ValueError:
        speed = math.nan
    if not 0 <= speed < math.inf:
        raise StartError(f"SPEED is {given}; it must be a number, such as 1 for Azure's own pace, or 0 for no waiting.")
    return speed


def _show(copy: Copy, speed: float) -> int:
    """Creates the example's hub, or goes on with it, shows the run, and says where the hub is. The exit status."""
    _call("PUT", f"http://127.0.0.1:{copy.ports.control}/speed", {"factor": speed})
    spec = json.loads(_EXAMPLE.read_text())
    name, base = spec["name"], _base(copy)
    run_id = _run_to_show(base, spec)
    ending = _follow(f"{base}/api/runs/{run_id}") if run_id else None
    if ending in ("failed", "cancelled"):
        print(f"\nThe hub {name} is not ready. After Ctrl-C, `make run` goes on where it stopped.")
        return 1
    return _present(base, name)


def _run_to_show(base: str, spec: dict[str, Any]) -> str | None:
    """The run that makes the hub: a new one, one that is under way, or one that stopped and is taken up again.

    None when the hub is made. Raises StartError when the app refuses.
    """
    name = spec["name"]
    known = _call("GET", f"{base}/api/hubs/{name}")
    if known.status == 404:
        print(f"\nBuilding the hub {name}:")
        return _accepted(_call("POST", f"{base}/api/hubs", spec))
    run_id = str(known.body.get("run"))
    last = _call("GET", f"{base}/api/runs/{run_id}").body
    kind, status = last.get("kind"), last.get("status")
    if status in ("failed", "cancelled") and kind in ("create", "teardown"):
        print(f"\nTaking up the {kind} of the hub {name} where it stopped:")
        return _accepted(_call("POST", f"{base}/api/runs/{run_id}/retry"))
    print(f"\nThe hub {name} is here from an earlier time." if status in ENDED else f"\nThe {kind} of the hub {name}:")
    return None if status in ENDED else run_id


def _accepted(answer: "_Answer") -> str:
    """The run's id. Raises StartError with the app's words."""
    if answer.status != 202:
        raise StartError(f"The app refused ({answer.status}): {answer.problem}")
    return answer.location.rsplit("/", 1)[-1]


def _present(base: str, name: str) -> int:
    """Says where the hub is, as soon as it answers, or why it does not. The exit status."""
    found = _call("GET", f"{base}/api/hubs/{name}")
    if found.status == 404:
        print(f"\nThe hub {name} is gone. `make run` creates it again.")
        return 0
    on = found.body.get("power", {}).get("actual") == "on"
    answers = on and _answers(f"{found.body.get('url')}hub/health")
    print("\n" + card(found.body, base, answers=answers))
    return int(on and not answers)


def card(hub: dict[str, Any], base: str, *, answers: bool) -> str:
    """What a person needs to use the hub."""
    power, address = hub.get("power", {}).get("actual"), f"{base}/api/hubs/{hub['name']}"
    lines = [f"Hub        {hub.get('url')}"]
    if power != "on":
        lines += [f"It is {power}. Switch it on:", f"  {_curl(f'{address}/start', options='-X POST ')}"]
    elif not answers:
        lines += [f"It does not answer after {_PATIENCE:g} s: see the logs."]
    lines += ["Log in with any name and the password that this shows:", f"  {_curl(f'{address}/password', ADMIN_KEY)}"]
    lines += ["How it is, and how it was made:", f"  {_curl(address)}", f"  {_curl(f'{address}/runs')}"]
    return "\n".join(lines)


def _curl(address: str, key: str = HOST_KEY, options: str = "") -> str:
    return f"curl -s {options}-H 'x-functions-key: {key}' {address}"


def _answers(address: str) -> bool:
    """Whether it does within the patience: a hub's processes begin with the cloud, and answer seconds later."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(OSError):
            if _once(urllib.request.Request(address)).status == 200:
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_GLANCE)


def _follow(address: str) -> str:
    """Shows the run until it has ended; its last status."""
    view = View(sys.stdout)
    while True:
        shown = _call("GET", address).body
        view.show(shown)
        if shown.get("status") in ENDED:
            return str(shown["status"])
        time.sleep(_GLANCE)


def _base(copy: Copy) -> str:
    return f"http://127.0.0.1:{copy.ports.functions}"


@dataclass(frozen=True)
class _Answer:
    status: int
    location: str
    body: dict[str, Any]

    @property
    def problem(self) -> str:
        parts = [self.body.get("detail") or self.body.get("title"), self.body.get("advice")]
        return " ".join(str(part) for part in parts if part) or "no reason given"


def _call(method: str, address: str, body: Any = None) -> _Answer:
    """With the key of the host. Raises StartError when nobody answers for 10 seconds."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"x-functions-key": HOST_KEY, "content-type": "application/json"}
    request = urllib.request.Request(address, data, headers, method=method)
    deadline = time.monotonic() + 10
    while True:
        try:
            return _once(request)
        except OSError as error:
            if time.monotonic() > deadline:
                raise StartError(f"{method} {address}: {error}") from error
            time.sleep(_GLANCE)


def _once(request: urllib.request.Request) -> _Answer:
    """Any status is an answer. Raises OSError when nobody answers."""
    try:
        with OPENER.open(request, timeout=30) as response:
            return _Answer(response.status, response.headers.get("location", ""), _json(response.read()))
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, error.headers.get("location", ""), _json(error.read()))


def _json(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
