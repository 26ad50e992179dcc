"""The steps that switch a cluster: what each finds, what it begins, and when it looks again."""

from datetime import timedelta
from typing import Any

import pytest

from shared.azure.listing import FRESH, Listing
from shared.azure.operations import Operation
from shared.errors import NotFoundError, PermanentError, TemporaryError
from shared.power.switch import BELIEVED, LOOK, REST_LOOK, TRY_AGAIN, start_cluster, stop_cluster, wait_out_cooldown
from shared.runs.context import OperationEndedError, StepContext, backoff, give_up, poll_delay, watching
from shared.runs.model import Kind, Options, Outcome, StepState
from shared.schedules.record import Record
from tests.fakes.adapters import RUNNING, SUCCEEDED, Arm, Clusters, failed
from tests.given import NOW, Place, run_of

THROTTLED = TemporaryError("AKS", "Throttled", "too many", status=429, retry_after=7)
OPERATION = Operation("https://arm/start", None, 30.0).to_json()


class Switching:
    """A hub whose cluster is switched; each `call` is given the memo that the last one left."""

    def __init__(self, goal: str, clusters: Clusters, arm: Arm | None = None) -> None:
        self.clusters, self.arm = clusters, arm or Arm()
        self.place = Place()
        self.place.adapters = {
            "clusters": clusters,
            "arm": self.arm,
            "cluster_listing": Listing(clusters, self.place.clock),  # type: ignore[arg-type]  # a stand-in
        }
        self.place.ready()
        self.kind = {"on": Kind.START, "off": Kind.STOP}[goal]
        self.function = {"on": start_cluster, "off": stop_cluster}[goal]
        self.checkpoint: dict[str, Any] = {}

    def call(self, *, elapsed: float = 0) -> Outcome:
        context = self.place.context(run_of(self.kind), StepState("power", checkpoint=self.checkpoint), elapsed=elapsed)
        outcome = self.function(context)
        self.checkpoint = outcome.checkpoint
        return outcome


GOALS = [("on", "start"), ("off", "stop")]


@pytest.mark.parametrize(("goal", "power"), [("on", "Running"), ("off", "Stopped")])
def test_a_cluster_that_is_already_as_wanted_is_a_success(goal: str, power: str) -> None:
    switching = Switching(goal, Clusters(power=power))
    assert switching.call().state == "done"
    assert switching.clusters.calls == {"get": 1}


@pytest.mark.parametrize(
    ("goal", "state", "power"),
    [
        ("on", "Succeeded", "Stopped"),
        ("on", "Failed", "Running"),
        ("on", "Failed", "Stopped"),
        ("off", "Succeeded", "Running"),
        ("off", "Failed", "Running"),
    ],
)
def test_a_cluster_that_is_not_as_wanted_is_switched_once(goal: str, state: str, power: str) -> None:
    switching = Switching(goal, Clusters(state, power))
    outcome = switching.call()
    assert (outcome.state, outcome.after) == ("waiting", LOOK)
    assert switching.clusters.calls[dict(GOALS)[goal]] == 1
    switching.clusters.state = "Succeeded"
    switching.clusters.power = {"on": "Running", "off": "Stopped"}[goal]
    switching.arm.says = SUCCEEDED
    assert switching.call(elapsed=290).state == "done"
    assert switching.clusters.calls[dict(GOALS)[goal]] == 1


@pytest.mark.parametrize(("goal", "begins"), GOALS)
@pytest.mark.parametrize("state", ["Starting", "Stopping", "Updating", "Upgrading", "Scaling", "Creating"])
def test_a_cluster_that_somebody_else_works_on_is_waited_for(goal: str, begins: str, state: str) -> None:
    power = "Running" if goal == "off" else "Stopped"
    switching = Switching(goal, Clusters(state, power))
    assert switching.call() == Outcome("waiting", f"The cluster is {state.lower()}.", LOOK, {"failures": 0})
    switching.clusters.state = "Succeeded"
    switching.call()
    assert switching.clusters.calls[begins] == 1


def test_a_running_cluster_that_is_being_updated_is_on() -> None:
    assert Switching("on", Clusters("Updating", "Running")).call().state == "done"


def test_a_cluster_that_is_gone_is_no_temporary_trouble() -> None:
    with pytest.raises(PermanentError, match="deleted by hand"):
        Switching("on", Clusters(state=None)).call()


def test_while_the_listing_shows_it_at_work_nobody_is_asked_about_the_operation() -> None:
    switching = Switching("on", Clusters(power="Stopped"))
    switching.call()
    for elapsed in (10, 20, 200):
        outcome = switching.call(elapsed=elapsed)
        assert (outcome.state, outcome.after) == ("waiting", LOOK)
        assert outcome.checkpoint["operation"] == OPERATION
        switching.place.clock.advance(seconds=10)
    assert switching.arm.looks == 0
    assert switching.clusters.calls == {"get": 1, "start": 1, "list": 3}


@pytest.mark.parametrize(
    ("recommended", "elapsed", "after"),
    [(None, 0, LOOK), (30.0, 0, LOOK), (30.0, 600, 24.0), (30.0, 1700, 30.0), (2.0, 5, 2.0), (0.0, 5, 2.0)],
)
def test_looks_are_no_denser_than_needed_and_no_sparser_than_a_25th(
    recommended: float | None, elapsed: float, after: float
) -> None:
    switching = Switching("on", Clusters(power="Stopped", retry_after=recommended))
    switching.call()
    assert switching.call(elapsed=elapsed).after == after


def test_a_short_operation_is_looked_at_as_soon_as_azure_says() -> None:
    assert Switching("on", Clusters(power="Stopped", retry_after=0.0)).call().after == 0.0


def test_a_listing_that_shows_it_at_work_for_half_an_hour_is_no_longer_believed() -> None:
    switching = Switching("on", Clusters(power="Stopped"), Arm(failed(PermanentError("AKS", "Stuck", "no"))))
    switching.call()
    assert switching.call(elapsed=BELIEVED - 1).message == "The cluster is starting."
    assert "Stuck" in switching.call(elapsed=BELIEVED).message


def test_a_listing_from_before_the_start_ends_nothing() -> None:
    switching = Switching("on", Clusters(power="Stopped"))
    assert switching.place.adapters["cluster_listing"].get(switching.place.hub().cluster_id("00000000")) is None
    switching.call()
    assert switching.clusters.calls["list"] == 1, "it is a moment old, and shows the cluster as it was before"
    outcome = switching.call(elapsed=1)
    assert (outcome.state, switching.arm.looks) == ("waiting", 1)
    switching.arm.says = SUCCEEDED
    switching.clusters.state, switching.clusters.power = "Succeeded", "Running"
    assert switching.call(elapsed=2).state == "done"
    assert switching.clusters.calls["list"] == 1
    assert switching.clusters.calls["start"] == 1


def test_an_operation_that_ended_well_with_a_cluster_that_is_not_is_begun_again() -> None:
    """AKS shows a failed start as Running and Failed."""
    switching = Switching("on", Clusters(power="Stopped"), Arm(SUCCEEDED))
    switching.call()
    switching.clusters.state = "Failed"
    switching.place.clock.advance(minutes=1)
    outcome = switching.call(elapsed=290)
    assert (outcome.state, outcome.after) == ("waiting", TRY_AGAIN[0])
    assert "NotSwitched" in outcome.message
    switching.call(elapsed=590)
    assert switching.clusters.calls["start"] == 2


def test_of_an_operation_that_azure_forgot_the_cluster_tells_the_end() -> None:
    switching = Switching("on", Clusters(power="Stopped"), Arm(NotFoundError("AKS", "NotFound", "no such operation")))
    switching.call()
    switching.clusters.state = "Succeeded"
    switching.place.clock.advance(minutes=1)
    assert switching.call(elapsed=290).after == 0
    assert switching.call(elapsed=290).state == "done"
    assert switching.clusters.calls["start"] == 1


@pytest.mark.parametrize(("goal", "begins"), GOALS)
def test_a_start_or_stop_that_fails_is_tried_again_after_5_15_and_30_minutes(goal: str, begins: str) -> None:
    error = PermanentError("AKS", "OutOfCapacity", "none left", details={"zone": 1})
    power = "Stopped" if goal == "on" else "Running"
    switching = Switching(goal, Clusters(power=power), Arm(failed(error)))
    waits = []
    for tries in (1, 2, 3):
        switching.call()
        assert switching.clusters.calls[begins] == tries
        switching.clusters.state = "Failed"
        switching.place.clock.advance(minutes=1)
        outcome = switching.call(elapsed=60)
        waits.append(outcome.after)
        assert "OutOfCapacity: none left" in outcome.message
        assert "operation" not in outcome.checkpoint
    assert tuple(waits) == TRY_AGAIN == (300.0, 900.0, 1800.0)
    switching.call()
    switching.clusters.state = "Failed"
    switching.place.clock.advance(minutes=1)
    with pytest.raises(PermanentError, match="after 4 tries since 08:01 UTC: none left") as caught:
        switching.call(elapsed=60)
    assert (caught.value.code, caught.value.details) == ("OutOfCapacity", {"zone": 1})


def test_a_start_that_azure_refuses_at_once_is_for_the_caller_to_judge() -> None:
    with pytest.raises(TemporaryError) as caught:
        Switching("on", Clusters(power="Stopped", refuses=THROTTLED)).call()
    assert caught.value is THROTTLED


def test_a_start_without_an_operation_is_looked_at_soon() -> None:
    switching = Switching("on", Clusters(power="Stopped", at_once=True))
    assert switching.call().after == 2
    switching.clusters.state = "Succeeded"
    assert switching.call(elapsed=2).state == "done"


# the rest, and a burst


def rested(record: Record, *, power: str = "Stopped", delay: float = 0) -> Outcome:
    place = Place(adapters={"clusters": Clusters(power=power)})
    place.ready()
    place.hubs.update_power("r5", lambda _: record)
    run = run_of(Kind.START, options=Options(delay=delay))
    return wait_out_cooldown(place.context(run, StepState("rest")))


def stopped(**ago: float) -> Record:
    return Record(last_stop_ended=NOW - timedelta(**ago))


@pytest.mark.parametrize(
    ("record", "after"),
    [(Record(), 0), (stopped(minutes=15), 0), (stopped(minutes=14, seconds=59), 1), (stopped(seconds=1), REST_LOOK)],
)
def test_a_start_waits_until_fifteen_minutes_after_the_stop(record: Record, after: float) -> None:
    outcome = rested(record)
    assert (outcome.state, outcome.after) == ("waiting" if after else "done", after)
    assert ("AKS asks for 15 minutes" in outcome.message) == bool(after)


def test_a_cluster_that_is_on_needs_no_rest() -> None:
    assert rested(stopped(seconds=1), power="Running").state == "done"


def test_a_run_of_a_burst_waits_for_its_turn_without_a_call() -> None:
    place = Place()
    place.ready()
    run = run_of(Kind.START, options=Options(delay=90.0))
    outcome = wait_out_cooldown(place.context(run, StepState("rest")))
    assert (outcome.state, outcome.after) == ("waiting", 90)
    place.clock.advance(seconds=90)
    assert wait_out_cooldown(place.context(run, StepState("rest"))).state == "done"


def test_the_longer_of_both_waits_counts() -> None:
    assert rested(stopped(minutes=10), delay=20).after == REST_LOOK
    assert rested(stopped(minutes=14, seconds=50), delay=20).after == 10
    assert rested(stopped(minutes=15), delay=20).after == 20


# the listing that they share


def test_hundreds_who_look_at_the_same_time_list_once() -> None:
    place, clusters = Place(), Clusters()
    listing = Listing(clusters, place.clock)  # type: ignore[arg-type]  # a stand-in
    place.ready()
    identity = place.hub().cluster_id(place.services.settings.subscription_id)
    for _ in range(300):
        assert listing.get(identity) is not None
    assert clusters.calls == {"list": 1}
    place.clock.advance(seconds=FRESH.total_seconds())
    listing.get(identity)
    assert clusters.calls == {"list": 2}
    place.clock.advance(hours=-1)
    listing.get(identity)
    assert clusters.calls == {"list": 3}, "a clock that was turned back makes no answer last"


def test_a_listing_that_fails_fails_for_all_who_ask_in_its_time() -> None:
    class Failing(Clusters):
        def list_all(self) -> Any:
            self.calls["list"] += 1
            raise THROTTLED

    place, clusters = Place(), Failing()
    listing = Listing(clusters, place.clock)  # type: ignore[arg-type]  # a stand-in
    for _ in range(5):
        with pytest.raises(TemporaryError):
            listing.get("x")
    assert clusters.calls == {"list": 1}


# what all steps share


@pytest.mark.parametrize(
    ("elapsed", "asked", "delay"),
    [
        (0, None, 2.0),
        (50, None, 2.0),
        (100, None, 4.0),
        (750, None, 30.0),
        (9000, None, 30.0),
        (0, 30.0, 2.0),
        (9000, 10.0, 10.0),
        (100, 0.0, 0.5),
    ],
)
def test_an_operation_is_looked_at_at_its_own_pace(elapsed: float, asked: float | None, delay: float) -> None:
    assert poll_delay(elapsed, asked) == delay


@pytest.mark.parametrize(("tries", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (99, 60)])
def test_temporary_trouble_is_met_with_growing_patience(tries: int, seconds: float) -> None:
    assert backoff(TemporaryError("AKS", "InternalServerError", "oh"), tries) == seconds
    assert backoff(THROTTLED, tries) == 7, "what the system asks for is kept to"


@pytest.mark.parametrize("tries", [0, 3, 50])
def test_a_principal_that_is_not_known_yet_is_tried_steadily(tries: int) -> None:
    assert backoff(TemporaryError("AKS", "ServicePrincipalNotFound", "not yet"), tries) == 5


@pytest.mark.parametrize(
    ("code", "limit"), [("Throttled", 1200), ("PrincipalNotFound", 300), ("ServicePrincipalNotFound", 300)]
)
def test_patience_ends_to_the_second(code: str, limit: float) -> None:
    error = TemporaryError("Azure", code, "not now")
    assert not give_up(error, limit - 0.1)
    assert give_up(error, limit)


def look(progress: Any, checkpoint: dict[str, Any]) -> Outcome | None:
    place = Place(adapters={"arm": Arm(progress)})
    place.ready()
    context: StepContext = place.context(run_of(Kind.START), StepState("power-on", checkpoint=checkpoint))
    return watching(context, "Working")


def test_without_an_operation_there_is_nothing_to_watch() -> None:
    assert look(RUNNING, {"failures": 1}) is None


def test_an_operation_that_azure_moved_is_followed_with_the_rest_of_the_memo() -> None:
    moved = Operation(None, "https://arm/elsewhere", 10.0)
    outcome = look(type(RUNNING)("running", "Halfway", 10.0, None, moved), {"failures": 1, "operation": OPERATION})
    assert outcome == Outcome("waiting", "Working (Halfway)", 2.0, {"failures": 1, "operation": moved.to_json()})


def test_an_operation_that_ended_badly_says_what_azure_said() -> None:
    with pytest.raises(OperationEndedError) as caught:
        look(failed(THROTTLED), {"operation": OPERATION})
    assert caught.value.error is THROTTLED
    with pytest.raises(OperationEndedError, match="ended the operation as canceled"):
        look(type(RUNNING)("canceled", "Canceled", None, None), {"operation": OPERATION})
