from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import OutsideError, PermanentError, TemporaryError
from shared.notifications import retries
from shared.notifications.deliver import outcome
from shared.notifications.events import Event, Kind, State
from shared.notifications.store import Entry

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(("tries", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 60), (27, 60)])
def test_waits_grow_to_an_hour(tries: int, minutes: int) -> None:
    assert retries.next_try(tries, NOW) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("asked", "minutes"), [(None, 5), (0.0, 5), (60.0, 5), (1200.0, 20), (float("inf"), 2880), (1e300, 2880)]
)
def test_a_receiver_may_ask_for_a_longer_wait_not_for_a_shorter_one(asked: float | None, minutes: int) -> None:
    assert retries.put_off(NOW + timedelta(minutes=5), NOW, asked) == NOW + timedelta(minutes=minutes)


def test_an_event_is_given_up_after_a_day() -> None:
    assert not retries.expired(NOW, NOW + timedelta(hours=24))
    assert retries.expired(NOW, NOW + timedelta(hours=24, seconds=1))


def test_a_receiver_that_stays_down_is_tried_27_times() -> None:
    now, tries = NOW, 1
    while not retries.expired(NOW, now := retries.next_try(tries, now)):
        tries += 1
    assert tries == 27


def entry(age: timedelta) -> Entry:
    event = Event("r5-99999999999999aaaaaa", "r5", Kind.STOPPED, NOW - age, "", {})
    return Entry(event, "webhook", 2, NOW + timedelta(minutes=5))


DOWN = TemporaryError("Webhook", "Http503", "")


@pytest.mark.parametrize(
    ("failure", "age", "state"),
    [
        (None, timedelta(0), State.DELIVERED),
        (None, timedelta(days=3), State.DELIVERED),
        (DOWN, timedelta(0), State.PENDING),
        (DOWN, timedelta(hours=24), State.GIVEN_UP),
        (TemporaryError("Webhook", "Http429", "", retry_after=90_000), timedelta(0), State.GIVEN_UP),
        (PermanentError("Webhook", "Http410", ""), timedelta(0), State.GIVEN_UP),
    ],
)
def test_what_becomes_of_a_try(failure: OutsideError | None, age: timedelta, state: State) -> None:
    assert outcome(entry(age), failure, NOW)[0] is state


def test_an_entry_has_one_key_however_its_time_was_rounded() -> None:
    assert entry(timedelta(0)).key == entry(timedelta(microseconds=1)).key
