"""The twelve rules of schedules, one section each; what the survey's cases and the replay already show is not repeated."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.schedules.decide import SETTLE, desired, desired_of
from shared.schedules.lead import lead_time
from shared.schedules.overrides import (
    OverrideError,
    latest_postponement,
    override_for_start,
    override_for_stop,
    since_after_edit,
)
from shared.schedules.preview import edges
from shared.schedules.record import PowerState, Record
from shared.schedules.zones import UnknownZoneError, nearest, zone
from tests.schedules.given import EVERY_DAY, OFFICE, WEEKDAYS, local, schedule, utc, window, wire

ON, OFF = PowerState.ON, PowerState.OFF
LA = "America/Los_Angeles"
PLAN = schedule(LA, OFFICE)
ALWAYS = schedule(LA, window(EVERY_DAY, "00:00", "24:00"))
NEVER = schedule(LA)


def monday(time: str) -> str:
    return f"2026-07-13T{time}"


def test_rule_01_the_answer_depends_on_clock_and_record_alone() -> None:
    now = local(LA, monday("12:00"))
    first = desired(PLAN, Record(), now)
    desired(PLAN, Record(), local(LA, "2026-07-18T12:00"))
    assert desired(PLAN, Record(), now) == first


def test_rule_01_no_schedule_is_on_around_the_clock() -> None:
    decision = desired(None, Record(), utc("2026-07-13T03:00"))
    assert (decision.state, decision.until) == (ON, None)


def test_rule_01_until_says_when_and_usable_from_says_the_promise() -> None:
    decision = desired(PLAN, Record(), local(LA, monday("06:00")))
    assert (decision.state, decision.until) == (OFF, local(LA, monday("07:52")))
    assert decision.usable_from == local(LA, monday("08:00"))


@pytest.mark.parametrize("name", ["Europe/Paris", "UTC", "Etc/GMT-3", "America/Argentina/Salta", "US/Pacific"])
def test_rule_02_names_of_the_database_are_zones(name: str) -> None:
    assert zone(name).utcoffset(utc("2026-07-13T12:00")) is not None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("america/los_angeles", "America/Los_Angeles"),
        ("America/Los Angeles", "America/Los_Angeles"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Munich", "Europe/Zurich"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Pacific Daylight Time", "America/Los_Angeles"),
        ("GMT", "Europe/London"),
        ("Japan", "Asia/Tokyo"),
    ],
)
def test_rule_02_others_are_refused_with_the_nearest_names(name: str, meant: str) -> None:
    with pytest.raises(UnknownZoneError) as refused:
        zone(name)
    assert meant in refused.value.nearest
    assert meant in str(refused.value)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "America", "America/Argentina", "posix/UTC", "Etc/\0", "A" * 300]
)
def test_rule_02_nothing_but_a_zone_is_read(name: str) -> None:
    with pytest.raises(UnknownZoneError):
        zone(name)


def test_rule_02_every_name_that_is_suggested_for_an_abbreviation_is_a_zone() -> None:
    from shared.schedules.zones import MEANT

    assert {str(zone(suggested)) for written in MEANT for suggested in nearest(written)} >= {"UTC", "Asia/Kolkata"}


def test_rule_03_a_window_on_a_day_off_does_not_open_and_the_evening_before_runs_on() -> None:
    plan = schedule(LA, window(WEEKDAYS, "20:00", "06:00"), off=[{"from": "2026-07-14", "to": "2026-07-14"}])
    shown = [
        (edge.local.strftime("%d %H:%M"), edge.to) for edge in edges(plan, Record(), local(LA, monday("12:00")), 3)
    ]
    assert shown == [("13 20:00", ON), ("14 06:00", OFF), ("15 20:00", ON), ("16 06:00", OFF)]


def test_rule_03_touching_windows_of_different_kinds_are_one() -> None:
    plan = schedule(LA, OFFICE, on=[{"date": "2026-07-13", "from": "18:00", "to": "02:00"}])
    assert desired(plan, Record(), local(LA, monday("09:00"))).until == local(LA, "2026-07-14T02:00")


@pytest.mark.parametrize("day", ["2026-10-24", "2026-10-25"])
def test_rule_04_days_on_which_the_clock_changes_are_marked(day: str) -> None:
    plan = schedule("Europe/Berlin", window(EVERY_DAY, "08:00", "09:00"))
    found = edges(plan, Record(), local("Europe/Berlin", f"{day}T00:00"), 1)
    assert [edge.dst_day for edge in found] == [day == "2026-10-25"] * 2


def test_rule_04_the_day_after_a_skipped_day_is_marked() -> None:
    plan = schedule("Pacific/Apia", window(EVERY_DAY, "08:00", "09:00"))
    found = edges(plan, Record(), utc("2011-12-28T12:00"), 4)
    assert [edge.local.day for edge in found if edge.dst_day] == [31, 31]
    assert {edge.local.day for edge in found} >= {29, 31, 1}


def test_rule_05_a_date_on_beats_holidays_and_dates_off_with_its_own_hours_only() -> None:
    plan = schedule(
        LA,
        OFFICE,
        holidays={"country": "US"},
        off=[{"from": "2026-12-24", "to": "2026-12-26"}],
        on=[{"date": "2026-12-25", "from": "22:00", "to": "02:00"}],
    )
    found = edges(plan, Record(), local(LA, "2026-12-24T00:00"), 3)
    assert [edge.at for edge in found] == [local(LA, "2026-12-25T22:00"), local(LA, "2026-12-26T02:00")]


def test_rule_05_a_date_on_adds_to_the_windows_of_its_day() -> None:
    plan = schedule(LA, OFFICE, on=[{"date": "2026-07-13", "from": "20:00", "to": "22:00"}])
    found = edges(plan, Record(), local(LA, monday("00:00")), 1)
    assert [edge.at for edge in found] == [local(LA, monday(time)) for time in ("08:00", "18:00", "20:00", "22:00")]


def test_rule_05_the_reason_names_the_holiday() -> None:
    plan = schedule(LA, OFFICE, holidays={"country": "US"})
    assert "Thanksgiving" in desired(plan, Record(), local(LA, "2026-11-26T10:00")).reason


class TestRule05Pause:
    """A pause leaves the hub as it is; what people ask for by hand happens, and ends."""

    plan = schedule(LA, OFFICE, pause={"until": "2026-07-15T12:00:00-07:00", "reason": "moving data"})
    end = local(LA, "2026-07-15T12:00")

    def test_leaves_it_as_it_is_and_says_so(self) -> None:
        decision = desired(self.plan, Record(), local(LA, monday("10:00")))
        assert (decision.state, decision.until) == (None, self.end)
        assert "moving data" in decision.reason

    def test_ends_by_itself_in_the_middle_of_a_window(self) -> None:
        assert desired(self.plan, Record(), self.end).state is ON

    def test_starts_nothing_early(self) -> None:
        plan = schedule(LA, OFFICE, pause={"until": "2026-07-15T07:55:00-07:00"})
        assert desired(plan, Record(), local(LA, "2026-07-15T07:54")).state is None
        assert desired(plan, Record(), local(LA, "2026-07-15T07:55")).state is ON

    def test_a_start_by_hand_holds_and_ends(self) -> None:
        written, now = local(LA, monday("09:00")), local(LA, monday("20:00"))
        record = Record(override_for_start(self.plan, now, None, None, "ann", ""), schedule_since=written)
        assert desired(self.plan, record, now).state is ON
        assert desired(self.plan, record, now).until == local(LA, monday("22:00"))
        assert desired(self.plan, record, local(LA, monday("22:00"))).state is OFF

    def test_a_start_from_before_the_pause_stops_nothing_in_it(self) -> None:
        record = Record(override_for_start(PLAN, local(LA, "2026-07-12T10:00"), None, None, "ann", ""))
        record = replace(record, schedule_since=local(LA, monday("09:00")))
        assert desired(self.plan, record, local(LA, monday("10:00"))).state is None

    def test_a_stop_by_hand_holds_until_a_window_opens_after_it(self) -> None:
        plan = schedule(LA, OFFICE, pause={"until": "2026-07-15T20:00:00-07:00"})
        override = override_for_stop(plan, local(LA, monday("12:00")), "ann", "")
        assert override.until == local(LA, "2026-07-16T08:00")
        assert desired(plan, Record(override), local(LA, "2026-07-14T12:00")).state is OFF

    def test_a_stop_that_was_to_end_in_a_pause_ends_there_and_starts_nothing(self) -> None:
        record = Record(override_for_stop(PLAN, local(LA, monday("12:00")), "ann", ""))
        decision = desired(self.plan, record, local(LA, monday("20:00")))
        assert (decision.state, decision.until) == (OFF, local(LA, "2026-07-14T08:00"))
        assert desired(self.plan, record, local(LA, "2026-07-14T08:00")).state is None

    def test_users_are_told_when_its_end_will_stop_the_hub(self) -> None:
        evening = schedule(LA, OFFICE, pause={"until": "2026-07-15T20:00:00-07:00"})
        assert desired(evening, Record(), local(LA, monday("10:00"))).warn_at == local(LA, "2026-07-15T19:45")
        assert desired(self.plan, Record(), local(LA, monday("10:00"))).warn_at is None

    def test_is_one_edge_in_the_calendar(self) -> None:
        found = edges(self.plan, Record(), local(LA, monday("00:00")), 3)
        assert [(edge.at, edge.to) for edge in found] == [(self.end, ON), (local(LA, "2026-07-15T18:00"), OFF)]


class TestRule06:
    """By hand: a start never cuts a window, a stop holds until the next one opens."""

    @pytest.mark.parametrize(
        ("start", "hours", "until"),
        [
            ("2026-07-11T14:00", None, "2026-07-11T16:00"),
            ("2026-07-13T05:00", 2, "2026-07-13T07:00"),
            ("2026-07-13T06:00", 2, "2026-07-13T18:00"),
            ("2026-07-13T07:00", 2, "2026-07-13T18:00"),
            ("2026-07-13T09:00", 2, "2026-07-13T18:00"),
            ("2026-07-13T17:00", None, "2026-07-13T19:00"),
            ("2026-07-13T17:00", 15, "2026-07-14T18:00"),
            ("2026-07-17T19:00", 24 * 4, "2026-07-21T19:00"),
        ],
    )
    def test_a_start_ends_as_asked_or_with_the_window_it_would_end_in(
        self, start: str, hours: int | None, until: str
    ) -> None:
        asked = timedelta(hours=hours) if hours else None
        override = override_for_start(PLAN, local(LA, start), asked, None, "ann", "")
        assert override.until == local(LA, until)
        assert desired(PLAN, Record(override), local(LA, start)).until == local(LA, until)

    def test_a_start_that_ends_just_before_a_window_stays_on_into_it(self) -> None:
        override = override_for_start(PLAN, local(LA, monday("05:45")), None, None, "ann", "")
        assert override.until == local(LA, monday("18:00"))

    def test_a_start_until_a_time(self) -> None:
        until = local(LA, "2026-07-11T23:00")
        assert override_for_start(PLAN, local(LA, "2026-07-11T14:00"), None, until, "ann", "").until == until

    @pytest.mark.parametrize(
        ("duration", "until"),
        [
            (timedelta(0), None),
            (timedelta(days=32), None),
            (None, utc("2026-07-11T00:00")),
            (timedelta(hours=1), utc("2026-07-12T00:00")),
        ],
    )
    def test_a_start_that_cannot_be_meant_is_refused(self, duration: timedelta | None, until: None) -> None:
        with pytest.raises(OverrideError):
            override_for_start(PLAN, utc("2026-07-11T14:00"), duration, until, "ann", "")

    def test_a_stop_in_a_window_holds_until_the_next_one(self) -> None:
        now = local(LA, "2026-07-17T12:00")
        assert override_for_stop(PLAN, now, "ann", "").until == local(LA, "2026-07-20T08:00")

    def test_a_stop_in_a_window_holds_only_until_an_exam_day(self) -> None:
        plan = schedule(LA, OFFICE, on=[{"date": "2026-07-18", "from": "09:00", "to": "13:00"}])
        now = local(LA, "2026-07-17T12:00")
        record = Record(override_for_stop(plan, now, "ann", ""))
        assert desired(plan, record, now).usable_from == local(LA, "2026-07-18T09:00")

    def test_an_exam_day_that_is_added_later_ends_a_stop(self) -> None:
        now = local(LA, "2026-07-17T12:00")
        record = Record(override_for_stop(PLAN, now, "ann", ""))
        plan = schedule(LA, OFFICE, on=[{"date": "2026-07-18", "from": "09:00", "to": "13:00"}])
        edit = local(LA, "2026-07-17T14:00")
        record = replace(record, schedule_since=since_after_edit(PLAN, plan, record, edit))
        assert desired(plan, record, local(LA, "2026-07-18T09:00")).state is ON

    def test_windows_moved_over_a_stop_do_not_end_it_in_the_past(self) -> None:
        record = Record(override_for_stop(PLAN, local(LA, monday("12:00")), "ann", ""))
        plan, edit = schedule(LA, window(WEEKDAYS, "13:00", "20:00")), local(LA, monday("14:00"))
        record = replace(record, schedule_since=since_after_edit(PLAN, plan, record, edit))
        assert record.schedule_since == edit
        assert desired(plan, record, local(LA, monday("15:00"))).state is OFF

    def test_a_stop_outside_a_window_ends_a_start(self) -> None:
        now = local(LA, "2026-07-11T14:00")
        record = Record(override_for_stop(PLAN, now, "ann", "done"))
        decision = desired(PLAN, record, now)
        assert (decision.state, decision.usable_from) == (OFF, local(LA, monday("08:00")))
        assert "ann" in decision.reason

    def test_a_stop_while_starting_for_a_window_is_kept_until_it_opens(self) -> None:
        now = local(LA, monday("07:55"))
        record = Record(override_for_stop(PLAN, now, "ann", ""))
        assert desired(PLAN, record, now).state is OFF
        assert desired(PLAN, record, now).until == local(LA, monday("08:00"))

    def test_a_stop_holds_even_where_a_stop_by_the_schedule_would_be_too_short(self) -> None:
        plan = schedule(LA, window("mon", "08:00", "12:00"), window("mon", "12:20", "18:00"))
        for stopped in ("11:55", "12:05"):
            now = local(LA, monday(stopped))
            decision = desired(plan, Record(override_for_stop(plan, now, "ann", "")), now)
            assert (decision.state, decision.until) == (OFF, local(LA, monday("12:12")))

    def test_a_stop_the_evening_before_does_not_delay_the_morning(self) -> None:
        record = Record(override_for_stop(PLAN, local(LA, "2026-07-12T22:00"), "ann", ""))
        assert desired(PLAN, record, local(LA, monday("07:52"))).state is ON

    @pytest.mark.parametrize("plan", [None, ALWAYS, NEVER])
    def test_a_stop_without_a_window_to_come_holds_until_somebody_starts_it(self, plan: None) -> None:
        now = utc("2026-07-13T12:00")
        override = override_for_stop(plan, now, "ann", "")
        assert override.until is None
        for days in (0, 200, 361, 5000):
            decision = desired(plan, Record(override), now + timedelta(days=days))
            assert (decision.state, decision.until, decision.usable_from) == (OFF, None, None)
            assert "until somebody starts it" in decision.reason

    def test_a_stop_without_a_window_to_come_ends_with_the_first_one_of_a_schedule_that_is_written_later(self) -> None:
        stopped, written = local(LA, monday("12:00")), local(LA, "2029-07-13T12:00")
        record = Record(override_for_stop(None, stopped, "ann", ""))
        record = replace(record, schedule_since=since_after_edit(None, PLAN, record, written))
        decision = desired(PLAN, record, written)
        assert (decision.state, decision.usable_from) == (OFF, local(LA, "2029-07-16T08:00"))
        assert decision.reason == "Stopped by ann until Mon 2029-07-16 08:00 (America/Los_Angeles)."
        assert desired(PLAN, record, local(LA, "2029-07-16T08:00")).state is ON

    def test_a_stop_without_a_window_to_come_within_the_horizon_ends_with_one_that_comes_after_it(self) -> None:
        plan = schedule(LA, on=[{"date": "2028-07-13", "from": "09:00", "to": "13:00"}])
        record = Record(override_for_stop(plan, local(LA, monday("12:00")), "ann", ""))
        assert record.override is not None
        assert record.override.until is None
        assert desired(plan, record, local(LA, "2026-12-13T12:00")).usable_from is None
        assert desired(plan, record, local(LA, "2028-01-13T12:00")).usable_from == local(LA, "2028-07-13T09:00")
        assert desired(plan, record, local(LA, "2028-07-13T09:00")).state is ON

    def test_an_unused_hub_is_not_said_to_be_off_for_that_after_a_stop_that_is_over(self) -> None:
        plan = schedule(LA, OFFICE, stopWhenIdle=30)
        record = Record(override_for_stop(None, local(LA, monday("07:00")), "ann", ""), last_activity=utc("2026-07-13"))
        assert desired(plan, record, local(LA, monday("20:00"))).reason.startswith("Outside its hours")

    def test_a_start_after_a_stop_takes_its_place(self) -> None:
        now = local(LA, monday("12:30"))
        record = Record(override_for_start(PLAN, now, None, None, "bob", ""))
        assert desired(PLAN, record, now).until == local(LA, monday("18:00"))

    def test_an_unused_hub_stops_before_its_start_by_hand_ends(self) -> None:
        plan = schedule(LA, OFFICE, stopWhenIdle=30)
        now = local(LA, "2026-07-11T14:00")
        record = Record(override_for_start(plan, now, timedelta(hours=5), None, "ann", ""))
        used = replace(record, last_activity=local(LA, "2026-07-11T15:00"))
        assert desired(plan, record, local(LA, "2026-07-11T18:00")).state is ON  # not known: changes nothing
        assert desired(plan, used, now).until == local(LA, "2026-07-11T15:30")
        assert desired(plan, used, local(LA, "2026-07-11T15:30")).state is OFF
        assert "30 minutes" in desired(plan, used, local(LA, "2026-07-11T15:30")).reason

    def test_an_unused_hub_is_not_stopped_in_its_windows(self) -> None:
        plan = schedule(LA, OFFICE, stopWhenIdle=30)
        record = Record(last_activity=local(LA, monday("08:00")))
        assert desired(plan, record, local(LA, monday("17:59"))).state is ON


@pytest.mark.parametrize(
    ("starts", "seconds"),
    [
        ((), 480),
        ((200.0,), 200),
        ((300.0, 200.0, 250.0), 300),
        (tuple(float(n) for n in range(100, 1100, 100)), 900),
        ((5000.0,), 1200),
        ((float("nan"), -5.0, 240.0), 240),
    ],
)
def test_rule_07_the_lead_is_the_90th_percentile_of_recent_starts(starts: tuple[float, ...], seconds: float) -> None:
    assert lead_time(starts) == timedelta(seconds=seconds)


def test_rule_07_the_power_comes_before_the_promise_and_the_calendar_shows_the_promise() -> None:
    record = Record(starts=(300.0,))
    before = local(LA, monday("07:55"))
    assert desired(PLAN, record, before - timedelta(seconds=1)).state is OFF
    assert desired(PLAN, record, before).state is ON
    assert "to be usable at Mon 2026-07-13 08:00" in desired(PLAN, record, before).reason
    (first, *_) = edges(PLAN, record, local(LA, monday("07:57")), 1)
    assert (first.at, first.begins) == (local(LA, monday("08:00")), before)


class TestRule08:
    """Users are told before a stop and can put it off, to a cap."""

    def test_the_warning_is_due_before_the_stop(self) -> None:
        assert desired(PLAN, Record(), local(LA, monday("12:00"))).warn_at == local(LA, monday("17:45"))
        assert desired(PLAN, Record(), local(LA, monday("06:00"))).warn_at is None

    def test_a_postponed_stop_comes_later(self) -> None:
        record = Record(postponed_until=local(LA, monday("18:45")), postponed_at=local(LA, monday("17:50")))
        decision = desired(PLAN, record, local(LA, monday("18:10")))
        assert (decision.state, decision.until) == (ON, local(LA, monday("18:45")))
        assert "postponed" in decision.reason
        assert desired(PLAN, record, local(LA, monday("18:45"))).state is OFF

    def test_not_later_than_the_cap_counted_from_when_it_was_due(self) -> None:
        plan = schedule(LA, OFFICE, maxPostpone=60)
        record = Record(postponed_until=local(LA, monday("23:00")))
        assert desired(plan, record, local(LA, monday("18:10"))).until == local(LA, monday("19:00"))
        assert latest_postponement(plan, record, local(LA, monday("18:10"))) == local(LA, monday("19:00"))

    def test_with_nothing_to_stop_there_is_nothing_to_postpone(self) -> None:
        assert latest_postponement(PLAN, Record(), local(LA, "2026-07-12T12:00")) is None
        assert latest_postponement(ALWAYS, Record(), local(LA, "2026-07-12T12:00")) is None
        assert latest_postponement(None, Record(), local(LA, "2026-07-12T12:00")) is None

    def test_a_postponement_does_not_outlast_a_later_stop_by_hand(self) -> None:
        now = local(LA, monday("18:10"))
        record = Record(
            override_for_stop(PLAN, now, "ann", ""),
            postponed_until=local(LA, monday("18:45")),
            postponed_at=local(LA, monday("17:50")),
        )
        assert desired(PLAN, record, now).state is OFF

    def test_a_stop_by_hand_can_be_postponed_too(self) -> None:
        now = local(LA, monday("12:00"))
        record = Record(
            override_for_stop(PLAN, now, "ann", ""),
            postponed_until=local(LA, monday("12:30")),
            postponed_at=local(LA, monday("12:01")),
        )
        assert desired(PLAN, record, local(LA, monday("12:02"))).until == local(LA, monday("12:30"))

    def test_yesterdays_postponement_is_forgotten(self) -> None:
        record = Record(postponed_until=local(LA, monday("18:45")))
        assert desired(PLAN, record, local(LA, "2026-07-14T18:00")).state is OFF


def test_rule_11_an_unreadable_schedule_stops_no_hub_and_says_so() -> None:
    broken = wire("Mars/Olympus", OFFICE)
    decision = desired_of(broken, Record(), local(LA, monday("23:00")))
    assert decision.state is None
    assert "timezone" in decision.reason
    everything_else: list[object] = ["", 5, [], {"windows": 3}]
    assert {desired_of(data, Record(), local(LA, monday("23:00"))).state for data in everything_else} == {None}


def test_rule_11_what_people_ask_by_hand_counts_even_then() -> None:
    now = local(LA, monday("23:00"))
    record = Record(override_for_start(None, now, None, None, "ann", ""))
    assert desired_of({}, record, now).state is ON
    assert desired_of({}, record, now).until == local(LA, "2026-07-14T01:00")
    assert desired_of({}, record, local(LA, "2026-07-14T01:00")).state is None


def test_rule_12_an_edit_during_a_start_by_hand_changes_nothing_until_that_ends() -> None:
    now = local(LA, monday("20:00"))
    record = Record(override_for_start(PLAN, now, None, None, "ann", ""), schedule_since=local(LA, monday("21:50")))
    assert desired(NEVER, record, local(LA, monday("21:55"))).state is ON
    assert desired(NEVER, record, local(LA, monday("22:00"))).state is OFF


def test_rule_12_an_opening_soon_after_the_edit_is_prepared() -> None:
    record = Record(schedule_since=local(LA, monday("07:55")))
    assert desired(PLAN, record, local(LA, monday("07:55"))).state is ON


def test_rule_12_a_removed_schedule_starts_nothing_at_once() -> None:
    since = local(LA, monday("22:00"))
    assert desired(None, Record(schedule_since=since), since).state is None
    assert desired(None, Record(schedule_since=since), since + SETTLE).state is ON


def test_rule_12_users_are_told_before_an_edit_takes_effect() -> None:
    since = local(LA, monday("22:00"))
    assert desired(PLAN, Record(schedule_since=since), since).warn_at == local(LA, monday("22:15"))


@pytest.mark.source
def test_the_calendar_library_is_loaded_only_for_a_schedule_that_has_holidays() -> None:
    code = (
        "import sys, datetime as d\n"
        "from shared.schedules import decide, lint, model, overrides, preview\n"
        "plan = model.Schedule.model_validate({'timezone': 'UTC', 'windows': []})\n"
        "decide.desired(plan, decide.Record(), d.datetime(2026, 1, 1, tzinfo=d.UTC))\n"
        "assert 'holidays' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
