"""A stop that respects people: who counts as present, how long it waits for them, and what it does when the hub does not say."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.errors import NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.hubs.status.parts import Urls
from shared.kubernetes.jupyterhub import HubUser
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.power.people import ACTIVE, LOOK, SERVERS_TIMEOUT, SILENCE, Present, present, stop_servers, warn_people
from shared.runs.model import Kind, Options, Outcome, StepState
from shared.schedules.record import Override, PowerState
from tests.fakes.adapters import Clusters, JupyterHub, Kubernetes, user
from tests.given import NOW, OFFICE, Place, run_of

GRACE, CAP = 10, 120
"""Minutes: the defaults of a schedule."""
EVENING = NOW.replace(hour=18)
SILENT = TemporaryError("JupyterHub", "ConnectionFailed", "nobody answers")


def ago(**duration: float) -> datetime:
    return EVENING - timedelta(**duration)


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ([], Present((), ())),
        ([user("ann")], Present((), ())),
        ([user("ann", ago(seconds=0))], Present(("ann",), ("ann",))),
        ([user("ann", ago(minutes=10, microseconds=-1))], Present(("ann",), ("ann",))),
        ([user("ann", ago(minutes=10))], Present(("ann",), ())),
        ([user("ann", None)], Present(("ann",), ())),
        ([user("ann", ago(days=1), ago(minutes=1))], Present(("ann",), ("ann",))),
        ([user("zoe", ago(minutes=1)), user("bob", ago(hours=1))], Present(("bob", "zoe"), ("zoe",))),
    ],
    ids=[
        "nobody",
        "a-user-without-a-server",
        "just-now",
        "a-microsecond-young-enough",
        "ten-minutes-ago",
        "a-server-that-never-said",
        "one-of-two-servers",
        "sorted",
    ],
)
def test_who_is_present(users: list[HubUser], expected: Present) -> None:
    assert timedelta(minutes=10) == ACTIVE
    assert present(users, EVENING) == expected


class Stopping:
    """Hub r5 at 18:00, the end of its hours; each `call` is given the memo that the last one left."""

    def __init__(self, *users: HubUser, schedule: Any = OFFICE, force: bool = False) -> None:
        self.hub, self.clusters = JupyterHub(list(users)), Clusters()
        self.place = Place(
            adapters={"clusters": self.clusters, "kubernetes": Kubernetes(), "jupyterhub": self.hub},
        )
        self.place.clock.set(EVENING)
        self.place.ready(parts=[Urls("http://r5.example/")], **({"schedule": schedule} if schedule else {}))
        self.run = run_of(Kind.STOP, requested=EVENING, options=Options(force=force))
        self.began = EVENING
        self.checkpoint: dict[str, Any] = {}

    def call(self, function: Callable[..., Outcome] = warn_people, **later: float) -> Outcome:
        """So much after 18:00."""
        self.place.clock.set(EVENING + timedelta(**later))
        elapsed = timedelta(**later).total_seconds()
        outcome = function(
            self.place.context(self.run, StepState("people", checkpoint=self.checkpoint), elapsed=elapsed)
        )
        self.checkpoint = outcome.checkpoint
        return outcome

    def events(self) -> list[EventKind]:
        return [event.event.kind for event in EventStore(self.place.tables).of_hub("r5", 10)]


def test_nobody_is_asked_when_the_stop_is_forced() -> None:
    stopping = Stopping(user("ann", EVENING), force=True)
    assert stopping.call().state == "done"
    assert not stopping.clusters.calls


def test_a_hub_without_servers_is_stopped_at_once() -> None:
    stopping = Stopping(user("ann"))
    assert stopping.call().message == "Nobody has a server running."
    assert stopping.events() == []


def test_people_at_work_are_waited_for_up_to_the_cap_and_then_warned() -> None:
    stopping = Stopping(user("ann", EVENING + timedelta(hours=9)))
    for minutes in (0, 1, 60, CAP - GRACE - 1):
        outcome = stopping.call(minutes=minutes)
        assert (outcome.state, outcome.after) == ("waiting", LOOK)
        assert outcome.message == "ann is at work; waiting until 2026-11-23T20:00:00Z at the latest."
    assert stopping.events() == [EventKind.POSTPONED], "once"
    assert stopping.call(minutes=CAP - GRACE).message.endswith("Servers running: ann. Save your work.")
    assert stopping.events() == [EventKind.WILL_STOP, EventKind.POSTPONED]
    assert stopping.call(minutes=CAP, seconds=-1).after == 1
    assert stopping.call(minutes=CAP).state == "done"
    assert stopping.events() == [EventKind.WILL_STOP, EventKind.POSTPONED], "once"


def test_servers_that_nobody_uses_get_the_grace_alone() -> None:
    stopping = Stopping(user("ann", ago(hours=1)), user("bob", ago(hours=2)))
    outcome = stopping.call()
    assert (outcome.state, outcome.after) == ("waiting", LOOK)
    assert stopping.call(minutes=3).message == "ann, bob are warned; 7 minutes left."
    assert stopping.call(minutes=GRACE).state == "done"


def test_who_comes_back_during_the_grace_is_waited_for_again() -> None:
    stopping = Stopping(user("ann", ago(hours=1)))
    stopping.call()
    stopping.hub.listed = [user("ann", EVENING + timedelta(minutes=5))]
    assert "at work" in stopping.call(minutes=5).message
    stopping.hub.listed = []
    assert stopping.call(minutes=6).state == "done"


def test_many_names_are_cut_short() -> None:
    stopping = Stopping(*[user(name, EVENING) for name in "abcde"])
    assert stopping.call().message.startswith("a, b, c and 2 more are at work")


def test_a_stop_that_is_not_wanted_any_more_is_called_off() -> None:
    stopping = Stopping(user("ann", EVENING))
    until = EVENING + timedelta(hours=2)
    override = Override(PowerState.ON, EVENING, until, "bob", "", until)
    stopping.place.hubs.update_power("r5", lambda record: type(record)(override=override))
    outcome = stopping.call(minutes=1)
    assert outcome.state == "cancelled"
    assert outcome.fault is not None
    assert outcome.fault.code == "NotWanted"


def test_a_hub_without_a_schedule_is_stopped_by_hand_with_the_usual_grace() -> None:
    stopping = Stopping(user("ann", ago(hours=1)), schedule=None)
    until = EVENING + timedelta(days=1)
    override = Override(PowerState.OFF, EVENING, until, "bob", "")
    stopping.place.hubs.update_power("r5", lambda record: type(record)(override=override))
    assert "stops in 10 minutes" in stopping.call().message
    assert stopping.call(minutes=GRACE).state == "done"


@pytest.mark.parametrize("error", [SILENT, PermanentError("JupyterHub", "Forbidden", "no", status=403)])
def test_a_hub_that_does_not_say_is_stopped_after_the_grace_and_the_run_says_so(error: OutsideError) -> None:
    stopping = Stopping()
    stopping.hub.error = error
    for minutes in (0, 5):
        outcome = stopping.call(minutes=minutes)
        assert (outcome.state, outcome.after) == ("waiting", LOOK)
        assert error.code in outcome.message
    assert stopping.call(minutes=GRACE, seconds=-30).after == 30
    outcome = stopping.call(minutes=GRACE)
    assert outcome.state == "done"
    assert f"did not say who is active ({error.code})" in outcome.message


def test_a_hub_that_falls_silent_after_hours_of_work_gets_its_grace_from_then_on() -> None:
    stopping = Stopping(user("ann", EVENING + timedelta(hours=9)))
    stopping.call(minutes=90)
    stopping.hub.error = SILENT
    assert stopping.call(minutes=91).state == "waiting"
    assert stopping.call(minutes=91 + GRACE, seconds=-1).state == "waiting"
    stopping.hub.error = None
    assert "ann is at work" in stopping.call(minutes=100).message
    stopping.hub.error = SILENT
    assert stopping.call(minutes=102).state == "waiting"
    assert stopping.call(minutes=102 + GRACE).state == "done"


def test_a_cluster_that_is_off_already_keeps_nobody_waiting() -> None:
    stopping = Stopping()
    stopping.hub.error = SILENT
    stopping.clusters.power = "Stopped"
    assert stopping.call().message == "The cluster is off already."
    assert stopping.call(stop_servers).state == "done"


@pytest.mark.parametrize("force", [False, True])
def test_a_stop_under_a_schedule_that_was_paused_meanwhile_is_called_off(force: bool) -> None:
    paused = OFFICE | {"pause": {"until": (EVENING + timedelta(days=1)).isoformat(), "reason": "exams"}}
    stopping = Stopping(user("ann", EVENING), schedule=paused, force=force)
    assert stopping.call().state == "cancelled"


def test_a_hub_without_its_service_token_does_not_say() -> None:
    stopping = Stopping()
    stopping.place.adapters["kubernetes"] = Kubernetes(None)
    assert "TokenNotFound" in stopping.call().message
    assert stopping.call(stop_servers, seconds=SILENCE).state == "done"


def test_a_hub_that_answers_again_within_the_grace_is_asked() -> None:
    stopping = Stopping(user("ann", EVENING + timedelta(hours=1)))
    stopping.hub.error = SILENT
    stopping.call()
    stopping.hub.error = None
    assert "ann is at work" in stopping.call(minutes=1).message


def test_that_azure_throttles_us_does_not_end_the_wait_for_people() -> None:
    stopping = Stopping(user("ann", EVENING))
    stopping.clusters.refuses = TemporaryError("AKS", "Throttled", "too many", status=429, retry_after=3)
    with pytest.raises(TemporaryError):
        stopping.call(minutes=GRACE + 1)
    stopping.clusters.refuses = None
    assert "ann is at work" in stopping.call(minutes=5).message


def test_servers_are_stopped_through_the_hub() -> None:
    stopping = Stopping(user("ann", EVENING, EVENING), user("bob", None), user("cat"))
    assert stopping.call(stop_servers) == Outcome("done", "No server is running.")
    assert stopping.hub.stopped == [("ann", "server0"), ("ann", "server1"), ("bob", "server0")]


def test_servers_that_take_long_are_waited_for_and_then_left_to_the_cluster() -> None:
    stopping = Stopping(user("ann", EVENING), user("bob", EVENING))
    stopping.hub.stubborn = {"bob"}
    outcome = stopping.call(stop_servers)
    assert (outcome.state, outcome.after, outcome.message) == ("waiting", 5, "1 servers are still stopping.")
    assert stopping.call(stop_servers, seconds=SERVERS_TIMEOUT - 1).state == "waiting"
    outcome = stopping.call(stop_servers, seconds=SERVERS_TIMEOUT)
    assert outcome.state == "done"
    assert outcome.message.startswith("1 servers did not end within 180 s")


@pytest.mark.parametrize("error", [SILENT, NotFoundError("JupyterHub", "UserNotFound", "gone")])
def test_servers_of_a_hub_that_does_not_answer_end_with_the_cluster(error: OutsideError) -> None:
    stopping = Stopping(user("ann", EVENING))
    stopping.hub.error = error
    assert stopping.call(stop_servers, seconds=SILENCE - 1).state == "waiting"
    outcome = stopping.call(stop_servers, seconds=SILENCE)
    assert outcome.state == "done"
    assert error.code in outcome.message
