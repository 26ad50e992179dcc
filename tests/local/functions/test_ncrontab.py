from datetime import UTC, datetime

import pytest

from local.functions.ncrontab import Schedule

START = datetime(2026, 11, 22, 4, 30, 15, 500_000, UTC)
"""A Sunday."""


def _next(expression: str, count: int = 3) -> list[str]:
    schedule, at, found = Schedule.parse(expression), START, []
    for _ in range(count):
        coming = schedule.next(at)
        assert coming is not None
        found.append(coming.strftime("%a %d %b %Y %H:%M:%S"))
        at = coming
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", ["Sun 22 Nov 2026 04:35:00", "Sun 22 Nov 2026 04:40:00", "Sun 22 Nov 2026 04:45:00"]),
        ("*/20 * * * * *", ["Sun 22 Nov 2026 04:30:20", "Sun 22 Nov 2026 04:30:40", "Sun 22 Nov 2026 04:31:00"]),
        ("0 30 9 * * Mon", ["Mon 23 Nov 2026 09:30:00", "Mon 30 Nov 2026 09:30:00", "Mon 07 Dec 2026 09:30:00"]),
        ("0 0 0 1 1 *", ["Fri 01 Jan 2027 00:00:00", "Sat 01 Jan 2028 00:00:00", "Mon 01 Jan 2029 00:00:00"]),
        ("0 0 12 29 2 *", ["Tue 29 Feb 2028 12:00:00", "Sun 29 Feb 2032 12:00:00", "Fri 29 Feb 2036 12:00:00"]),
        ("59 59 23 31 12 *", ["Thu 31 Dec 2026 23:59:59", "Fri 31 Dec 2027 23:59:59", "Sun 31 Dec 2028 23:59:59"]),
    ],
)
def test_occurrences_follow_each_other(expression: str, expected: list[str]) -> None:
    assert _next(expression) == expected


def test_day_of_month_and_day_of_week_must_both_match() -> None:
    assert _next("0 0 0 13 * Fri") == [
        "Fri 13 Aug 2027 00:00:00",
        "Fri 13 Oct 2028 00:00:00",
        "Fri 13 Apr 2029 00:00:00",
    ]


def test_five_fields_mean_second_zero() -> None:
    assert Schedule.parse("*/5 * * * *") == Schedule.parse("0 */5 * * * *")


def test_a_start_with_a_step_counts_to_the_end_of_the_field() -> None:
    assert Schedule.parse("0 50/3 * * * *").minutes == {50, 53, 56, 59}


def test_the_ends_of_a_reversed_range_are_swapped() -> None:
    assert Schedule.parse("0 0 22-2 * * *").hours == set(range(2, 23))
    assert Schedule.parse("0 0 0 * * Fri-Mon").weekdays == {1, 2, 3, 4, 5}


def test_names_are_known_by_any_prefix_in_any_case() -> None:
    assert Schedule.parse("0 0 0 * feb,AUGUST,ju M,sat").months == {2, 8, 6}
    assert Schedule.parse("0 0 0 * m Monday").months == {3}
    assert Schedule.parse("0 0 0 * * m-FRI/2").weekdays == {1, 3, 5}


def test_sunday_is_zero() -> None:
    assert _next("0 0 0 * * 0", 1) == ["Sun 29 Nov 2026 00:00:00"]


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 0 * * 7",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 * 13 *",
        "0 0 0 L * *",
        "0 0 0 ? * *",
        "0 0 0 * * Mo#2",
        "0 */0 * * * *",
        "0 1- * * * *",
        "0 , * * * *",
        "* * * *",
        "0 0 0 * * * 2026",
        "",
        "0 0 Mon * * *",
        "-1 * * * * *",
    ],
)
def test_what_the_host_refuses_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="field"):
        Schedule.parse(expression)


def test_a_day_that_never_comes_has_no_occurrence() -> None:
    assert Schedule.parse("0 0 0 30 2 *").next(START) is None


def test_an_occurrence_is_later_than_the_instant_asked_about() -> None:
    schedule = Schedule.parse("0 0 * * * *")
    assert schedule.next(datetime(2026, 1, 1, 5, tzinfo=UTC)) == datetime(2026, 1, 1, 6, tzinfo=UTC)
