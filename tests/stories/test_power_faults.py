"""Starts and stops while Azure, Kubernetes or the hub fail: they come to a good end, or to one that says what to do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cloud import Cloud, Host, wait_until
from tests.stories.conftest import azure, create, gone, steps
from tests.stories.power import ZONE, Week, office, settle

pytestmark = pytest.mark.story

HUB = "shaky"
CLUSTER = f"/managedClusters/{HUB}"
FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {
        "happens": "answer",
        "status": 429,
        "headers": {"Retry-After": "3"},
        "body": {"error": {"code": "X"}},
    },
    "broken": {"happens": "answer", "status": 500},
    "reset": {"happens": "reset"},
    "lost": {"happens": "lost"},
}
CALLS: dict[str, dict[str, str]] = {
    "the cluster": {"service": "arm", "method": "GET", "path": f"{CLUSTER}\\?"},
    "the listing": {"service": "arm", "method": "GET", "path": "ContainerService/managedClusters\\?"},
    "the start": {"service": "arm", "method": "POST", "path": f"{CLUSTER}/start"},
    "the stop": {"service": "arm", "method": "POST", "path": f"{CLUSTER}/stop"},
    "the operation": {"service": "arm", "method": "GET", "path": "ContainerService/locations/.*/operations/"},
    "the credentials": {"service": "arm", "method": "POST", "path": "/listClusterAdminCredential"},
    "the hub's token": {"service": "kubernetes", "method": "GET", "path": "/secrets/hub$"},
}
"""What a start and a stop ask of others."""
MET = {
    "stop": ("the cluster", "the stop", "the credentials", "the hub's token"),
    "start": ("the cluster", "the start"),
}
"""Of these, what each of them always asks. The listing is the tick's, and operations without length are seldom watched."""


@pytest.fixture(scope="module")
def week(cloud: Cloud, host: Host) -> Iterator[Week]:
    """On a Monday morning in its hours."""
    week = Week(cloud, host, HUB)
    today = week.now.astimezone(ZoneInfo(ZONE))
    monday = (today + timedelta(days=14 - today.weekday())).replace(hour=9, minute=1, second=0)
    cloud.control.clock(monday.astimezone(UTC))
    try:
        assert create(host, {"name": HUB, "schedule": office()})["status"] == "succeeded"
        yield week
    finally:
        cloud.calm()
        cloud.control.subscription(outcomes=None)
        cloud.control.clock(rate=60)
        gone(host, HUB)


def outcomes(week: Week, *codes: str, of: str = "start") -> None:
    """How the next starts of a cluster end, after Azure has accepted them."""
    items = [{"operation": of, "code": code, "message": "It went wrong.", "times": 1} for code in codes]
    week.cloud.control.subscription(outcomes={"items": items})


@pytest.mark.parametrize("fault", list(FAULTS))
def test_each_call_of_a_stop_and_a_start_may_fail_once(week: Week, fault: str) -> None:
    week.at(week.now + timedelta(minutes=20))
    events = week.events("failed")
    for verb in ("stop", "start"):
        for call in CALLS.values():
            week.cloud.control.fault(**call, **FAULTS[fault])
        before = week.switched(verb)
        answer = week.ask(verb)
        assert answer.status == 202, answer.json
        if verb == "start":
            week.at(week.now + timedelta(minutes=16))  # its rest
        run = week.through(answer.headers["Location"])
        assert run["status"] == "succeeded", run
        met = {one["path"] for one in week.cloud.control.faults() if one["hits"]}
        assert {CALLS[name]["path"] for name in MET[verb]} <= met
        week.cloud.control.clear_faults()
        asked = 2 if fault == "reset" else 1  # the one that was cut off before it was carried out counts here
        assert len(week.switched(verb)) - len(before) == asked
    assert week.power()["actual"] == "on"
    assert week.events("failed") == events


def test_a_stop_that_azure_breaks_off_is_tried_again_after_five_minutes(week: Week) -> None:
    week.at(week.now + timedelta(minutes=20))
    outcomes(week, "InternalOperationError", of="stop")
    stop = week.ask("stop").json["run"]["id"]
    wait_until(lambda: "trying again in 5 minutes" in str(week.last_run()["steps"]), 30)
    assert week.power()["actual"] == "failed"
    week.at(week.now + timedelta(minutes=5, seconds=30))
    assert week.through(stop)["status"] == "succeeded"
    assert week.power()["actual"] == "off"


def test_items_27_to_29_a_start_that_fails_for_an_hour_is_told_once_and_tried_again_by_the_tick(week: Week) -> None:
    """Running and Failed is no success; the time of the first failure is kept; quota counts again by then."""
    week.at(week.now + timedelta(minutes=20))
    failed = len(week.events("failed"))
    outcomes(week, *["AllocationFailed"] * 4)
    began = week.now.replace(microsecond=0)
    run_id = week.ask("start", {"for": "20h"}).json["run"]["id"]
    for minutes in (5, 15, 30):
        wait_until(lambda minutes=minutes: f"again in {minutes} minutes" in str(week.last_run()["steps"]), 30)  # type: ignore[misc]  # bound now
        assert week.power()["actual"] == "failed"
        assert week.last_run()["status"] == "running"
        week.at(week.now + timedelta(minutes=minutes, seconds=15))
    run = week.through(run_id)
    assert (run["status"], run["error"]["code"]) == ("failed", "AllocationFailed")
    assert "after 4 tries since" in run["error"]["message"]
    assert "no room" in run["error"]["advice"]
    assert len(week.events("failed")) == failed + 1
    since = datetime.fromisoformat(week.power()["failingSince"])
    assert began <= since < began + timedelta(minutes=2)

    week.at(week.now + timedelta(minutes=10))
    assert "the next is tried at" in week.decisions()[0]["reason"]
    assert week.last_run()["id"] == run_id
    week.at(week.now + timedelta(minutes=26))
    again = week.ended()
    assert (again["kind"], again["status"], again["requestedBy"]) == ("start", "succeeded", "schedule")
    assert len(week.events("failed")) == failed + 1
    told = datetime.fromisoformat(week.events("recovered")[0]["data"]["since"])
    assert told.replace(microsecond=0) == since
    assert week.power()["failingSince"] is None


def test_a_hub_that_does_not_say_who_is_there_is_stopped_after_the_grace_and_the_run_says_so(week: Week) -> None:
    week.cloud.control.fault(**CALLS["the hub's token"], happens="answer", status=500, times=None)
    stop = week.ask("stop").json["run"]["id"]
    wait_until(lambda: "waiting for the grace to end" in str(week.last_run()["steps"]), 30)
    week.at(week.now + timedelta(minutes=8))
    settle(1)
    assert week.power()["actual"] == "on"
    week.at(week.now + timedelta(minutes=3))
    run = week.through(stop)
    assert run["status"] == "succeeded", run
    assert "after 10 minutes of grace the stop goes on" in str(run["steps"])
    assert "the cluster's stop ends the servers" in str(run["steps"])


def test_while_the_listing_fails_nothing_is_switched(week: Week) -> None:
    """Nor is anything forgotten: the next tick looks again."""
    week.at(week.now + timedelta(minutes=20))
    runs = len(week.runs())
    week.cloud.control.fault(**CALLS["the listing"], happens="answer", status=503, times=None)
    tomorrow = (week.now.astimezone(ZoneInfo(ZONE)) + timedelta(days=1)).replace(hour=8, minute=1)
    week.at(tomorrow.astimezone(UTC))
    assert len(week.runs()) == runs
    week.cloud.control.clear_faults()
    week.tick()
    assert week.ended()["requestedBy"] == "schedule"
    assert week.power()["actual"] == "on"


def test_a_refusal_for_good_is_not_tried_for_an_hour_and_comes_with_advice(week: Week) -> None:
    assert week.through(week.ask("stop").headers["Location"])["status"] == "succeeded"
    denied = {"error": {"code": "RequestDisallowedByPolicy", "message": "Resource was disallowed by policy."}}
    week.cloud.control.fault(**CALLS["the start"], happens="answer", status=403, body=denied)
    answer = week.ask("start", {"for": "20h"})
    week.at(week.now + timedelta(minutes=16))
    run = week.through(answer.headers["Location"])
    assert (run["status"], run["error"]["code"]) == ("failed", "RequestDisallowedByPolicy")
    assert "Azure Policy" in run["error"]["advice"]
    retried = week.host.post(f"/api/runs/{run['id']}/retry")
    assert week.through(retried.headers["Location"])["status"] == "succeeded"
    assert week.seen()["status"] == "ready"
    assert week.power()["actual"] == "on"


def test_a_run_that_somebody_cancels_is_not_begun_again_at_once(week: Week) -> None:
    week.at(week.now + timedelta(minutes=20))
    week.cloud.control.fault(**CALLS["the hub's token"], happens="answer", status=500, times=None)
    stop = week.ask("stop").json["run"]["id"]
    wait_until(lambda: steps(week.last_run())["people"] == "running", 30)
    assert week.host.post(f"/api/runs/{stop}/cancel").status == 202
    assert week.through(stop)["status"] == "cancelled"
    week.cloud.control.clear_faults()
    for _ in range(3):
        week.tick()
    assert week.last_run()["id"] == stop
    assert "was cancelled; the next is tried at" in week.decisions()[0]["reason"]
    week.at(week.now + timedelta(minutes=31))
    assert week.ended()["kind"] == "stop"
    assert week.power()["actual"] == "off"


def test_a_cluster_that_was_deleted_by_hand_is_told_and_can_be_torn_down(week: Week, cloud: Cloud) -> None:
    delete(cloud, week)
    wait_until(lambda: week.power()["actual"] == "none", 30)
    run = week.through(week.ask("start", {"for": "1h"}).headers["Location"])
    assert (run["status"], run["error"]["code"]) == ("failed", "ClusterNotFound")
    assert "deleted by hand" in run["error"]["message"]
    week.host.fire("daily_upkeep")
    wait_until(lambda: any("no cluster of its own" in event["message"] for event in week.events("warning")), 30)
    runs = len(week.runs())
    week.tick()
    assert len(week.runs()) == runs


def delete(cloud: Cloud, week: Week) -> None:
    """As somebody does it in the portal."""
    group = week.seen()["spec"]["resourceGroup"]
    path = f"/resourceGroups/{group}/providers/Microsoft.ContainerService{CLUSTER}"
    assert azure(cloud, "DELETE", path, "2025-10-01").status_code == 202
