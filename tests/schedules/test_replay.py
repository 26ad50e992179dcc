"""A year of real time in zones with every kind of clock, minute by minute, against the oracle."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.schedules.decide import desired
from shared.schedules.preview import edges
from shared.schedules.record import PowerState, Record
from tests.schedules import oracle
from tests.schedules.replay import ZONES, Replay, changes_of, year_of

KINDS = (
    "America/Los_Angeles",
    "America/Santiago",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
)
"""One zone for every kind of change: these are fast enough for every run, the others take seconds."""

SAMPLE = [zone if zone in KINDS else pytest.param(zone, marks=pytest.mark.long) for zone in ZONES]


@pytest.mark.parametrize(
    "zone", [zone if zone in KINDS else pytest.param(zone, marks=pytest.mark.local) for zone in ZONES]
)
def test_the_days_around_each_change_of_the_clock_are_right_in_every_minute(zone: str) -> None:
    for midnight in changes_of(zone) or [year_of(zone).start]:
        days = Replay(zone, midnight - timedelta(days=3), 8)
        assert days.decided() == days.power[: days.minutes]
        shown = [
            (oracle.minute_of(days.start, edge.at), edge.to) for edge in edges(days.schedule, Record(), days.start, 8)
        ]
        assert [edge for edge in shown if edge[0] > 0] == days.promised()


@pytest.mark.local
@pytest.mark.parametrize("zone", SAMPLE)
def test_the_power_is_right_in_every_minute_of_a_year(zone: str) -> None:
    year = year_of(zone)
    assert year.decided() == year.power[: year.minutes]


@pytest.mark.local
@pytest.mark.parametrize("zone", SAMPLE)
def test_the_calendar_shows_every_opening_and_closing_once(zone: str) -> None:
    year = year_of(zone)
    found = edges(year.schedule, Record(), year.start, year.days)
    shown = [(oracle.minute_of(year.start, edge.at), edge.to) for edge in found]
    assert [edge for edge in shown if edge[0] > 0] == year.promised()


@pytest.mark.local
@pytest.mark.parametrize("zone", SAMPLE)
def test_any_moment_alone_gives_the_right_answer(zone: str) -> None:
    year = year_of(zone)
    chance = random.Random(zone)  # noqa: S311 - repeatable, not secret
    for _ in range(150):
        seconds = chance.randrange(year.minutes * 60)
        now = year.start + timedelta(seconds=seconds, microseconds=chance.randrange(1_000_000))
        assert (desired(year.schedule, Record(), now).state is PowerState.ON) == year.power[seconds // 60]


def lost(chance: random.Random) -> list[int]:
    return [] if chance.random() < 0.3 else [0]


def doubled(chance: random.Random) -> list[int]:
    return [0, 0] if chance.random() < 0.3 else [0]


def late(chance: random.Random) -> list[int]:
    return [chance.randrange(181)] if chance.random() < 0.3 else [0]


def all_of_it(chance: random.Random) -> list[int]:
    return [delay for _ in range(chance.randrange(3)) for delay in late(chance)]


@pytest.mark.local
@pytest.mark.parametrize("trouble", [lost, doubled, late, all_of_it])
def test_with_ticks_in_trouble_the_power_is_right_after_each_of_them(
    trouble: Callable[[random.Random], list[int]],
) -> None:
    wrong = 0
    for zone in ZONES:
        wrong += wrong_after_ticks(year_of(zone), trouble, random.Random(zone))  # noqa: S311 - repeatable, not secret
    assert wrong == 0


def wrong_after_ticks(year: Replay, trouble: Callable[[random.Random], list[int]], chance: random.Random) -> int:
    """Ticks after which the power is not what the oracle says. As in the product, a tick decides only what is due."""
    arrivals = sorted(tick + delay for tick in range(0, year.minutes, 5) for delay in trouble(chance))
    wrong, state, due = 0, None, 0
    for minute in arrivals:
        if minute >= year.minutes:
            break
        if minute >= due:
            decision = desired(year.schedule, Record(), oracle.at(year.start, minute))
            state, due = decision.state, oracle.minute_of(year.start, decision.until or year.start)
        wrong += (state is PowerState.ON) != year.power[minute]
    return wrong
