"""What requests about power may say, and the field that each refusal names."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidError
from shared.power import bodies
from tests.given import NOW, OFFICE

LATER = "2026-12-01T18:00:00+01:00"


def refused(body: Any, reader: Any) -> list[str]:
    """The fields that the refusal names."""
    with pytest.raises(InvalidError) as caught:
        reader(body)
    assert caught.value.advice
    return [problem.field for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1d2h3m", timedelta(days=1, hours=2, minutes=3)),
        ("001h", timedelta(hours=1)),
        ("0h1m", timedelta(minutes=1)),
    ],
)
def test_a_length_of_time(text: str, length: timedelta) -> None:
    assert bodies.duration_of(text) == length


@pytest.mark.parametrize(
    "text",
    ["", "2", "h", "0m", "0d0h", "2 h", "2H", "-2h", "2h30", "30m2h", "1.5h", "2h ", "9999999m", 2, None, True, ["2h"]],
)
def test_what_is_no_length_of_time(text: Any) -> None:
    assert refused({"for": text}, bodies.start_body) == ["for"]


def pause(body: Any) -> tuple[datetime, str]:
    found = bodies.pause_body(body, NOW)
    return found.until, found.reason


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(0, 9999), st.integers(0, 99999))
def test_every_length_in_days_hours_and_minutes_is_read(days: int, hours: int, minutes: int) -> None:
    length = timedelta(days=days, hours=hours, minutes=minutes)
    parts = [f"{number}{unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if number]
    if parts:
        assert bodies.duration_of("".join(parts)) == length


@settings(max_examples=40, deadline=None)
@given(
    st.text(max_size=12) | st.none() | st.integers() | st.lists(st.integers()) | st.dictionaries(st.text(), st.none())
)
def test_whatever_comes_is_read_or_refused(body: Any) -> None:
    for reader in (bodies.start_body, bodies.reason_of, bodies.minutes_of, pause):
        with suppress(InvalidError):
            reader(body)


def test_a_start_needs_nothing_and_takes_a_length_or_an_end() -> None:
    assert bodies.start_body({}) == bodies.Start()
    start = bodies.start_body({"for": "2h", "reason": "demo"})
    assert (start.duration, start.until, start.reason) == (timedelta(hours=2), None, "demo")
    assert bodies.start_body({"until": LATER}).until == datetime(2026, 12, 1, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ("2h", ""),
        (None, ""),
        ({"for": None}, "for"),
        ({"fro": "2h"}, "fro"),
        ({"until": "2026-12-01T18:00:00"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"until": None}, "until"),
        ({"until": 1}, "until"),
        ({"until": "0001-01-01T00:00:00+23:59"}, "until"),
        ({"reason": 1}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
def test_a_start_that_is_refused(body: Any, field: str) -> None:
    assert refused(body, bodies.start_body) == [field]


def test_all_wrong_fields_are_told_and_the_first_ones_in_a_sentence_each() -> None:
    with pytest.raises(InvalidError) as caught:
        bodies.start_body({"fro": 1, "for": 2, "until": 3, "reason": 4})
    assert {problem.field for problem in caught.value.problems} == {"fro", "for", "until", "reason"}
    said = caught.value.summary.message
    assert "?." not in said
    assert said.endswith("And 1 more.")


@pytest.mark.parametrize("minutes", [1, 30, 720])
def test_minutes_of_a_postponement(minutes: int) -> None:
    assert bodies.minutes_of({"minutes": minutes}) == minutes


def test_a_postponement_is_half_an_hour_when_nothing_is_said() -> None:
    assert bodies.minutes_of({}) == 30


@pytest.mark.parametrize("minutes", [0, -1, 721, 1.5, "30", True, None, [30]])
def test_minutes_that_are_refused(minutes: Any) -> None:
    assert refused({"minutes": minutes}, bodies.minutes_of) == ["minutes"]


def test_a_pause_needs_its_end() -> None:
    assert pause({"until": LATER, "reason": "paint"}) == (datetime(2026, 12, 1, 17, tzinfo=UTC), "paint")
    assert refused({"reason": "paint"}, pause) == ["until"]
    assert refused({"until": LATER, "why": ""}, pause) == ["why"]


@pytest.mark.parametrize("until", ["2020-01-01T00:00:00Z", NOW.isoformat(), "2030-01-01T00:00:00Z"])
def test_a_pause_that_has_ended_or_is_longer_than_a_stopped_cluster_lives_is_refused(until: str) -> None:
    assert refused({"until": until}, pause) == ["until"]


def test_a_schedule_comes_with_its_warnings() -> None:
    schedule, warnings = bodies.checked_schedule({**OFFICE, "off": [{"from": "2020-01-01", "to": "2020-01-02"}]}, NOW)
    assert schedule.timezone == "UTC"
    assert [warning.field for warning in warnings] == ["off[0].to"]


def test_a_schedule_is_refused_with_all_that_is_wrong_and_only_that() -> None:
    body = {
        "timezone": "PST",
        "windows": [{"days": ["mon"], "from": "08:00", "to": "08:00"}, {"days": ["yes"], "from": "25:00", "to": "9"}],
        "off": [{"from": "2020-01-01", "to": "2020-01-02"}],
    }
    fields = refused(body, lambda given: bodies.checked_schedule(given, NOW))
    assert {re.split(r"[.[]", field)[0] for field in fields} == {"timezone", "windows"}
    assert len(fields) >= 3
