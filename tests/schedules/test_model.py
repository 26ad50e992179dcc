"""The form of a schedule on the wire."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from shared.schedules.holidays import UnknownCalendarError, check_country, check_subdivision, holidays_of, last_year
from shared.schedules.model import Schedule
from tests.schedules.given import OFFICE, utc, wire

FULL = {
    "timezone": "America/Los_Angeles",
    "windows": [{"days": ["mon", "tue"], "from": "08:00", "to": "24:00"}],
    "holidays": {"country": "US", "subdivision": "WA"},
    "off": [{"from": "2026-12-24", "to": "2026-12-31"}],
    "on": [{"date": "2026-12-12", "from": "09:00", "to": "13:00"}],
    "pause": {"until": "2026-12-01T16:00:00Z", "reason": "moving data"},
    "stopWhenIdle": 60,
    "warnMinutes": 20,
    "grace": 5,
    "maxPostpone": 60,
}


def test_the_wire_form_survives_a_round_trip() -> None:
    assert Schedule.model_validate(FULL).model_dump(mode="json", by_alias=True) == FULL


def test_an_offset_is_kept_as_an_instant() -> None:
    schedule = Schedule.model_validate(FULL | {"pause": {"until": "2026-12-01T08:00:00-08:00"}})
    assert schedule.pause
    assert schedule.pause.until == utc("2026-12-01T16:00")


def test_defaults() -> None:
    schedule = Schedule.model_validate(wire("UTC", OFFICE))
    assert (schedule.warn_minutes, schedule.grace, schedule.max_postpone) == (15, 10, 120)
    assert (schedule.holidays, schedule.off, schedule.on, schedule.pause, schedule.stop_when_idle) == (
        None,
        (),
        (),
        None,
        None,
    )


def test_days_are_kept_once_and_in_order() -> None:
    schedule = Schedule.model_validate(wire("UTC", {"days": ["fri", "mon", "mon"], "from": "08:00", "to": "09:00"}))
    assert schedule.windows[0].days == ("mon", "fri")


@pytest.mark.parametrize(
    "time", ["8:00", "08:00:00", "24:01", "25:00", "08:60", " 08:00", "08.00", "", None, True, 8.5, 1441, -1]
)
def test_other_times_of_day_are_refused(time: object) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(wire("UTC", {"days": ["mon"], "from": "08:00", "to": time}))


def test_the_schema_describes_the_wire() -> None:
    schema = Schedule.model_json_schema(by_alias=True)
    assert set(schema["properties"]) == set(FULL)
    assert schema["$defs"]["Window"]["properties"]["from"]["type"] == "string"


def test_holidays_of_a_subdivision_and_as_observed() -> None:
    washington, country = holidays_of("US", "WA", 2026), holidays_of("US", None, 2026)
    assert date(2026, 11, 27) in washington
    assert date(2026, 11, 27) not in country
    assert {date(2026, 7, 3), date(2026, 7, 4)} <= set(country)
    assert holidays_of("DE", "Bayern", 2026) == holidays_of("DE", "BY", 2026)
    assert holidays_of("US", None, last_year("US") + 1) == {}


@pytest.mark.parametrize(
    ("country", "meant"), [("us", "US"), ("USA", "US"), ("UK", "GB"), ("Germany", "DE"), ("Brasil", "BR")]
)
def test_an_unknown_country_is_refused_with_the_nearest(country: str, meant: str) -> None:
    with pytest.raises(UnknownCalendarError) as refused:
        check_country(country)
    assert meant in refused.value.nearest


@pytest.mark.parametrize(
    ("country", "subdivision", "meant"),
    [("US", "wa", "WA"), ("DE", "Bayer", "BY"), ("DE", "Bavaria", "BY"), ("CA", "Ontaro", "ON")],
)
def test_an_unknown_subdivision_is_refused_with_the_nearest(country: str, subdivision: str, meant: str) -> None:
    with pytest.raises(UnknownCalendarError) as refused:
        check_subdivision(country, subdivision)
    assert meant in refused.value.nearest


def test_a_country_without_a_like_is_refused_without_a_guess() -> None:
    with pytest.raises(UnknownCalendarError, match="two letters"):
        check_country("Q9")


def test_lengths_on_the_face_of_the_clock() -> None:
    schedule = Schedule.model_validate(FULL)
    assert timedelta(minutes=schedule.windows[0].length) == timedelta(hours=16)
