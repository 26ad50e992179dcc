"""Faults that a test sets on calls to the local cloud, and the log of the calls that reached it."""

import itertools
import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass
class Fault:
    """What happens to the next matching calls.

    `service` is one of arm, graph, keyvault, identity, prices, kubernetes, charts (None: any); `path` a regular expression
    searched for in the path with its query, case-insensitively. `skip` calls pass first, then `times` are hit (None: all).
    `happens`: "answer" (with `status`, `headers`, `body`; the call is not carried out), "reset" (the connection is cut
    before the call is carried out), "lost" (it is carried out and the connection is cut instead of the answer),
    "held" (it is carried out, and the connection is cut `seconds` of real time later instead of the answer), "hang" (it
    is not carried out, and the connection is cut after `seconds` of real time).
    """

    method: str = "*"
    path: str = ""
    service: str | None = None
    happens: Literal["answer", "reset", "lost", "held", "hang"] = "answer"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 30.0
    times: int | None = 1
    skip: int = 0
    id: int = 0
    hits: int = 0

    def matches(self, service: str, method: str, path: str) -> bool:
        return (
            self.method in ("*", method)
            and self.service in (None, service)
            and re.search(self.path, path, re.IGNORECASE) is not None
        )


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> Fault:
        fault.id = next(self._ids)
        self._faults.append(fault)
        return fault

    def clear(self, identity: int | None = None) -> None:
        self._faults = [fault for fault in self._faults if identity is not None and fault.id != identity]

    def all(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._faults]

    def take(self, service: str, method: str, path: str) -> Fault | None:
        """The fault that hits this call, if any; counts the call against every matching fault's `skip` and `times`."""
        for fault in self._faults:
            if not fault.matches(service, method, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
            elif fault.times is None or fault.hits < fault.times:
                fault.hits += 1
                return fault
        return None


@dataclass(frozen=True)
class Call:
    """One call that reached the local cloud. `time` is virtual, RFC 3339 UTC; `status` 0: the connection was cut."""

    time: str
    service: str
    method: str
    path: str
    status: int


class CallLog:
    def __init__(self, size: int = 50_000) -> None:
        self._calls: deque[Call] = deque(maxlen=size)

    def add(self, call: Call) -> None:
        self._calls.append(call)

    def all(self) -> list[dict[str, Any]]:
        return [asdict(call) for call in self._calls]

    def clear(self) -> None:
        self._calls.clear()
