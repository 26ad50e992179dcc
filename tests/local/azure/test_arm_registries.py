"""Container registries of the local cloud: names, tokens, and passwords that are shown once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure.arm_lab import SUB, Lab, lab

pytestmark = pytest.mark.local
GROUP = f"{SUB}/resourceGroups/r5-rg"
CHECK = "/providers/Microsoft.ContainerRegistry/checkNameAvailability"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/r5registry"
BODY: dict[str, Any] = {"location": "westus", "sku": {"name": "Basic"}, "properties": {}}
ACTIONS = ["repositories/*/content/read", "repositories/*/content/write"]


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as arm:
        arm.group()
        arm.set("providers", states={"Microsoft.ContainerRegistry": "Registered"})
        yield arm


def asked(arm: Lab, name: str) -> Any:
    return arm.call("POST", CHECK, {"name": name, "type": "Microsoft.ContainerRegistry/registries"}).json()


def made(arm: Lab) -> None:
    assert arm.call("PUT", REGISTRY, BODY).status_code == 201
    arm.advance(15)


def token(arm: Lab) -> str:
    scope = arm.call("PUT", f"{REGISTRY}/scopeMaps/push", {"properties": {"actions": ACTIONS}}).json()
    assert scope["properties"]["provisioningState"] == "Succeeded"
    answer = arm.call("PUT", f"{REGISTRY}/tokens/hub", {"properties": {"scopeMapId": scope["id"]}}).json()
    return str(answer["id"])


def test_a_registry_is_made_in_ten_seconds_and_its_name_is_taken_everywhere(registered: Lab) -> None:
    assert asked(registered, "r5registry")["nameAvailable"] is True
    answer = registered.call("PUT", REGISTRY, BODY)
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert "operations/" in answer.headers["azure-asyncoperation"]
    registered.advance(15)
    found = registered.call("GET", REGISTRY).json()
    assert (found["properties"]["provisioningState"], found["properties"]["loginServer"]) == (
        "Succeeded",
        "r5registry.azurecr.io",
    )
    assert found["sku"] == {"name": "Basic", "tier": "Basic"}
    assert asked(registered, "R5Registry")["reason"] == "AlreadyExists"
    registered.group("other-rg")
    other = registered.call("PUT", REGISTRY.replace("r5-rg", "other-rg"), BODY)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "AlreadyInUse")


@pytest.mark.parametrize("name", ["r5", "r5-registry", "x" * 51])
def test_a_name_that_is_none_is_told_apart_from_one_that_is_taken(registered: Lab, name: str) -> None:
    assert asked(registered, name)["reason"] == "Invalid"
    assert registered.call("PUT", REGISTRY.replace("r5registry", name), BODY).json()["error"]["code"] == (
        "InvalidRegistryName"
    )


def test_a_token_gets_no_password_before_it_is_active_and_shows_it_once(registered: Lab) -> None:
    made(registered)
    identity = token(registered)
    wanted = {"tokenId": identity, "name": "password1"}
    early = registered.call("POST", f"{REGISTRY}/generateCredentials", wanted)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "TokenNotActive")
    registered.advance(10)
    first = registered.call("POST", f"{REGISTRY}/generateCredentials", wanted).json()
    assert first["username"] == "hub"
    registered.advance(10)
    second = registered.call("POST", f"{REGISTRY}/generateCredentials", wanted).json()
    assert first["passwords"][0]["value"] != second["passwords"][0]["value"]
    shown = registered.call("GET", identity)
    assert shown.json()["properties"]["credentials"]["passwords"] == [
        {"name": "password1", "creationTime": second["passwords"][0]["creationTime"]}
    ]
    assert second["passwords"][0]["value"] not in shown.text


def test_a_token_that_is_written_again_has_lost_its_password(registered: Lab) -> None:
    made(registered)
    identity = token(registered)
    registered.advance(10)
    registered.call("POST", f"{REGISTRY}/generateCredentials", {"tokenId": identity, "name": "password1"})
    token(registered)
    registered.advance(10)
    assert registered.call("GET", identity).json()["properties"]["credentials"]["passwords"] == []


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("scopeMaps/push", {"properties": {"actions": ["repositories/x/anything"]}}, "InvalidScopeMapActions"),
        ("scopeMaps/push", {"properties": {}}, "InvalidScopeMap"),
        ("tokens/hub", {"properties": {"scopeMapId": f"{REGISTRY}/scopeMaps/none"}}, "ScopeMapNotFound"),
    ],
)
def test_what_makes_no_sense_is_refused(registered: Lab, path: str, body: dict[str, Any], code: str) -> None:
    made(registered)
    assert registered.call("PUT", f"{REGISTRY}/{path}", body).json()["error"]["code"] == code


def test_a_registry_goes_with_everything_in_it_and_its_name_is_free_again(registered: Lab) -> None:
    made(registered)
    identity = token(registered)
    registered.advance(10)
    maps = [row["name"] for row in registered.call("GET", f"{REGISTRY}/scopeMaps").json()["value"]]
    assert maps == ["_repositories_admin", "_repositories_pull", "_repositories_push", "push"]
    assert registered.call("DELETE", REGISTRY).status_code == 202
    assert registered.call("GET", REGISTRY).json()["properties"]["provisioningState"] == "Deleting"
    registered.advance(15)
    for path in (REGISTRY, identity):
        assert registered.call("GET", path).status_code == 404
    assert registered.call("DELETE", REGISTRY).status_code == 204
    assert asked(registered, "r5registry")["nameAvailable"] is True
