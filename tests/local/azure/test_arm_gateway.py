"""What ARM itself asks and answers: tokens, versions, subscriptions, providers, groups, policies, throttling, restarts."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azure.arm.app import Arm
from local.world import World
from tests.local.azure.arm_lab import CLUSTER, SECRET, SUB, ControlPlanes, Directory, Lab, Tokens, lab

pytestmark = pytest.mark.local
NODES = "/resourceGroups/MC_r5-rg_r5_westus"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Bearer x", "InvalidAuthenticationToken"),
        ("Bearer old", "ExpiredAuthenticationToken"),
    ],
)
def test_every_call_needs_a_token(arm: Lab, header: str | None, code: str) -> None:
    refused = arm.call("GET", "/resourcegroups", headers={"Authorization": header})
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == code
    assert refused.headers["WWW-Authenticate"].startswith('Bearer authorization_uri="https://login.windows.net/')


@pytest.mark.parametrize(
    ("path", "version", "status", "code"),
    [
        ("/resourcegroups", None, 400, "MissingApiVersionParameter"),
        ("/resourcegroups", "latest", 400, "InvalidApiVersionParameter"),
        ("/subscriptions/other/resourcegroups", "2025-04-01", 404, "SubscriptionNotFound"),
        ("/resourceGroups/none", "2025-04-01", 404, "ResourceGroupNotFound"),
        (
            "/resourceGroups/none/providers/Microsoft.Network/virtualNetworks/v",
            "2025-04-01",
            404,
            "ResourceGroupNotFound",
        ),
        ("/providers/Microsoft.Nothing/things", "2025-04-01", 404, "InvalidResourceNamespace"),
        ("/providers/Microsoft.Network/things", "2025-04-01", 404, "InvalidResourceType"),
        ("/providers/Microsoft.Insights/autoscalesettings", "2022-10-01", 409, "MissingSubscriptionRegistration"),
        ("/operationresults/none", "2025-04-01", 404, "NotFound"),
        ("/resourcegroups?$filter=nonsense", "2025-04-01", 400, "InvalidFilterInQueryString"),
    ],
)
def test_what_is_not_there_is_told_apart(arm: Lab, path: str, version: str | None, status: int, code: str) -> None:
    answer = arm.call("GET", path, version=version)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_body_that_is_no_json_is_refused(arm: Lab) -> None:
    answer = arm.session.put(f"{arm.base}{SUB}/resourcegroups/g?api-version=2025-04-01", data=b"{")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_the_subscription_and_its_regions_are_told(arm: Lab) -> None:
    assert arm.call("GET", SUB).json()["state"] == "Enabled"
    assert [
        row["id"] for row in arm.session.get(f"{arm.base}/subscriptions?api-version=2022-12-01").json()["value"]
    ] == [SUB]
    assert "westus" in [row["name"] for row in arm.call("GET", "/locations").json()["value"]]


def test_registering_a_provider_takes_a_while(arm: Lab) -> None:
    arm.set("providers", states={"Microsoft.ContainerService": "NotRegistered"})
    arm.group()
    refused = arm.call("PUT", CLUSTER, arm.cluster())
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "MissingSubscriptionRegistration")
    assert refused.json()["error"]["details"][0]["target"] == "Microsoft.ContainerService"
    assert arm.resources.providers.register("Microsoft.ContainerService").registration_state == "Registering"
    assert arm.call("PUT", CLUSTER, arm.cluster()).status_code == 409
    arm.advance(61)
    assert arm.resources.providers.get("Microsoft.ContainerService").registration_state == "Registered"
    assert arm.call("PUT", CLUSTER, arm.cluster()).status_code == 201


def test_groups_are_made_found_and_tagged(arm: Lab) -> None:
    made = arm.call("PUT", "/resourcegroups/R5-rg", {"location": "West US", "tags": {"hub": "r5"}})
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Succeeded")
    assert (
        arm.call("PUT", "/resourceGroups/r5-RG", {"location": "westus", "tags": {"hub": "r5"}}).json()["name"]
        == "R5-rg"
    )
    assert arm.call("HEAD", "/resourcegroups/r5-rg").status_code == 204
    assert arm.call("HEAD", "/resourcegroups/r6-rg").status_code == 404
    moved = arm.call("PUT", "/resourcegroups/r5-rg", {"location": "eastus"})
    assert (moved.status_code, moved.json()["error"]["code"]) == (409, "InvalidResourceGroupLocation")
    arm.call("PUT", "/resourcegroups/other", {"location": "westus"})
    found = arm.resources.resource_groups.list(filter="tagName eq 'hub' and tagValue eq 'r5'")
    assert [group.name for group in found] == ["R5-rg"]
    tags = f"{SUB}/resourceGroups/other/providers/Microsoft.Resources/tags/default"
    merged = arm.call("PATCH", tags, {"operation": "Merge", "properties": {"tags": {"a": "b"}}})
    assert merged.json()["properties"]["tags"] == {"a": "b"}
    for name, code in (("dot.", "InvalidResourceGroupName"), ("x" * 91, "InvalidResourceGroupName")):
        assert arm.call("PUT", f"/resourcegroups/{name}", {"location": "westus"}).json()["error"]["code"] == code


def test_deleting_a_group_takes_everything_with_it(arm: Lab) -> None:
    before = arm.world.resources()
    arm.group()
    arm.network()
    arm.made()
    answer = arm.call("DELETE", "/resourcegroups/r5-rg")
    assert answer.status_code == 202
    assert "Azure-AsyncOperation" not in answer.headers
    assert answer.headers["Retry-After"] == "15"
    assert arm.call("GET", "/resourcegroups/r5-rg").json()["properties"]["provisioningState"] == "Deleting"
    assert (
        arm.call("PUT", "/resourcegroups/r5-rg", {"location": "westus"}).json()["error"]["code"]
        == "ResourceGroupBeingDeleted"
    )
    arm.advance(100)
    pending = arm.call("GET", answer.headers["Location"])
    assert (pending.status_code, pending.content) == (202, b"")
    arm.advance(200)
    assert arm.call("GET", pending.headers["Location"]).status_code == 200
    assert arm.world.resources() == before
    assert arm.clusters.running == {}


def test_the_official_client_deletes_a_group(arm: Lab) -> None:
    arm.group()
    arm.world.speed = 0
    arm.resources.resource_groups.begin_delete("r5-rg").result()
    assert not arm.resources.resource_groups.check_existence("r5-rg")


def test_a_group_whose_network_others_use_stays(arm: Lab) -> None:
    arm.group("net-rg")
    subnet = arm.network("net-rg")
    body = arm.cluster(networkProfile={"networkPlugin": "azure"})
    body["properties"]["agentPoolProfiles"][0]["vnetSubnetID"] = subnet
    arm.group()
    assert arm.call("PUT", CLUSTER, body).status_code == 201
    arm.advance(400)
    answer = arm.call("DELETE", "/resourcegroups/net-rg")
    arm.advance(100)
    assert arm.call("GET", answer.headers["Location"]).json()["error"]["code"] == "ResourceGroupDeletionBlocked"
    assert arm.call("GET", "/resourcegroups/net-rg").json()["properties"]["provisioningState"] == "Succeeded"


def test_resources_are_listed_by_group_and_type(arm: Lab) -> None:
    arm.group()
    arm.network()
    assert [row.name for row in arm.resources.resources.list_by_resource_group("r5-rg")] == ["r5-vnet"]
    wanted = "resourceType eq 'Microsoft.Network/virtualNetworks'"
    assert [row.name for row in arm.resources.resources.list(filter=wanted)] == ["r5-vnet"]
    assert (
        arm.call("HEAD", f"{SUB}/resourceGroups/r5-rg/providers/Microsoft.Network/virtualNetworks/R5-VNET").status_code
        == 204
    )


def test_a_policy_denies_with_all_that_azure_tells(arm: Lab) -> None:
    rule = {
        "name": "no-westus",
        "displayName": "Only the east",
        "resourceType": "Microsoft.ContainerService/managedClusters",
    }
    arm.set("policies", items=[rule | {"requireTag": "team", "allowedLocations": ["eastus"]}])
    arm.group()
    refused = arm.call("PUT", CLUSTER, arm.cluster())
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert (error["code"], error["target"]) == ("RequestDisallowedByPolicy", "r5")
    assert "Policy identifiers: '[{" in error["message"]
    info = error["additionalInfo"][0]["info"]
    assert info["policyDefinitionDisplayName"] == "Only the east"
    definition = arm.call("GET", info["policyDefinitionId"].removeprefix(SUB)).json()
    assert definition["properties"]["displayName"] == "Only the east"
    assert {one["path"] for one in info["evaluationDetails"]["evaluatedExpressions"]} == {
        "type",
        "tags[team]",
        "location",
    }

    content = {"type": rule["resourceType"], "location": "eastus", "tags": {"team": "x"}}
    path = "/resourceGroups/r5-rg/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
    asked = {"resourceDetails": {"resourceContent": content, "apiVersion": "2025-10-01"}}
    assert arm.call("POST", path, asked).json()["contentEvaluationResult"]["policyEvaluations"] == []
    content["location"] = "westus"
    found = arm.call("POST", path, asked).json()["contentEvaluationResult"]["policyEvaluations"]
    assert [one["evaluationResult"] for one in found] == ["NonCompliant"]


def test_denied_actions_are_refused_and_shown_as_permissions(arm: Lab) -> None:
    action = "Microsoft.ContainerService/managedClusters/write"
    arm.set("denied", actions=[action])
    arm.group()
    refused = arm.call("PUT", CLUSTER, arm.cluster())
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert action in refused.json()["error"]["message"]
    allowed = arm.call("GET", "/providers/Microsoft.Authorization/permissions").json()["value"]
    assert allowed[0]["notActions"] == [action]


def test_aks_throttles_puts_and_says_when_to_come_back(arm: Lab) -> None:
    arm.group()
    for _ in range(20):
        assert arm.call("PUT", CLUSTER, {"location": "nowhere"}).status_code == 400
    refused = arm.call("PUT", CLUSTER, arm.cluster())
    assert (refused.status_code, refused.json()["code"]) == (429, "Throttled")
    assert refused.headers["Retry-After"] == "60"
    arm.advance(60)
    assert arm.call("PUT", CLUSTER, arm.cluster()).status_code == 201


def test_arm_throttles_reads_and_tells_what_remains(arm: Lab) -> None:
    answer = arm.call("GET", "/resourcegroups")
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert answer.headers["x-ms-request-id"]
    for _ in range(249):
        arm.call("GET", "/resourcegroups")
    refused = arm.call("GET", "/resourcegroups")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TooManyRequests")
    arm.advance(1)
    assert arm.call("GET", "/resourcegroups").status_code == 200


def test_poll_addresses_must_be_used_as_given(arm: Lab) -> None:
    arm.group()
    address = arm.call("PUT", CLUSTER, arm.cluster()).headers["Azure-AsyncOperation"]
    assert arm.call("GET", address[:300] + "&s=short").json()["error"]["code"] == "InvalidOperationUrl"


def test_a_restart_continues_running_operations(tmp_path: Path) -> None:
    with lab(tmp_path) as arm:
        arm.group()
        address = arm.call("PUT", CLUSTER, arm.cluster()).headers["Azure-AsyncOperation"]
    with lab(tmp_path) as arm:
        assert arm.call("GET", address).json()["status"] == "InProgress"
        arm.advance(400)
        assert arm.call("GET", address).json()["status"] == "Succeeded"
        assert list(arm.clusters.running) == [CLUSTER.lower()]


def test_settling_ends_what_is_due_without_any_request(tmp_path: Path) -> None:
    with lab(tmp_path) as arm:
        arm.group()
        arm.call("PUT", CLUSTER, arm.cluster())
        arm.advance(400)
        ports = arm.world.ports
    world, clusters = World(tmp_path, ports), ControlPlanes()
    asyncio.run(Arm(world, Directory(), clusters, Tokens()).settle())
    assert list(clusters.running) == [CLUSTER.lower()]
    world.close()


def test_the_listing_holds_no_secret_and_no_time(arm: Lab) -> None:
    app_id = arm.principal()
    arm.made(servicePrincipalProfile={"clientId": app_id, "secret": SECRET})
    before = arm.world.resources()
    arm.advance(3600)
    assert arm.world.resources() == before
    assert SECRET not in str(before)
    assert any(row.get("count") == 3 for row in before)
    assert any(row["id"].endswith(NODES) for row in before)
