"""The app as it is deployed: its timer delivers what waits, its API lists it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.notifications.events import Kind
from shared.notifications.notify import notify
from shared.services import Services
from tests.cloud import Cloud, Host, wait_until
from tests.notifications.conftest import CREDENTIAL, KEY, NAMES, Clock
from tests.notifications.receiver import Receiver

pytestmark = pytest.mark.local


@pytest.fixture
def telling_host(cloud: Cloud) -> Iterator[Host]:
    """A functions host with the webhook in its settings, in place of the one that other tests share."""
    host = Host(cloud.copy, NAMES)
    host.stop()
    host.start()
    yield host
    host.stop()


def test_what_waits_is_delivered_by_the_timer_and_listed(
    cloud: Cloud, services: Services, telling_host: Host, receiver: Receiver, clock: Clock, hub: str
) -> None:
    receiver.down = True
    clock.time = cloud.control.now()
    event = notify(services, hub, Kind.FAILED, f"Hub {hub} did not start.", run=f"{hub}-1")
    address = f"/api/hubs/{hub}/events"
    (listed,) = telling_host.get(address).json["events"]
    assert {name: listed[name] for name in event.wire()} == event.wire()
    assert (listed["deliveries"][0]["state"], listed["deliveries"][0]["tries"]) == ("pending", 1)

    receiver.down = False
    cloud.control.advance(timedelta(minutes=2))
    telling_host.fire("deliver_events")
    wait_until(lambda: telling_host.get(address).json["events"][0]["deliveries"][0]["state"] == "delivered")
    assert receiver.ids() == [event.id, event.id]
    answer = telling_host.get(address)
    assert answer.json["events"][0]["deliveries"][0]["error"] is None
    said = telling_host.logs() + str(answer.json)
    assert CREDENTIAL not in said
    assert KEY not in said


def test_the_list_has_limits_and_wants_a_key(host: Host, hub: str) -> None:
    assert host.get(f"/api/hubs/{hub}/events").json == {"events": []}
    assert host.get(f"/api/hubs/{hub}/events", key=None).status == 401
    refused = host.get(f"/api/hubs/{hub}/events?limit=0")
    assert (refused.status, refused.json["code"]) == (400, "BadParameter")
