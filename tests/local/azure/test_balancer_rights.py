"""Services get public addresses when the cluster's identity may join the subnet of its nodes, and not before."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure.arm_lab import SUB, Lab, lab
from tests.local.kubernetes import kubernetes_lab

pytestmark = pytest.mark.local

GROUP = f"{SUB}/resourceGroups/r5-rg"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/r5"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/r5-id"
CONTRIBUTOR, READER = "b24988ac-6180-42a0-ab88-20f7382dd24c", "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
SERVICES = "/api/v1/namespaces/default/services"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        made.group()
        yield made


def assign(arm: Lab, scope: str, principal: str, role: str) -> None:
    definition = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {
        "properties": {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    }
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert arm.call("PUT", path, body).status_code == 201


def in_subnet(arm: Lab, body: dict[str, Any]) -> str:
    """Makes the cluster there; the subnet's id. The cluster is made whatever its identity may do."""
    subnet = arm.network()
    body["properties"]["agentPoolProfiles"][0]["vnetSubnetID"] = subnet
    assert arm.call("PUT", CLUSTER, body).status_code == 201
    arm.advance(600)
    assert arm.call("GET", CLUSTER).json()["properties"]["provisioningState"] == "Succeeded"
    return subnet


@pytest.mark.parametrize(
    ("scope", "role", "enough"),
    [
        ("", NETWORK_CONTRIBUTOR, True),
        ("", CONTRIBUTOR, True),
        ("", READER, False),
        ("/subnets/r5-subnet", CONTRIBUTOR, True),
        ("/virtualNetworks/r5-vnet", NETWORK_CONTRIBUTOR, True),
        ("/resourceGroups/r5-rg", CONTRIBUTOR, True),
        (SUB, NETWORK_CONTRIBUTOR, True),
        ("/virtualNetworks/other-vnet", CONTRIBUTOR, False),
    ],
)
def test_a_role_on_the_subnet_or_above_it_is_what_counts(arm: Lab, scope: str, role: str, enough: bool) -> None:
    app_id = arm.principal()
    body = arm.cluster(servicePrincipalProfile={"clientId": app_id, "secret": "a-secret-of-a-principal"})
    subnet, principal = in_subnet(arm, body), arm.directory.principals[app_id]
    said = arm.refusal(CLUSTER.lower()) or ""
    assert "LinkedAuthorizationFailed" in said
    assert f"object id '{principal}'" in said
    assert f"linked scope(s) '{subnet}'" in said
    if scope == "/virtualNetworks/other-vnet":
        path, space = f"{GROUP}/providers/Microsoft.Network{scope}", {"addressPrefixes": ["10.0.0.0/8"]}
        arm.call("PUT", path, {"location": "westus", "properties": {"addressSpace": space}})
        assign(arm, path, principal, role)
    else:
        assign(arm, subnet[: subnet.index(scope) + len(scope)] if scope else subnet, principal, role)
    assert (arm.refusal(CLUSTER.lower()) is None) is enough


def test_a_managed_identity_is_asked_for_by_its_principal(arm: Lab) -> None:
    arm.call("PUT", IDENTITY, {"location": "westus"})
    arm.advance(5)
    principal = arm.call("GET", IDENTITY).json()["properties"]["principalId"]
    body = arm.cluster() | {"identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}}
    subnet = in_subnet(arm, body)
    assert f"object id '{principal}'" in (arm.refusal(CLUSTER.lower()) or "")
    assign(arm, subnet, principal, NETWORK_CONTRIBUTOR)
    assert arm.refusal(CLUSTER.lower()) is None


def test_in_a_network_that_aks_makes_nobody_needs_a_role(arm: Lab) -> None:
    arm.made()
    assert arm.refusal(CLUSTER.lower()) is None


def test_a_service_that_is_refused_an_address_says_why_and_gets_one_later(tmp_path: Path) -> None:
    refused = {kubernetes_lab.KEY: "LinkedAuthorizationFailed"}
    with kubernetes_lab.lab(tmp_path) as cluster:
        cluster.clusters.refusal = refused.get
        cluster.run(cluster.clusters.stop(kubernetes_lab.KEY))
        cluster.ensure()
        cluster.create(
            SERVICES, {"metadata": {"name": "site"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
        )

        def events() -> list[str]:
            found = cluster.get("/api/v1/namespaces/default/events")["items"]
            return [one["message"] for one in found if one["reason"] == "SyncLoadBalancerFailed"]

        def address() -> Any:
            return cluster.get(f"{SERVICES}/site")["status"].get("loadBalancer", {}).get("ingress")

        assert cluster.until(events) == ["LinkedAuthorizationFailed"]
        assert not address()
        refused.clear()
        cluster.world.clock.advance(timedelta(seconds=10))
        assert cluster.until(address)
