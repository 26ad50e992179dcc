"""How long /api/health waits while others ask for the longest calendars that there are.

All requests of a functions host share one interpreter, so that one long computation can hold up every answer. The clock and HTTP
are real; the hub is a row of the table.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from threading import Event, Thread
from typing import Any
from urllib.request import Request

from local.functions.web import HOST_KEY
from local.loopback import OPENER
from shared.clock import SystemClock
from shared.http.parsing import LARGEST_BODY
from shared.hubs.spec.validation import parse
from shared.hubs.store import HubStore
from shared.services import Services
from shared.settings import Settings
from tests.bench.lab import Lab, lab
from tests.bench.rows import Row

LIMIT = 100.0
"""Milliseconds."""
CLIENTS = 6
ASKED = 400
PAUSE = 0.05
"""Seconds between two questions."""
HUB = "crowded"
LOCATION = "westus"


def health_rows() -> list[Row]:
    with lab(speed=0) as place:
        dates = _write_hub(place)
        for _ in range(20):
            _health(place)  # imports, connections
        calm = [_health(place) for _ in range(ASKED // 4)]
        with _clients(place) as calendars:
            time.sleep(1)
            crowded = [_health(place) for _ in range(ASKED)]
    note = f"{CLIENTS} clients ask for calendars of 400 days with {dates} dates on and off; nobody else: {_p99(calm):.1f} ms"
    return [
        Row("health_p99", _p99(crowded), "ms", limit=LIMIT, note=note),
        Row("health_median", median(crowded), "ms", note=f"nobody else: {median(calm):.1f} ms"),
        Row(
            "health_calendar",
            median(calendars),
            "ms",
            note=f"one calendar, its turn waited for; {len(calendars)} answered",
        ),
    ]


def _p99(milliseconds: list[float]) -> float:
    return quantiles(milliseconds, n=100)[-1]


def _health(place: Lab) -> float:
    time.sleep(PAUSE)
    return _milliseconds(lambda: _read(place, "/api/health"))


def _read(place: Lab, path: str) -> bytes:
    """The body as it is: to parse it would take this process's interpreter from who measures."""
    request = Request(place.host.address + path, headers={"x-functions-key": HOST_KEY})
    with OPENER.open(request, timeout=60) as response:
        body: bytes = response.read()
    return body


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


@contextmanager
def _clients(place: Lab) -> Iterator[list[float]]:
    """They ask again and again. Yields how long each answer took."""
    took, stop = list[float](), Event()

    def ask() -> None:
        while not stop.is_set():
            took.append(_milliseconds(lambda: _read(place, f"/api/hubs/{HUB}/calendar?days=400")))

    threads = [Thread(target=ask, name=f"calendar {number}") for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _write_hub(place: Lab) -> int:
    """A hub with as many dates as one body has room for; how many."""
    today = SystemClock().now().astimezone(UTC)
    count = next(count for count in range(400, 0, -10) if len(json.dumps(_body(today, count))) <= LARGEST_BODY)
    store = HubStore(Services(Settings.from_environ(place.cloud.environment), SystemClock()).tables)
    store.insert(parse(_body(today, count), LOCATION), today, "made")
    store.release(HUB, "made", "ready")
    return 2 * count


def _body(today: datetime, count: int) -> dict[str, Any]:
    """Every day has a window, or is off and has hours of its own."""
    days = [(today.date() + timedelta(days=number)).isoformat() for number in range(count)]
    every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    schedule = {
        "timezone": "America/Los_Angeles",
        "windows": [{"days": every_day, "from": "08:00", "to": "18:00"}],
        "off": [{"from": day, "to": day} for day in days],
        "on": [{"date": day, "from": "09:00", "to": "13:00"} for day in days],
    }
    return {"name": HUB, "location": LOCATION, "schedule": schedule}
