"""The tick: lost, late, doubled and concurrent ticks end right, and no hub's trouble is another's."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.azure.aks import Cluster
from shared.azure.tables import Row
from shared.errors import OutsideError, TemporaryError
from shared.hubs.status.parts import Failures, PowerFailure
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.power.decision_log import Decisions
from shared.power.due_queue import DueQueue, Entry
from shared.power.tick import AT_ONCE, MOST, PACE, rebuild, tick
from shared.power.tick_rules import BUSY, LOOK_AGAIN, TICK
from shared.runs.model import Kind, Options, Status
from shared.schedules.record import Override, PowerState, Record
from tests.fakes.adapters import cluster
from tests.given import NOW, OFFICE, Place

SIX, EIGHT, EVENING = NOW.replace(hour=6), NOW, NOW.replace(hour=18)
LEAD = timedelta(minutes=8)


@dataclass
class Listed:
    """AKS' listing: the power of each cluster by its hub's name."""

    power: dict[str, str] = field(default_factory=dict)
    error: OutsideError | None = None
    calls: int = 0

    def list_all(self) -> list[Cluster]:
        self.calls += 1
        if self.error:
            raise self.error
        return [cluster(name, "Succeeded", power) for name, power in self.power.items()]


@dataclass
class Morning:
    """Hubs with office hours, whose clusters are switched by whoever the test says."""

    now: datetime = EIGHT - LEAD
    clusters: Listed = field(default_factory=Listed)
    place: Place = field(default_factory=Place)

    def __post_init__(self) -> None:
        self.place.clock.set(self.now)
        self.place.adapters = {"clusters": self.clusters}

    def hub(
        self, name: str = "r5", power: str = "Stopped", schedule: Any = OFFICE, due: datetime | None = None
    ) -> None:
        self.place.ready(name, schedule=schedule) if schedule else self.place.ready(name)
        self.clusters.power[name] = power
        DueQueue(self.place.tables).put(Entry(due or self.place.clock.now(), name))

    def tick(self, **later: float) -> list[str]:
        self.place.clock.advance(**later)
        return tick(self.place.services, self.place.engine)

    def due(self, name: str = "r5") -> list[datetime]:
        return [entry.due for entry in DueQueue(self.place.tables).all() if entry.hub == name]

    def runs(self, name: str = "r5") -> list[Kind]:
        return [run.kind for run in self.place.runs.of_hub(name, 10)]

    def end(self, name: str = "r5", status: Status = Status.SUCCEEDED, power: str = "Running") -> None:
        """Its open run ends."""
        run = str(self.place.hub(name).open_run)
        now = self.place.clock.now()
        self.place.runs.update(run, lambda found: replace(found, status=status, ended=now))
        self.place.hubs.release(name, run, "ready")
        self.clusters.power[name] = power

    def events(self, name: str = "r5") -> list[EventKind]:
        return [event.event.kind for event in EventStore(self.place.tables).of_hub(name, 10)]


def test_nothing_due_costs_one_query_and_no_call() -> None:
    morning = Morning()
    morning.hub(due=EIGHT)
    morning.place.tables.calls.clear()
    assert morning.tick() == []
    assert morning.clusters.calls == 0
    assert morning.place.tables.calls == {"query": 1}


def test_a_hub_that_is_due_is_started_with_the_reason_of_its_window() -> None:
    morning = Morning()
    morning.hub()
    assert len(morning.tick()) == 1
    run = morning.place.runs.of_hub("r5", 1)[0]
    assert (run.kind, run.requested_by, run.options) == (Kind.START, "schedule", Options())
    assert run.reason.endswith(".")
    assert morning.place.client.started == [run.instance]
    assert morning.due() == [morning.place.clock.now() + BUSY]


def test_a_start_is_begun_with_the_tick_before_it_is_due() -> None:
    morning = Morning(EIGHT - LEAD - TICK)
    morning.hub()
    morning.tick()
    assert morning.runs() == [Kind.START]
    run = morning.place.runs.of_hub("r5", 1)[0]
    assert run.reason.startswith("Starting"), "the reason that will hold then, not why it is off now"


def test_a_hub_that_is_as_it_should_be_is_next_looked_at_when_that_changes() -> None:
    morning = Morning(SIX)
    morning.hub()
    assert morning.tick() == []
    assert morning.due() == [EIGHT - LEAD - TICK]
    assert morning.runs() == []


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=7), timedelta(hours=3)])
def test_a_late_tick_ends_right(late: timedelta) -> None:
    morning = Morning(SIX)
    morning.hub()
    morning.tick()
    morning.place.clock.set(EIGHT - LEAD + late)
    morning.tick()
    assert morning.runs() == [Kind.START]


def test_a_tick_so_late_that_the_window_is_over_starts_nothing() -> None:
    morning = Morning(SIX)
    morning.hub()
    morning.tick()
    morning.place.clock.set(EVENING + timedelta(hours=1))
    morning.tick()
    assert morning.runs() == []


def test_a_doubled_tick_begins_one_run() -> None:
    morning = Morning()
    morning.hub()
    morning.tick()
    morning.tick()
    morning.tick(minutes=5)
    assert morning.runs() == [Kind.START]


def test_ticks_at_the_same_time_begin_one_run() -> None:
    morning = Morning()
    for index in range(6):
        morning.hub(f"hub{index}")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: morning.tick(), range(3)))
    for index in range(6):
        assert morning.runs(f"hub{index}") == [Kind.START]
        assert len(morning.due(f"hub{index}")) == 1
    assert len(morning.place.client.started) == 6


def test_a_hub_that_somebody_switched_since_it_was_read_is_left_for_the_next_tick() -> None:
    morning = Morning()
    morning.hub()
    listed = morning.clusters.list_all

    def somebody() -> list[Cluster]:
        found = listed()
        run = morning.place.commands.begin("r5", Kind.START, "by hand")
        morning.place.hubs.release("r5", run.id, "ready")
        return found

    morning.clusters.list_all = somebody  # type: ignore[method-assign]  # for the length of the test
    assert morning.tick() == []
    assert morning.runs() == [Kind.START]
    assert len(morning.due()) == 1


def test_an_open_run_is_left_to_itself() -> None:
    morning = Morning()
    morning.hub()
    morning.place.commands.begin("r5", Kind.STOP, "by hand")
    assert morning.tick() == []
    assert morning.due() == [morning.place.clock.now() + BUSY]


def test_two_entries_of_a_hub_become_one() -> None:
    morning = Morning(SIX)
    morning.hub()
    DueQueue(morning.place.tables).put(Entry(SIX - timedelta(minutes=1), "r5"))
    morning.tick()
    assert morning.due() == [EIGHT - LEAD - TICK]


def test_an_entry_of_a_hub_that_is_gone_goes_too() -> None:
    morning = Morning()
    DueQueue(morning.place.tables).put(Entry(morning.now, "gone"))
    assert morning.tick() == []
    assert list(DueQueue(morning.place.tables).all()) == []


def test_a_hub_is_stopped_when_its_window_has_ended_and_not_before() -> None:
    morning = Morning(EVENING - timedelta(seconds=1))
    morning.hub(power="Running")
    morning.tick()
    assert morning.runs() == []
    morning.tick(seconds=1)
    assert morning.runs() == [Kind.STOP]


def test_users_are_warned_once_of_each_stop() -> None:
    morning = Morning(EVENING - timedelta(minutes=15))
    morning.hub(power="Running")
    assert len(morning.tick()) == 1
    assert morning.events() == [EventKind.WILL_STOP]
    for _ in range(2):
        assert morning.tick(minutes=5) == []
    assert morning.events() == [EventKind.WILL_STOP]
    later = EVENING + timedelta(minutes=40)
    postponed = Record(postponed_until=later, postponed_at=EVENING - timedelta(minutes=5))
    morning.place.hubs.update_power("r5", lambda _: postponed)
    morning.place.clock.set(later - timedelta(minutes=14))
    DueQueue(morning.place.tables).put(Entry(morning.place.clock.now(), "r5"))
    morning.tick()
    assert morning.events() == [EventKind.WILL_STOP] * 2, "of the stop at its new time"


def test_a_failed_run_is_followed_by_another_later_and_not_at_once() -> None:
    morning = Morning()
    morning.hub()
    morning.tick()
    morning.end(status=Status.FAILED, power="Stopped")
    now = morning.place.clock.now()
    morning.place.hubs.record("r5", Failures(PowerFailure("start", 1, now, now)))
    for _ in range(5):
        morning.tick(minutes=5)
        assert morning.runs() == [Kind.START]
    morning.tick(minutes=5)
    assert morning.runs() == [Kind.START, Kind.START]


def test_a_listing_that_fails_changes_nothing() -> None:
    morning = Morning(EVENING)
    morning.hub(power="Running")
    morning.clusters.error = TemporaryError("AKS", "Throttled", "later")
    assert morning.tick() == []
    assert morning.runs() == []
    assert morning.due() == [EVENING + BUSY]


def test_a_hub_without_a_cluster_is_looked_at_twice_a_day() -> None:
    morning = Morning()
    morning.hub()
    morning.clusters.power.clear()
    assert morning.tick() == []
    assert morning.due() == [morning.now + LOOK_AGAIN]


def test_a_schedule_that_cannot_be_read_switches_nothing_and_says_so() -> None:
    morning = Morning(EVENING)
    morning.hub(power="Running")
    hubs = morning.place.tables.table("hubs")
    row = hubs.get("r5", "hub")
    hubs.merge(Row("r5", "hub", {"spec": row.values["spec"].replace('"UTC"', '"Mars/Olympus"')}), None)
    assert morning.tick() == []
    assert "cannot be read" in Decisions(morning.place.tables).of_hub("r5", 1)[0]["reason"]


def test_a_hub_that_cannot_be_read_does_not_stop_the_others() -> None:
    morning = Morning()
    morning.hub("broken")
    morning.hub("fine")
    hubs = morning.place.tables.table("hubs")
    hubs.merge(Row("broken", "hub", {"spec": "{}"}), None)
    assert len(morning.tick()) == 1
    assert morning.runs("fine") == [Kind.START]
    assert morning.due("broken") == [morning.now], "it stays due"


def test_what_a_person_asked_for_holds() -> None:
    morning = Morning(EVENING)
    morning.hub(power="Running")
    until = EVENING + timedelta(hours=2)
    override = Override(PowerState.ON, EVENING, until, "ann", "demo", until)
    morning.place.hubs.update_power("r5", lambda record: replace(record, override=override))
    assert morning.tick() == []
    assert morning.due() == [until - timedelta(minutes=15)]


def test_decisions_are_kept_when_they_are_new_or_lead_to_something() -> None:
    morning = Morning(SIX)
    morning.hub()
    morning.tick()
    DueQueue(morning.place.tables).put(Entry(SIX, "r5"))
    morning.tick()
    decisions = Decisions(morning.place.tables)
    assert [found["did"] for found in decisions.of_hub("r5", 10)] == ["nothing"]
    morning.place.clock.set(EIGHT - LEAD)
    morning.tick()
    assert [found["did"] for found in decisions.of_hub("r5", 10)] == ["start", "nothing"]


def test_a_burst_is_spread_the_earliest_first() -> None:
    morning = Morning()
    count = AT_ONCE + 5
    for index in reversed(range(count)):
        morning.hub(f"hub{index:03}", due=morning.now - timedelta(seconds=count - index))
    morning.tick()
    started = [instance.rsplit("-", 1)[0] for instance in morning.place.client.started]
    assert started == [f"hub{index:03}" for index in range(count)]
    delays = [morning.place.runs.of_hub(name, 1)[0].options.delay for name in started]
    pace = PACE[Kind.START]
    assert delays == [0] * (AT_ONCE + 1) + [pace * late for late in range(1, 5)]


def test_the_time_that_a_long_tick_takes_counts_as_waited() -> None:
    morning = Morning()
    for index in range(AT_ONCE + 12):
        morning.hub(f"hub{index:03}")
    note = morning.place.client.schedule_new_orchestration

    def slow(orchestrator: str, /, *, input: Any, instance_id: str) -> str:  # noqa: A002 - its name
        morning.place.clock.advance(seconds=0.25)
        return note(orchestrator, input=input, instance_id=instance_id)

    morning.place.client.schedule_new_orchestration = slow  # type: ignore[method-assign]  # for the length of the test
    morning.tick()
    runs = [morning.place.runs.of_hub(f"hub{index:03}", 1)[0] for index in range(AT_ONCE + 12)]
    turns = [(run.requested - morning.now).total_seconds() + run.options.delay for run in runs]
    assert turns[-1] == 11 * PACE[Kind.START]
    assert turns == sorted(turns)


def test_stops_of_a_burst_are_spread_wider_since_each_asks_more() -> None:
    morning = Morning(EVENING)
    for index in range(AT_ONCE + 3):
        morning.hub(f"hub{index:03}", power="Running")
    morning.tick()
    last = morning.place.runs.of_hub(f"hub{AT_ONCE + 2:03}", 1)[0]
    assert last.options.delay == 2 * PACE[Kind.STOP] > 2 * PACE[Kind.START]


def test_more_than_a_tick_can_look_at_stays_due() -> None:
    morning = Morning(SIX)
    due_queue = DueQueue(morning.place.tables)
    for index in range(MOST + 1):
        due_queue.put(Entry(SIX, f"gone{index}"))
    morning.tick()
    assert len(list(due_queue.all())) == 1


def test_the_calls_of_a_tick_follow_from_what_is_due() -> None:
    calls: list[Counter[str]] = []
    for known in (10, 200):
        morning = Morning()
        for index in range(known):
            morning.hub(f"hub{index}", due=morning.now + (timedelta(0) if index < 5 else timedelta(days=1)))
        morning.place.tables.calls.clear()
        assert len(morning.tick()) == 5
        calls.append(Counter(morning.place.tables.calls))
        assert morning.clusters.calls == 1
    assert calls[0] == calls[1]


def test_the_daily_pass_gives_every_hub_an_entry_that_has_none() -> None:
    morning = Morning(SIX)
    for name in ("a", "b", "c"):
        morning.hub(name)
    due_queue = DueQueue(morning.place.tables)
    due_queue.remove(Entry(SIX, "b"))
    assert rebuild(morning.place.services) == 1
    assert morning.due("b") == [SIX]
    assert rebuild(morning.place.services) == 0


def test_a_day_of_ticks_switches_a_hub_on_and_off_once() -> None:
    morning = Morning(NOW.replace(hour=0))
    morning.hub()
    while morning.place.clock.now() < NOW.replace(hour=23):
        if morning.tick(minutes=5) and morning.place.hub().open_run:
            kind = morning.place.runs.of_hub("r5", 1)[0].kind
            morning.place.clock.advance(minutes=4)
            morning.end(power="Running" if kind is Kind.START else "Stopped")
    assert morning.runs() == [Kind.STOP, Kind.START]
    started, stopped = (run.requested for run in reversed(morning.place.runs.of_hub("r5", 5)))
    assert EIGHT - LEAD - TICK <= started <= EIGHT - LEAD
    assert EVENING <= stopped < EVENING + TICK
