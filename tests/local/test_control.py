"""The control endpoint: clock, speed, faults, requests, the subscription's settings, and what it makes of bad input."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.azure.directory import Directory
from local.azure.prices import Prices
from local.control import Control
from local.faults import CallLog, Faults
from local.server import Gate
from local.world import World
from tests.local.parts import PORTS, served

pytestmark = pytest.mark.local


class Client:
    def __init__(self) -> None:
        self.stopped = False

    def __call__(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, f"http://127.0.0.1:{PORTS.control}{path}", json=body, timeout=5)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """With the price list behind a gate on the identity endpoint's port, as something to send requests to."""
    world, faults, log = World(tmp_path_factory.mktemp("control"), PORTS), Faults(), CallLog()
    client = Client()
    Directory(world)
    gate = Gate(Prices(world).app, "prices", world.clock, faults, log)
    with served(world, {}, {PORTS.control: Control(world, faults, log, client.stop).app, PORTS.identity: gate}):
        yield client
    world.close()


@pytest.fixture
def client(service: Client) -> Client:
    """As after a start."""
    service("PUT", "/speed", {"factor": 1})
    service("DELETE", "/faults")
    service("DELETE", "/requests")
    service("PUT", "/subscription", dict.fromkeys(service("GET", "/subscription").json()))
    return service


def price_list(query: str = "") -> requests.Response:
    return requests.get(f"http://127.0.0.1:{PORTS.identity}/api/retail/prices{query}", timeout=5)


def test_resources_are_sorted_and_the_same_byte_for_byte(client: Client) -> None:
    first = client("GET", "/resources")
    rows = first.json()
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["displayName"] for row in rows} == {"hubkeeper", "Microsoft Graph"}
    assert client("GET", "/resources").content == first.content


def test_the_clock_is_moved_and_set_to_run_at_a_rate(client: Client) -> None:
    shown = client("PUT", "/clock", {"now": "2026-12-01T08:00:00+01:00", "rate": 0})
    assert shown.json() == {"now": "2026-12-01T07:00:00.000Z", "rate": 0.0}
    assert client("PUT", "/clock", {"rate": 60}).json()["rate"] == 60
    assert client("GET", "/clock").json()["now"] >= "2026-12-01T07:00:00"
    assert client("PUT", "/clock", {}).status_code == 200


def test_the_speed_is_set(client: Client) -> None:
    assert client("GET", "/speed").json() == {"factor": 1.0}
    assert client("PUT", "/speed", {"factor": 0}).json() == {"factor": 0.0}
    assert client("GET", "/speed").json() == {"factor": 0.0}


def test_a_fault_hits_as_often_as_it_says_and_is_listed_and_removed(client: Client) -> None:
    fault = {"method": "GET", "path": "skip=7", "status": 429, "headers": {"retry-after": "1"}, "times": 1}
    made = client("POST", "/faults", fault)
    assert made.status_code == 201
    assert made.json()["happens"] == "answer"
    assert price_list().status_code == 200
    assert [price_list("?$skip=7").status_code for _ in range(2)] == [429, 200]
    assert client("GET", "/faults").json()[0]["hits"] == 1
    other = client("POST", "/faults", {"happens": "reset", "times": None}).json()
    with pytest.raises(requests.ConnectionError):
        price_list()
    assert client("DELETE", f"/faults/{other['id']}").status_code == 204
    assert client("DELETE", f"/faults/{other['id']}").status_code == 404
    assert client("DELETE", "/faults").status_code == 204
    assert client("GET", "/faults").json() == []


def test_requests_are_listed_with_their_outcome(client: Client) -> None:
    client("PUT", "/clock", {"now": "2026-12-01T08:00:00Z", "rate": 0})
    price_list("?$skip=x")
    assert client("GET", "/requests").json() == [
        {
            "time": "2026-12-01T08:00:00.000Z",
            "service": "prices",
            "method": "GET",
            "path": "/api/retail/prices?$skip=x",
            "status": 400,
        }
    ]
    assert client("DELETE", "/requests").status_code == 204
    assert client("GET", "/requests").json() == []


def test_the_subscription_is_merged(client: Client) -> None:
    client("PUT", "/subscription", {"quotas": {"limits": {"westus": {"a": 1, "b": 2}}}})
    shown = client(
        "PUT", "/subscription", {"quotas": {"limits": {"westus": {"a": None}}}, "graph": {"permissions": []}}
    )
    assert shown.json() == {"quotas": {"limits": {"westus": {"b": 2}}}, "graph": {"permissions": []}}
    assert client("PUT", "/subscription", {"quotas": None}).json() == {"graph": {"permissions": []}}
    assert client("GET", "/subscription").json() == {"graph": {"permissions": []}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/clock", {"now": "tomorrow"}),
        ("PUT", "/clock", {"now": "2026-12-01T08:00:00"}),
        ("PUT", "/clock", {"now": 5}),
        ("PUT", "/clock", {"rate": -1}),
        ("PUT", "/clock", {"rate": "fast"}),
        ("PUT", "/clock", {"speed": 1}),
        ("PUT", "/clock", []),
        ("PUT", "/speed", {}),
        ("PUT", "/speed", {"factor": True}),
        ("POST", "/faults", {"happens": "explode"}),
        ("POST", "/faults", {"status": "500"}),
        ("POST", "/faults", {"path": "("}),
        ("POST", "/faults", {"times": -1}),
        ("POST", "/faults", {"id": 7}),
        ("POST", "/faults", {"service": "pricelist"}),
        ("PUT", "/subscription", {"name": {}}),
        ("PUT", "/subscription", {"quotas": "many"}),
    ],
)
def test_bad_input_gets_a_sentence_and_changes_nothing(client: Client, method: str, path: str, body: Any) -> None:
    before = client("GET", path).json() if path != "/clock" else None
    answer = client(method, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    if before is not None:
        assert client("GET", path).json() == before


def test_a_body_that_is_not_json_gets_a_sentence_too(client: Client) -> None:
    answer = requests.put(f"http://127.0.0.1:{PORTS.control}/clock", data=b"{", timeout=5)
    assert (answer.status_code, answer.json()) == (400, {"error": "The body is not JSON."})
    assert client("GET", "/nothing").status_code == 404
    assert client("DELETE", "/clock").status_code == 405


def test_it_says_that_it_lives_and_can_be_stopped(client: Client) -> None:
    assert client("GET", "/health").json() == {"status": "ok"}
    assert client("POST", "/shutdown").status_code == 202
    assert client.stopped
