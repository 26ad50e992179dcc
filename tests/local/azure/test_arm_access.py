"""Roles, quotas, sizes, disks and the simple resources of the emulated ARM."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure.arm_lab import SUB, Lab, lab

pytestmark = pytest.mark.local
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ROLE = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
GROUP = f"{SUB}/resourceGroups/r5-rg"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        made.group()
        yield made


def test_roles_are_found_by_name(arm: Lab) -> None:
    found = arm.call(
        "GET",
        f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions",
        params={"$filter": "roleName eq 'Contributor'"},
        version="2022-05-01-preview",
    ).json()["value"]
    assert [(role["id"], role["name"]) for role in found] == [(ROLE, CONTRIBUTOR)]


def test_a_role_is_assigned_once(arm: Lab) -> None:
    scope, principal = arm.network().rpartition("/subnets/")[0], str(uuid.uuid4())
    answer = arm.call("PUT", _assignment(scope), _asked(principal, "ServicePrincipal"))
    assert answer.status_code == 201
    assert answer.json()["properties"]["scope"] == scope
    again = arm.call("PUT", _assignment(scope), _asked(principal, "ServicePrincipal"))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "RoleAssignmentExists")
    assert arm.call("PUT", answer.json()["id"], _asked(principal, "ServicePrincipal")).status_code == 200
    other = arm.call("PUT", answer.json()["id"], _asked(str(uuid.uuid4()), "ServicePrincipal"))
    assert other.json()["error"]["code"] == "RoleAssignmentUpdateNotPermitted"
    assert arm.call("DELETE", answer.json()["id"]).status_code == 200
    assert arm.call("DELETE", answer.json()["id"]).status_code == 204


def test_a_principal_that_is_not_known_yet_needs_its_type_told(arm: Lab) -> None:
    principal = str(uuid.uuid4())
    refused = arm.call("PUT", _assignment(GROUP), _asked(principal))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "PrincipalNotFound")
    arm.directory.principals["app"] = principal
    assert arm.call("PUT", _assignment(GROUP), _asked(principal)).status_code == 201


def test_assignments_are_listed_above_at_and_below_a_scope(arm: Lab) -> None:
    principal, vnet = str(uuid.uuid4()), arm.network().rpartition("/subnets/")[0]
    for scope in (SUB, GROUP, vnet):
        arm.call("PUT", _assignment(scope), _asked(principal, "ServicePrincipal"))
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"

    def scopes(text: str) -> set[str]:
        found = arm.call("GET", path, params={"$filter": text} if text else {}).json()["value"]
        return {row["properties"]["scope"] for row in found}

    assert scopes("") == {SUB, GROUP, vnet}
    assert scopes("atScope()") == {SUB, GROUP}
    assert scopes(f"principalId eq '{principal}'") == {SUB, GROUP, vnet}
    assert scopes("principalId eq 'somebody'") == set()


def test_an_assignment_goes_with_what_it_is_on(arm: Lab) -> None:
    vnet = arm.network().rpartition("/subnets/")[0]
    identity = _assignment(vnet)
    arm.call("PUT", identity, _asked(str(uuid.uuid4()), "ServicePrincipal"))
    assert [row["type"] for row in arm.call("GET", f"{GROUP}/resources").json()["value"]] == [
        "Microsoft.Network/virtualNetworks"
    ]
    arm.call("DELETE", vnet)
    arm.advance(10)
    listed = arm.call("GET", "/providers/Microsoft.Authorization/roleAssignments").json()["value"]
    assert listed == []


def test_bad_assignments_are_refused(arm: Lab) -> None:
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"
    named = arm.call("PUT", f"{path}/name", _asked("x", "User"))
    assert named.json()["error"]["code"] == "InvalidRoleAssignmentId"
    unknown = {"properties": {"roleDefinitionId": f"{ROLE}0", "principalId": "x", "principalType": "User"}}
    assert arm.call("PUT", f"{path}/{uuid.uuid4()}", unknown).json()["error"]["code"] == "RoleDefinitionDoesNotExist"


def test_quotas_count_the_nodes_that_exist(arm: Lab) -> None:
    arm.set("quotas", limits={"westus": {"standardDSv3Family": 8}})
    arm.made()
    usages = arm.call("GET", "/providers/Microsoft.Compute/locations/westus/usages").json()["value"]
    family = next(row for row in usages if row["name"]["value"] == "standardDSv3Family")
    assert (family["currentValue"], family["limit"]) == (6, 8)
    path = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/r6"
    refused = arm.call("PUT", path, arm.cluster())
    assert refused.json()["code"] == "ErrCode_InsufficientVCPUQuota"
    assert "requested 6, remaining 2 for family standardDSv3Family" in refused.json()["message"]


def test_sizes_are_listed_by_region(arm: Lab) -> None:
    skus = arm.call("GET", "/providers/Microsoft.Compute/skus", params={"$filter": "location eq 'westus'"}).json()[
        "value"
    ]
    size = next(row for row in skus if row["name"] == "Standard_D2s_v3")
    assert (size["family"], size["locations"]) == ("standardDSv3Family", ["westus"])
    assert {"name": "vCPUs", "value": "2"} in size["capabilities"]
    sizes = arm.call("GET", "/providers/Microsoft.Compute/locations/westus/vmSizes").json()["value"]
    assert "Standard_D4s_v3" in [row["name"] for row in sizes]


def test_disks_and_snapshots_are_made_and_deleted(arm: Lab) -> None:
    arm.world.speed = 0
    disk, snapshot = (f"{GROUP}/providers/Microsoft.Compute/{kind}" for kind in ("disks/d", "snapshots/s"))
    empty = {"location": "westus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 10}}
    client = arm.resources.resources
    client.begin_create_or_update_by_id(disk, api_version="2024-03-02", parameters=empty).result()
    copy: Any = {
        "location": "westus",
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk}},
    }
    client.begin_create_or_update_by_id(snapshot, api_version="2024-03-02", parameters=copy).result()
    client.begin_delete_by_id(disk, api_version="2024-03-02").result()
    assert arm.call("GET", snapshot).json()["properties"]["provisioningState"] == "Succeeded"
    gone = arm.call("PUT", f"{snapshot}2", copy)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "NotFound")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Microsoft.ManagedIdentity/userAssignedIdentities", {}),
        ("Microsoft.KeyVault/vaults", {"sku": {"family": "A", "name": "standard"}}),
        ("Microsoft.Network/networkSecurityGroups", {"securityRules": []}),
    ],
)
def test_simple_resources_come_and_go(arm: Lab, kind: str, body: dict[str, Any]) -> None:
    path = f"{GROUP}/providers/{kind}/one"
    assert arm.call("PUT", path, {"location": "westus", "properties": body}).status_code == 201
    arm.advance(5)
    assert arm.call("GET", path).json()["properties"]["provisioningState"] == "Succeeded"
    assert [row["name"] for row in arm.call("GET", path.removesuffix("/one")).json()["value"]] == ["one"]
    assert arm.call("DELETE", path).status_code in (200, 202)
    arm.advance(15)
    assert arm.call("GET", path).status_code == 404


def _assignment(scope: str) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"


def _asked(principal: str, kind: str | None = None) -> dict[str, Any]:
    typed = {"principalType": kind} if kind else {}
    return {"properties": {"roleDefinitionId": ROLE, "principalId": principal} | typed}
