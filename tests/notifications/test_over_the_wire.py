"""Events from notify to a receiver and back into the lists: real tables, real Key Vault protocol, real TLS."""

import json
import logging
import threading
from collections.abc import Iterator

import pytest

from shared.errors import OutsideError, PermanentError
from shared.notifications import deliver
from shared.notifications.deliver import deliver_pending
from shared.notifications.events import Delivery, Event, Kind, State
from shared.notifications.notify import notify
from shared.notifications.signature import sign
from shared.notifications.store import EventStore, Outbox, new_id
from shared.notifications.upkeep import purge
from shared.services import Services
from tests.cloud import Cloud
from tests.notifications.conftest import CREDENTIAL, KEY, START, Clock, Make, outbox, put
from tests.notifications.receiver import Receiver

pytestmark = pytest.mark.local


def tell(services: Services, hub: str) -> Event:
    return notify(services, hub, Kind.STOPPED, f"Hub {hub} is off.", run=f"{hub}-1", seconds=12.5)


def delivery(services: Services, event: Event) -> Delivery:
    found = {each.event.id: each for each in EventStore(services.tables).of_hub(event.hub, 200)}
    (only,) = found[event.id].deliveries
    return only


def state(services: Services, event: Event) -> tuple[State, int, str | None]:
    found = delivery(services, event)
    return found.state, found.tries, found.error


def test_an_event_is_delivered_once_and_signed(services: Services, receiver: Receiver, hub: str) -> None:
    event = tell(services, hub)
    (request,) = receiver.received
    assert json.loads(request.body) == event.wire()
    assert request.path == f"/services/{CREDENTIAL}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-hubkeeper-event"] == event.id
    timestamp = int(START.timestamp())
    assert request.headers["x-hubkeeper-timestamp"] == str(timestamp)
    assert request.headers["x-hubkeeper-signature"] == sign(KEY, timestamp, request.body)
    assert state(services, event) == (State.DELIVERED, 1, None)
    assert outbox(services) == []
    assert deliver_pending(services) == 0
    assert len(receiver.received) == 1


def test_a_receiver_that_was_down_gets_the_event_after_the_wait(
    services: Services, receiver: Receiver, clock: Clock, hub: str
) -> None:
    receiver.down = True
    event = tell(services, hub)
    assert state(services, event)[:2] == (State.PENDING, 1)
    clock.advance(seconds=59)
    assert deliver_pending(services) == 0
    assert len(receiver.received) == 1
    clock.advance(seconds=1)
    assert deliver_pending(services) == 0
    assert len(receiver.received) == 2
    receiver.down = False
    clock.advance(minutes=4, seconds=59)
    assert deliver_pending(services) == 0
    clock.advance(seconds=1)
    assert deliver_pending(services) == 1
    assert receiver.ids() == [event.id] * 3
    assert state(services, event) == (State.DELIVERED, 3, None)
    first, last = receiver.received[0], receiver.received[-1]
    assert first.body == last.body
    timestamp = int(clock.now().timestamp())
    assert last.headers["x-hubkeeper-signature"] == sign(KEY, timestamp, last.body)


def test_nobody_listening_is_a_wait_too(services: Services, make: Make, clock: Clock, hub: str) -> None:
    put(services, "webhook-url", "https://localhost:1/x")
    event = tell(make(), hub)
    found = delivery(services, event)
    assert (found.state, found.error) == (
        State.PENDING,
        "ConnectionFailed: the receiver cannot be reached (ConnectionRefusedError)",
    )


def test_a_certificate_that_is_not_trusted_is_not_talked_to(
    services: Services, receiver: Receiver, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert state(services, tell(services, hub))[::2] == (
        State.PENDING,
        "CertificateNotTrusted: the receiver's certificate is not trusted here",
    )
    assert receiver.received == []


def test_a_receiver_that_takes_too_long_is_tried_again(
    services: Services, receiver: Receiver, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.notifications.webhook.TIMEOUT", 0.2)
    receiver.pause = 0.5
    event = tell(services, hub)
    assert state(services, event) == (State.PENDING, 1, "Timeout: the receiver did not answer within 0.2 s")


@pytest.mark.parametrize(
    ("status", "code"), [(410, "Http410"), (400, "Http400"), (404, "Http404"), (302, "Redirected")]
)
def test_a_refusal_is_final(
    services: Services, receiver: Receiver, clock: Clock, hub: str, status: int, code: str
) -> None:
    receiver.status = status
    receiver.headers = {"Location": f"https://localhost:{receiver.port}/elsewhere"}
    event = tell(services, hub)
    given_up, tries, error = state(services, event)
    assert (given_up, tries) == (State.GIVEN_UP, 1)
    assert error
    assert error.startswith(code)
    clock.advance(hours=2)
    assert deliver_pending(services) == 0
    assert len(receiver.received) == 1
    assert outbox(services) == []


def test_a_receiver_may_ask_for_time(services: Services, receiver: Receiver, clock: Clock, hub: str) -> None:
    receiver.status = 429
    receiver.headers = {"Retry-After": "600"}
    tell(services, hub)
    receiver.status = 200
    clock.advance(seconds=599)
    assert deliver_pending(services) == 0
    clock.advance(seconds=1)
    assert deliver_pending(services) == 1


def test_after_a_day_an_event_is_given_up(services: Services, receiver: Receiver, clock: Clock, hub: str) -> None:
    receiver.status = 503
    event = tell(services, hub)
    for _ in range(24 * 12):
        clock.advance(minutes=5)
        deliver_pending(services)
    assert state(services, event)[0] is State.GIVEN_UP
    assert 20 < len(receiver.received) <= 27
    assert outbox(services) == []


def test_a_receiver_that_is_down_is_asked_once_a_pass(
    services: Services, receiver: Receiver, clock: Clock, hub: str
) -> None:
    receiver.status = 503
    events = []
    for _ in range(4):
        events.append(tell(services, hub))
        clock.advance(seconds=1)
    receiver.received.clear()
    clock.advance(minutes=2)
    deliver_pending(services)
    assert receiver.ids() == [events[0].id]
    deliver_pending(services)
    assert receiver.ids() == [events[0].id, events[1].id]
    receiver.status = 200
    receiver.received.clear()
    assert deliver_pending(services) == 2
    assert receiver.ids() == [events[2].id, events[3].id]


def test_telling_of_many_hubs_does_not_wait_for_a_receiver_that_is_down(
    services: Services, receiver: Receiver, clock: Clock, hub: str
) -> None:
    receiver.status = 503
    events = [tell(services, hub) for _ in range(4)]
    assert receiver.ids() == [events[0].id]
    assert [state(services, event)[:2] for event in events] == [(State.PENDING, 1)] + [(State.PENDING, 0)] * 3
    receiver.status = 200
    clock.advance(minutes=1)
    assert deliver_pending(services) == 4
    tell(services, hub)
    assert len(receiver.received) == 6


def test_two_hosts_do_not_send_the_same_event(
    services: Services, make: Make, receiver: Receiver, clock: Clock, hub: str
) -> None:
    receiver.status = 503
    events = []
    for _ in range(12):
        events.append(tell(services, hub))
        clock.advance(seconds=1)
    receiver.status, receiver.pause = 200, 0.03
    receiver.received.clear()
    clock.advance(minutes=2)
    hosts = [services, make()]
    delivered = [0, 0]
    together = threading.Barrier(2)

    def work(number: int) -> None:
        together.wait()
        delivered[number] = deliver_pending(hosts[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receiver.ids()) == sorted(event.id for event in events)
    assert sum(delivered) == 12
    assert outbox(services) == []


def test_a_host_that_dies_while_it_sends_is_followed_by_another(
    services: Services, receiver: Receiver, clock: Clock, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    class Dying:
        name = "webhook"

        def send(self, event: Event) -> None:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("shared.notifications.notify.channels", lambda _: [Dying()])
        with pytest.raises(Killed):
            tell(services, hub)
    assert deliver_pending(services) == 0
    clock.advance(minutes=1)
    assert deliver_pending(services) == 1
    (listed,) = EventStore(services.tables).of_hub(hub, 10)
    assert receiver.ids() == [listed.event.id]


def test_a_crash_between_outbox_and_record_loses_neither(
    services: Services, receiver: Receiver, clock: Clock, hub: str
) -> None:
    event = Event(new_id(hub, clock.now()), hub, Kind.STARTED, clock.now(), "Hub is up.", {"seconds": 400})
    Outbox(services.tables).add(event, ["webhook"], clock.now())
    clock.advance(minutes=1)
    assert deliver_pending(services) == 1
    (listed,) = EventStore(services.tables).of_hub(hub, 10)
    assert listed.event == event
    assert listed.deliveries == (Delivery("webhook", State.DELIVERED, 2, clock.now()),)


def test_a_missing_secret_is_waited_for(
    services: Services, make: Make, receiver: Receiver, clock: Clock, hub: str
) -> None:
    event = tell(make(HUBKEEPER_WEBHOOK="not-there-yet"), hub)
    assert state(services, event)[::2] == (State.PENDING, "SecretNotFound: Key Vault has no secret not-there-yet")
    clock.advance(minutes=1)
    assert deliver_pending(services) == 1


@pytest.mark.parametrize(
    "address", ["http://localhost/x", "not an address", "https://", "https://[x", "https://a@localhost/x"]
)
def test_an_address_that_is_none_is_waited_for_and_not_repeated(services: Services, hub: str, address: str) -> None:
    put(services, "webhook-url", address)
    event = tell(services, hub)
    assert state(services, event) == (
        State.PENDING,
        1,
        "BadAddress: secret webhook-url is no address like https://HOST/PATH",
    )


@pytest.mark.parametrize("address", ["https://localhost:port/x", "https://localhost/a b", "https://ü..x/"])
def test_what_the_client_cannot_call_is_not_repeated_either(services: Services, hub: str, address: str) -> None:
    put(services, "webhook-url", address)
    found = delivery(services, tell(services, hub))
    assert found.state is State.PENDING
    assert found.error
    assert address.removeprefix("https://") not in found.error


def test_key_vault_refusing_is_waited_for(services: Services, make: Make, cloud: Cloud, clock: Clock, hub: str) -> None:
    refusal = {"error": {"code": "Forbidden", "message": "no access policy"}}
    cloud.control.fault(service="keyvault", path="/secrets/webhook-url", status=403, body=refusal)
    event = tell(services, hub)
    assert state(services, event)[::2] == (State.PENDING, "Forbidden: no access policy")


def test_a_fault_of_ours_in_a_channel_fails_nobody_else(
    services: Services, hub: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        name = "webhook"

        def send(self, event: Event) -> None:
            raise RuntimeError(CREDENTIAL)

    monkeypatch.setattr("shared.notifications.notify.channels", lambda _: [Broken()])
    event = tell(services, hub)
    assert state(services, event)[::2] == (State.PENDING, "RuntimeError: the channel stopped unexpectedly")
    assert CREDENTIAL not in caplog.text


def test_one_channel_that_fails_is_not_the_other(
    services: Services, receiver: Receiver, clock: Clock, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        name = "another"

        def send(self, event: Event) -> None:
            raise PermanentError("Another", "Gone", "no more")

    webhooks = deliver.channels
    monkeypatch.setattr("shared.notifications.notify.channels", lambda services: [Refusing(), *webhooks(services)])
    event = tell(services, hub)
    (listed,) = EventStore(services.tables).of_hub(hub, 10)
    assert {each.channel: each.state for each in listed.deliveries} == {
        "another": State.GIVEN_UP,
        "webhook": State.DELIVERED,
    }
    assert receiver.ids() == [event.id]


def test_without_a_channel_events_are_recorded_alone(services: Services, make: Make, hub: str) -> None:
    silent = make(HUBKEEPER_WEBHOOK="", HUBKEEPER_WEBHOOK_KEY="")
    event = tell(silent, hub)
    (listed,) = EventStore(silent.tables).of_hub(hub, 10)
    assert (listed.event, listed.deliveries) == (event, ())
    assert outbox(silent) == []


def test_a_channel_that_left_the_settings_may_come_back(
    services: Services, make: Make, receiver: Receiver, clock: Clock, hub: str
) -> None:
    receiver.status = 503
    event = tell(services, hub)
    clock.advance(minutes=1)
    assert deliver_pending(make(HUBKEEPER_WEBHOOK="", HUBKEEPER_WEBHOOK_KEY="")) == 0
    assert state(services, event)[:2] == (State.PENDING, 2)
    receiver.status = 200
    clock.advance(minutes=5)
    assert deliver_pending(services) == 1


def test_only_a_table_failure_is_raised(make: Make, hub: str) -> None:
    unreachable = "AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:1/a;"
    with pytest.raises(OutsideError):
        tell(make(AzureWebJobsStorage=unreachable), hub)


def test_events_are_listed_newest_first(services: Services, clock: Clock, hub: str) -> None:
    events = []
    for _ in range(3):
        events.append(tell(services, hub))
        clock.advance(milliseconds=1)
    listed = EventStore(services.tables).of_hub(hub, 2)
    assert [each.event for each in listed] == [events[2], events[1]]


@pytest.fixture
def _no_old_events(services: Services) -> Iterator[None]:
    EventStore(services.tables).purge(START)
    yield
    EventStore(services.tables).purge(START)


@pytest.mark.usefixtures("_no_old_events")
def test_events_of_more_than_90_days_are_purged(services: Services, clock: Clock, hub: str) -> None:
    store = EventStore(services.tables)

    def record(name: str, days: float) -> str:
        clock.time = START
        clock.advance(days=-days)
        store.insert(Event(new_id(name, clock.now()), name, Kind.STOPPED, clock.now(), "", {}), [])
        return name

    for number in range(103):  # more than one batch takes
        record(hub, 91 + number)
    record(hub, 90)
    record(f"{hub}-b", 90.001)
    record(f"{hub}-b", 1)
    assert purge(services, START) == 104
    assert purge(services, START) == 0
    assert [len(store.of_hub(name, 200)) for name in (hub, f"{hub}-b")] == [1, 1]


def test_secrets_are_nowhere(
    services: Services, receiver: Receiver, clock: Clock, hub: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (204, 302, 410, 429, 503):
        receiver.status = status
        receiver.headers = {"Location": f"https://localhost:{receiver.port}/services/{CREDENTIAL}"}
        tell(services, hub)
        clock.advance(minutes=1)
    receiver.down = True
    tell(services, hub)
    clock.advance(minutes=1)
    deliver_pending(services)
    tables = [str(dict(row.values)) for name in ("events", "outbox") for row in services.tables.table(name).query()]
    assert len(tables) > 6
    everything = "\n".join([caplog.text, *tables])
    assert hub in everything
    for secret in (CREDENTIAL, KEY, f":{receiver.port}"):
        assert secret not in everything
