"""A service principal's password is replaced before it keeps a sleeping cluster from starting: on a clock a year later."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cloud import Cloud, Host, wait_until
from tests.stories.conftest import create, gone, steps
from tests.stories.power import ZONE, Week, office, settle

pytestmark = pytest.mark.story

HUB = "yearly"
LISTING = {"service": "arm", "method": "GET", "path": "ContainerService/managedClusters\\?"}
DENIED = {"operation": "update", "code": "RequestDisallowedByPolicy", "message": "Not on a Friday.", "times": 1}


@pytest.fixture
def week(cloud: Cloud, host: Host, request: pytest.FixtureRequest) -> Iterator[Week]:
    """A hub with office hours, or the schedule of the test's parameter, made in the middle of a morning."""
    week = Week(cloud, host, HUB)
    cloud.control.clock(workday(week.now + timedelta(days=1), "10:00"))
    schedule = getattr(request, "param", office())
    try:
        body = {"name": HUB} | ({"schedule": schedule} if schedule else {})
        assert create(host, body)["status"] == "succeeded"
        cloud.control.clear_requests()
        yield week
    finally:
        cloud.calm()
        cloud.control.subscription(outcomes=None)
        cloud.control.clock(rate=60)
        gone(host, HUB)


def passwords(week: Week) -> list[dict[str, Any]]:
    """Of the hub's application, as the directory lists them."""
    rows = [row for row in week.cloud.control.resources() if row["kind"] == "Microsoft.Graph/applications"]
    (application,) = [row for row in rows if row["displayName"] == f"{HUB}-sp"]
    return list(application["passwordCredentials"])


def ends(week: Week) -> datetime:
    (only,) = passwords(week)
    return datetime.fromisoformat(only["endDateTime"])


def workday(moment: datetime, time: str) -> datetime:
    """That local time of the first Monday to Thursday from then on."""
    day = moment.astimezone(ZoneInfo(ZONE))
    while day.weekday() > 3:
        day += timedelta(days=1)
    hours, minutes = map(int, time.split(":"))
    return day.replace(hour=hours, minute=minutes, second=1, microsecond=0).astimezone(UTC)


def without_upkeep(week: Week, moment: datetime) -> None:
    """Moves the clock there. The upkeep that falls due finds Azure silent about the clusters, and leaves passwords alone."""
    before = upkeeps(week)
    fault = week.cloud.control.fault(**LISTING, happens="answer", status=503, times=None)
    week.cloud.control.clock(moment)
    wait_until(lambda: upkeeps(week) > before, 30, "the night's upkeep")
    week.cloud.control.clear_fault(fault["id"])


def upkeeps(week: Week) -> int:
    return sum("[daily_upkeep] upkeep:" in line for line in week.log())


def asleep(week: Week) -> None:
    assert week.through(week.ask("stop").headers["Location"])["status"] == "succeeded"


def test_a_password_that_ends_soon_is_replaced_before_the_evenings_stop(week: Week) -> None:
    old = ends(week)
    asleep(week)
    morning = workday(old - timedelta(days=12), "07:56")
    week.at(morning)
    assert week.ended()["status"] == "succeeded"
    week.at(morning.astimezone(ZoneInfo(ZONE)).replace(hour=18, minute=0).astimezone(UTC))
    stop = week.ended()
    assert (stop["kind"], stop["status"]) == ("stop", "succeeded"), stop
    assert "it is replaced first" in str(stop["steps"])
    assert ends(week) > old + timedelta(days=300)  # one password, and a new one
    calls = [
        f"{call['method']} {call['path'].partition('?')[0].rpartition('/')[2]}"
        for call in week.cloud.control.requests()
    ]
    order = ["POST addPassword", "POST resetServicePrincipalProfile", "POST removePassword", "POST stop"]
    places = [max(number for number, call in enumerate(calls) if call == each) for each in order]
    assert places == sorted(places)
    week.at(workday(old + timedelta(days=1), "07:56"))
    start = week.ended()
    assert (start["kind"], start["status"]) == ("start", "succeeded"), start


def test_a_password_that_has_ended_while_the_hub_was_on_is_replaced_too(week: Week) -> None:
    old = ends(week)
    week.ask("start", {"until": (week.now + timedelta(days=30)).isoformat()})
    without_upkeep(week, workday(old + timedelta(days=1), "11:00"))
    run = week.through(week.ask("stop").headers["Location"])
    assert run["status"] == "succeeded", run
    assert ends(week) > old + timedelta(days=300)


@pytest.mark.parametrize("week", [None], indirect=True)
def test_the_nightly_upkeep_replaces_the_password_of_a_hub_that_is_always_on(week: Week) -> None:
    old = ends(week)
    week.cloud.control.clock((old - timedelta(days=20)).replace(hour=3, minute=30, second=1))
    wait_until(lambda: week.last_run()["kind"] == "rotate", 20)
    run = week.ended()
    assert run["status"] == "succeeded", run
    assert ends(week) > old + timedelta(days=300)
    assert week.power()["actual"] == "on"
    week.cloud.control.clock(week.now.replace(hour=3, minute=30, second=1) + timedelta(days=1))
    wait_until(lambda: "[daily_upkeep] upkeep" in "".join(week.log()[-3:]), 20)
    settle()
    assert week.last_run()["id"] == run["id"]


def test_an_upkeep_leaves_a_hub_with_hours_to_its_evening(week: Week) -> None:
    asleep(week)
    morning = workday(ends(week) - timedelta(days=20), "07:56")
    week.at(morning)
    start = week.ended()
    assert start["kind"] == "start"
    for _ in range(2):
        week.host.fire("daily_upkeep")
    wait_until(lambda: sum("[daily_upkeep] upkeep" in line for line in week.log()[-4:]) == 2, 20)
    settle()
    assert week.last_run()["id"] == start["id"]


def test_a_crash_between_directory_and_vault_leaves_no_stray_password(week: Week) -> None:
    old = ends(week)
    without_upkeep(week, workday(old - timedelta(days=6), "11:00"))
    held = week.cloud.control.fault(service="graph", method="POST", path="/addPassword", happens="held", seconds=30)
    week.ask("stop")
    wait_until(lambda: any(fault["hits"] for fault in week.cloud.control.faults() if fault["id"] == held["id"]), 60)
    week.host.kill()
    assert len(passwords(week)) == 2
    week.cloud.control.clear_faults()
    week.host.start()
    week.host.fire("sweep_runs")
    run = week.ended()
    assert run["status"] == "succeeded", run
    assert ends(week) > old + timedelta(days=300)


def test_a_cluster_that_refuses_the_new_password_keeps_the_old_one_and_is_not_stopped(week: Week) -> None:
    old = ends(week)
    week.ask("start", {"until": (week.now + timedelta(days=30)).isoformat()})
    week.cloud.control.subscription(outcomes={"items": [DENIED]})
    without_upkeep(week, workday(old - timedelta(days=6), "11:00"))
    run = week.through(week.ask("stop").headers["Location"])
    assert (run["status"], run["error"]["code"]) == ("failed", "RequestDisallowedByPolicy")
    assert steps(run)["power-off"] == "waiting"
    assert week.power()["actual"] in ("on", "failed")
    assert len(passwords(week)) == 2
    assert len(week.events("failed")) == 1
    week.at(week.now + timedelta(minutes=20))
    assert week.last_run()["id"] == run["id"]
    week.at(week.now + timedelta(minutes=20))
    again = week.ended()
    assert (again["kind"], again["status"], again["requestedBy"]) == ("stop", "succeeded", "schedule"), again
    assert ends(week) > old + timedelta(days=300)
    assert len(week.events("failed")) == 1
    assert len(week.events("recovered")) == 1
