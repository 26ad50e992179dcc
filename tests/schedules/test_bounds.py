"""What a schedule costs grows with its size, not with its square, and has a limit. Steps are counted; nothing is timed."""

import copy
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from shared.schedules import zones
from shared.schedules.decide import desired
from shared.schedules.fields import clock
from shared.schedules.lint import check, lint
from shared.schedules.model import Schedule
from shared.schedules.preview import MOST_EDGES, edges
from shared.schedules.record import Override, PowerState, Record
from shared.schedules.spans import merged
from tests.schedules.given import EVERY_DAY, OFFICE, schedule, utc, window, wire
from tests.steps import steps

NOW = utc("2026-07-13T12:00")
LA = "America/Los_Angeles"

type Wire = dict[str, Any]


def days(count: int, every: int = 1) -> list[str]:
    return [(NOW.date() + timedelta(days=number * every)).isoformat() for number in range(count)]


def on(count: int) -> Wire:
    return {"on": [{"date": day, "from": "20:00", "to": "22:00"} for day in days(count)]}


def off(count: int, every: int = 1) -> Wire:
    return {"off": [{"from": day, "to": day} for day in days(count, every)]}


def windows(count: int) -> list[Wire]:
    """They overlap, each beginning and ending later than the one before."""
    return [window(EVERY_DAY, clock(480 + number), clock(600 + 2 * number)) for number in range(count)]


def short(count: int) -> list[Wire]:
    """A minute each, spread over every day."""
    return [
        window(EVERY_DAY, clock(number * 1440 // count), clock(number * 1440 // count + 1)) for number in range(count)
    ]


SIZES: dict[str, Callable[[int], Wire]] = {
    "dates on": lambda size: wire(LA, OFFICE, **on(4 * size)),
    "dates on, each among windows": lambda size: wire(LA, *windows(50), **on(4 * size)),
    "dates off": lambda size: wire(LA, OFFICE, **off(4 * size)),
    "dates off, every other day": lambda size: wire(LA, OFFICE, **off(2 * size, every=2)),
    "windows that overlap": lambda size: wire(LA, *windows(size)),
    "short windows": lambda size: wire(LA, *short(size * 48 // 100)),
    "all of it": lambda size: wire(LA, *windows(size), **on(4 * size), **off(4 * size)),
}
"""A schedule of a size up to 100: the most windows, and a quarter of the most dates."""

WORK: dict[str, Callable[[Schedule], object]] = {
    "its first look": lambda plan: desired(plan, Record(), NOW),
    "its warnings": lambda plan: lint(plan, NOW),
    "its calendar": lambda plan: edges(plan, Record(), NOW, 20),
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("kind", SIZES)
def test_twice_the_size_is_at_most_twice_the_work(kind: str, work: str) -> None:
    single, double = (Schedule.model_validate(SIZES[kind](size)) for size in (50, 100))
    assert steps(lambda: WORK[work](double)) <= 2.1 * steps(lambda: WORK[work](single))


WORST = wire(LA, *windows(100), **on(400), **off(400))
LIMITS: dict[str, tuple[Wire, int, Callable[[Schedule], object]]] = {
    "warnings": (WORST, 110_000, lambda plan: lint(plan, NOW)),
    "warnings of short windows": (wire(LA, *short(100)), 75_000, lambda plan: lint(plan, NOW)),
    "calendar": (WORST, 360_000, lambda plan: edges(plan, Record(), NOW, 400)),
    "calendar of short windows": (wire(LA, *short(48)), 640_000, lambda plan: edges(plan, Record(), NOW, 400)),
    "calendar of a hub that was stopped": (
        wire(LA, *short(48)),
        800_000,
        lambda plan: edges(plan, Record(Override(PowerState.OFF, NOW, None, "ann", "")), NOW, 400),
    ),
    "calendar after a long pause": (
        wire(LA, *short(48), pause={"until": (NOW + timedelta(days=360)).isoformat()}),
        680_000,
        lambda plan: edges(plan, Record(), NOW, 400),
    ),
    "windows that make one time without an end": (
        wire(LA, *short(100)),
        1_700_000,
        lambda plan: desired(plan, Record(), NOW),
    ),
}


@pytest.mark.parametrize("case", LIMITS)
def test_the_worst_schedule_that_is_taken_has_a_limit(case: str) -> None:
    data, limit, work = LIMITS[case]
    plan = Schedule.model_validate(data)
    assert steps(lambda: work(plan)) <= limit


@pytest.mark.parametrize(
    "data", [wire(LA, OFFICE), wire(LA, *short(10)), WORST], ids=["office", "ten times a day", "worst"]
)
def test_twice_the_days_are_at_most_twice_the_work(data: Wire) -> None:
    plan, again = Schedule.model_validate(data), Schedule.model_validate(data)
    assert steps(lambda: edges(again, Record(), NOW, 60)) <= 2.1 * steps(lambda: edges(plan, Record(), NOW, 30))


def test_an_edge_late_in_the_year_costs_no_more_than_an_early_one() -> None:
    plan = schedule(LA, OFFICE, **off(300))
    late = NOW + timedelta(days=302)
    assert steps(lambda: desired(plan, Record(), late)) < 3_000
    stopped = Record(Override(PowerState.OFF, NOW, None, "ann", ""))
    assert steps(lambda: edges(plan, stopped, NOW, 330)) < 30_000


def test_a_calendar_has_an_end_and_its_beginning_is_the_same() -> None:
    plan = schedule(LA, *short(48))
    found = edges(plan, Record(), NOW, 400)
    assert len(found) == MOST_EDGES
    assert found[:96] == edges(plan, Record(), NOW, 400, 96) == edges(plan, Record(), NOW, 1)


def test_all_edges_of_400_days_of_two_windows_are_there() -> None:
    plan = schedule(LA, window(EVERY_DAY, "08:00", "12:00"), window(EVERY_DAY, "14:00", "18:00"))
    assert len(edges(plan, Record(), NOW, 400)) == 1600


# the index of dates


def copies(plan: Schedule) -> dict[str, Schedule]:
    return {
        "model_copy": plan.model_copy(update={"windows": ()}),
        "deep model_copy": plan.model_copy(update={"windows": ()}, deep=True),
        "copy, then model_copy": copy.copy(plan).model_copy(update={"windows": ()}),
        "deepcopy, then model_copy": copy.deepcopy(plan).model_copy(update={"windows": ()}),
    }


@pytest.mark.parametrize("way", copies(schedule(LA, OFFICE)))
def test_a_copy_knows_its_own_dates(way: str) -> None:
    plan = schedule(LA, OFFICE)
    assert desired(plan, Record(), NOW).until
    assert plan.days.joined(NOW.date())
    changed = copies(plan)[way]
    assert changed.days is not plan.days
    assert not changed.days.joined(NOW.date())
    assert desired(changed, Record(), NOW).until is None


def test_what_was_worked_out_is_no_part_of_a_schedule() -> None:
    plan, fresh = schedule(LA, OFFICE, **on(3)), schedule(LA, OFFICE, **on(3))
    assert plan.days.joined(NOW.date())
    assert plan == fresh
    assert hash(plan) == hash(fresh)
    assert plan.model_dump(mode="json", by_alias=True) == fresh.model_dump(mode="json", by_alias=True)
    assert repr(plan) == repr(fresh)


ODD = [
    ("America/Santiago", date(2026, 9, 6)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Antarctica/Troll", date(2026, 10, 25)),
]


@pytest.mark.parametrize(("zone", "change"), ODD)
def test_a_day_made_one_on_the_face_of_the_clock_is_the_one_made_of_instants(zone: str, change: date) -> None:
    faces = [("00:00", "00:30"), ("00:30", "02:15"), ("02:15", "02:45"), ("03:00", "01:00"), ("22:00", "24:00")]
    near = [(change + timedelta(days=number)).isoformat() for number in range(-3, 4)]
    plan = schedule(
        zone,
        *(window(EVERY_DAY, opens, closes) for opens, closes in faces[:3]),
        window("sun tue", *faces[4]),
        on=[{"date": day, "from": faces[3][0], "to": faces[3][1]} for day in near[::2]],
        off=[{"from": near[3], "to": near[4]}, {"from": near[4], "to": near[5]}],
    )
    week = [change + timedelta(days=number) for number in range(-6, 7)]
    for day in week:
        assert list(merged(plan.days.opening(day))) == list(plan.days.joined(day))
    open_days = [day for day in week if plan.days.opening(day)]
    assert set(open_days) <= set(plan.days.between(week[0], week[-1]))
    assert not {change, change + timedelta(days=1)} & (set(open_days) - {date.fromisoformat(day) for day in near[::2]})


def test_days_kept_are_few() -> None:
    plan = schedule(LA, *short(48))
    edges(plan, Record(), NOW, 400)
    list(map(plan.days.joined, plan.days.between(NOW.date(), NOW.date() + timedelta(days=400))))
    assert len(plan.days._kept) <= 64


# sizes before work

MANY: dict[str, Wire] = {
    "windows": wire(LA, *[{}] * 9_000),
    "on": wire(LA, OFFICE, on=[{}] * 9_000),
    "off": wire(LA, OFFICE, off=[{}] * 9_000),
    "windows[0].days": wire(LA, OFFICE | {"days": ["never"] * 7_000}),
}


@pytest.mark.parametrize("field", MANY)
def test_too_many_items_are_counted_and_not_looked_at(field: str) -> None:
    _, findings = check(MANY[field], NOW)
    assert [(found.code, found.field) for found in findings] == [("TooLong", field)]
    assert steps(lambda: check(MANY[field], NOW)) < 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "x" * 29_000},
        {"timezone": "x" * 64},
        {"timezone": " " * 64},
        {"holidays": {"country": "x" * 29_000}},
        {"holidays": {"country": "x" * 64}},
        {"holidays": {"country": "US", "subdivision": "x" * 64}},
    ],
    ids=lambda wrong: f"{next(iter(wrong))} {len(str(wrong))}",
)
def test_a_guess_at_what_was_meant_has_a_limit(wrong: Wire) -> None:
    data = wire(LA, OFFICE) | wrong
    check(data, NOW)  # the lists of names are read
    zones.zone.cache_clear()
    assert steps(lambda: check(data, NOW)) < 60_000
