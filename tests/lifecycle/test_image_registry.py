"""The registry of a BinderHub's images: what is made, once each, and a password that never reached Key Vault is replaced."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.azure.operations import Operation, Progress
from shared.azure.registries import NewPassword, Registry, Token
from shared.checks.free_names import dns_label, registry_name
from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError
from shared.lifecycle.create import image_registry
from shared.lifecycle.create.cluster import needed_providers
from shared.lifecycle.teardown import removal
from shared.runs.model import Kind, Outcome, StepState
from tests.fakes import adapters
from tests.given import SUBSCRIPTION, Place, run_of, spec

BINDER: dict[str, Any] = {"flavor": "binderhub", "registry": {"name": "r5registry"}}
WHERE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/r5-rg/providers/Microsoft.ContainerRegistry/registries/r5registry"
)
NAME = "r5--own--registry-password"
GONE = NotFoundError("Azure Resource Manager", "NotFound", "the operation is forgotten")


@dataclass
class Registries:
    """Azure's side. `slow`: every writing is an operation that a look finds ended. `made`: passwords, in order."""

    tags: dict[str, str] = field(default_factory=lambda: {"hubkeeper-hub": "r5"})
    there: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    slow: bool = False
    taken: str | None = None
    made: list[str] = field(default_factory=list)
    refuses: list[OutsideError] = field(default_factory=list)
    outcome: NewPassword | OutsideError | None = None
    """Of a password that takes its time: None while it goes on."""
    asked: list[str] = field(default_factory=list)

    def why_taken(self, name: str) -> str | None:
        return self.taken

    def _put(self, what: str) -> Operation | None:
        self.asked.append(what)
        self.there.add(what)
        return Operation(f"https://arm/{what}", None) if self.slow else None

    def registry(self, where: str) -> Registry | None:
        assert where == WHERE
        state = self.states.get("registry", "Succeeded")
        return (
            Registry(where, "r5registry", "r5registry.azurecr.io", state, self.tags)
            if "registry" in self.there
            else None
        )

    def put(self, where: str, body: dict[str, Any]) -> Operation | None:
        assert body["tags"]["hubkeeper-hub"] == "r5"
        assert body["properties"]["adminUserEnabled"] is False
        return self._put("registry")

    def scope_map(self, where: str) -> str | None:
        return self.states.get("scope map", "Succeeded") if "scope map" in self.there else None

    def put_scope_map(self, where: str, actions: list[str]) -> Operation | None:
        assert not any(action.endswith("delete") for action in actions)
        return self._put("scope map")

    def token(self, where: str) -> Token | None:
        made = f"2026-11-23T08:00:{len(self.made):02}.123Z" if self.made else None
        return Token(where, self.states.get("token", "Succeeded"), made) if "token" in self.there else None

    def put_token(self, where: str, scope_map: str) -> Operation | None:
        assert scope_map == f"{WHERE}/scopeMaps/hubkeeper-push-pull"
        return self._put("token")

    def new_password(self, registry: str, token: str) -> tuple[NewPassword | None, Operation | None]:
        assert (registry, token) == (WHERE, f"{WHERE}/tokens/hubkeeper")
        if self.refuses:
            raise self.refuses.pop()
        self.made.append(f"password {len(self.made) + 1}")
        if self.outcome is not None:
            return None, Operation(None, "https://arm/credentials")
        return NewPassword(self.made[-1], f"2026-11-23T08:00:{len(self.made):02}.1234567+00:00"), None

    def password_of(self, operation: Operation) -> NewPassword | None:
        assert operation.location_url == "https://arm/credentials"
        if isinstance(self.outcome, OutsideError):
            raise self.outcome
        return self.outcome


class Lab:
    def __init__(self, **more: Any) -> None:
        self.azure, self.vault, self.arm = Registries(), adapters.Secrets(), adapters.Arm(adapters.SUCCEEDED)
        self.place = Place(adapters={"registries": self.azure, "secrets": self.vault, "arm": self.arm})
        self.place.ready(**{**BINDER, **more})
        self.checkpoint: dict[str, Any] = {}

    def step(self) -> Outcome:
        state = StepState("registry", checkpoint=self.checkpoint)
        outcome = image_registry.ensure_registry(self.place.context(run_of(Kind.CREATE), state))
        self.checkpoint = outcome.checkpoint
        return outcome

    def to_the_end(self, most: int = 12) -> Outcome:
        for _ in range(most):
            outcome = self.step()
            if outcome.state != "waiting":
                return outcome
        raise AssertionError(outcome)

    @property
    def kept(self) -> str:
        return self.vault.kept[NAME].value


@pytest.mark.parametrize("slow", [False, True])
def test_everything_is_made_once_and_the_password_is_in_the_vault(slow: bool) -> None:
    lab = Lab()
    lab.azure.slow = slow
    assert lab.to_the_end().state == "done"
    assert lab.azure.asked == ["registry", "scope map", "token"]
    assert (lab.azure.made, lab.kept) == (["password 1"], "password 1")
    assert lab.vault.kept[NAME].tags["hubkeeper-hub"] == "r5"
    assert lab.place.hub().status.registry.server == "r5registry.azurecr.io"
    assert lab.to_the_end().state == "done"
    assert lab.azure.made == ["password 1"], "a step that is called again makes no second one"


def test_a_password_that_never_reached_the_vault_is_replaced() -> None:
    lab = Lab()
    lab.vault.error = PermanentError("Key Vault", "Forbidden", "no")
    with pytest.raises(PermanentError):
        lab.to_the_end()
    lab.vault.error = None
    assert lab.to_the_end().state == "done"
    assert (lab.azure.made, lab.kept) == (["password 1", "password 2"], "password 2")


def test_a_password_of_an_earlier_hub_of_that_name_is_replaced() -> None:
    lab = Lab()
    lab.vault.set(NAME, "an old one", expires=None, tags={"made": "2025-01-01T00:00:00"}, content_type="text/plain")
    lab.to_the_end()
    assert lab.kept == "password 1"


def test_a_token_that_is_not_active_yet_is_waited_for() -> None:
    lab = Lab()
    lab.azure.refuses = [ConflictError("Azure Resource Manager", "TokenNotActive", "not active", status=409)]
    assert lab.to_the_end().state == "done"
    lab = Lab()
    lab.azure.refuses = [ConflictError("Azure Resource Manager", "Other", "no", status=409)]
    with pytest.raises(ConflictError):
        lab.to_the_end()


def test_a_password_that_takes_its_time_is_fetched_and_one_that_azure_forgot_is_made_again() -> None:
    lab = Lab()
    lab.azure.outcome = NewPassword("the slow one", "2026-11-23T08:00:01Z")
    assert lab.to_the_end().state == "done"
    assert lab.kept == "the slow one"
    lab = Lab()
    lab.azure.outcome = GONE
    while not lab.azure.made:
        lab.step()
    assert lab.step().state == "waiting"
    lab.azure.outcome = None
    assert lab.to_the_end().state == "done"
    assert lab.kept == "password 2"


def test_no_password_is_in_what_is_stored() -> None:
    lab = Lab()
    lab.azure.outcome = NewPassword("the slow one", "2026-11-23T08:00:01Z")
    memos = []
    while (outcome := lab.step()).state == "waiting":
        memos.append(outcome.checkpoint)
    assert "the slow one" not in f"{memos} {outcome} {lab.place.hub().status} {lab.azure.outcome!r}"


@pytest.mark.parametrize("what", ["registry", "scope map", "token"])
def test_what_is_being_made_is_waited_for(what: str) -> None:
    lab = Lab()
    lab.azure.there = {"registry", "scope map", "token"}
    lab.azure.states[what] = "Creating"
    assert lab.step().state == "waiting"
    assert lab.azure.asked == []


@pytest.mark.parametrize("what", ["registry", "scope map", "token"])
def test_what_could_not_be_made_is_made_again(what: str) -> None:
    lab = Lab()
    lab.azure.there = {"registry", "scope map", "token"}
    lab.azure.states[what] = "Failed"
    lab.step()
    assert lab.azure.asked == [what]


def test_a_registry_of_somebody_elses_is_left_alone() -> None:
    lab = Lab()
    lab.azure.there, lab.azure.tags = {"registry"}, {}
    outcome = lab.step()
    assert outcome.fault is not None
    assert outcome.fault.code == "RegistryExists"
    assert '"other"' in outcome.fault.advice
    assert lab.azure.asked == []


def test_a_jupyterhub_needs_none_and_one_that_is_brought_along_is_left_alone() -> None:
    own = {"type": "docker-hub", "username": "ourlab", "password": "secret://docker"}
    for more in ({"flavor": "jupyterhub", "registry": None}, {"registry": own}):
        lab = Lab(**more)
        assert lab.step().state == "done"
        assert lab.azure.asked == []
    assert needed_providers(spec(flavor="binderhub"))[-1] == "Microsoft.ContainerRegistry"
    assert needed_providers(spec(flavor="binderhub", registry=own)) == needed_providers(spec())


@dataclass
class Arm(adapters.Arm):
    """With the registry, or without."""

    document: dict[str, Any] | None = None
    deleted: list[str] = field(default_factory=list)

    def get(self, where: str, api: str) -> dict[str, Any] | None:
        assert where == WHERE
        return self.document

    def delete(self, where: str, api: str) -> Operation | None:
        self.deleted.append(where)
        self.document = None
        return Operation(None, "https://arm/delete")


@pytest.mark.parametrize(
    ("tags", "deleted"), [({"hubkeeper-hub": "r5"}, [WHERE]), ({}, []), ({"hubkeeper-hub": "other"}, [])]
)
def test_a_teardown_deletes_the_registry_that_was_made_for_the_hub(tags: dict[str, str], deleted: list[str]) -> None:
    arm = Arm(Progress("succeeded", "", None, None), document={"tags": tags})
    place = Place(adapters={"arm": arm})
    place.ready(**BINDER)
    run, state = run_of(Kind.TEARDOWN), StepState("registry")
    outcome = removal.delete_registry(place.context(run, state))
    if deleted:
        outcome = removal.delete_registry(place.context(run, replace(state, checkpoint=outcome.checkpoint)))
    assert outcome.state == "done"
    assert arm.deleted == deleted
    assert place.hub().status.deleted_registry.id == (WHERE if deleted else None)


def test_a_taken_name_is_found_out_before_and_ones_own_is_not_taken() -> None:
    azure = Registries(taken="The registry r5registry is already in use.")
    services = Place(adapters={"registries": azure}).services
    (finding,) = registry_name(services, spec(**BINDER)).findings
    assert (finding.severity, finding.code) == ("error", "RegistryNameTaken")
    assert "already in use" in finding.message
    assert "another registry.name" in finding.advice
    azure.there = {"registry"}
    assert registry_name(services, spec(**BINDER)).findings == ()
    azure.tags = {}
    assert registry_name(services, spec(**BINDER)).findings
    assert registry_name(services, spec()).findings == ()
    azure.taken = None
    assert registry_name(services, spec(**BINDER)).findings == ()


class Networks:
    def check_dns_label(self, location: str, label: str) -> bool:
        return label != "r5hub-binder"

    def public_addresses(self, group: str) -> list[Any]:
        return []


def test_both_labels_must_be_free() -> None:
    services = Place(adapters={"networks": Networks(), "clusters": adapters.Clusters(state=None)}).services
    label: dict[str, Any] = {"access": {"dnsLabel": "r5hub"}}
    (finding,) = dns_label(services, spec(**BINDER, **label)).findings
    assert finding.field == "access.binderLabel"
    assert "another access.binderLabel" in finding.advice
    assert dns_label(services, spec(**label)).findings == ()
