"""Runs the table of cases, and the ones that a row cannot say; the survey's numbers are in the names."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.schedules.decide import desired, desired_of
from shared.schedules.lead import earliest_start
from shared.schedules.lint import check
from shared.schedules.model import Schedule
from shared.schedules.overrides import override_for_start, override_for_stop, since_after_edit
from shared.schedules.preview import edges
from shared.schedules.record import Record
from tests.schedules.cases import BEIRUT, BERLIN, CASES, LA, OFF, ON, REFUSED, SANTIAGO, WARNED, Case, by_hand
from tests.schedules.given import OFFICE, WEEKDAYS, local, schedule, utc, window, wire


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case) -> None:
    decision = desired_of(case.schedule, case.record, case.now)
    assert decision.state is case.state
    assert decision.reason.endswith(".")
    if case.until:
        assert decision.until == case.until


@pytest.mark.parametrize(("data", "where", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_when_written(data: dict[str, Any], where: str, says: str) -> None:
    refused, findings = check(data, utc("2026-07-13T12:00"))
    assert refused is None
    assert [(found.severity, found.field) for found in findings] == [("error", where)]
    assert says in findings[0].message


@pytest.mark.parametrize(("data", "code"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED])
def test_written_with_a_warning(data: dict[str, Any], code: str) -> None:
    accepted, findings = check(data, utc("2026-07-13T12:00"))
    assert accepted
    assert {(found.severity, found.code) for found in findings} == {("warning", code)}


def test_item_06_no_local_midnight_throws_anywhere_in_a_year_of_dates_off() -> None:
    off = [{"from": "2026-01-01", "to": "2026-12-31"}]
    for zone in (SANTIAGO, BEIRUT, "Africa/Cairo", "America/Havana"):
        assert edges(schedule(zone, OFFICE, off=off), Record(), utc("2026-01-05T00:00"), 350) == []


def test_item_07_every_edge_happens_once_where_hours_come_twice() -> None:
    found = edges(schedule(BERLIN, window("sun", "02:00", "02:59")), Record(), utc("2026-10-24T12:00"), 1)
    assert [(edge.at, edge.to) for edge in found] == [(utc("2026-10-25T00:00"), ON), (utc("2026-10-25T01:59"), OFF)]
    assert all(edge.dst_day for edge in found)


def test_item_09_the_zone_of_the_machine_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    now = utc("2026-07-13T15:00")
    here = desired(schedule(LA, OFFICE), Record(), now)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("WEBSITE_TIME_ZONE", "Tokyo Standard Time")
    time.tzset()
    try:
        assert desired(schedule(LA, OFFICE), Record(), now) == here
    finally:
        monkeypatch.undo()
        time.tzset()


def test_item_09_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        desired(schedule(LA, OFFICE), Record(), datetime(2026, 7, 13, 8))


def test_item_18_an_override_that_would_end_in_a_window_ends_with_it() -> None:
    now = local(LA, "2026-07-13T21:45")
    override = override_for_start(schedule(LA, OFFICE), now, timedelta(hours=12), None, "ann", "night run")
    assert override.until == local(LA, "2026-07-14T18:00")


def test_item_19_who_started_it_is_recorded_and_shown() -> None:
    plan, now = schedule(LA, OFFICE), local(LA, "2026-07-11T14:00")
    record = Record(override_for_start(plan, now, None, None, "ann", "grading"))
    assert desired(plan, record, now).reason == (
        "Started by ann, on until Sat 2026-07-11 16:00 (America/Los_Angeles): grading."
    )
    assert "ann" not in desired(plan, record, local(LA, "2026-07-13T08:00")).reason


def test_item_20_an_edit_moves_the_end_of_a_start_that_ends_with_a_window() -> None:
    now = local(LA, "2026-07-13T07:00")
    record = Record(override_for_start(schedule(LA, OFFICE), now, None, None, "ann", ""))
    shorter = schedule(LA, window(WEEKDAYS, "08:00", "16:00"))
    assert desired(shorter, record, local(LA, "2026-07-13T12:00")).until == local(LA, "2026-07-13T16:00")


def test_item_20_a_calendar_has_no_edge_before_the_edit() -> None:
    record = Record(schedule_since=local(LA, "2026-07-14T12:00"))
    found = edges(schedule(LA, OFFICE), record, local(LA, "2026-07-13T00:00"), 2)
    assert [edge.local.isoformat() for edge in found] == ["2026-07-14T12:30:00-07:00", "2026-07-14T18:00:00-07:00"]


def test_item_20_an_edit_that_leaves_the_present_alone_holds_nothing_back() -> None:
    old, new = schedule(LA, OFFICE), schedule(LA, OFFICE, off=[{"from": "2026-12-24", "to": "2026-12-31"}])
    now = local(LA, "2026-07-13T08:01")
    assert since_after_edit(old, new, Record(), now) is None
    assert since_after_edit(old, schedule(LA), Record(), now) == now


def test_item_22_a_start_within_the_rest_after_a_stop_is_queued() -> None:
    record = Record(last_stop_ended=utc("2026-07-13T12:00"))
    assert earliest_start(record, utc("2026-07-13T12:05")) == utc("2026-07-13T12:15")
    assert earliest_start(record, utc("2026-07-13T12:20")) == utc("2026-07-13T12:20")
    assert earliest_start(Record(), utc("2026-07-13T12:20")) == utc("2026-07-13T12:20")


def test_item_22_a_stop_that_would_delay_the_next_opening_is_not_made() -> None:
    plan = schedule(LA, window("mon", "08:00", "12:00"), window("mon", "12:20", "18:00"))
    assert desired(plan, Record(), local(LA, "2026-07-13T12:05")).state is ON
    assert desired(plan, Record(starts=(60.0,)), local(LA, "2026-07-13T12:01")).state is OFF


def test_item_30_the_same_answer_after_a_restart() -> None:
    plan = wire(LA, OFFICE, pause={"until": "2026-07-20T00:00:00-07:00", "reason": "move"})
    record = by_hand(ON, local(LA, "2026-07-11T14:00"), local(LA, "2026-07-11T16:00"))
    again = Schedule.model_validate(plan).model_dump(mode="json", by_alias=True)
    now = local(LA, "2026-07-11T15:00")
    assert desired_of(again, record, now) == desired_of(plan, record, now)


def test_item_17_a_stop_only_wish_is_repeated_each_evening() -> None:
    plan = schedule(LA, OFFICE)
    now = local(LA, "2026-07-13T19:00")
    record = Record(override_for_start(plan, now, timedelta(hours=1), None, "ann", ""))
    assert desired(plan, record, local(LA, "2026-07-13T20:00")).state is OFF
    stopped = Record(override_for_stop(plan, now, "ann", ""))
    assert desired(plan, stopped, local(LA, "2026-07-14T08:00")).state is ON
    assert desired(plan, stopped, local(LA, "2026-07-14T18:00")).state is OFF


def test_cases_are_named_once() -> None:
    names = [case.id for case in CASES] + [row[0] for row in REFUSED] + [row[0] for row in WARNED]
    assert len(names) == len(set(names))
    assert datetime(2026, 7, 13, tzinfo=UTC).weekday() == 0  # the Monday of most rows
