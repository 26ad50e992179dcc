"""A service principal's password is replaced before it keeps a sleeping cluster from starting: on a clock a year later."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared import names
from shared.clock import SystemClock
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud, Host, wait_until
from tests.stories.conftest import azure, create, gone, steps
from tests.stories.power import QUICK, ZONE, Week, office, settle

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
    week.host.fire("reconcile_runs")
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


def resets(week: Week) -> int:
    """How often the cluster was asked to take a password."""
    return sum("resetServicePrincipalProfile" in call["path"] for call in week.cloud.control.requests())


def agree(week: Week, key: str) -> None:
    """The directory knows this password alone, and it is the one in Key Vault."""
    (only,) = passwords(week)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in week.cloud.environment.items():
            patch.setenv(name, value)  # the certificates of the local cloud among them
        vault = Services(Settings.from_environ(week.cloud.environment), SystemClock()).secrets
        kept = vault.get(names.own_vault_name(HUB, names.PRINCIPAL_PASSWORD))
    assert kept is not None
    assert only["keyId"] == kept.tags["keyId"] == key


@pytest.mark.parametrize("week", [None], indirect=True)
def test_stops_and_starts_by_hand_of_a_hub_without_hours_replace_nothing(week: Week) -> None:
    (first,) = passwords(week)
    asleep(week)
    power = week.power()
    assert "until somebody starts it" in power["reason"]
    assert (power["until"], power["override"]["until"]) == (None, None)
    start = week.ask("start").json["run"]["id"]
    wait_until(lambda: "AKS asks for 15 minutes" in str(week.last_run()["steps"]), 30)
    stop = week.ask("stop").json["run"]["id"]
    week.at(week.now + timedelta(minutes=2))
    assert week.host.wait_run(start)["status"] == "cancelled"
    week.at(week.now + timedelta(minutes=2))  # the sweep begins the stop
    run = week.through(stop)
    assert run["status"] == "succeeded", run
    assert week.power()["actual"] == "off"
    for _ in range(3):
        week.at(week.now + timedelta(minutes=16))
        started = week.through(week.ask("start").headers["Location"])
        assert started["status"] == "succeeded", started
        asleep(week)
    agree(week, first["keyId"])
    assert resets(week) == 0
    last = week.last_run()["id"]
    week.at(week.now + timedelta(days=361))
    wait_until(lambda: {"Standstill", "PasswordEnds"} <= {told["data"]["code"] for told in week.events("warning")}, 20)
    assert (week.power()["actual"], week.last_run()["id"]) == ("off", last)
    assert week.events("failed") == []


@pytest.mark.parametrize("week", [None], indirect=True)
def test_a_cluster_that_is_switched_off_in_the_portal_meanwhile_keeps_the_only_password(week: Week) -> None:
    (first,) = passwords(week)
    without_upkeep(week, workday(ends(week) - timedelta(days=20), "11:00"))
    path = "/resetServicePrincipalProfile"
    throttled = week.cloud.control.fault(service="arm", method="POST", path=path, status=429, times=None)
    stop = week.ask("stop").headers["Location"]
    week.cloud.control.clock(rate=QUICK)
    wait_until(lambda: any(fault["hits"] for fault in week.cloud.control.faults()), 60)
    assert len(passwords(week)) == 2
    group = f"/resourceGroups/{week.seen()['spec']['resourceGroup']}"
    azure(week.cloud, "POST", f"{group}/providers/Microsoft.ContainerService/managedClusters/{HUB}/stop", "2025-10-01")
    wait_until(lambda: week.power()["actual"] == "off", 30)
    week.cloud.control.clear_fault(throttled["id"])
    run = week.through(stop)
    assert run["status"] == "succeeded", run
    agree(week, first["keyId"])
    week.at(week.now + timedelta(minutes=16))
    start = week.through(week.ask("start").headers["Location"])
    assert start["status"] == "succeeded", start
    run = week.through(week.ask("stop").headers["Location"])
    assert run["status"] == "succeeded", run
    (second,) = passwords(week)
    agree(week, second["keyId"])
    assert second["keyId"] != first["keyId"]
