"""What the adapters decide without calling anybody: bodies, ids, parsing, choosing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared import names
from shared.azure.aks import read_cluster, read_versions, version_key
from shared.azure.arm import tag_filter
from shared.azure.authorization import Permission, allows, assignment_body, assignment_name
from shared.azure.compute import read_size
from shared.azure.graph import NewPassword, read_application, token_claims
from shared.azure.keyvault import Secret
from shared.azure.network import network_body, read_network, read_public_address
from shared.azure.policy import denied_content, denied_fields
from shared.azure.rest import scope
from shared.azure.tables import key_condition

OWNER = Permission(("*",), ())
CONTRIBUTOR = Permission(("*",), ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"))
READER = Permission(("*/read",), ())


@pytest.mark.parametrize(
    ("permissions", "action", "allowed"),
    [
        ((OWNER,), "Microsoft.Authorization/roleAssignments/write", True),
        ((CONTRIBUTOR,), "Microsoft.Authorization/roleAssignments/write", False),
        ((CONTRIBUTOR,), "microsoft.network/virtualnetworks/WRITE", True),
        ((READER,), "Microsoft.Network/virtualNetworks/read", True),
        ((READER,), "Microsoft.Network/virtualNetworks/write", False),
        ((CONTRIBUTOR, READER), "Microsoft.Authorization/roleAssignments/read", True),
        ((CONTRIBUTOR, OWNER), "Microsoft.Authorization/roleAssignments/write", True),
        ((), "Microsoft.Network/virtualNetworks/read", False),
    ],
)
def test_one_role_that_grants_without_excepting_is_enough(
    permissions: tuple[Permission, ...], action: str, allowed: bool
) -> None:
    assert allows(permissions, action) is allowed


def test_the_same_assignment_has_the_same_name_in_any_spelling() -> None:
    name = assignment_name("/subscriptions/S/resourceGroups/g", "P", "Contributor")
    assert name == assignment_name("/subscriptions/s/resourcegroups/G", "p", "Contributor")
    assert name != assignment_name("/subscriptions/S/resourceGroups/g", "P", "Reader")


def test_an_assignment_says_that_its_principal_is_a_service_principal() -> None:
    properties = assignment_body("s", "p", "Contributor")["properties"]
    assert properties["principalType"] == "ServicePrincipal"
    assert properties["roleDefinitionId"].endswith("/b24988ac-6180-42a0-ab88-20f7382dd24c")


def test_a_network_is_asked_for_and_read_alike() -> None:
    body = network_body("westus", ["10.0.0.0/8"], {"r5-subnet": ["10.240.0.0/16"]}, {"owner": "r5"})
    where = names.network_id("s", "r5-rg", "r5-vnet")
    network = read_network({"id": where, "name": "r5-vnet", **body})
    assert network.address_space == ("10.0.0.0/8",)
    assert network.subnets == {"r5-subnet": ("10.240.0.0/16",)}


def test_a_public_address_without_a_label_has_none() -> None:
    address = read_public_address({"id": "i", "name": "n", "properties": {"ipAddress": "20.0.0.1"}})
    assert (address.ip, address.label, address.used) == ("20.0.0.1", None, False)


def test_a_quote_in_a_tag_cannot_end_the_filter() -> None:
    assert tag_filter("k", "o'b") == "tagName eq 'k' and tagValue eq 'o''b'"


def test_a_size_restricted_in_a_zone_can_be_had_in_the_region() -> None:
    zone = {"type": "Zone", "values": ["westus"], "reasonCode": "NotAvailableForSubscription"}
    capabilities = [{"name": "vCPUs", "value": "2"}, {"name": "MemoryGB", "value": "8"}]
    size = read_size({"name": "D2", "family": "f", "capabilities": capabilities, "restrictions": [zone]}, "westus")
    assert (size.vcpus, size.memory, size.max_data_disks, size.restrictions) == (2, 8.0, 0, ())
    here = {**zone, "type": "Location", "values": ["WestUS"]}
    assert read_size({"name": "D2", "restrictions": [here]}, "westus").restrictions == ("NotAvailableForSubscription",)


CLUSTER: dict[str, Any] = {
    "id": "/subscriptions/s/resourcegroups/r5-rg/providers/Microsoft.ContainerService/managedClusters/r5",
    "name": "r5",
    "location": "westus",
    "tags": None,
    "properties": {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Stopped"},
        "kubernetesVersion": "1.35",
        "currentKubernetesVersion": "1.35.2",
        "servicePrincipalProfile": {"clientId": "app"},
        "agentPoolProfiles": [{"name": "nodepool1", "count": 0, "vmSize": "D2", "powerState": {"code": "Stopped"}}],
    },
}


def test_a_stopped_cluster_is_both_succeeded_and_stopped() -> None:
    cluster = read_cluster(CLUSTER)
    assert (cluster.state, cluster.power, cluster.identity_type, cluster.tags) == ("Succeeded", "Stopped", None, {})
    assert (cluster.version, cluster.current_version) == ("1.35", "1.35.2")
    assert (cluster.pools[0].count, cluster.pools[0].autoscaling, cluster.pools[0].min) == (0, False, None)


def test_a_cluster_just_asked_for_may_say_nothing_of_its_power() -> None:
    assert read_cluster({**CLUSTER, "properties": {"provisioningState": "Creating"}}).power is None


def test_versions_are_patches_newest_first() -> None:
    values = [
        {"version": "1.9", "isDefault": True, "patchVersions": {"1.9.9": {"upgrades": ["1.35.10", "1.35.2"]}}},
        {
            "version": "1.35",
            "isPreview": True,
            "capabilities": {"supportPlan": ["AKSLongTermSupport"]},
            "patchVersions": {"1.35.2": {}, "1.35.10": None},
        },
    ]
    found = read_versions({"values": values})
    assert [version.version for version in found] == ["1.35.10", "1.35.2", "1.9.9"]
    assert [version.lts_only for version in found] == [True, True, False]
    assert (found[2].default, found[2].preview, found[2].upgrades) == (True, False, ("1.35.2", "1.35.10"))


def test_versions_sort_by_number() -> None:
    assert sorted(["1.35.10", "1.9.3", "1.35.2"], key=version_key) == ["1.9.3", "1.35.2", "1.35.10"]


LOCATIONS = "/providers/Microsoft.Authorization/policyDefinitions/locations"


def test_a_denial_names_what_would_pass() -> None:
    expressions = [
        {"expression": "type", "path": "type", "expressionValue": "t", "operator": "Equals", "targetValue": "t"},
        {"path": "location", "expressionValue": "westus", "operator": "NotIn", "targetValue": ["eastus", "westeurope"]},
    ]
    evaluation = {
        "policyInfo": {"policyDefinitionId": LOCATIONS},
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"evaluatedExpressions": expressions},
    }
    audit = {**evaluation, "effectDetails": {"policyEffect": "Audit"}}
    found = list(denied_content({"contentEvaluationResult": {"policyEvaluations": [evaluation, audit]}}))
    assert [(f.definition_id, f.field, f.allowed) for f in found] == [(LOCATIONS, "location", ("eastus", "westeurope"))]
    assert found[0].reason == "location is 'westus', which the policy denies"


@pytest.mark.parametrize(
    ("tags", "restriction", "denied"),
    [
        ({}, {"result": "Required"}, True),
        ({"owner": "r5"}, {"result": "Required"}, False),
        ({"owner": "r5"}, {"result": "Required", "values": ["it"]}, True),
        ({}, {"result": "Required", "defaultValue": "it"}, False),
        ({}, {"result": "Removed"}, False),
    ],
)
@pytest.mark.parametrize("spelling", ["tags.owner", "tags['owner']", "tags[owner]"])
def test_a_required_tag_that_is_missing_is_a_denial(
    spelling: str, tags: dict[str, str], restriction: dict[str, Any], denied: bool
) -> None:
    result = {"fieldRestrictions": [{"field": spelling, "restrictions": [restriction]}]}
    assert bool(list(denied_fields(result, {"tags": tags}))) is denied


def test_values_of_secrets_are_in_no_repr() -> None:
    ends = datetime(2027, 1, 1, tzinfo=UTC)
    assert "hunter2" not in repr(Secret("n", "hunter2", "v", None, {}))
    assert "hunter2" not in repr(NewPassword("k", "hunter2", ends))


def test_a_password_ends_in_utc() -> None:
    credential = {"keyId": "k", "displayName": None, "endDateTime": "2027-01-01T00:00:00Z"}
    document = {"id": "o", "appId": "a", "displayName": "n", "passwordCredentials": [credential]}
    assert read_application(document).passwords[0].ends == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.!.c", "a.W10.c"])
def test_a_token_that_tells_nothing_has_no_claims(token: str) -> None:
    assert token_claims(token) == {}


def test_a_token_is_asked_for_the_service_at_the_endpoint() -> None:
    assert scope("https://management.azure.com/") == "https://management.azure.com/.default"


def test_a_range_of_rows_is_half_open() -> None:
    assert key_condition("p", ("a", "b")) == (
        "PartitionKey eq @key_partition and RowKey ge @key_from and RowKey lt @key_to",
        {"key_partition": "p", "key_from": "a", "key_to": "b"},
    )
    assert key_condition(None, (None, None)) == ("", {})
