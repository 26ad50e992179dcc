"""A new password before the old one runs out: when it is due, and what a crash at any point leaves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import names
from shared.azure.graph import Password
from shared.azure.keyvault import Secret
from shared.errors import NotFoundError, PermanentError, TemporaryError
from shared.hubs import defaults
from shared.runs.model import Kind, Outcome, StepState
from shared.runs.steps.context import OperationEndedError
from shared.runs.steps.identity import PASSWORD_LABEL
from shared.runs.steps.rotate import MARGIN, check, due, give_to_cluster, new_password, next_start, old_passwords
from tests.runs.adapters import RUNNING, SUCCEEDED, Arm, Clusters, Directory, Secrets, failed
from tests.runs.given import NOW, OFFICE, Place, run_of

EVENING = NOW.replace(hour=18)
"""Monday's; the next start is Tuesday's."""
TOMORROW = NOW + timedelta(days=1)
VAULT = names.vault_name("r5", names.PRINCIPAL_PASSWORD)
LOST = TemporaryError("Microsoft Graph", "ConnectionFailed", "cut off")


def at(moment: datetime, **later: float) -> datetime:
    return moment + timedelta(**later)


SOON = at(EVENING, days=3)


@pytest.mark.parametrize(
    ("expires", "start", "expected"),
    [
        (None, TOMORROW, False),
        (at(TOMORROW, days=14), TOMORROW, False),
        (at(TOMORROW, days=14, seconds=-1), TOMORROW, True),
        (at(EVENING, days=-1), TOMORROW, True),
        (at(TOMORROW, days=14), at(TOMORROW, days=10), True),
        (at(EVENING, days=59), None, False),
        (at(EVENING, days=59, seconds=-1), None, True),
    ],
    ids=[
        "no-password",
        "outlives-the-next-start-by-the-margin",
        "ends-a-second-too-soon",
        "has-ended",
        "holidays-before-the-next-start",
        "no-start-planned-and-long-enough",
        "no-start-planned-and-a-second-too-soon",
    ],
)
def test_a_password_is_due_when_it_does_not_outlive_the_next_start(
    expires: datetime | None, start: datetime | None, expected: bool
) -> None:
    assert timedelta(days=14) == MARGIN
    assert due(expires, start, EVENING) is expected


class Rotating:
    """Hub r5 on Monday at 18:00, its password in Key Vault and with the cluster. Each step sees what the last one left."""

    def __init__(self, expires: datetime | None = SOON, kind: Kind = Kind.STOP, **more: Any) -> None:
        first = Password("key1", PASSWORD_LABEL, expires or EVENING)
        self.directory = Directory({"key1": first})
        self.secrets = Secrets({VAULT: Secret(VAULT, "old", "1", expires, {"keyId": "key1"})})
        self.clusters, self.arm = Clusters(at_once=True), Arm()
        self.place = Place(
            adapters={
                "directory": self.directory,
                "secrets": self.secrets,
                "clusters": self.clusters,
                "arm": self.arm,
            }
        )
        self.place.clock.set(EVENING)
        facts: dict[str, Any] = {"client_id": "app", "password_key": "key1"}
        facts["password_expires"] = expires.isoformat() if expires else None
        self.place.ready(facts=facts, schedule=OFFICE, **more)
        self.run = run_of(kind, requested=EVENING)

    def call(self, function: Callable[..., Outcome], **memo: Any) -> Outcome:
        return function(self.place.context(self.run, StepState("rotate", memo=memo)))

    def all_of_it(self) -> list[str]:
        return [self.call(function).state for function in (check, new_password, give_to_cluster, old_passwords)]

    @property
    def keys(self) -> set[str]:
        return set(self.directory.passwords)


def test_a_password_that_ends_soon_is_replaced_everywhere() -> None:
    rotating = Rotating()
    assert rotating.all_of_it() == ["done"] * 4
    assert rotating.clusters.given == ["secret of key2"]
    assert rotating.keys == {"key2"}
    kept = rotating.secrets.kept[VAULT]
    assert (kept.value, kept.tags["keyId"]) == ("secret of key2", "key2")
    assert kept.tags[defaults.OWNER_TAG] == "r5"
    assert kept.expires == at(EVENING, days=defaults.PASSWORD_DAYS)
    facts = rotating.place.hub().facts
    assert (facts["password_key"], facts["password_expires"]) == ("key2", kept.expires.isoformat())


@pytest.mark.parametrize("expires", [None, at(EVENING, days=200)])
def test_a_password_that_lasts_is_left_alone(expires: datetime | None) -> None:
    rotating = Rotating(expires)
    assert rotating.all_of_it() == ["done"] * 4
    assert (rotating.keys, rotating.clusters.given) == ({"key1"}, [])


def test_a_rotate_run_replaces_it_whatever_its_age() -> None:
    rotating = Rotating(at(EVENING, days=200), Kind.ROTATE)
    rotating.all_of_it()
    assert rotating.clusters.given == ["secret of key2"]


def test_what_another_run_decided_does_not_count() -> None:
    rotating = Rotating()
    rotating.call(check)
    rotating.run = replace(rotating.run, id="another")
    for function in (new_password, give_to_cluster, old_passwords):
        assert rotating.call(function).message == "Not needed."


def test_the_next_start_is_the_schedules() -> None:
    rotating = Rotating()
    context = rotating.place.context(rotating.run, StepState("check"))
    assert next_start(context) == TOMORROW
    rotating.place.clock.set(NOW + timedelta(hours=2))
    assert next_start(rotating.place.context(rotating.run, StepState("check"))) is None, "it is on"


def test_a_stop_of_a_burst_waits_for_its_turn_first() -> None:
    rotating = Rotating()
    rotating.run = replace(rotating.run, options={"delay": 30.0})
    assert rotating.call(check).after == 30
    assert "rotate_for" not in rotating.place.hub().facts


def test_a_password_that_never_reached_the_vault_is_removed() -> None:
    """The answer with the value was lost, or the host died before the vault had it."""
    rotating = Rotating()
    rotating.call(check)
    rotating.directory.cut = LOST
    with pytest.raises(TemporaryError):
        rotating.call(new_password)
    rotating.secrets.error = LOST
    with pytest.raises(TemporaryError):
        rotating.call(new_password)
    rotating.secrets.error = None
    assert len(rotating.keys) == 2, "the one in use, and one without a vault"
    assert rotating.call(new_password).state == "done"
    assert "key1" in rotating.keys, "the cluster still uses it"
    assert len(rotating.keys) == 2
    rotating.call(give_to_cluster)
    rotating.call(old_passwords)
    assert rotating.keys == {rotating.secrets.kept[VAULT].tags["keyId"]}


def test_a_password_in_the_vault_is_not_made_twice() -> None:
    rotating = Rotating()
    rotating.call(check)
    rotating.call(new_password)
    assert rotating.call(new_password).state == "done"
    assert rotating.keys == {"key1", "key2"}


def test_what_is_known_of_the_password_is_of_the_one_that_the_cluster_uses() -> None:
    rotating = Rotating()
    rotating.call(check)
    rotating.call(new_password)
    facts = rotating.place.hub().facts
    assert (facts["password_key"], facts["password_expires"]) == ("key1", SOON.isoformat())
    rotating.call(give_to_cluster)
    assert rotating.place.hub().facts["password_key"] == "key2"


def test_a_password_in_the_vault_that_ends_soon_as_well_is_not_given() -> None:
    rotating = Rotating()
    rotating.directory.passwords["key2"] = Password("key2", PASSWORD_LABEL, SOON)
    rotating.secrets.kept[VAULT] = Secret(VAULT, "secret of key2", "1", SOON, {"keyId": "key2"})
    rotating.all_of_it()
    assert rotating.clusters.given == ["secret of key3"]
    assert rotating.keys == {"key3"}


def test_a_password_that_the_directory_does_not_know_everywhere_yet_is_not_given() -> None:
    rotating = Rotating()
    rotating.call(check)
    rotating.call(new_password)
    rotating.directory.cut = LOST
    with pytest.raises(TemporaryError):
        rotating.call(give_to_cluster)
    assert rotating.clusters.given == []
    assert rotating.call(give_to_cluster).state == "done"


def test_passwords_of_other_people_are_left_alone() -> None:
    rotating = Rotating()
    rotating.directory.passwords["theirs"] = Password("theirs", "by hand", EVENING)
    rotating.all_of_it()
    assert rotating.keys == {"theirs", "key3"}


def test_a_directory_that_does_not_show_the_application_is_waited_for() -> None:
    rotating = Rotating()
    rotating.call(check)
    rotating.directory.known = False
    assert rotating.call(new_password).state == "waiting"
    assert rotating.call(old_passwords).state == "waiting"


def test_the_cluster_is_watched_while_it_takes_the_password() -> None:
    rotating = Rotating()
    rotating.clusters.at_once = False
    rotating.call(check)
    rotating.call(new_password)
    first = rotating.call(give_to_cluster)
    assert first.state == "waiting"
    rotating.arm.says = RUNNING
    assert rotating.call(give_to_cluster, **first.memo).state == "waiting"
    rotating.arm.says = SUCCEEDED
    assert rotating.call(give_to_cluster, **first.memo).state == "done"
    assert rotating.clusters.given == ["secret of key2"], "once"


def test_old_passwords_stay_when_the_cluster_refuses_the_new_one() -> None:
    rotating = Rotating()
    rotating.clusters.at_once = False
    rotating.call(check)
    rotating.call(new_password)
    first = rotating.call(give_to_cluster)
    rotating.arm.says = failed(PermanentError("AKS", "ServicePrincipalValidationClientError", "no"))
    with pytest.raises(OperationEndedError):
        rotating.call(give_to_cluster, **first.memo)
    assert rotating.keys == {"key1", "key2"}


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.ROTATE])
def test_the_next_run_gives_the_cluster_what_a_failed_one_could_not(kind: Kind) -> None:
    """Its new password lasts a year, and would hide that the cluster still has the old one."""
    rotating = Rotating(kind=kind)
    rotating.call(check)
    rotating.call(new_password)
    rotating.run = replace(rotating.run, id="the-next")
    rotating.call(check)
    rotating.call(new_password)
    assert "key1" in rotating.keys, "the cluster uses it until it has another"
    rotating.call(give_to_cluster)
    rotating.call(old_passwords)
    assert rotating.clusters.given == [rotating.secrets.kept[VAULT].value]
    assert rotating.keys == {rotating.place.hub().facts["password_key"]}
    rotating.run = replace(rotating.run, id="the-one-after", kind=Kind.STOP)
    assert "long after" in rotating.call(check).message


def test_a_vault_that_does_not_show_the_password_yet_is_waited_for() -> None:
    rotating = Rotating()
    rotating.call(check)
    rotating.call(new_password)
    rotating.secrets.kept.clear()
    assert rotating.call(give_to_cluster).state == "waiting"
    assert rotating.clusters.given == []


def test_an_operation_that_azure_forgot_is_no_success() -> None:
    rotating = Rotating()
    rotating.clusters.at_once = False
    rotating.call(check)
    rotating.call(new_password)
    first = rotating.call(give_to_cluster)
    rotating.arm.says = NotFoundError("AKS", "NotFound", "no such operation")
    outcome = rotating.call(give_to_cluster, **first.memo)
    assert outcome.state == "waiting"
    assert "operation" not in outcome.memo  # so that the next call begins it again
