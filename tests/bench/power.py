"""Power: a tick when few of many hubs are due, and the morning on which hundreds are.

Both work on an emulated Azure whose clusters have no insides (tests.bench.arm), with real tables, and with rows of hubs that are
written straight into them.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from threading import Lock, Thread
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableServiceClient

from local.azure.arm.aks.power import START
from local.world import World
from shared.azure.tables import Change, Row, Tables
from shared.hubs.spec.validation import parse
from shared.hubs.status.parts import Cluster, Urls
from shared.hubs.store import TABLE as HUBS
from shared.hubs.store import HubStore
from shared.power.due_queue import PARTITION, DueQueue, Entry
from shared.power.due_queue import TABLE as AGENDA
from shared.power.tick import tick
from shared.runs.engine import Engine
from shared.runs.model import Run, Status
from shared.runs.store import RunStore
from tests.bench.arm import LOCATION, Azure, azure, body_of, cluster_name
from tests.bench.rows import Row as Measured
from tests.cloud import Host
from tests.fakes.memory import MemoryTables
from tests.given import EngineClient

MORNING = datetime(2026, 11, 23, 7, 52, tzinfo=UTC)
"""A Monday: windows open at 8, and a hub that was never started is started eight minutes earlier."""
SCHEDULE = {"timezone": "UTC", "windows": [{"days": ["mon"], "from": "08:00", "to": "18:00"}]}

# the tick

FEW, MANY, DUE = 100, 10_000, 10
TICKS = 9
TICK_LIMIT = 2.0


def tick_rows() -> list[Measured]:
    with azure(MORNING) as place:
        place.clusters([_name(number) for number in range(DUE)])
        place.world.speed = 0  # nothing is throttled, however many ticks come in a minute
        tables = CountingTables(place.services.settings.tables_connection or "")
        vars(place.services)["tables"] = tables
        _write_hubs(tables, range(FEW), DUE)
        few = _ticks(place, tables, range(TICKS))
        _write_hubs(tables, range(FEW, MANY), DUE)
        many = _ticks(place, tables, range(TICKS, 2 * TICKS))
    (seconds, calls), (seconds_few, calls_few) = many, few
    note = (
        f"{DUE} of {MANY} hubs due, each found off and a start begun; with {FEW} known: {seconds_few * 1000:.0f} ms. "
        f"The listing has {DUE} clusters; the engine's client only takes notes"
    )
    return [
        Measured("tick", seconds * 1000, "ms", seconds / seconds_few, TICK_LIMIT, note),
        Measured("tick_table_calls", calls, "calls", calls / calls_few, 1.0, f"with {FEW} hubs known: {calls_few:g}"),
    ]


def _ticks(place: Azure, tables: "CountingTables", rounds: range) -> tuple[float, float]:
    """A tick's seconds, the best of several, and its table calls. Each round has hubs of its own due, on the same clusters."""
    engine, found = Engine(EngineClient()), []
    tick(place.services, engine)  # imports, connections, the token
    for number in rounds:
        due = [_name(index) for index in range((number % TICKS) * DUE, (number % TICKS + 1) * DUE)]
        for cluster, name in enumerate(due):
            place.give(cluster, name)
        _become_due(place, tables, due)
        before, begun = tables.calls, time.perf_counter()
        lines = tick(place.services, engine)
        found.append((time.perf_counter() - begun, float(tables.calls - before)))
        if len(lines) != DUE:
            raise RuntimeError(f"{len(lines)} of {DUE} starts were begun: {lines}")
    return min(seconds for seconds, _ in found), median(calls for _, calls in found)


def _become_due(place: Azure, tables: Tables, hubs: list[str]) -> None:
    """Hubs that are due now, with nothing open on them, and nothing else due."""
    due_queue, now = DueQueue(tables), place.services.clock.now()
    for entry in due_queue.due(now, FEW):
        due_queue.remove(entry)
    for name in hubs:
        hub = HubStore(tables).get(name)
        if hub and hub.open_run:
            HubStore(tables).release(name, hub.open_run, "ready")
        due_queue.put(Entry(now, name))


class CountingTables(Tables):
    """Counts requests where they leave."""

    def __init__(self, connection: str) -> None:
        self._transport = _CountingTransport()
        self._client = TableServiceClient.from_connection_string(connection, transport=self._transport, retry_total=0)

    @property
    def _service(self) -> Any:
        return self._client

    @property
    def calls(self) -> int:
        return self._transport.calls


class _CountingTransport(RequestsTransport):  # type: ignore[misc]  # the SDK gives it no type
    calls = 0

    def send(self, request: Any, **options: Any) -> Any:
        self.calls += 1
        return super().send(request, **options)


# the burst

BURST = 500
RATE = 3.0
"""Virtual seconds a real one: as fast as two processors keep up with."""
TIMEOUT = 1500.0
"""Real seconds."""


def burst_rows() -> list[Measured]:
    with azure(MORNING - timedelta(minutes=3)) as place, _front_doors(place) as doors:
        place.clusters([_name(number) for number in range(BURST)])
        _write_hubs(place.services.tables, range(BURST), BURST, doors)
        due_queue = DueQueue(place.services.tables)
        for index in range(BURST):
            due_queue.put(Entry(MORNING - timedelta(minutes=2), _name(index)))
        place.log.clear()
        place.world.clock.set(None, RATE)
        host = Host(place.copy)
        host.start()
        try:
            runs = _all_ended(place, host)
        finally:
            host.stop()
        calls = place.log.all()
    return _burst_rows(runs, calls)


def _burst_rows(runs: list[Run], calls: list[dict[str, Any]]) -> list[Measured]:
    answers = Counter(_kind(call) for call in calls if call["service"] == "arm")
    throttled = Counter(_kind(call) for call in calls if call["status"] == 429)
    failed = [run for run in runs if run.status is not Status.SUCCEEDED]
    first = min(run.requested for run in runs)
    ends = sorted((run.ended - first).total_seconds() for run in runs if run.ended)
    codes = Counter(run.fault.code for run in failed if run.fault)
    starts = answers["start"] - throttled["start"]
    said = ", ".join(f"{count} {kind}" for kind, count in answers.most_common())
    return [
        Measured(
            "burst", ends[-1], "s", note=f"until all {BURST} hubs answer; half of them after {median(ends):.0f} s"
        ),
        Measured(
            "burst_power_on", median(_power_on(run) for run in runs), "s", note=f"in the middle; AKS takes {START:.0f}"
        ),
        Measured("burst_failed", len(failed), "runs", limit=0, note=str(dict(codes)) if codes else ""),
        Measured("burst_starts", starts / BURST, "a cluster", limit=1, note="that AKS accepted"),
        Measured("burst_throttled", sum(throttled.values()), "calls", note=f"{dict(throttled)}; of {said}"),
    ]


def _power_on(run: Run) -> float:
    step = run.step("power-on")
    return (step.ended - step.started).total_seconds() if step.ended and step.started else 0.0


def _kind(call: dict[str, Any]) -> str:
    path = call["path"].split("?")[0].lower()
    if "/operations/" in path:
        return "operation"
    last = path.rsplit("/", 1)[-1]
    return {"managedclusters": "listing", "start": "start", "listclusteradmincredential": "credentials"}.get(
        last, "cluster"
    )


def _all_ended(place: Azure, host: Host) -> list[Run]:
    """Every hub's run once all have ended. Raises RuntimeError when that takes too long."""
    deadline, store, runs = time.monotonic() + TIMEOUT, RunStore(place.services.tables), dict[str, Run]()
    while len(runs) < BURST:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{BURST - len(runs)} runs have not ended\n{host.logs()}")
        time.sleep(5)
        for name in [_name(index) for index in range(BURST) if _name(index) not in runs]:
            newest = next(iter(store.of_hub(name, 1)), None)
            if newest is None or not newest.status.ended:
                break
            runs[name] = newest
    return list(runs.values())


@contextmanager
def _front_doors(place: Azure) -> Iterator[str]:
    """Stands for the hubs: the door of a cluster's hub answers while that cluster runs. Yields the address of them all."""
    world, one_at_a_time = World(place.copy.state, place.copy.ports), Lock()

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with one_at_a_time:
                cluster = place.cluster(world, self.path.split("/")[1])
            runs = cluster["provisioningState"] == "Succeeded" and cluster["powerState"]["code"] == "Running"
            self.send_response(200 if runs else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, name="front doors")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        world.close()


# rows of hubs


def _name(index: int) -> str:
    return f"hub{index}"


def _write_hubs(tables: Tables, indexes: range, clusters: int, doors: str = "http://nowhere") -> None:
    """Hubs that are made, sharing so many clusters, and to be looked at tomorrow."""
    made = list(indexes)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: tables.table(HUBS).upsert(_row(index, clusters, doors)), made))
    entries = [Change("upsert", Row(PARTITION, Entry(MORNING + timedelta(days=1), _name(index)).key)) for index in made]
    for start in range(0, len(entries), 100):
        tables.table(AGENDA).batch(entries[start : start + 100])


def _row(index: int, clusters: int, doors: str) -> Row:
    """As the product writes it."""
    memory, name, cluster = MemoryTables(), _name(index), index % clusters
    store = HubStore(memory)
    store.insert(parse(body_of(name, cluster) | {"schedule": SCHEDULE}, LOCATION), MORNING - timedelta(days=30), "made")
    store.release(name, "made", "ready")
    store.record(name, Urls(f"{doors}/{cluster_name(cluster)}/"), Cluster(fqdn=f"{name}.hcp"))
    row = memory.table(HUBS).get(name, "hub")
    if row is None:
        raise AssertionError(f"{name} was just written")
    return row
