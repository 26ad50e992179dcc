"""What people ask of a hub's power: what is recorded, what is begun, who waits for whom, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import MissingError, TemporaryError
from shared.hubs.status.parts import Decided
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.power.commands import PowerCommands
from shared.power.due_queue import DueQueue, Entry
from shared.power.people import warn_people
from shared.runs.commands import BusyError
from shared.runs.model import Kind, Options, Status, StepState, StepStatus
from shared.schedules.model import Schedule
from shared.schedules.overrides import OverrideError
from shared.schedules.record import PowerState
from tests.fakes.adapters import Clusters
from tests.given import NOW, OFFICE, Place

MORNING, NOON, EVENING = NOW.replace(hour=6), NOW.replace(hour=12), NOW.replace(hour=20)
TWO_HOURS = timedelta(hours=2)


class Asking:
    """Hub r5 with office hours; the cluster is off unless the test says otherwise."""

    def __init__(self, now: datetime = EVENING, power: str = "Stopped", schedule: Any = OFFICE) -> None:
        self.clusters = Clusters(power=power)
        self.place = Place(adapters={"clusters": self.clusters})
        self.place.clock.set(now)
        self.place.ready(**({"schedule": schedule} if schedule else {}))

    @property
    def commands(self) -> PowerCommands:
        return PowerCommands(self.place.commands)

    @property
    def override(self) -> Any:
        return self.place.hub().power.override

    def runs(self) -> list[Kind]:
        return [run.kind for run in self.place.runs.of_hub("r5", 10)]

    def events(self) -> list[EventKind]:
        return [event.event.kind for event in EventStore(self.place.tables).of_hub("r5", 10)]

    def at_work(self, kind: Kind, options: Options | None = None) -> str:
        """The run that is open on the hub now."""
        return self.place.commands.begin("r5", kind, "", options).id

    def looked_at_soon(self) -> bool:
        return Entry(self.place.clock.now(), "r5") in DueQueue(self.place.tables).all()


def code_of(ask: Callable[[], object]) -> str:
    with pytest.raises(BusyError) as caught:
        ask()
    assert caught.value.advice
    return caught.value.code


# start and stop


def test_a_start_is_recorded_begun_and_looked_at() -> None:
    asking = Asking()
    asked = asking.commands.start("r5", TWO_HOURS, None, "demo")
    assert asked.run is not None
    assert (asked.run.kind, asked.run.reason, asked.run.requested_by) == (Kind.START, "demo", "ann")
    assert (asked.decision.state, asked.decision.until) == (PowerState.ON, EVENING + TWO_HOURS)
    assert (asking.override.state, asking.override.until, asking.override.by) == (
        PowerState.ON,
        EVENING + TWO_HOURS,
        "ann",
    )
    assert asking.looked_at_soon()


def test_a_stop_holds_until_the_next_window() -> None:
    asking = Asking(NOON, "Running")
    asked = asking.commands.stop("r5", "", force=False)
    assert asked.run is not None
    assert (asked.run.kind, asked.run.reason, asked.run.options) == (Kind.STOP, "stop asked for by ann", Options())
    assert (asking.override.state, asking.override.until) == (PowerState.OFF, NOW + timedelta(days=1))


def test_a_forced_stop_says_so_to_its_run() -> None:
    asked = Asking(NOON, "Running").commands.stop("r5", "", force=True)
    assert asked.run is not None
    assert asked.run.options == Options(force=True)


@pytest.mark.parametrize(("power", "ask"), [("Running", "start"), ("Stopped", "stop")])
def test_what_is_so_already_needs_no_run_and_holds_all_the_same(power: str, ask: str) -> None:
    asking = Asking(power=power)
    asked = (
        asking.commands.start("r5", None, None, "") if ask == "start" else asking.commands.stop("r5", "", force=False)
    )
    assert asked.run is None
    assert asking.runs() == []
    assert asking.override.state.value == {"start": "on", "stop": "off"}[ask]


@pytest.mark.parametrize("state", ["Failed", "Starting", "Stopping"])
def test_a_cluster_in_any_other_state_gets_a_run(state: str) -> None:
    asking = Asking(power="Running")
    asking.clusters.state = state
    assert asking.commands.start("r5", None, None, "").run is not None


def test_a_start_that_cannot_be_meant_changes_nothing() -> None:
    asking = Asking()
    with pytest.raises(OverrideError):
        asking.commands.start("r5", TWO_HOURS, EVENING + TWO_HOURS, "")
    with pytest.raises(OverrideError):
        asking.commands.start("r5", None, EVENING, "")
    assert asking.override is None
    assert asking.runs() == []


def test_an_unknown_hub_is_not_found() -> None:
    commands = Asking().commands
    asks: list[Callable[[], object]] = [
        lambda: commands.start("other", None, None, ""),
        lambda: commands.stop("other", "", force=True),
        lambda: commands.postpone("other", 30),
        lambda: commands.pause("other", None, ""),
        lambda: commands.set_schedule("other", None),
    ]
    for ask in asks:
        with pytest.raises(MissingError):
            ask()


# who waits for whom


@pytest.mark.parametrize("behind", [Kind.STOP, Kind.ROTATE])
def test_a_start_waits_its_turn_behind_what_switches(behind: Kind) -> None:
    asking = Asking()
    current = asking.at_work(behind)
    asked = asking.commands.start("r5", None, None, "")
    assert asked.run is not None
    assert (asking.place.hub().open_run, asking.place.hub().waiting_run) == (current, asked.run.id)
    again = asking.commands.start("r5", None, None, "")
    assert again.run is not None
    assert again.run.id == asked.run.id


def test_a_start_during_a_start_is_that_start() -> None:
    asking = Asking()
    current = asking.at_work(Kind.START)
    asked = asking.commands.start("r5", TWO_HOURS, None, "longer")
    assert asked.run is not None
    assert (asked.run.id, asking.place.hub().waiting_run) == (current, None)
    assert asking.override.until == EVENING + TWO_HOURS


def test_a_start_during_a_start_that_is_being_cancelled_gets_in_line() -> None:
    asking = Asking()
    current = asking.at_work(Kind.START)
    asking.place.commands.cancel(current)
    asked = asking.commands.start("r5", None, None, "")
    assert asked.run is not None
    assert asked.run.id != current


def test_a_forced_stop_reaches_the_stop_that_waits_for_people() -> None:
    asking = Asking(NOON, "Running")
    current = asking.at_work(Kind.STOP)
    asked = asking.commands.stop("r5", "", force=True)
    assert asked.run is not None
    assert asked.run.id == current
    assert asking.place.runs.get(current).options == Options(force=True)


def test_the_last_wish_counts_whatever_is_in_line() -> None:
    """The stop in line is called off when its turn comes, because the hub is wanted on by then."""
    asking = Asking()
    current = asking.at_work(Kind.START)
    asking.commands.stop("r5", "", force=True)
    start = asking.commands.start("r5", None, None, "").run
    assert start is not None
    assert start.id == current
    asking.place.hubs.release("r5", current, "ready")
    stop = asking.place.runs.get(str(asking.place.hub().open_run))
    assert (stop.kind, stop.options) == (Kind.STOP, Options(force=True))
    assert warn_people(asking.place.context(stop, StepState("people"))).state == "cancelled"


@pytest.mark.parametrize("kind", [Kind.TEARDOWN, Kind.CREATE])
def test_nothing_is_recorded_that_is_refused(kind: Kind) -> None:
    asking = Asking()
    asking.at_work(kind)
    assert code_of(lambda: asking.commands.start("r5", None, None, "")) == "RunOpen"
    assert code_of(lambda: asking.commands.stop("r5", "", force=True)) == "RunOpen"
    assert asking.override is None


def test_a_hub_that_is_not_complete_is_not_switched() -> None:
    asking = Asking()
    hub = asking.place.hub()
    asking.place.hubs.lease(hub, "r5-99998207000000abcdef", "failed")
    asking.place.hubs.release("r5", "r5-99998207000000abcdef", "failed")
    assert code_of(lambda: asking.commands.start("r5", None, None, "")) == "HubNotReady"
    assert asking.override is None


@pytest.mark.parametrize("times", [1, 3])
def test_a_wish_survives_that_a_tick_is_faster(times: int) -> None:
    asking = Asking()
    hubs, left = asking.place.tables.table("hubs"), times

    def faster() -> None:
        nonlocal left
        left -= 1
        asking.place.hubs.record("r5", Decided("on", str(left)))
        hubs.meanwhile = faster if left else None

    hubs.meanwhile = faster
    asked = asking.commands.start("r5", None, None, "")
    assert asked.run is not None
    assert asking.place.hub().open_run == asked.run.id
    assert asking.runs() == [Kind.START]


def test_a_power_that_azure_does_not_say_is_no_reason_not_to_start() -> None:
    asking = Asking()
    asking.place.adapters["clusters"] = Silent()
    assert asking.commands.start("r5", None, None, "").run is not None


class Silent(Clusters):
    def get(self, group: str, name: str) -> Any:
        raise TemporaryError("AKS", "Throttled", "later")


# postpone


def test_a_stop_is_put_off_from_when_it_was_due_up_to_the_cap() -> None:
    asking = Asking(NOW.replace(hour=17, minute=50), "Running")
    six = NOW.replace(hour=18)
    assert asking.commands.postpone("r5", 30) == six + timedelta(minutes=30)
    assert asking.commands.postpone("r5", 60) == six + timedelta(minutes=90)
    assert asking.commands.postpone("r5", 600) == six + timedelta(minutes=120)
    assert asking.place.hub().power.postponed_until == six + timedelta(minutes=120)
    assert asking.events() == [EventKind.POSTPONED] * 3
    assert asking.looked_at_soon()


def test_a_stop_that_waits_for_people_can_be_put_off_and_one_that_stops_servers_cannot() -> None:
    asking = Asking(NOW.replace(hour=18, minute=5), "Running")
    run = asking.at_work(Kind.STOP)
    assert asking.commands.postpone("r5", 30) == NOW.replace(hour=18, minute=35)
    asking.place.runs.save_step(run, StepState("servers", StepStatus.RUNNING, started=asking.place.clock.now()))
    assert code_of(lambda: asking.commands.postpone("r5", 30)) == "StopUnderWay"


@pytest.mark.parametrize(("now", "schedule"), [(MORNING, OFFICE), (NOON, None)])
def test_there_is_no_stop_to_put_off(now: datetime, schedule: Any) -> None:
    asking = Asking(now, schedule=schedule)
    assert code_of(lambda: asking.commands.postpone("r5", 30)) == "NoStopToPostpone"
    assert asking.place.hub().power.postponed_until is None
    assert asking.events() == []


# the schedule, and pauses

LONGER = Schedule.model_validate(OFFICE | {"windows": [{"days": ["mon"], "from": "08:00", "to": "22:00"}]})


def test_another_schedule_makes_nothing_happen_in_the_past() -> None:
    asking = Asking(EVENING, "Stopped")
    hub = asking.commands.set_schedule("r5", LONGER)
    assert hub.spec.schedule == LONGER
    assert hub.power.schedule_since == EVENING
    assert asking.looked_at_soon()
    assert asking.commands.set_schedule("r5", None).stored_schedule is None


def test_an_edit_that_leaves_the_present_alone_holds_nothing_back() -> None:
    assert Asking(NOON, "Running").commands.set_schedule("r5", LONGER).power.schedule_since is None


def test_an_edit_is_made_again_on_what_somebody_else_wrote() -> None:
    asking = Asking(NOON)
    stop = asking.commands.stop
    asking.place.meanwhile("hubs", lambda: stop("r5", "", force=False))
    hub = asking.commands.set_schedule("r5", LONGER)
    assert hub.spec.schedule == LONGER
    assert hub.power.override is not None, "what came between is not lost"


def test_an_edit_of_a_hub_that_changes_all_the_time_is_refused() -> None:
    asking = Asking()
    hubs = asking.place.tables.table("hubs")

    def again() -> None:
        asking.place.hubs.record("r5", Decided("on"))
        hubs.meanwhile = again

    hubs.meanwhile = again
    assert code_of(lambda: asking.commands.set_schedule("r5", LONGER)) == "HubChanged"


def test_a_pause_is_written_into_the_schedule_and_taken_out_again() -> None:
    asking = Asking(NOON, "Running")
    until = NOON + timedelta(days=3)
    hub = asking.commands.pause("r5", until, "exams")
    assert hub.spec.schedule is not None
    assert hub.spec.schedule.pause is not None
    assert (hub.spec.schedule.pause.until, hub.spec.schedule.pause.reason) == (until, "exams")
    ended = asking.commands.pause("r5", None, "")
    assert ended.spec.schedule is not None
    assert ended.spec.schedule.pause is None
    assert ended.spec.schedule.windows == hub.spec.schedule.windows


def test_a_hub_without_a_schedule_has_nothing_to_pause() -> None:
    asking = Asking(schedule=None)
    assert code_of(lambda: asking.commands.pause("r5", EVENING + TWO_HOURS, "")) == "NoSchedule"


def test_a_pause_does_not_overwrite_a_schedule_that_cannot_be_read() -> None:
    asking = Asking()
    hubs = asking.place.tables.table("hubs")
    row = hubs.rows["r5", "hub"]
    unreadable = str(row.values["spec"]).replace('"UTC"', '"Mars/Olympus"')
    hubs.rows["r5", "hub"] = replace(row, values={**row.values, "spec": unreadable})
    assert code_of(lambda: asking.commands.pause("r5", EVENING + TWO_HOURS, "")) == "UnreadableSchedule"
    assert asking.place.hub().stored_schedule["timezone"] == "Mars/Olympus"


def test_a_run_that_ended_and_was_not_given_back_yet_is_waited_behind() -> None:
    asking = Asking()
    stop = asking.at_work(Kind.STOP)
    asking.place.runs.update(stop, lambda run: replace(run, status=Status.SUCCEEDED, ended=EVENING))
    start = asking.commands.start("r5", None, None, "").run
    assert start is not None
    asking.place.hubs.release("r5", stop, "ready")
    assert asking.place.hub().open_run == start.id
