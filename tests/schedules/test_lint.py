"""What is said of a schedule when it is written."""

from typing import Any

import pytest

from shared.schedules import holidays
from shared.schedules.lint import check
from tests.schedules.given import EVERY_DAY, OFFICE, WEEKDAYS, utc, window, wire

NOW = utc("2026-07-13T12:00")
LA = "America/Los_Angeles"


def found(data: object) -> list[tuple[str, str, str]]:
    return [(finding.severity, finding.code, finding.field) for finding in check(data, NOW)[1]]


WARNINGS: list[tuple[str, str, dict[str, Any]]] = [
    ("NeverOff", "windows", wire(LA, window(EVERY_DAY, "00:00", "12:00"), window(EVERY_DAY, "12:00", "24:00"))),
    ("NeverOff", "windows", wire("UTC", window(EVERY_DAY, "20:00", "08:00"), window(EVERY_DAY, "08:00", "20:00"))),
    ("NeverOn", "windows", wire(LA)),
    ("Overlap", "windows[1]", wire(LA, window("mon", "08:00", "14:00"), window("mon", "13:59", "18:00"))),
    ("Redundant", "windows[1]", wire(LA, OFFICE, OFFICE)),
    ("ShortGap", "windows[0].to", wire(LA, window("sun", "08:00", "24:00"), window("mon", "00:34", "18:00"))),
    ("Unreachable", "windows[0]", wire(LA, OFFICE, off=[{"from": "2026-01-01", "to": "2028-01-01"}])),
    ("PastDate", "off[0].to", wire(LA, OFFICE, off=[{"from": "2026-07-01", "to": "2026-07-12"}])),
    ("PastDate", "on[0].date", wire(LA, OFFICE, on=[{"date": "2026-07-12", "from": "09:00", "to": "10:00"}])),
    ("Redundant", "on[0]", wire(LA, OFFICE, on=[{"date": "2026-07-14", "from": "09:00", "to": "10:00"}])),
    (
        "Unreachable",
        "on[0]",
        wire("Europe/Berlin", OFFICE, on=[{"date": "2027-03-28", "from": "02:15", "to": "02:45"}]),
    ),
    ("PastPause", "pause.until", wire(LA, OFFICE, pause={"until": "2026-07-13T12:00:00Z"})),
    ("FixedOffset", "timezone", wire("Etc/GMT+9", OFFICE)),
    ("ClockChange", "windows[0].from", wire("America/Santiago", window("sun", "00:00", "06:00"))),
    ("ClockChange", "windows[0].to", wire("America/Santiago", window("sat", "20:00", "24:00"))),
]


@pytest.mark.parametrize(("code", "field", "data"), WARNINGS, ids=[f"{row[0]}-{row[1]}" for row in WARNINGS])
def test_a_warning_comes_with_the_schedule(code: str, field: str, data: dict[str, Any]) -> None:
    schedule, findings = check(data, NOW)
    assert schedule is not None
    assert {(finding.severity, finding.code, finding.field) for finding in findings} == {("warning", code, field)}


@pytest.mark.parametrize(
    "data",
    [
        wire(LA, OFFICE),
        wire(LA, window("mon", "08:00", "12:00"), window("mon", "12:35", "18:00")),
        wire(LA, window("mon", "08:00", "24:00"), window("tue", "00:00", "10:00")),
        wire(LA, window(WEEKDAYS, "08:00", "18:00"), window("sat", "10:00", "14:00")),
        wire(LA, OFFICE, holidays={"country": "US", "subdivision": "WA"}),
        wire(LA, OFFICE, on=[{"date": "2026-07-18", "from": "22:00", "to": "02:00"}]),
        wire(LA, OFFICE, pause={"until": "2026-07-20T00:00:00-07:00", "reason": "moving data"}),
        wire(LA, on=[{"date": "2026-12-12", "from": "09:00", "to": "13:00"}]),
    ],
)
def test_nothing_is_said_of_what_is_probably_meant(data: dict[str, Any]) -> None:
    assert found(data) == []


def test_a_calendar_that_runs_out_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    data = wire(LA, OFFICE, holidays={"country": "US"})
    monkeypatch.setattr(holidays, "last_year", lambda country: 2026)
    assert found(data) == [("warning", "HolidaysEnd", "holidays.country")]
    monkeypatch.setattr(holidays, "last_year", lambda country: 2030)
    monkeypatch.setattr(holidays, "holidays_of", lambda country, subdivision, year: {})
    assert found(data) == [("warning", "NoHolidays", "holidays.country")]


def test_every_wrong_field_is_named_at_once() -> None:
    data = {
        "timezone": "PST",
        "windows": [{"days": ["Monday"], "from": "8", "to": "18:00"}, {"days": [], "from": "09:00", "to": "09:00"}],
        "holidays": {"country": "XX"},
        "off": [{"from": "2026-12-24", "to": "2026-02-30"}, {"from": "2026-12-24", "to": "2026-12-23"}],
        "on": [{"date": 5, "from": "09:00", "to": "10:00"}],
        "pause": {"until": "2026-12-24"},
        "stopWhenIdle": 5,
        "warnMinutes": True,
        "maxPostpone": "60",
        "stop_when_idle": 30,
    }
    assert found(data) == [
        ("error", "UnknownZone", "timezone"),
        ("error", "InvalidValue", "windows[0].from"),
        ("error", "InvalidValue", "windows[0].days[0]"),
        ("error", "ZeroLength", "windows[1].to"),
        ("error", "NoDays", "windows[1].days"),
        ("error", "UnknownCountry", "holidays.country"),
        ("error", "InvalidValue", "off[0].to"),
        ("error", "OutOfOrder", "off[1].to"),
        ("error", "InvalidValue", "on[0].date"),
        ("error", "InvalidValue", "pause.until"),
        ("error", "GreaterThanEqual", "stopWhenIdle"),
        ("error", "WrongType", "warnMinutes"),
        ("error", "WrongType", "maxPostpone"),
        ("error", "UnknownField", "stop_when_idle"),
    ]


def test_a_pause_longer_than_a_stopped_cluster_lives_is_refused() -> None:
    schedule, findings = check(wire(LA, OFFICE, pause={"until": "2027-07-15T00:00:00Z"}), NOW)
    assert schedule is None
    assert [(finding.severity, finding.code) for finding in findings] == [("error", "PauseTooLong")]


def test_errors_come_first() -> None:
    data = wire("Etc/UTC", OFFICE, OFFICE, pause={"until": "2028-07-15T00:00:00Z"})
    assert [severity for severity, _, _ in found(data)] == ["error", "warning", "warning"]


@pytest.mark.parametrize("data", [None, 5, "", []])
def test_what_is_no_object_is_refused(data: object) -> None:
    assert [(severity, field) for severity, _, field in found(data)] == [("error", "")]
