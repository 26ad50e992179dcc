"""The nightly upkeep: what it mends, what it replaces in time, and what it warns of, once a week each."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.azure.aks import Cluster, Version
from shared.azure.tables import Row
from shared.errors import OutsideError, TemporaryError
from shared.hubs.certificates import WARN_BEFORE
from shared.hubs.status import parts
from shared.lifecycle.teardown.command import teardown
from shared.notifications.events import Kind as EventKind
from shared.notifications.store import EventStore
from shared.power.decision_log import KEPT, Decisions
from shared.power.due_queue import DueQueue
from shared.power.upkeep import LAST_WEEK, ROTATE_BEFORE, STANDSTILL, rotation, rotation_due, upkeep, warnings
from shared.runs.model import Kind
from shared.schedules.holidays import last_year
from shared.schedules.record import Override, PowerState
from tests.fakes.adapters import JupyterHub, Kubernetes, Secrets, cluster, user
from tests.given import NOW, OFFICE, Place

NIGHT = NOW.replace(hour=3, minute=30)
SECOND = timedelta(seconds=1)
OFFERED = Version("1.35.2", "1.35", preview=False, default=True, upgrades=())


@dataclass
class Clusters:
    """The subscription's listing by hub's name, and what AKS offers."""

    power: dict[str, str] = field(default_factory=dict)
    offered: list[Version] = field(default_factory=lambda: [OFFERED])
    error: OutsideError | None = None

    def list_all(self) -> list[Cluster]:
        if self.error:
            raise self.error
        return [cluster(name, "Succeeded", power) for name, power in self.power.items()]

    def versions(self, location: str) -> list[Version]:
        assert location == "westus"
        return self.offered

    def admin_kubeconfig(self, group: str, name: str) -> str:
        return "kubeconfig"


class Night:
    def __init__(self, now: datetime = NIGHT) -> None:
        self.clusters, self.jupyterhub, self.place, self.vault = Clusters(), JupyterHub(), Place(), Secrets()
        self.place.clock.set(now)
        self.place.adapters = {
            "clusters": self.clusters,
            "kubernetes": Kubernetes(),
            "jupyterhub": self.jupyterhub,
            "secrets": self.vault,
        }

    def hub(
        self,
        name: str = "r5",
        *more: parts.Part,
        power: str = "Running",
        schedule: Any = None,
        kubernetes: str | None = None,
    ) -> None:
        known = (parts.Urls("http://r5.example/"), parts.Cluster(fqdn="r5.hcp", kubernetes=kubernetes), *more)
        self.place.ready(name, parts=known, **({"schedule": schedule} if schedule else {}))
        self.clusters.power[name] = power

    def work(self) -> None:
        upkeep(self.place.services, self.place.engine)

    def runs(self, name: str = "r5") -> list[Kind]:
        return [run.kind for run in self.place.runs.of_hub(name, 10)]

    def warnings(self, name: str = "r5") -> list[str]:
        """Their codes, sorted: those of one night have the same time."""
        events = [recorded.event for recorded in EventStore(self.place.tables).of_hub(name, 20)]
        return sorted(event.data["code"] for event in events if event.kind is EventKind.WARNING)


def ending(left: timedelta, *, unsettled: bool = False, asked: str | None = None) -> parts.Password:
    return parts.Password(expires=NIGHT + left, unsettled=unsettled, asked=asked)


def test_a_night_without_hubs_or_trouble_does_nothing() -> None:
    night = Night()
    night.work()
    night.hub("r5", ending(timedelta(days=200)), kubernetes="1.35.1")
    night.work()
    assert (night.runs(), night.warnings()) == ([], [])


def test_a_hub_that_fell_off_the_agenda_is_put_back() -> None:
    night = Night()
    night.hub()
    night.work()
    assert [entry.hub for entry in DueQueue(night.place.tables).due(NIGHT, 10)] == ["r5"]


def test_decisions_of_a_quarter_ago_are_forgotten() -> None:
    night = Night()
    night.hub()
    decisions = Decisions(night.place.tables)
    decisions.note("r5", NIGHT - KEPT - timedelta(days=1), "on", "start", "old")
    decisions.note("r5", NIGHT, "on", "start", "new")
    night.work()
    assert [found["reason"] for found in decisions.of_hub("r5", 10)] == ["new"]


# passwords


@pytest.mark.parametrize(
    ("left", "due"),
    [(ROTATE_BEFORE, False), (ROTATE_BEFORE - SECOND, True), (LAST_WEEK, True), (timedelta(days=-1), True)],
)
def test_a_password_is_replaced_in_the_last_month_of_a_hub_that_is_on(left: timedelta, due: bool) -> None:
    night = Night()
    night.hub("r5", ending(left))
    night.work()
    assert night.runs() == ([Kind.ROTATE] if due else [])


def test_a_hub_with_a_password_of_somebody_elses_or_none_is_left_alone() -> None:
    night = Night()
    night.hub()
    night.work()
    assert night.runs() == []


def test_a_hub_that_is_off_cannot_be_given_another_and_somebody_is_told() -> None:
    night = Night()
    night.hub("r5", ending(ROTATE_BEFORE - SECOND), power="Stopped")
    night.work()
    assert (night.runs(), night.warnings()) == ([], ["PasswordEnds"])


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(days=29), "ends on 22 December 2026, and the hub is off: start it before"),
        (timedelta(0), "has ended on 23 November 2026, while the hub is off: AKS may refuse to start"),
    ],
)
def test_a_stop_that_holds_until_somebody_starts_the_hub_is_told_that_its_password_ends(
    left: timedelta, told: str
) -> None:
    night = Night()
    night.hub("r5", ending(left), power="Stopped")
    stop = Override(PowerState.OFF, NIGHT - timedelta(days=200), None, "ann", "")
    night.place.hubs.update_power("r5", lambda record: replace(record, override=stop))
    ((code, message),) = warnings(night.place.services, night.place.hub(), "off", NIGHT)
    assert (code, told in message) == ("PasswordEnds", True)


@pytest.mark.parametrize(("left", "told"), [(timedelta(days=15), []), (timedelta(days=14), ["PasswordEnds"])])
def test_a_hub_that_its_schedule_starts_in_time_needs_nobody(left: timedelta, told: list[str]) -> None:
    night = Night()
    night.hub("r5", ending(left), power="Stopped", schedule=OFFICE)
    found = warnings(night.place.services, night.place.hub(), "off", NIGHT)
    assert [code for code, _ in found] == told


def test_people_at_work_are_not_disturbed_while_the_password_holds() -> None:
    night = Night()
    night.hub("r5", ending(timedelta(days=20)))
    night.jupyterhub.listed = [user("ann", NIGHT - timedelta(minutes=1))]
    night.work()
    assert night.runs() == []
    night.jupyterhub.listed = [user("ann", NIGHT - timedelta(hours=1))]
    night.work()
    assert night.runs() == [Kind.ROTATE]


def test_in_the_last_week_they_are() -> None:
    night = Night()
    night.hub("r5", ending(LAST_WEEK - SECOND))
    night.jupyterhub.listed = [user("ann", NIGHT)]
    night.work()
    assert night.runs() == [Kind.ROTATE]


def test_a_rotation_that_left_two_passwords_is_ended_by_the_next_quiet_night() -> None:
    night = Night()
    night.hub("r5", ending(timedelta(days=300), unsettled=True, asked="key2"))
    night.jupyterhub.listed = [user("ann", NIGHT - timedelta(minutes=1))]
    night.work()
    assert night.runs() == []
    night.jupyterhub.listed = []
    night.work()
    assert night.runs() == [Kind.ROTATE]


def test_a_rotation_that_left_two_passwords_is_ended_by_a_stop_that_comes_within_a_week() -> None:
    night = Night(NOW.replace(hour=12))
    night.hub("r5", ending(timedelta(days=300), unsettled=True), schedule=OFFICE)
    place = night.place
    assert rotation(place.services, place.hub(), "on", place.clock.now()) == ""
    longer = Override(PowerState.ON, place.clock.now(), NIGHT + timedelta(days=20), "ann", "")
    place.hubs.update_power("r5", lambda record: replace(record, override=longer))
    assert "did not come to its end" in rotation(place.services, place.hub(), "on", place.clock.now())


@pytest.mark.parametrize(
    ("password", "removed"),
    [
        (ending(timedelta(days=200)), False),
        (ending(timedelta(days=200), unsettled=False), False),
        (ending(timedelta(days=200), unsettled=True), True),
        (ending(timedelta(days=200), unsettled=True, asked="key2"), False),
        (parts.Password(expires=None, unsettled=True), False),
    ],
    ids=["never-rotated", "rotated", "not-given", "perhaps-given", "a-managed-identity-by-now"],
)
def test_a_password_that_a_cluster_was_never_given_is_removed_while_the_hub_is_off(
    password: parts.Password, removed: bool
) -> None:
    night = Night()
    night.hub("r5", password, power="Stopped")
    night.work()
    assert night.runs() == ([Kind.ROTATE] if removed else [])


def test_where_a_stop_comes_in_time_it_is_left_to_that() -> None:
    night = Night(NOW.replace(hour=12))
    night.hub("r5", ending(timedelta(days=20)), schedule=OFFICE)
    assert not rotation_due(night.place.services, night.place.hub(), night.place.clock.now())
    night.place.hubs.record("r5", ending(timedelta(days=7)))
    assert rotation_due(night.place.services, night.place.hub(), night.place.clock.now())


def test_a_hub_that_something_is_being_done_to_is_left_to_another_night() -> None:
    night = Night()
    night.hub("r5", ending(timedelta(days=1)))
    night.place.commands.begin("r5", Kind.STOP, "")
    night.work()
    assert night.runs() == [Kind.STOP]


# warnings


def off_since(night: Night, ago: timedelta) -> None:
    night.place.hubs.update_power("r5", lambda record: replace(record, last_stop_ended=NIGHT - ago))


@pytest.mark.parametrize(("ago", "told"), [(STANDSTILL, []), (STANDSTILL + SECOND, ["Standstill"])])
def test_a_hub_that_was_off_for_ten_months_is_told_of(ago: timedelta, told: list[str]) -> None:
    night = Night()
    night.hub(power="Stopped")
    off_since(night, ago)
    night.work()
    assert night.warnings() == told


def test_a_hub_that_was_off_for_longer_than_aks_keeps_it_is_told_of_truly() -> None:
    night = Night()
    night.hub(power="Stopped")
    for days, told in ((364, "start it before 24 November 2026."), (365, "start it today.")):
        off_since(night, timedelta(days=days))
        ((code, message),) = warnings(night.place.services, night.place.hub(), "off", NIGHT)
        assert (code, message.endswith(told)) == ("Standstill", True)


def test_a_hub_that_is_on_stands_still_for_nobody() -> None:
    night = Night()
    night.hub()
    off_since(night, STANDSTILL * 2)
    night.work()
    assert night.warnings() == []


@pytest.mark.parametrize(
    ("offered", "told"),
    [
        ([OFFERED], []),
        ([replace(OFFERED, version="1.35.9")], []),
        ([replace(OFFERED, version="1.36.0", minor="1.36")], ["VersionRetires"]),
        ([replace(OFFERED, lts_only=True)], ["VersionRetires"]),
        ([], ["VersionRetires"]),
    ],
    ids=["offered", "a-newer-patch", "a-newer-minor-only", "long-term-support-only", "nothing"],
)
def test_a_version_that_leaves_support_is_told_of(offered: list[Version], told: list[str]) -> None:
    night = Night()
    night.hub(kubernetes="1.35.1")
    night.clusters.offered = offered
    night.work()
    assert night.warnings() == told


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (WARN_BEFORE + SECOND, ""),
        (
            WARN_BEFORE,
            "ends on 23 December 2026. Store the new one with PUT /api/hubs/r5/secrets/cert and PATCH /api/hubs/r5",
        ),
        (timedelta(0), "has ended on 23 November 2026: browsers refuse the hub"),
    ],
)
def test_a_certificate_that_ends_is_told_of_a_month_before(left: timedelta, told: str) -> None:
    night = Night()
    night.hub("r5", parts.Tls(parts.Certificate("cert", "1", "hubkeeper-tls-1", NIGHT + left)))
    night.work()
    assert night.warnings() == (["CertificateEnds"] if told else [])
    messages = [recorded.event.message for recorded in EventStore(night.place.tables).of_hub("r5", 20)]
    assert told in "".join(messages)


def test_holidays_that_run_out_are_told_of_two_months_before() -> None:
    last = last_year("US")
    schedule = {**OFFICE, "holidays": {"country": "US"}}
    for now, told in (
        (datetime(last, 11, 1, tzinfo=NOW.tzinfo), []),
        (datetime(last, 11, 3, tzinfo=NOW.tzinfo), ["HolidaysEnd"]),
    ):
        night = Night(now)
        night.hub(schedule=schedule)
        night.work()
        assert night.warnings() == told


def test_a_cluster_that_is_gone_and_a_schedule_that_cannot_be_read_are_told_of() -> None:
    night = Night()
    night.hub(schedule=OFFICE)
    hubs = night.place.tables.table("hubs")
    spec = str(hubs.rows["r5", "hub"].values["spec"])
    hubs.merge(Row("r5", "hub", {"spec": spec.replace('"UTC"', '"Mars/Olympus"')}), None)
    night.clusters.power.clear()
    night.work()
    assert night.warnings() == ["ClusterGone", "UnreadableSchedule"]


def test_azure_not_saying_is_no_cluster_that_is_gone() -> None:
    night = Night()
    night.hub()
    night.clusters.error = TemporaryError("AKS", "Throttled", "later")
    night.work()
    assert night.warnings() == []


def test_a_warning_is_repeated_weekly_and_not_nightly() -> None:
    night = Night()
    night.hub(power="Stopped", kubernetes="1.30.1")
    off_since(night, STANDSTILL + SECOND)
    for _ in range(8):
        night.work()
        night.place.clock.advance(days=1)
    assert night.warnings() == ["Standstill", "Standstill", "VersionRetires", "VersionRetires"]


def test_a_hub_that_is_being_made_or_removed_is_not_told_of() -> None:
    night = Night()
    night.hub("r5", ending(timedelta(days=1)), kubernetes="1.30.1")
    teardown(night.place.commands, "r5", "", keep_homes=False)
    night.work()
    assert (night.runs(), night.warnings()) == ([Kind.TEARDOWN], [])


def test_the_trouble_of_one_hub_is_not_the_others() -> None:
    night = Night()
    night.hub("a", kubernetes="1.30.1")
    unreadable = Row("a", "hub", {"status_password": '{"expires": "not a time"}'})
    night.place.tables.table("hubs").merge(unreadable, None)
    night.hub("b", kubernetes="1.30.1")
    night.work()
    assert night.warnings("b") == ["VersionRetires"]


def test_a_hub_into_which_everybody_gets_is_told_of() -> None:
    night = Night()
    night.hub()
    night.work()
    assert night.warnings() == []
    night.jupyterhub.open = True
    night.work()
    assert night.warnings() == ["OpenToEverybody"]


def test_a_hub_that_is_off_lets_nobody_in() -> None:
    night = Night()
    night.jupyterhub.open = True
    night.hub(power="Stopped")
    night.work()
    assert "OpenToEverybody" not in night.warnings()


def own_secrets(night: Night) -> dict[str, str]:
    return {name: secret.value for name, secret in night.vault.kept.items()}


def test_hubkeepers_own_secrets_go_to_their_names_of_today_in_two_nights() -> None:
    night = Night()
    night.hub()
    for key in ("ssh-private-key", "service-principal-password", "github"):
        night.vault.set(f"r5--{key}", key, expires=NIGHT, tags={"keyId": key}, content_type="text/plain")
    night.work()
    moved = {f"r5--own--{key}": key for key in ("ssh-private-key", "service-principal-password")}
    old = {f"r5--{key}": key for key in ("ssh-private-key", "service-principal-password", "github")}
    assert own_secrets(night) == old | moved
    copy = night.vault.kept["r5--own--service-principal-password"]
    assert (copy.expires, copy.tags) == (NIGHT, {"keyId": "service-principal-password"})
    night.work()
    assert own_secrets(night) == moved | {"r5--github": "github"}
    night.work()
    assert own_secrets(night) == moved | {"r5--github": "github"}


def test_what_has_been_written_since_is_not_covered_by_what_was_there_before() -> None:
    night = Night()
    night.hub()
    night.vault.set("r5--shared-password", "old", expires=None, tags={}, content_type="text/plain")
    night.vault.set("r5--own--shared-password", "new", expires=None, tags={}, content_type="text/plain")
    night.work()
    assert own_secrets(night) == {"r5--own--shared-password": "new"}


def test_secrets_stay_where_they_are_while_a_run_is_at_work() -> None:
    night = Night()
    night.hub()
    night.vault.set("r5--shared-password", "old", expires=None, tags={}, content_type="text/plain")
    night.place.commands.begin("r5", Kind.STOP, "x")
    night.work()
    assert own_secrets(night) == {"r5--shared-password": "old"}
