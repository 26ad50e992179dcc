"""How a hub is shown, and what AKS' two states together mean."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.clock import Clock
from shared.errors import OutsideError, PermanentError, TemporaryError
from shared.hubs.spec.validation import parse
from shared.hubs.status import parts
from shared.hubs.status.model import Status
from shared.hubs.store import HubRecord
from shared.hubs.view import actual_power, listed_power, power_key, power_of, shown
from shared.schedules.record import Override, PowerState, Record
from shared.services import Services
from shared.settings import Settings

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
SCHEDULE = {"timezone": "UTC", "windows": [{"days": ["mon"], "from": "08:00", "to": "18:00"}]}
RUNNING = Status(
    cluster=parts.Cluster(fqdn="r5.hcp", kubernetes="1.35.2"),
    urls=parts.Urls("http://r5/"),
    release=parts.Release(chart="4.4.0"),
)


@pytest.mark.parametrize(
    ("state", "power", "expected"),
    [
        ("Succeeded", "Running", "on"),
        ("Succeeded", "Stopped", "off"),
        ("Starting", "Running", "starting"),
        ("Starting", "Stopped", "starting"),
        ("Stopping", "Running", "stopping"),
        ("Stopping", "Stopped", "stopping"),
        ("Creating", "Running", "starting"),
        ("Deleting", "Running", "stopping"),
        ("Failed", "Running", "failed"),
        ("Failed", "Stopped", "off"),
        ("Canceled", "Running", "failed"),
        ("Updating", "Running", "on"),
        ("Upgrading", "Stopped", "off"),
        ("FAILED", "Running", "failed"),
        ("starting", None, "starting"),
        ("Succeeded", None, "unknown"),
        ("", None, "unknown"),
        ("Succeeded", "Paused", "unknown"),
    ],
)
def test_power_follows_from_both_states(state: str, power: str | None, expected: str) -> None:
    assert power_of(state, power) == expected


def record(*, schedule: Any = None, status: Status | None = None, **more: Any) -> HubRecord:
    spec = parse({"name": "r5"} | ({"schedule": schedule} if schedule else {}), "westus")
    return HubRecord(spec, "ready", MONDAY, None, "r5-1", stored_schedule=schedule, status=status or Status(), **more)


def test_a_hub_has_the_fixed_form() -> None:
    hub = record(schedule=SCHEDULE, status=RUNNING)
    view = shown(hub, SUBSCRIPTION, {power_key(hub, SUBSCRIPTION): "on"}, MONDAY)
    assert (view["name"], view["status"], view["url"], view["run"]) == ("r5", "ready", "http://r5/", "r5-1")
    assert view["spec"] == hub.spec.wire()
    assert view["created"] == "2026-11-23T09:00:00Z"
    assert view["versions"] == {"kubernetes": "1.35.2", "chart": "4.4.0"}
    power = view["power"]
    assert (power["actual"], power["desired"]) == ("on", "on")
    assert power["until"] == power["nextChange"] == "2026-11-23T18:00:00Z"
    assert power["reason"]


@pytest.mark.parametrize(
    ("schedule", "until", "shown_until"),
    [
        (None, None, None),
        (None, datetime(2026, 11, 24, tzinfo=UTC), "2026-11-24T00:00:00Z"),
        (SCHEDULE, None, "2026-11-30T08:00:00Z"),
        (SCHEDULE, datetime(2026, 11, 24, tzinfo=UTC), "2026-11-24T00:00:00Z"),
    ],
    ids=["until-somebody-starts-it", "as-asked", "a-schedule-came-later", "the-schedule-is-another"],
)
def test_a_stop_by_hand_is_shown_with_the_end_that_it_has_now(
    schedule: Any, until: datetime | None, shown_until: str | None
) -> None:
    stop = Override(PowerState.OFF, MONDAY, until, "ann", "saving")
    hub = record(schedule=schedule, power=Record(stop))
    override = shown(hub, SUBSCRIPTION, {}, MONDAY)["power"]["override"]
    assert (override["state"], override["by"], override["until"]) == ("off", "ann", shown_until)
    later = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert (shown(hub, SUBSCRIPTION, {}, later)["power"]["override"] is None) == (shown_until is not None)


def test_of_a_binderhub_people_are_shown_the_page_and_where_its_jupyterhub_is() -> None:
    view = shown(record(status=RUNNING.having(parts.Urls("http://r5/", "http://page/"))), SUBSCRIPTION, {}, MONDAY)
    assert (view["url"], view["hubUrl"]) == ("http://page/", "http://r5/")
    assert shown(record(status=RUNNING), SUBSCRIPTION, {}, MONDAY)["hubUrl"] == "http://r5/"


def test_the_open_run_is_shown_before_the_last_one() -> None:
    assert shown(replace(record(), open_run="r5-2"), SUBSCRIPTION, {}, MONDAY)["run"] == "r5-2"


def test_a_hub_whose_schedule_cannot_be_read_is_to_be_left_as_it_is_and_says_so() -> None:
    hub = replace(record(), stored_schedule={"timezone": "Mars/Olympus", "windows": []})
    power = shown(hub, SUBSCRIPTION, {}, MONDAY)["power"]
    assert (power["desired"], power["until"]) == (None, None)
    assert "cannot be read (timezone)" in power["reason"]


@pytest.mark.parametrize(("fqdn", "actual"), [(None, "none"), ("r5.hcp", "unknown")])
def test_a_cluster_that_was_not_listed_is_unknown_or_was_never_there(fqdn: str | None, actual: str) -> None:
    hub = record(status=Status(cluster=parts.Cluster(fqdn=fqdn)))
    assert shown(hub, SUBSCRIPTION, {"another": "on"}, MONDAY)["power"]["actual"] == actual


@dataclass
class Cluster:
    id: str
    state: str = "Succeeded"
    power: str = "Running"
    tags: dict[str, str] = field(default_factory=lambda: {"hubkeeper-hub": "r5"})


@dataclass
class Clusters:
    found: Cluster | None = None
    error: OutsideError | None = None

    def get(self, group: str, name: str) -> Cluster | None:
        assert (group, name) == ("r5-rg", "r5")
        return self._answer()

    def list_all(self) -> list[Cluster]:
        found = self._answer()
        return [found] if found else []

    def _answer(self) -> Cluster | None:
        if self.error:
            raise self.error
        return self.found


class Standing(Clock):
    def now(self) -> datetime:
        return MONDAY


def services(clusters: Clusters) -> Services:
    made = Services(Settings(SUBSCRIPTION, "tenant", "https://vault.example"), Standing())
    vars(made)["clusters"] = clusters
    return made


ID = record().cluster_id(SUBSCRIPTION)
KEY = power_key(record(), SUBSCRIPTION)
FOREIGN = [{}, {"hubkeeper-hub": "another"}, {"course": "stat"}]


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [
        (Clusters(Cluster("x", "Succeeded", "Stopped")), "off"),
        (Clusters(None), "none"),
        *((Clusters(Cluster("x", tags=tags)), "none") for tags in FOREIGN),
        (Clusters(error=TemporaryError("AKS", "Throttled", "later")), "unknown"),
        (Clusters(error=PermanentError("AKS", "AuthorizationFailed", "no")), "unknown"),
    ],
)
def test_the_power_of_one_hub_is_asked_for(clusters: Clusters, expected: str) -> None:
    assert actual_power(services(clusters), record()) == {KEY: expected}


def test_the_power_of_all_hubs_is_one_listing_whatever_azures_spelling() -> None:
    assert listed_power(services(Clusters(Cluster(ID.upper())))) == {KEY: "on"}
    assert listed_power(services(Clusters(error=TemporaryError("AKS", "Throttled", "later")))) is None


@pytest.mark.parametrize("tags", FOREIGN)
def test_the_power_of_a_cluster_that_is_not_the_hubs_is_not_the_hubs(tags: dict[str, str]) -> None:
    power = listed_power(services(Clusters(Cluster(ID, tags=tags)))) or {}
    assert shown(record(), SUBSCRIPTION, power, MONDAY)["power"]["actual"] == "none"
