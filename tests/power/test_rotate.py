"""A new password before the old one runs out: when it is due, and what a crash at any point leaves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import names
from shared.azure.graph import Password
from shared.azure.keyvault import Secret
from shared.errors import NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.hubs.spec import defaults
from shared.hubs.status import parts
from shared.power.commands import PowerCommands
from shared.power.rotate import (
    LIFETIME,
    MARGIN,
    YOUNG,
    check_password,
    delete_old_passwords,
    due,
    ensure_new_password,
    give_password,
    next_start,
    refusable,
    unsettled,
)
from shared.resources.password import PASSWORD_LABEL
from shared.runs.context import OperationEndedError
from shared.runs.model import Kind, Options, Outcome, StepState
from tests.fakes.adapters import RUNNING, SUCCEEDED, Arm, Clusters, Directory, Secrets, failed
from tests.given import NOW, OFFICE, Place, run_of

EVENING = NOW.replace(hour=18)
"""Monday's; the next start is Tuesday's."""
TOMORROW = NOW + timedelta(days=1)
VAULT = names.own_vault_name("r5", names.PRINCIPAL_PASSWORD)
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
        (at(EVENING, days=134), None, False),
        (at(EVENING, days=134, seconds=-1), None, True),
        (at(EVENING, days=364), at(EVENING, days=351), True),
        (at(EVENING, days=364), at(EVENING, days=380), False),
        (at(EVENING, days=334), at(EVENING, days=380), True),
    ],
    ids=[
        "no-password",
        "outlives-the-next-start-by-the-margin",
        "ends-a-second-too-soon",
        "has-ended",
        "holidays-before-the-next-start",
        "no-start-planned-and-long-enough",
        "no-start-planned-and-a-second-too-soon",
        "another-would-just-outlive-the-start",
        "no-password-would-outlive-the-start-and-it-is-young",
        "no-password-would-outlive-the-start",
    ],
)
def test_a_password_is_due_when_it_does_not_outlive_the_next_start(
    expires: datetime | None, start: datetime | None, expected: bool
) -> None:
    assert timedelta(days=14) == MARGIN
    assert due(expires, start, EVENING) is expected


STEPS = (check_password, ensure_new_password, give_password, delete_old_passwords)


class Rotating:
    """Hub r5 on Monday at 18:00, its password in Key Vault and with the cluster. Each step sees what the last one left.

    more: of the specification; schedule=None: without hours.
    """

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
        known = [parts.Identity(client_id="app"), parts.Password("key1", expires)]
        wanted = {"schedule": OFFICE} | more
        self.place.ready(parts=known, **{name: value for name, value in wanted.items() if value is not None})
        self.run = run_of(kind, requested=EVENING)

    def call(self, function: Callable[..., Outcome], **checkpoint: Any) -> Outcome:
        return function(self.place.context(self.run, StepState("rotate", checkpoint=checkpoint)))

    def all_of_it(self) -> list[str]:
        return [self.call(function).state for function in STEPS]

    def next_run(self, kind: Kind = Kind.STOP) -> None:
        self.run = run_of(kind, requested=self.place.clock.now())

    def agrees(self) -> bool:
        """One password is valid, the vault has it, and the cluster uses it."""
        kept, key = self.secrets.kept[VAULT], self.password.key
        return self.keys == {key} and kept.tags["keyId"] == key and self.cluster_uses == kept.value

    @property
    def password(self) -> parts.Password:
        return self.place.hub().status.password

    @property
    def cluster_uses(self) -> str:
        return self.clusters.given[-1] if self.clusters.given else "old"

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
    assert (rotating.password.key, rotating.password.expires) == ("key2", kept.expires)


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
    rotating.call(check_password)
    rotating.run = replace(rotating.run, id="another")
    for function in (ensure_new_password, give_password, delete_old_passwords):
        assert rotating.call(function).message == "The password stays: no new one is needed."


def test_the_next_start_is_the_schedules() -> None:
    rotating = Rotating()
    assert next_start(rotating.place.hub(), EVENING) == TOMORROW
    assert next_start(rotating.place.hub(), at(NOW, hours=2)) is None, "it is on"


def test_a_stop_of_a_burst_waits_for_its_turn_first() -> None:
    rotating = Rotating()
    rotating.run = replace(rotating.run, options=Options(delay=30.0))
    assert rotating.call(check_password).after == 30
    assert rotating.password.rotate_for is None


def test_a_password_that_never_reached_the_vault_is_removed() -> None:
    """The answer with the value was lost, or the host died before the vault had it."""
    rotating = Rotating()
    rotating.call(check_password)
    rotating.directory.cut = LOST
    with pytest.raises(TemporaryError):
        rotating.call(ensure_new_password)
    rotating.secrets.error = LOST
    with pytest.raises(TemporaryError):
        rotating.call(ensure_new_password)
    rotating.secrets.error = None
    assert len(rotating.keys) == 2, "the one in use, and one without a vault"
    assert rotating.call(ensure_new_password).state == "done"
    assert "key1" in rotating.keys, "the cluster still uses it"
    assert len(rotating.keys) == 2
    rotating.call(give_password)
    rotating.call(delete_old_passwords)
    assert rotating.keys == {rotating.secrets.kept[VAULT].tags["keyId"]}


def test_a_password_in_the_vault_is_not_made_twice() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    assert rotating.call(ensure_new_password).state == "done"
    assert rotating.keys == {"key1", "key2"}


def test_what_is_known_of_the_password_is_of_the_one_that_the_cluster_uses() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    assert (rotating.password.key, rotating.password.expires) == ("key1", SOON)
    rotating.call(give_password)
    assert rotating.password.key == "key2"


def test_a_password_in_the_vault_that_ends_soon_as_well_is_not_given() -> None:
    rotating = Rotating()
    rotating.directory.passwords["key2"] = Password("key2", PASSWORD_LABEL, SOON)
    rotating.secrets.kept[VAULT] = Secret(VAULT, "secret of key2", "1", SOON, {"keyId": "key2"})
    rotating.all_of_it()
    assert rotating.clusters.given == ["secret of key3"]
    assert rotating.keys == {"key3"}


def test_a_password_that_the_directory_does_not_know_everywhere_yet_is_not_given() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    rotating.directory.cut = LOST
    with pytest.raises(TemporaryError):
        rotating.call(give_password)
    assert rotating.clusters.given == []
    assert rotating.call(give_password).state == "done"


def test_passwords_of_other_people_are_left_alone() -> None:
    rotating = Rotating()
    rotating.directory.passwords["theirs"] = Password("theirs", "by hand", EVENING)
    rotating.all_of_it()
    assert rotating.keys == {"theirs", "key3"}


def test_a_directory_that_does_not_show_the_application_is_waited_for() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.directory.known = False
    assert rotating.call(ensure_new_password).state == "waiting"
    assert rotating.call(delete_old_passwords).state == "waiting"


def test_the_cluster_is_watched_while_it_takes_the_password() -> None:
    rotating = Rotating()
    rotating.clusters.at_once = False
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    first = rotating.call(give_password)
    assert first.state == "waiting"
    rotating.arm.says = RUNNING
    assert rotating.call(give_password, **first.checkpoint).state == "waiting"
    rotating.arm.says = SUCCEEDED
    assert rotating.call(give_password, **first.checkpoint).state == "done"
    assert rotating.clusters.given == ["secret of key2"], "once"


def test_old_passwords_stay_when_the_cluster_refuses_the_new_one() -> None:
    rotating = Rotating()
    rotating.clusters.at_once = False
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    first = rotating.call(give_password)
    rotating.arm.says = failed(PermanentError("AKS", "ServicePrincipalValidationClientError", "no"))
    with pytest.raises(OperationEndedError):
        rotating.call(give_password, **first.checkpoint)
    assert rotating.keys == {"key1", "key2"}


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.ROTATE])
def test_the_next_run_gives_the_cluster_what_a_failed_one_could_not(kind: Kind) -> None:
    """Its new password lasts a year, and would hide that the cluster still has the old one."""
    rotating = Rotating(kind=kind)
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    rotating.run = replace(rotating.run, id="the-next")
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    assert "key1" in rotating.keys, "the cluster uses it until it has another"
    rotating.call(give_password)
    rotating.call(delete_old_passwords)
    assert rotating.clusters.given == [rotating.secrets.kept[VAULT].value]
    assert rotating.keys == {rotating.password.key}
    rotating.run = replace(rotating.run, id="the-one-after", kind=Kind.STOP)
    assert "long after" in rotating.call(check_password).message


def test_a_vault_that_does_not_show_the_password_yet_is_waited_for() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    rotating.secrets.kept.clear()
    assert rotating.call(give_password).state == "waiting"
    assert rotating.clusters.given == []


def test_an_operation_that_azure_forgot_is_no_success() -> None:
    rotating = Rotating()
    rotating.clusters.at_once = False
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    first = rotating.call(give_password)
    rotating.arm.says = NotFoundError("AKS", "NotFound", "no such operation")
    outcome = rotating.call(give_password, **first.checkpoint)
    assert outcome.state == "waiting"
    assert "operation" not in outcome.checkpoint  # so that the next call begins it again


@given(st.none() | st.integers(1, 500), st.integers(-10, 365))
def test_the_stops_of_a_month_do_not_each_replace_the_password(start: int | None, left: int) -> None:
    """Wherever the next start is planned. Twice, where one that lasts for it can only be made after some days."""
    next_one, expires, made = at(EVENING, days=start) if start else None, at(EVENING, days=left), 0
    for days in range(YOUNG.days):
        now = at(EVENING, days=days)
        if due(expires, next_one and max(next_one, at(now, hours=14)), now):
            expires, made = now + LIFETIME, made + 1
    assert made <= 1 or (start and made == 2 and at(EVENING, days=start) + MARGIN > EVENING + LIFETIME)


# a cluster that is off takes no password


def test_a_hundred_stops_and_starts_by_hand_of_a_hub_without_hours_replace_nothing() -> None:
    rotating = Rotating(EVENING + LIFETIME, schedule=None)
    place, clusters = rotating.place, rotating.clusters
    for _ in range(100):
        for ask, power in (("stop", "Stopped"), ("start", "Running")):
            commands = PowerCommands(place.commands)
            asked = commands.stop("r5", "", force=False) if ask == "stop" else commands.start("r5", None, None, "")
            assert asked.run is not None
            if ask == "stop":
                assert "until somebody starts it" in asked.decision.reason
                rotating.run = asked.run
                assert rotating.all_of_it() == ["done"] * 4
            clusters.power = power
            place.hubs.release("r5", asked.run.id, "ready")
            place.clock.advance(minutes=30)
    assert (clusters.given, rotating.keys, rotating.agrees()) == ([], {"key1"}, True)


def test_a_stop_behind_a_start_that_was_called_off_finds_the_cluster_off_and_replaces_nothing() -> None:
    rotating = Rotating(SOON, schedule=None)
    rotating.clusters.power = "Stopped"
    assert rotating.all_of_it() == ["done"] * 4
    assert (rotating.clusters.given, rotating.keys, rotating.agrees()) == ([], {"key1"}, True)


def test_power_is_asked_for_only_when_a_password_is_due() -> None:
    """Hundreds of hubs stop at the same time."""
    rotating = Rotating(at(EVENING, days=200))
    rotating.all_of_it()
    assert rotating.clusters.calls == {}


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.ROTATE])
@pytest.mark.parametrize("power", [("Succeeded", "Stopped"), ("Stopping", "Running")], ids=["off", "going-off"])
@pytest.mark.parametrize("off_before", STEPS, ids=lambda step: step.__name__)
def test_a_cluster_that_goes_off_meanwhile_keeps_its_password_and_that_is_the_only_one(
    off_before: Callable[..., Outcome], power: tuple[str, str], kind: Kind
) -> None:
    rotating = Rotating(kind=kind)
    outcome = None
    for function in STEPS:
        if function is off_before:
            rotating.clusters.state, rotating.clusters.power = power
        outcome = rotating.call(function)
        if outcome.state != "done":
            break
    given = off_before is delete_old_passwords
    assert outcome is not None
    assert outcome.state == ("done" if given or kind is Kind.STOP else "cancelled")
    assert rotating.keys == ({"key2"} if given else {"key1"})
    assert rotating.agrees()
    assert not unsettled(rotating.place.hub())


def test_one_that_is_switched_off_between_the_look_and_the_request_is_no_failure() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.call(ensure_new_password)

    def switched_off(*_: Any) -> None:
        rotating.clusters.power = "Stopped"

    vars(rotating.directory)["try_secret"] = switched_off
    assert rotating.call(give_password).state == "done"
    assert rotating.agrees()


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.ROTATE])
def test_a_password_that_the_cluster_was_asked_to_take_stays_with_the_old_one_until_it_is_on_again(kind: Kind) -> None:
    """The operation was aborted and the cluster stopped, by hand: nobody knows which of the two it uses."""
    rotating = Rotating(kind=kind)
    rotating.clusters.at_once = False
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    first = rotating.call(give_password)
    rotating.arm.says = failed(PermanentError("AKS", "Canceled", "aborted"))
    rotating.clusters.power = "Stopped"
    outcome = rotating.call(give_password, **first.checkpoint)
    assert outcome.state == ("done" if kind is Kind.STOP else "cancelled")
    rotating.next_run()
    assert rotating.all_of_it() == ["done"] * 4
    assert rotating.keys == {"key1", "key2"}
    assert (unsettled(rotating.place.hub()), refusable(rotating.place.hub())) == (True, False)
    rotating.clusters.power, rotating.clusters.at_once = "Running", True
    rotating.next_run()
    assert rotating.all_of_it() == ["done"] * 4
    assert rotating.keys == {"key2"}
    assert rotating.agrees()


def test_the_stop_after_a_rotation_that_failed_ends_it_though_the_password_is_not_due_by_then() -> None:
    """It was due before a summer; then somebody started the hub, and stops it for the night."""
    rotating = Rotating(at(EVENING, days=100), kind=Kind.ROTATE)
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    rotating.next_run()
    assert rotating.all_of_it() == ["done"] * 4
    assert rotating.keys == {"key2"}
    assert rotating.agrees()


def test_a_vault_without_the_earlier_password_keeps_the_new_one_for_the_next_rotation() -> None:
    rotating = Rotating()
    rotating.call(check_password)
    rotating.call(ensure_new_password)
    rotating.secrets.earlier.clear()
    rotating.clusters.power = "Stopped"
    assert rotating.call(give_password).state == "done"
    assert rotating.keys == {"key1", "key2"}
    rotating.clusters.power = "Running"
    rotating.next_run()
    rotating.all_of_it()
    assert rotating.keys == {"key2"}
    assert rotating.agrees()


TROUBLE = st.sampled_from(["", "", "", "off", "on", "answer lost", "vault fails", "refused", "reset lost"])
RUNS = st.lists(st.tuples(st.sampled_from([Kind.STOP, Kind.ROTATE]), st.lists(TROUBLE, max_size=8)), max_size=4)


@given(RUNS)
def test_whatever_goes_wrong_the_clusters_password_stays_valid_and_in_the_end_it_is_the_only_one(
    runs: list[tuple[Kind, list[str]]],
) -> None:
    rotating = Rotating(SOON, schedule=None)
    for kind, troubles in runs:
        rotating.next_run(kind)
        through(rotating, iter(troubles))
        rotating.place.clock.advance(hours=1)
        if not unsettled(rotating.place.hub()):
            assert rotating.agrees()
    rotating.clusters.power = "Running"
    rotating.next_run(Kind.ROTATE)
    through(rotating, iter(()))
    assert rotating.agrees()


def through(rotating: Rotating, troubles: Iterator[str]) -> None:
    """One run to its end: a temporary failure is tried again, a permanent one ends it."""
    for function in STEPS:
        for _ in range(4):
            cause(rotating, next(troubles, ""))
            try:
                outcome = rotating.call(function)
            except TemporaryError:
                continue
            except OutsideError:
                return
            finally:
                rotating.directory.cut = rotating.secrets.error = rotating.clusters.no_reset = None
                assert rotating.cluster_uses in {"old", *(f"secret of {key}" for key in rotating.keys)}
                assert rotating.clusters.given or "key1" in rotating.keys
            if outcome.state == "cancelled":
                return
            break
        else:
            return


def cause(rotating: Rotating, trouble: str) -> None:
    match trouble:
        case "off":
            rotating.clusters.power = "Stopped"
        case "on":
            rotating.clusters.power = "Running"
        case "answer lost":
            rotating.directory.cut = LOST
        case "vault fails":
            rotating.secrets.error = LOST
        case "refused":
            rotating.clusters.no_reset = PermanentError("AKS", "RequestDisallowedByPolicy", "no", status=403)
        case "reset lost":
            rotating.clusters.no_reset = TemporaryError("AKS", "ConnectionFailed", "cut off")
