import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notifications.events import DATA_LIMIT, MESSAGE_LIMIT, Delivery, Event, Kind, State, facts, sentence

AT = datetime(2026, 11, 22, 18, 0, 15, 500_000, tzinfo=UTC)


def test_an_event_on_the_wire() -> None:
    event = Event("r5-1", "r5", Kind.WILL_STOP, AT, "Hub r5 stops in 10 minutes.", {"minutes": 10, "users": ["ada"]})
    assert event.wire() == {
        "id": "r5-1",
        "hub": "r5",
        "kind": "will-stop",
        "at": "2026-11-22T18:00:15Z",
        "message": "Hub r5 stops in 10 minutes.",
        "data": {"minutes": 10, "users": ["ada"]},
    }


def test_a_delivery_on_the_wire() -> None:
    assert Delivery("webhook", State.GIVEN_UP, 3, AT, "Http410: gone").wire() == {
        "channel": "webhook",
        "state": "given-up",
        "tries": 3,
        "at": "2026-11-22T18:00:15Z",
        "error": "Http410: gone",
    }
    assert Delivery("webhook", State.PENDING).wire()["at"] is None


def test_kinds_are_what_receivers_compare_with() -> None:
    assert [kind.value for kind in Kind] == [
        "will-stop",
        "postponed",
        "stopped",
        "started",
        "failed",
        "recovered",
        "warning",
        "created",
        "upgraded",
        "torn-down",
    ]


def test_times_among_the_facts_are_written_as_the_api_writes_them() -> None:
    pacific = timezone(timedelta(hours=-8))
    found = facts({"until": AT.astimezone(pacific), "who": ("ada", "bob"), "why": ValueError("x")})
    assert found == {"until": "2026-11-22T18:00:15Z", "who": ["ada", "bob"], "why": "x"}


def test_facts_that_fit_stay_as_they_are() -> None:
    assert facts({"users": ["ada"], "seconds": 12.5, "by": None}) == {"users": ["ada"], "seconds": 12.5, "by": None}


def test_facts_of_thousands_of_users_are_cut_and_say_so() -> None:
    found = facts({"run": "r5-1", "users": [f"student-{number:05d}" for number in range(20_000)]})
    assert found["run"] == "r5-1"
    assert found["users"][:2] == ["student-00000", "student-00001"]
    assert len(found["users"]) > 500
    assert found["truncated"] is True
    assert len(json.dumps(found)) <= DATA_LIMIT


@pytest.mark.parametrize("much", ["x" * 100_000, [["y" * 100_000]], {"z": "z" * 100_000}])
def test_whatever_is_too_long_fits_in_the_end(much: Any) -> None:
    assert len(json.dumps(facts({"much": much, "run": "r5-1"}))) <= DATA_LIMIT


JSON = st.recursive(
    st.none()
    | st.integers()
    | st.builds(lambda text, times: text * times, st.text(max_size=3), st.integers(0, 20_000)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_facts_always_fit_a_column(data: dict[str, Any]) -> None:
    assert len(json.dumps(facts(data))) <= DATA_LIMIT


def test_long_sentences_are_cut_with_a_mark() -> None:
    assert sentence("short") == "short"
    long = sentence("a" * 5000)
    assert (len(long), long[-1]) == (MESSAGE_LIMIT, "…")
