"""Long-running operations: begun by a request, ended when virtual time has passed, kept through a restart."""

import asyncio
import logging
import math
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from local.azure.arm.wire import Json, timestamp
from local.world import World

_log = logging.getLogger(__name__)


@dataclass
class Operation:
    """`started`, `ends`, `ended`: virtual seconds since 1970, UTC. `target`: lower-cased id of what it works on."""

    kind: str
    """What is to happen at its end: a name given to `Operations.on`."""
    subscription: str
    provider: str
    location: str
    target: str
    started: float
    ends: float
    title: str = ""
    """As a conflicting request is told: `create managed cluster`."""
    arguments: Json = field(default_factory=dict)
    phases: list[tuple[float, str]] = field(default_factory=list)
    """Statuses shown from that share of the duration on."""
    noise: Json | None = None
    """An `error` that every poll shows although nothing is wrong, as AKS does."""
    planned: Json | None = None
    """The error it will end with."""
    final_status: int = 200
    """What its Location answers at the end."""
    state: str = "InProgress"
    error: Json | None = None
    ended: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def status(self, now: float) -> str:
        if self.state != "InProgress":
            return self.state
        passed = (now - self.started) / (self.ends - self.started) if self.ends > self.started else 1.0
        return next((name for share, name in reversed(self.phases) if share <= passed), self.state)


@dataclass(frozen=True)
class Ending:
    """`work` may take real time (processes start and stop); `done` and `failed` only write documents."""

    done: Callable[[Operation], None]
    failed: Callable[[Operation, Json], None]
    work: Callable[[Operation], Awaitable[None]] | None = None


class Operations:
    def __init__(self, world: World) -> None:
        self._world = world
        self._open_rows = world.table("arm.operations.open")
        self._ended_rows = world.table("arm.operations.ended")
        self._open = {key: Operation(**row) for key, row in self._open_rows.items()}
        self._endings: dict[str, Ending] = {}
        self._running: dict[str, tuple[Operation, asyncio.Task[None]]] = {}

    def on(self, kind: str, ending: Ending) -> None:
        """Says what happens when an operation of that kind ends."""
        self._endings[kind] = ending

    def begin(self, operation: Operation) -> Operation:
        """Keeps the operation; one on a cluster takes the next outcome that a test has set for its verb."""
        part, _, verb = operation.kind.partition(".")
        if part == "cluster" and operation.planned is None:
            operation.planned = self._planned(verb)
        self._open[operation.id] = operation
        self._open_rows[operation.id] = asdict(operation)
        return operation

    def find(self, identity: str) -> Operation | None:
        if identity in self._open:
            return self._open[identity]
        row = self._ended_rows.get(identity)
        return Operation(**row) if row else None

    def open_on(self, key: str) -> list[Operation]:
        """What is in progress on that resource or its children, oldest first."""
        inside = key + "/"
        found = [op for op in self._open.values() if op.target == key or op.target.startswith(inside)]
        return sorted(found, key=lambda op: op.started)

    def cancel(self, operation: Operation, code: str, message: str) -> None:
        """Ends it without its effects."""
        self._close(operation, "Canceled", {"code": code, "message": message}, self._world.clock.seconds())

    async def settle(self, wait: float) -> None:
        """Ends what is due; waits for the work that takes real time, at most `wait` real seconds.

        When the time is over the work goes on, and the operation stays in progress until it is done.
        """
        now = self._world.clock.seconds()
        due = sorted((op for op in self._open.values() if op.ends <= now), key=lambda op: op.ends)
        for operation in due:
            ending = self._endings[operation.kind]
            if operation.id in self._running:
                continue
            if ending.work is None or operation.planned:
                self._finish(operation, ending, operation.planned, operation.ends)
            else:
                before = self._related(operation)
                task = asyncio.create_task(self._work(operation, ending, ending.work, before))
                self._running[operation.id] = (operation, task)
        if self._running:
            await asyncio.wait([task for _, task in self._running.values()], timeout=wait)

    async def close(self) -> None:
        """Stops the work that is still going on; it is begun again after a restart."""
        running = [task for _, task in self._running.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _related(self, operation: Operation) -> list[asyncio.Task[None]]:
        """Work that goes on for what this operation works on, contains or is in: it comes to its end first."""
        return [
            task
            for other, task in self._running.values()
            if f"{other.target}/".startswith(f"{operation.target}/")
            or f"{operation.target}/".startswith(f"{other.target}/")
        ]

    async def _work(
        self,
        operation: Operation,
        ending: Ending,
        work: Callable[[Operation], Awaitable[None]],
        before: list[asyncio.Task[None]],
    ) -> None:
        begun = self._world.clock.seconds()
        try:
            if before:
                await asyncio.wait(before)
            if operation.id in self._open:
                await work(operation)
        except Exception as problem:
            _log.exception("%s of %s failed", operation.kind, operation.target)
            error = {"code": "InternalOperationError", "message": str(problem)}
            self._finish(operation, ending, error, operation.ends + self._world.clock.seconds() - begun)
        else:
            self._finish(operation, ending, None, operation.ends + self._world.clock.seconds() - begun)
        finally:
            del self._running[operation.id]

    def _finish(self, operation: Operation, ending: Ending, error: Json | None, ended: float) -> None:
        if operation.id not in self._open:
            return  # cancelled while its work went on
        if error:
            ending.failed(operation, error)
        else:
            ending.done(operation)
        self._close(operation, "Failed" if error else "Succeeded", error, ended)

    def _close(self, operation: Operation, state: str, error: Json | None, ended: float) -> None:
        operation.state, operation.error, operation.ended = state, error, ended
        self._ended_rows[operation.id] = asdict(operation)
        self._open.pop(operation.id, None)
        self._open_rows.pop(operation.id, None)

    def _planned(self, verb: str) -> Json | None:
        table = self._world.table("subscription")
        row: dict[str, Any] = table.get("outcomes", {"items": []})
        item = next((item for item in row["items"] if item["operation"] == verb and item.get("times", 1) > 0), None)
        if item is None:
            return None
        item["times"] = item.get("times", 1) - 1
        table["outcomes"] = {"items": [item for item in row["items"] if item.get("times", 1) > 0]}
        return {"code": item["code"], "message": item["message"]}


def retry_after(world: World, seconds: float) -> str:
    """Azure's pause before the next poll, shortened as the operations themselves are: whole seconds, 0 for none."""
    scaled = world.duration(seconds)
    return str(max(1, math.ceil(scaled))) if scaled > 0 else "0"


def times(operation: Operation) -> Json:
    ended = {"endTime": timestamp(operation.ended)} if operation.ended is not None else {}
    return {"startTime": timestamp(operation.started), **ended}
