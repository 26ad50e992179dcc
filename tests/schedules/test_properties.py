"""What holds for every schedule, every zone and every record."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.schedules.decide import Outlook, desired
from shared.schedules.fields import clock
from shared.schedules.lint import check, lint
from shared.schedules.model import Schedule
from shared.schedules.overrides import override_for_start, override_for_stop, since_after_edit
from shared.schedules.preview import edges
from shared.schedules.record import PowerState, Record
from tests.schedules import oracle
from tests.schedules.given import EVERY_DAY, window, wire

ON, OFF = PowerState.ON, PowerState.OFF
DAYS = 6
MINUTES = DAYS * 1440

# A zone, and a midnight (UTC) within a day of a change of its clock, so that short stretches meet the hard hours.
PLACES = [
    ("America/Santiago", date(2026, 9, 6)),
    ("America/Santiago", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Beirut", date(2026, 10, 25)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/Los_Angeles", date(2026, 11, 1)),
    ("Antarctica/Troll", date(2026, 10, 25)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Chatham", date(2026, 4, 5)),
    ("Asia/Kathmandu", date(2026, 6, 1)),
]

# Times of day: any, but mostly in the small hours, where clocks change, and often the same ones, so that windows touch.
times = st.sampled_from([0, 60, 90, 120, 150, 180, 480]) | st.integers(0, 300) | st.integers(0, 1439)


@st.composite
def hours(draw: st.DrawFn) -> dict[str, str]:
    opens, closes = draw(times), draw(times)
    return {"from": clock(opens), "to": clock(1440 if closes == opens else closes)}


@st.composite
def plans(draw: st.DrawFn) -> tuple[datetime, dict[str, Any]]:
    """The start of a stretch of DAYS, and a schedule."""
    zone, change = draw(st.sampled_from(PLACES))
    start = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=2)
    near = st.integers(-3, 4).map(lambda number: (change + timedelta(days=number)).isoformat())
    windows = st.builds(
        lambda days, item: {"days": days, **item}, st.lists(st.sampled_from(EVERY_DAY), min_size=1, max_size=7), hours()
    )
    off = st.tuples(near, near).map(lambda pair: {"from": min(pair), "to": max(pair)})
    on = st.builds(lambda day, item: {"date": day, **item}, near, hours())
    return start, wire(
        zone,
        *draw(st.lists(windows, max_size=4)),
        off=draw(st.lists(off, max_size=1)),
        on=draw(st.lists(on, max_size=2)),
    )


minutes_in = st.integers(0, MINUTES // 2)
leads = st.sampled_from([1, 8, 20])
examples = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])


def states(plan: Schedule, record: Record, start: datetime, first: int = 0, last: int = MINUTES) -> bytearray:
    """Whether the power is on, for every minute in [first, last), asked only when it was said to change."""
    found = bytearray(last)
    minute = first
    while minute < last:
        decision = desired(plan, record, oracle.at(start, minute))
        assert decision.reason.endswith(".")
        until = oracle.minute_of(start, decision.until) if decision.until else last
        assert until > minute
        found[minute : min(until, last)] = bytes([decision.state is ON]) * (min(until, last) - minute)
        minute = until
    return found[first:]


def record_with(lead: int) -> Record:
    return Record(starts=(lead * 60.0,))


@given(plans(), leads)
@examples
def test_the_power_is_what_the_oracle_says(place: tuple[datetime, dict[str, Any]], lead: int) -> None:
    start, data = place
    opened = oracle.usable(data, set(), start, MINUTES + 1440)
    assert states(Schedule.model_validate(data), record_with(lead), start) == oracle.power(opened, lead)[:MINUTES]


@given(plans(), leads, minutes_in)
@examples
def test_until_is_the_first_change(place: tuple[datetime, dict[str, Any]], lead: int, minute: int) -> None:
    start, data = place
    plan, now, record = Schedule.model_validate(data), oracle.at(start, minute), record_with(lead)
    decision = desired(plan, record, now)
    if decision.until is None:
        return
    assert desired(plan, record, decision.until).state is not decision.state
    for part in (0.2, 0.5, 0.9, 0.9999):
        between = now + (decision.until - now) * part
        assert desired(plan, record, between).state is decision.state
        assert desired(plan, record, between).until == decision.until


@given(plans(), minutes_in, st.integers(0, 5000), st.lists(st.integers(0, 20_000), max_size=25))
@examples
def test_who_asks_again_and_again_is_told_the_same(
    place: tuple[datetime, dict[str, Any]], minute: int, length: int, later: list[int]
) -> None:
    """With a start or a stop by hand, a pause, an edit and a postponement, each in force for some of the time."""
    start, data = place
    now = oracle.at(start, minute)
    paused = data | {"pause": {"until": oracle.at(start, length).isoformat(), "reason": ""}}
    for plan in (Schedule.model_validate(data), Schedule.model_validate(paused)):
        for override in (
            override_for_start(plan, now, timedelta(minutes=length + 1), None, "ann", ""),
            override_for_stop(plan, now, "ann", ""),
            replace(override_for_stop(plan, now, "ann", ""), until=None),
        ):
            edited = Record(override, schedule_since=now + timedelta(minutes=5))
            for record in (Record(override), edited, Record(postponed_until=oracle.at(start, length))):
                outlook = Outlook(plan, record)
                for offset in sorted(later):
                    moment = now + timedelta(minutes=offset)
                    assert outlook.at(moment) == desired(plan, record, moment)


@given(plans(), leads)
@examples
def test_edges_alternate_agree_with_the_decision_and_come_once(
    place: tuple[datetime, dict[str, Any]], lead: int
) -> None:
    start, data = place
    plan, record = Schedule.model_validate(data), record_with(lead)
    found = edges(plan, record, start, DAYS)
    assert all(one.at < other.at and one.to is not other.to for one, other in pairwise(found))
    for edge in found:
        assert desired(plan, record, edge.at).state is edge.to
        assert desired(plan, record, edge.begins - timedelta(seconds=1)).state is not edge.to
        assert edge.at == edge.local.astimezone(UTC)
        assert edge.at - edge.begins in (timedelta(0), timedelta(minutes=lead))
    by_the_day = [edge for day in range(DAYS) for edge in edges(plan, record, start + timedelta(days=day), 1)]
    assert by_the_day == found


@given(plans(), leads, minutes_in, st.integers(1, 2000))
@examples
def test_a_start_by_hand_holds_as_asked_and_never_cuts_a_window(
    place: tuple[datetime, dict[str, Any]], lead: int, minute: int, length: int
) -> None:
    start, data = place
    plan = Schedule.model_validate(data)
    override = override_for_start(plan, oracle.at(start, minute), timedelta(minutes=length), None, "ann", "")
    record = replace(record_with(lead), override=override)
    asked = min(minute + length, MINUTES)
    opened = oracle.usable(data, set(), start, MINUTES + 1440)
    expected = oracle.power(opened, lead)
    expected[minute:asked] = b"\x01" * (asked - minute)
    expected = oracle.without_short_gaps(expected)
    assert states(plan, record, start, minute) == expected[minute:MINUTES]
    assert override.until is not None
    stored_end = oracle.minute_of(start, override.until)
    assert stored_end >= minute + length
    if stored_end < MINUTES:
        assert not (opened[stored_end - 1] and opened[stored_end])  # it is not in the middle of a window


@given(plans(), leads, minutes_in)
@example((datetime(2026, 9, 4, tzinfo=UTC), wire("America/Santiago", window(EVERY_DAY, "00:00", "24:00"))), 1, 0)
@examples
def test_a_stop_by_hand_holds_until_the_next_window_opens(
    place: tuple[datetime, dict[str, Any]], lead: int, minute: int
) -> None:
    start, data = place
    plan = Schedule.model_validate(data)
    override = override_for_stop(plan, oracle.at(start, minute), "ann", "")
    record = replace(record_with(lead), override=override)
    opened = oracle.usable(data, set(), start, MINUTES + 1440)
    next_opening = next((begin for begin, _ in oracle.runs(opened) if begin > minute), len(opened))
    opened[minute:next_opening] = bytes(next_opening - minute)
    expected = bytearray(opened)
    for begin, _ in oracle.runs(opened):
        if begin - lead > minute or begin <= minute:
            expected[max(0, begin - lead) : begin] = b"\x01" * (begin - max(0, begin - lead))
    expected = oracle.without_short_gaps(expected, keep=range(minute, next_opening))
    assert states(plan, record, start, minute) == expected[minute:MINUTES]
    if next_opening < MINUTES:
        assert override.until == oracle.at(start, next_opening)


@given(plans(), minutes_in, st.integers(0, 30 * 366))
@examples
def test_a_stop_by_hand_without_a_window_to_come_holds_whenever_it_is_asked_about(
    place: tuple[datetime, dict[str, Any]], minute: int, days: int
) -> None:
    start, data = place
    stopped = oracle.at(start, minute)
    for plan in (None, Schedule.model_validate(data | {"windows": [], "on": []})):
        record = Record(override_for_stop(plan, stopped, "ann", ""))
        decision = desired(plan, record, stopped + timedelta(days=days))
        assert (decision.state, decision.until, decision.usable_from) == (OFF, None, None)
        assert edges(plan, record, stopped + timedelta(days=days + 1), 400) == []


@given(plans(), plans(), minutes_in, st.integers(0, 120))
@examples
def test_an_edit_switches_nothing_at_once(
    before: tuple[datetime, dict[str, Any]], after: tuple[datetime, dict[str, Any]], minute: int, later: int
) -> None:
    start, data = before
    old, new = Schedule.model_validate(data), Schedule.model_validate(after[1])
    now = oracle.at(start, minute)
    record = Record(schedule_since=since_after_edit(old, new, Record(), now))
    at_once = desired(new, record, now)
    if at_once.state not in (None, desired(old, Record(), now).state):
        just_now = desired(new, Record(), now - timedelta(microseconds=1))
        # An opening to come, or an edge at this moment; also where the start that leads up to it was due before.
        assert at_once.usable_from or just_now.usable_from or at_once.state is not just_now.state
    if later >= 30:
        moment = now + timedelta(minutes=later)
        assert desired(new, record, moment) == desired(new, Record(), moment)


@given(plans(), minutes_in, st.integers(1, 400), st.integers(0, 400))
@examples
def test_a_postponement_only_makes_the_power_last_longer_and_not_beyond_the_cap(
    place: tuple[datetime, dict[str, Any]], minute: int, length: int, cap: int
) -> None:
    start, data = place
    plan = Schedule.model_validate(data | {"maxPostpone": cap})
    record = Record(postponed_until=oracle.at(start, minute + length), postponed_at=oracle.at(start, minute))
    plain, longer = states(plan, Record(), start), states(plan, record, start)
    for begin, end in oracle.runs(plain):
        until = longer.find(0, begin)
        until = MINUTES if until < 0 else until
        assert end <= until
        more = min(minute + length, end + cap) if minute + length > end else end
        assert until >= min(more, MINUTES)
    extra = sum(longer) - sum(plain)
    times = len(oracle.runs(plain)) + 1  # one may have ended before the stretch began
    assert 0 <= extra <= (cap + oracle.REST) * times


@given(plans(), st.integers(0, MINUTES))
@examples
def test_a_pause_leaves_everything_alone_and_then_ends(place: tuple[datetime, dict[str, Any]], minute: int) -> None:
    start, data = place
    until = oracle.at(start, minute)
    paused = Schedule.model_validate(data | {"pause": {"until": until.isoformat(), "reason": ""}})
    plain = Schedule.model_validate(data)
    assert desired(paused, Record(), until - timedelta(seconds=1)).state is None
    later = states(plain, Record(), start)
    opened = oracle.usable(data, set(), start, MINUTES + 1440)
    paused_later = states(paused, Record(), start, minute)
    for offset, state in enumerate(paused_later):
        assert state == later[minute + offset] or opened.find(1, minute + offset) - minute - offset < oracle.REST


@given(plans())
@examples
def test_what_was_written_can_be_read_and_checked(place: tuple[datetime, dict[str, Any]]) -> None:
    start, data = place
    plan, findings = check(data, start)
    assert plan is not None
    assert Schedule.model_validate(plan.model_dump(mode="json", by_alias=True)) == plan
    assert lint(plan, start) == findings
    assert all(found.severity == "warning" and found.message for found in findings)


@pytest.mark.parametrize("closes", ["08:01", "23:59", "24:00", "00:00", "07:59"])
def test_minutes_count_at_the_edges_of_a_day(closes: str) -> None:
    data = wire("UTC", window("mon", "08:00", closes))
    start = datetime(2026, 7, 12, tzinfo=UTC)
    expected = oracle.power(oracle.usable(data, set(), start, MINUTES), 8)
    assert states(Schedule.model_validate(data), Record(), start) == expected
