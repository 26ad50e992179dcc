"""What a tick does about one hub: one table of every state of schedule, cluster and runs that matters, edges to the second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.hubs.status.parts import PowerFailure
from shared.power.tick_rules import BUSY, LOOK_AGAIN, RETRY, TICK, action, retry_at, wanted
from shared.runs.model import Kind
from shared.schedules.decide import Decision
from shared.schedules.record import PowerState
from tests.given import NOW

ON, OFF = PowerState.ON, PowerState.OFF
SOON, LATER = timedelta(minutes=5), timedelta(hours=1)
SECOND = timedelta(seconds=1)
MINUTES = timedelta(minutes=1)


def at(after: timedelta | None) -> datetime | None:
    return None if after is None else NOW + after


def on(until: timedelta | None = LATER, warn: timedelta | None = None) -> Decision:
    """Wanted on until so much after NOW, users to be told so much after NOW."""
    return Decision(ON, "hours", at(until), warn_at=at(warn))


def off(until: timedelta | None = LATER, *, promised: bool = True) -> Decision:
    """Wanted off; promised: what follows is a start for a window, not the end of a stop by hand."""
    usable = until + timedelta(minutes=8) if promised and until is not None else None
    return Decision(OFF, "closed", at(until), usable_from=at(usable))


def as_is(until: timedelta | None = LATER, warn: timedelta | None = None) -> Decision:
    return Decision(None, "paused", at(until), warn_at=at(warn))


def failing(kind: Kind, count: int, ago: timedelta, *, cancelled: bool = False) -> Mapping[Kind, PowerFailure]:
    return {kind: PowerFailure(kind, count, NOW - timedelta(days=1), NOW - ago, cancelled=cancelled)}


@dataclass(frozen=True)
class Case:
    name: str
    decision: Decision
    actual: str
    do: str
    due: timedelta
    """After NOW."""
    ready: bool = True
    open_run: bool = False
    warned: bool = False
    failing: Mapping[Kind, PowerFailure] = field(default_factory=dict)


HOUR = timedelta(hours=1)
CASES = [
    # what is as it should be is looked at when that ends
    Case("on-and-wanted-on", on(), "on", "nothing", LATER),
    Case("off-and-wanted-off-is-looked-at-a-tick-before-the-start", off(), "off", "nothing", LATER - TICK),
    Case("on-for-ever-is-looked-at-twice-a-day", on(None), "on", "nothing", LOOK_AGAIN),
    Case("off-for-months-is-looked-at-twice-a-day", off(timedelta(days=90)), "off", "nothing", LOOK_AGAIN),
    Case("no-next-start", off(None), "off", "nothing", LOOK_AGAIN),
    Case("the-end-is-just-within-the-next-look", on(LOOK_AGAIN - SECOND), "on", "nothing", LOOK_AGAIN - SECOND),
    # what is not is switched, and looked at again soon
    Case("off-and-wanted-on", on(), "off", "start", BUSY),
    Case("on-and-wanted-off", off(), "on", "stop", BUSY),
    Case("failed-and-wanted-on-is-started-again", on(), "failed", "start", BUSY),
    Case("failed-and-wanted-off-costs-and-is-stopped", off(), "failed", "stop", BUSY),
    # a start that falls due before the next tick is begun with this one, a stop never early
    Case("start-due-in-five-minutes", off(SOON), "off", "start", BUSY),
    Case("start-due-a-second-after-the-next-tick", off(SOON + SECOND), "off", "nothing", SECOND),
    Case("start-due-now", off(timedelta(0)), "off", "start", BUSY),
    Case("stop-due-in-a-second", on(SECOND), "on", "nothing", SECOND),
    Case("stop-due-now-is-decided-anew-soon", on(timedelta(0)), "on", "nothing", BUSY),
    Case("not-stopped-for-the-last-five-minutes-before-a-start", off(SOON), "on", "nothing", BUSY),
    Case("stopped-with-a-second-more-to-go", off(SOON + SECOND), "on", "stop", BUSY),
    Case("the-end-of-a-stop-by-hand-starts-nothing-early", off(SOON, promised=False), "off", "nothing", BUSY),
    # left as it is
    Case("paused-on", as_is(), "on", "nothing", LATER),
    Case("paused-off", as_is(), "off", "nothing", LATER),
    Case("paused-failed", as_is(), "failed", "nothing", LATER),
    Case("paused-off-and-soon-over", as_is(SOON), "off", "nothing", SOON),
    Case("unreadable", as_is(None), "on", "nothing", LOOK_AGAIN),
    # warnings
    Case("warning-due-later-is-looked-at-then", on(LATER, 45 * MINUTES), "on", "nothing", 45 * MINUTES),
    Case("warning-due-in-a-second", on(15 * MINUTES + SECOND, SECOND), "on", "nothing", SECOND),
    Case("warning-due-now", on(15 * MINUTES, timedelta(0)), "on", "warn", 15 * MINUTES),
    Case("warning-missed-by-a-late-tick", on(2 * MINUTES, -13 * MINUTES), "on", "warn", 2 * MINUTES),
    Case("warned-once", on(15 * MINUTES, timedelta(0)), "on", "nothing", 15 * MINUTES, warned=True),
    Case("warned-and-about-to-stop", on(SECOND, -14 * MINUTES), "on", "nothing", SECOND, warned=True),
    Case("nobody-to-warn-of-a-hub-that-is-off", on(15 * MINUTES, timedelta(0)), "off", "start", BUSY),
    Case("a-pause-that-ends-in-a-stop-is-told-too", as_is(10 * MINUTES, -5 * MINUTES), "on", "warn", 10 * MINUTES),
    Case("a-stop-that-is-due-is-not-told-but-done", off(), "on", "stop", BUSY),
    # something is under way
    Case("open-run-whatever-is-wanted", on(), "off", "nothing", BUSY, open_run=True),
    Case("open-run-on-a-hub-that-is-not-ready", on(), "none", "nothing", BUSY, open_run=True, ready=False),
    Case("open-run-and-a-warning-due", on(15 * MINUTES, timedelta(0)), "on", "nothing", BUSY, open_run=True),
    Case("starting", off(), "starting", "nothing", BUSY),
    Case("stopping", on(), "stopping", "nothing", BUSY),
    Case("unknown-changes-nothing", off(), "unknown", "nothing", BUSY),
    Case("no-cluster", on(), "none", "nothing", LOOK_AGAIN),
    Case("half-made-hub", on(), "failed", "nothing", LOOK_AGAIN, ready=False),
    # after failures
    Case(
        "failed-once-and-half-an-hour-is-not-over",
        on(),
        "off",
        "nothing",
        SECOND,
        failing=failing(Kind.START, 1, RETRY[0] - SECOND),
    ),
    Case("failed-once-and-half-an-hour-is-over", on(), "off", "start", BUSY, failing=failing(Kind.START, 1, RETRY[0])),
    Case(
        "failed-twice-waits-for-an-hour",
        on(2 * HOUR),
        "failed",
        "nothing",
        30 * MINUTES,
        failing=failing(Kind.START, 2, 30 * MINUTES),
    ),
    Case("failed-twice-and-an-hour-is-over", on(), "failed", "start", BUSY, failing=failing(Kind.START, 2, HOUR)),
    Case(
        "failed-many-times-waits-for-two-hours",
        on(5 * HOUR),
        "off",
        "nothing",
        HOUR,
        failing=failing(Kind.START, 99, HOUR),
    ),
    Case(
        "the-window-ends-before-the-next-try",
        on(10 * MINUTES),
        "off",
        "nothing",
        10 * MINUTES,
        failing=failing(Kind.START, 1, timedelta(0)),
    ),
    Case("failed-stops-hold-up-no-start", on(), "off", "start", BUSY, failing=failing(Kind.STOP, 3, SECOND)),
    Case("failed-starts-hold-up-no-stop", off(), "failed", "stop", BUSY, failing=failing(Kind.START, 3, SECOND)),
    Case("failed-stop-waits-too", off(), "on", "nothing", 20 * MINUTES, failing=failing(Kind.STOP, 1, 10 * MINUTES)),
    Case("a-run-that-is-gone-while-it-tried", on(), "failed", "start", BUSY, failing=failing(Kind.START, 0, SECOND)),
    Case(
        "cancelled-by-somebody-is-left-alone",
        on(),
        "off",
        "nothing",
        20 * MINUTES,
        failing=failing(Kind.START, 1, 10 * MINUTES, cancelled=True),
    ),
    Case(
        "failures-of-before-matter-to-nothing-else",
        on(),
        "on",
        "nothing",
        LATER,
        failing=failing(Kind.START, 1, SECOND),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_tick_does(case: Case) -> None:
    found = action(
        case.decision,
        case.actual,
        NOW,
        ready=case.ready,
        open_run=case.open_run,
        failing=case.failing,
        warned=case.warned,
    )
    assert (found.do, found.due - NOW) == (case.do, case.due)
    assert found.reason


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("off-and-wanted-on", "hours"),
        ("on-and-wanted-off", "closed"),
        ("warning-due-now", "hours"),
        ("paused-on", "paused"),
        ("open-run-whatever-is-wanted", "a run is at work on the hub"),
        ("unknown-changes-nothing", "the cluster's power is unknown"),
        ("no-cluster", "there is no cluster"),
        ("half-made-hub", "see its last run"),
        ("failed-twice-waits-for-an-hour", "the last start failed; the next is tried at 08:30 UTC"),
        ("failed-stop-waits-too", "the last stop failed; the next is tried at 08:20 UTC"),
        ("cancelled-by-somebody-is-left-alone", "the last start was cancelled"),
    ],
)
def test_the_reason_is_for_people(case: str, words: str) -> None:
    given = next(each for each in CASES if each.name == case)
    found = action(given.decision, given.actual, NOW, ready=given.ready, open_run=given.open_run, failing=given.failing)
    assert words in found.reason


@pytest.mark.parametrize(
    ("count", "after"),
    [(0, timedelta(0)), (1, 30 * MINUTES), (2, HOUR), (3, 2 * HOUR), (4, 2 * HOUR), (1000, 2 * HOUR)],
)
def test_the_next_run_comes_after_half_an_hour_an_hour_and_then_every_two(count: int, after: timedelta) -> None:
    assert retry_at(PowerFailure(Kind.START, count, NOW, NOW)) == NOW + after


def test_what_is_wanted_is_so_a_tick_before_it_is_promised() -> None:
    assert wanted(off(SOON), NOW) is ON
    assert wanted(off(SOON + timedelta(microseconds=1)), NOW) is OFF
    assert wanted(off(SOON, promised=False), NOW) is OFF
    assert wanted(as_is(SOON), NOW) is None
    assert wanted(on(SOON), NOW) is ON


SPANS = st.none() | st.timedeltas(min_value=timedelta(hours=-2), max_value=timedelta(days=3))
DECISIONS = st.builds(
    lambda state, until, usable, warn: Decision(state, "so", at(until), at(usable), at(warn)),
    st.sampled_from([ON, OFF, None]),
    SPANS,
    SPANS,
    SPANS,
)
FAILINGS = st.dictionaries(
    st.sampled_from([Kind.START, Kind.STOP]),
    st.builds(
        lambda count, ago: PowerFailure(Kind.START, count, NOW, NOW - ago),
        st.integers(0, 9),
        st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=3)),
    ),
)
ACTUAL = st.sampled_from(["on", "off", "failed", "starting", "stopping", "unknown", "none"])


@settings(max_examples=100, deadline=None)
@given(DECISIONS, ACTUAL, st.booleans(), st.booleans(), FAILINGS, st.booleans())
def test_whatever_comes_the_next_look_is_to_come_and_nothing_is_done_against_the_schedule(
    decision: Decision, actual: str, ready: bool, open_run: bool, failures: Mapping[Kind, PowerFailure], warned: bool
) -> None:
    found = action(decision, actual, NOW, ready=ready, open_run=open_run, failing=failures, warned=warned)
    assert NOW < found.due <= NOW + LOOK_AGAIN
    if found.do in ("start", "stop"):
        assert ready
        assert not open_run
        assert wanted(decision, NOW) is {"start": ON, "stop": OFF}[found.do]
        assert actual in {"start": ("off", "failed"), "stop": ("on", "failed")}[found.do]
    if decision.state is None:
        assert found.do in ("nothing", "warn")
    if found.do == "warn":
        assert (actual, warned) == ("on", False)


def later(moment: datetime) -> Decision:
    """Of an office that opens at 8 and closes at 18, as the schedule says it at `moment` of NOW's day; NOW is 8:00."""
    closes = NOW + timedelta(hours=10)
    if moment < NOW - timedelta(minutes=8):
        return Decision(OFF, "closed", NOW - timedelta(minutes=8), usable_from=NOW)
    return (
        Decision(ON, "hours", closes, warn_at=closes - timedelta(minutes=15))
        if moment < closes
        else Decision(OFF, "closed", None)
    )


@pytest.mark.parametrize("offset", range(0, 300, 60))
def test_a_day_of_ticks_looks_seldom_starts_in_time_and_stops_at_the_end(offset: int) -> None:
    """Ticks every five minutes, whatever the minute they fall on, that look only at what is due."""
    moment, due, actual, warned, done = NOW - timedelta(hours=8) + timedelta(seconds=offset), NOW, "off", False, []
    due = moment
    looks = 0
    while moment < NOW + timedelta(hours=12):
        if moment >= due:
            looks += 1
            found = action(later(moment), actual, moment, warned=warned)
            due = found.due
            if found.do != "nothing":
                done.append((found.do, moment))
            warned = warned or found.do == "warn"
            actual = {"start": "on", "stop": "off"}.get(found.do, actual)
        moment += timedelta(minutes=5)
    (start, began), (warn, told), (stop, ended) = done
    assert (start, warn, stop) == ("start", "warn", "stop")
    assert NOW - timedelta(minutes=13) <= began <= NOW - timedelta(minutes=8)
    closes = NOW + timedelta(hours=10)
    assert closes - timedelta(minutes=15) <= told < closes - timedelta(minutes=10)
    assert closes <= ended < closes + TICK
    assert looks < 15
