"""Container registries over the wire."""

from collections.abc import Iterator

import pytest

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.operations import Operation
from shared.azure.registries import Registries, read_password, read_token
from shared.errors import ConflictError, NotFoundError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local
BODY = {"location": "westus", "tags": {"hubkeeper-hub": "r5"}, "sku": {"name": "Basic"}, "properties": {}}


@pytest.fixture
def where(services: Services, settings: Settings, identity: TokenSource) -> Iterator[str]:
    """The id of a registry in a group that goes with it."""
    arm = ResourceManager(settings, identity)
    services.configure(providers={"states": {"Microsoft.ContainerRegistry": "Registered"}})
    group = arm.put_group("registry-rg", "westus", {})
    yield f"{group.id}/providers/Microsoft.ContainerRegistry/registries/r5registry"
    arm.delete_group("registry-rg")


@pytest.fixture
def registries(settings: Settings, identity: TokenSource) -> Registries:
    return Registries(settings, identity)


def test_a_registry_with_a_token_whose_password_is_shown_once(registries: Registries, where: str) -> None:
    assert registries.registry(where) is None
    assert registries.why_taken("r5registry") is None
    assert registries.put(where, BODY) is not None
    found = registries.registry(where)
    assert found is not None
    assert (found.server, found.state, found.tags) == (
        "r5registry.azurecr.io",
        "Succeeded",
        {"hubkeeper-hub": "r5"},
    )
    assert "already in use" in (registries.why_taken("r5registry") or "")
    assert "5 to 50" in (registries.why_taken("r5") or "")

    scope_map, token = f"{where}/scopeMaps/push-pull", f"{where}/tokens/hub"
    assert registries.scope_map(scope_map) is None
    registries.put_scope_map(scope_map, ["repositories/*/content/read"])
    assert registries.scope_map(scope_map) == "Succeeded"
    assert registries.token(token) is None
    registries.put_token(token, scope_map)
    fresh = registries.token(token)
    assert fresh is not None
    assert (fresh.state, fresh.made) == ("Succeeded", None)

    password, operation = registries.new_password(where, token)
    assert operation is None
    assert password is not None
    assert password.value not in repr(password)
    known = registries.token(token)
    assert known is not None
    assert known.made == password.made


def test_a_token_that_is_not_active_is_a_conflict_of_that_name(
    services: Services, registries: Registries, where: str
) -> None:
    registries.put(where, BODY)
    registries.put_scope_map(f"{where}/scopeMaps/pull", ["repositories/*/content/read"])
    services.do(lambda: setattr(services.world, "speed", 1))
    registries.put_token(f"{where}/tokens/hub", f"{where}/scopeMaps/pull")
    with pytest.raises(ConflictError) as caught:
        registries.new_password(where, f"{where}/tokens/hub")
    assert caught.value.code == "TokenNotActive"
    services.do(lambda: setattr(services.world, "speed", 0))


def test_an_outcome_that_azure_has_forgotten_is_not_found(registries: Registries, settings: Settings) -> None:
    gone = f"{settings.arm_endpoint}/subscriptions/{settings.subscription_id}/operationresults/x?api-version=2021-04-01"
    with pytest.raises(NotFoundError):
        registries.password_of(Operation(None, gone))


def test_of_two_passwords_the_first_is_read() -> None:
    both = [
        {"name": "password2", "value": "b", "creationTime": "t2"},
        {"name": "password1", "value": "a", "creationTime": "t1"},
    ]
    found = read_password({"username": "hub", "passwords": both})
    assert found is not None
    assert (found.value, found.made) == ("a", "t1")
    assert read_password({}) is None
    shown = read_token({"id": "x", "properties": {"credentials": {"passwords": both}}})
    assert shown.made == "t1"
