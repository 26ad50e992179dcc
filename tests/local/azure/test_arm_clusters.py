"""Managed clusters of the emulated ARM: how they are made, changed, switched and deleted."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.local.azure.arm_lab import CLUSTER, SECRET, SUB, Lab, lab

pytestmark = pytest.mark.local
KEY = CLUSTER.lower()
POOL = f"{CLUSTER}/agentPools"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def test_a_cluster_is_made_with_the_official_client(arm: Lab) -> None:
    arm.world.speed = 0
    arm.group()
    subnet, app_id = arm.network(), arm.principal()
    body = arm.cluster(
        servicePrincipalProfile={"clientId": app_id, "secret": SECRET},
        networkProfile={"networkPlugin": "azure", "networkPolicy": "azure", "serviceCidr": "10.0.0.0/16"},
    )
    body["properties"]["agentPoolProfiles"][0]["vnetSubnetID"] = subnet
    poller = arm.aks.managed_clusters.begin_create_or_update("r5-rg", "r5", body)
    made = poller.result()

    assert made.provisioning_state == "Succeeded"
    assert made.power_state.code == "Running"
    assert made.service_principal_profile.client_id == app_id
    assert SECRET not in str(made.as_dict())
    assert made.node_resource_group == "MC_r5-rg_r5_westus"
    assert made.agent_pool_profiles[0].max_pods == 30
    assert arm.clusters.running[KEY]["pools"] == [
        {
            "name": "nodepool1",
            "count": 3,
            "vmSize": "Standard_D2s_v3",
            "maxPods": 30,
            "mode": "System",
            "version": "1.35.5",
            "image": "AKSUbuntu-2404gen2containerd-202611.23.0",
        }
    ]


def test_a_create_answers_201_and_is_polled_until_it_has_succeeded(arm: Lab) -> None:
    arm.group()
    answer = arm.call("PUT", CLUSTER, arm.cluster())
    assert answer.status_code == 201
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body["id"].startswith(f"{SUB}/resourcegroups/r5-rg/")
    assert body["type"] == "Microsoft.ContainerService/ManagedClusters"
    assert body["properties"]["provisioningState"] == "Creating"
    address = answer.headers["Azure-AsyncOperation"]
    assert "api-version=2025-03-01&t=" in address
    assert len(address) > 3000

    seen = []
    for _ in range(12):
        poll = arm.call("GET", address)
        assert poll.status_code == 200
        seen.append(poll.json()["status"])
        arm.advance(30)
    assert seen[0] == "InProgress"
    assert "ProvisioningControlPlane" in seen
    assert "CreatingAgentPools: 3/3 nodes completed" in seen
    assert seen[-1] == "Succeeded"
    assert {"name", "status", "startTime", "endTime"} == set(arm.call("GET", address).json())


def test_the_node_resource_group_comes_and_goes_with_the_cluster(arm: Lab) -> None:
    arm.group()
    before = arm.world.resources()
    arm.made()
    found = arm.call("GET", "/resourceGroups/MC_r5-rg_r5_westus/resources").json()["value"]
    kinds = [row["type"] for row in found]
    assert "Microsoft.Compute/virtualMachineScaleSets" in kinds
    assert "Microsoft.Network/loadBalancers" in kinds
    assert arm.call("GET", "/resourceGroups/MC_r5-rg_r5_westus").json()["managedBy"].lower() == KEY

    answer = arm.call("DELETE", CLUSTER)
    assert answer.status_code == 202
    assert "/operationresults/" in answer.headers["Location"]
    arm.advance(200)
    assert arm.call("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    assert arm.call("GET", CLUSTER).json()["error"]["code"] == "ResourceNotFound"
    assert arm.call("DELETE", CLUSTER).status_code == 204
    assert arm.world.resources() == before


def test_stop_and_start_show_power_and_nodes_as_azure_does(arm: Lab) -> None:
    arm.made()
    stop = arm.call("POST", f"{CLUSTER}/stop")
    assert (stop.status_code, stop.content) == (202, b"")
    assert _states(arm) == ("Stopping", "Running", 3)
    arm.advance(120)
    assert _states(arm) == ("Succeeded", "Stopped", 0)
    assert arm.call("GET", stop.headers["Location"]).status_code == 204
    assert KEY not in arm.clusters.running

    start = arm.call("POST", f"{CLUSTER}/start")
    assert _states(arm) == ("Starting", "Running", 0)
    poll = arm.call("GET", start.headers["Azure-AsyncOperation"]).json()
    assert poll["status"] == "InProgress"
    assert poll["error"]["code"] == "NotLatestOperation"
    arm.advance(300)
    poll = arm.call("GET", start.headers["Azure-AsyncOperation"]).json()
    assert poll["status"] == "Succeeded"
    assert _states(arm) == ("Succeeded", "Running", 3)
    assert arm.clusters.running[KEY]["pools"][0]["count"] == 3


def test_the_official_client_stops_and_starts(arm: Lab) -> None:
    arm.made()
    arm.world.speed = 0
    arm.aks.managed_clusters.begin_stop("r5-rg", "r5").result()
    assert arm.aks.managed_clusters.get("r5-rg", "r5").power_state.code == "Stopped"
    arm.aks.managed_clusters.begin_start("r5-rg", "r5").result()
    assert [cluster.power_state.code for cluster in arm.aks.managed_clusters.list()] == ["Running"]


def test_a_stopped_cluster_can_only_be_started_or_deleted(arm: Lab) -> None:
    arm.made()
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(120)
    again = arm.call("POST", f"{CLUSTER}/stop")
    assert again.status_code == 400
    assert "Power State(Stopped), stopping cannot be performed" in again.json()["message"]
    for refused in (arm.call("PUT", CLUSTER, arm.cluster()), arm.call("PUT", f"{POOL}/more", {"properties": {}})):
        assert refused.status_code == 400
        assert refused.json()["code"] == "OperationNotAllowed"


def test_a_busy_cluster_says_which_operation_runs(arm: Lab) -> None:
    arm.made()
    arm.call("POST", f"{CLUSTER}/stop")
    refused = arm.call("POST", f"{CLUSTER}/start")
    assert refused.status_code == 409
    assert refused.json()["code"] == "OperationNotAllowed"
    assert "in progress stop managed cluster operation (operation ID:" in refused.json()["message"]


def test_a_start_that_a_test_makes_fail_ends_failed_and_running(arm: Lab) -> None:
    arm.made()
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(120)
    outcome = {"operation": "start", "code": "VMExtensionProvisioningError", "message": "exit status=52", "times": 1}
    arm.set("outcomes", items=[outcome])
    answer = arm.call("POST", f"{CLUSTER}/start")
    arm.advance(300)
    poll = arm.call("GET", answer.headers["Azure-AsyncOperation"]).json()
    assert (poll["status"], poll["error"]["code"]) == ("Failed", "VMExtensionProvisioningError")
    assert _states(arm)[:2] == ("Failed", "Running")
    assert arm.call("POST", f"{CLUSTER}/start").status_code == 202
    arm.advance(300)
    assert _states(arm) == ("Succeeded", "Running", 3)


def test_a_failed_start_is_repaired_by_writing_the_same_body(arm: Lab) -> None:
    arm.made()
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(120)
    arm.set("outcomes", items=[{"operation": "start", "code": "AksCapacityHeavyUsage", "message": "full", "times": 1}])
    arm.call("POST", f"{CLUSTER}/start")
    arm.advance(300)
    assert _states(arm) == ("Failed", "Running", 3)
    assert arm.call("PUT", CLUSTER, arm.call("GET", CLUSTER).json()).status_code == 200
    arm.advance(120)
    assert _states(arm) == ("Succeeded", "Running", 3)
    assert KEY in arm.clusters.running


def test_a_stop_that_is_aborted_forgets_the_counts_it_kept(arm: Lab) -> None:
    arm.made()
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(10)
    arm.call("POST", f"{CLUSTER}/abort")
    arm.advance(10)
    assert _states(arm) == ("Canceled", "Running", 3)
    arm.call("PUT", f"{POOL}/nodepool1", {"properties": {"count": 5, "mode": "System"}})
    arm.advance(200)
    assert _states(arm)[2] == 5
    assert arm.clusters.running[KEY]["pools"][0]["count"] == 5


def test_a_delete_preempts_a_create(arm: Lab) -> None:
    arm.group()
    create = arm.call("PUT", CLUSTER, arm.cluster())
    delete = arm.call("DELETE", CLUSTER)
    assert delete.status_code == 202
    assert arm.call("DELETE", CLUSTER).status_code == 202
    poll = arm.call("GET", create.headers["Azure-AsyncOperation"]).json()
    assert (poll["status"], poll["error"]["code"]) == ("Canceled", "AKSOperationPreemptedByDelete")
    arm.advance(200)
    assert arm.call("GET", CLUSTER).status_code == 404
    assert arm.call("GET", "/resourceGroups/MC_r5-rg_r5_westus").status_code == 404


def test_an_operation_is_in_progress_until_its_processes_run(arm: Lab) -> None:
    arm.group()
    arm.clusters.real_seconds = 1.5
    address = arm.call("PUT", CLUSTER, arm.cluster()).headers["Azure-AsyncOperation"]
    arm.advance(400)
    assert arm.call("GET", address).json()["status"] == "ReconcilingAddons"
    delete = arm.call("DELETE", CLUSTER).headers["Azure-AsyncOperation"]
    arm.advance(200)
    deadline = time.monotonic() + 15
    while arm.call("GET", delete).json()["status"] != "Succeeded" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [call for call, _ in arm.clusters.calls] == ["ensure", "delete"]
    assert arm.clusters.running == {}
    assert arm.call("GET", address).json()["status"] == "Canceled"


def test_a_start_with_an_expired_secret_fails(arm: Lab) -> None:
    app_id = arm.principal()
    arm.made(servicePrincipalProfile={"clientId": app_id, "secret": SECRET})
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(120)
    arm.directory.verdicts[app_id] = "expired"
    answer = arm.call("POST", f"{CLUSTER}/start")
    arm.advance(300)
    assert "AADSTS7000222" in arm.call("GET", answer.headers["Azure-AsyncOperation"]).json()["error"]["message"]
    assert _states(arm)[:2] == ("Failed", "Running")


def test_work_that_goes_wrong_ends_the_operation_as_failed(arm: Lab) -> None:
    arm.group()
    arm.clusters.fails = True
    answer = arm.call("PUT", CLUSTER, arm.cluster())
    arm.advance(400)
    poll = arm.call("GET", answer.headers["Azure-AsyncOperation"]).json()
    assert (poll["status"], poll["error"]["code"]) == ("Failed", "InternalOperationError")
    arm.clusters.fails = False
    assert arm.call("PUT", CLUSTER, arm.cluster()).status_code == 200
    arm.advance(400)
    assert _states(arm) == ("Succeeded", "Running", 3)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"kubernetesVersion": "1.29"}, "K8sVersionNotSupported", "is on version 1.29 which is not supported"),
        ({"kubernetesVersion": "1.33"}, "K8sVersionNotSupported", "Long-Term Support"),
        ({"networkProfile": {"dnsServiceIP": "10.9.0.10"}}, "InvalidParameter", "must be inside serviceCidr"),
        ({"networkProfile": {"dnsServiceIP": "10.0.0.1"}}, "InvalidParameter", "not its first address"),
        ({"networkProfile": {"dockerBridgeCidr": "172.17.0.1/16"}}, "UnmarshalError", "dockerBridgeCidr"),
        ({"servicePrincipalProfile": {"clientId": "nobody", "secret": "x"}}, "ServicePrincipalNotFound", "nobody"),
        ({"agentPoolProfiles": ["pool"]}, "UnmarshalError", "an object was expected"),
        ({"agentPoolProfiles": [{"mode": "System"}]}, "InvalidParameter", "needs a name"),
        ({"agentPoolProfiles": [{"name": "Pool", "mode": "System"}]}, "InvalidParameter", "lowercase"),
        ({"agentPoolProfiles": [{"name": "pool", "mode": "User"}]}, "InvalidParameter", "at least one system pool"),
        ({"agentPoolProfiles": [{"name": "p", "mode": "System", "vmSize": "X"}]}, "VMSizeNotSupported", "X"),
        ({"agentPoolProfiles": [{"name": "p", "mode": "System", "vmSize": "Standard_B1s"}]}, "InvalidParameter", "2 v"),
        ({"agentPoolProfiles": [{"name": "p", "mode": "System", "count": 51}]}, "ErrCode_InsufficientVCPUQuota", "102"),
    ],
)
def test_a_create_is_refused_in_the_flat_envelope(arm: Lab, change: dict[str, Any], code: str, words: str) -> None:
    arm.group()
    refused = arm.call("PUT", CLUSTER, arm.cluster(**change))
    assert refused.status_code == 400
    assert refused.json()["code"] == code
    assert words in refused.json()["message"]
    assert "subcode" in refused.json()
    assert arm.call("GET", CLUSTER).status_code == 404


def test_a_service_cidr_over_a_subnet_is_refused(arm: Lab) -> None:
    arm.group()
    body = arm.cluster(
        networkProfile={"networkPlugin": "azure", "serviceCidr": "10.240.0.0/20", "dnsServiceIP": "10.240.0.10"}
    )
    body["properties"]["agentPoolProfiles"][0]["vnetSubnetID"] = arm.network()
    assert arm.call("PUT", CLUSTER, body).json()["code"] == "ServiceCidrOverlapExistingSubnetsCidr"


def test_a_wrong_secret_is_refused_and_a_left_out_one_is_kept(arm: Lab) -> None:
    app_id = arm.principal()
    arm.group()
    wrong = arm.call("PUT", CLUSTER, arm.cluster(servicePrincipalProfile={"clientId": app_id, "secret": "wrong"}))
    assert "AADSTS7000215" in wrong.json()["message"]
    arm.made(servicePrincipalProfile={"clientId": app_id, "secret": SECRET})
    body = arm.call("GET", CLUSTER).json()
    body["tags"] = {"hub": "r5"}
    assert arm.call("PUT", CLUSTER, body).status_code == 200
    arm.advance(120)
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(120)
    arm.call("POST", f"{CLUSTER}/start")
    arm.advance(300)
    assert _states(arm) == ("Succeeded", "Running", 3)


def test_versions_go_up_one_minor_at_a_time(arm: Lab) -> None:
    arm.made(kubernetesVersion="1.34")
    body = arm.call("GET", CLUSTER).json()
    body["properties"]["kubernetesVersion"] = "1.36.3"
    refused = arm.call("PUT", CLUSTER, body)
    assert refused.json()["code"] == "OperationNotAllowed"
    assert "Available upgrades: [1.35.3 1.35.5]" in refused.json()["message"]
    profile = arm.aks.managed_clusters.get_upgrade_profile("r5-rg", "r5")
    assert [one.kubernetes_version for one in profile.control_plane_profile.upgrades] == ["1.35.3", "1.35.5"]
    body["properties"]["kubernetesVersion"] = "1.35.5"
    body["properties"]["agentPoolProfiles"][0]["orchestratorVersion"] = "1.35.5"
    answer = arm.call("PUT", CLUSTER, body)
    assert answer.json()["properties"]["provisioningState"] == "Upgrading"
    assert answer.json()["properties"]["currentKubernetesVersion"] == "1.35.5"
    arm.advance(850)
    assert _states(arm) == ("Succeeded", "Running", 3)
    assert arm.clusters.running[KEY]["version"] == "1.35.5"


@pytest.mark.parametrize(
    ("name", "value"),
    [("dnsPrefix", "other"), ("nodeResourceGroup", "other"), ("networkProfile", {"serviceCidr": "10.2.0.0/16"})],
)
def test_what_cannot_change_is_refused(arm: Lab, name: str, value: Any) -> None:
    arm.made()
    body = arm.call("GET", CLUSTER).json()
    body["properties"][name] = value
    refused = arm.call("PUT", CLUSTER, body)
    assert refused.json()["code"] == "PropertyChangeNotAllowed"


def test_etags_guard_writes(arm: Lab) -> None:
    arm.made()
    body = arm.call("GET", CLUSTER).json()
    assert arm.call("PUT", CLUSTER, body, headers={"If-Match": "old"}).status_code == 412
    assert arm.call("PUT", CLUSTER, body, headers={"If-None-Match": "*"}).status_code == 412
    assert arm.call("PUT", CLUSTER, body, headers={"If-Match": body["eTag"]}).status_code == 200


def test_abort_leaves_the_cluster_canceled(arm: Lab) -> None:
    arm.group()
    create = arm.call("PUT", CLUSTER, arm.cluster())
    arm.advance(30)
    abort = arm.call("POST", f"{CLUSTER}/abort")
    assert abort.status_code == 202
    arm.advance(6)
    poll = arm.call("GET", create.headers["Azure-AsyncOperation"]).json()
    assert (poll["status"], poll["error"]["code"]) == ("Canceled", "Canceled")
    assert _states(arm)[0] == "Canceled"
    assert arm.call("POST", f"{CLUSTER}/abort").status_code == 409
    assert arm.call("POST", f"{CLUSTER}/listClusterAdminCredential").json()["code"] == "ControlPlaneNotFound"


def test_credentials_are_kubeconfigs(arm: Lab) -> None:
    arm.made()
    admin = arm.aks.managed_clusters.list_cluster_admin_credentials("r5-rg", "r5").kubeconfigs[0]
    assert admin.name == "clusterAdmin"
    assert bytes(admin.value).decode() == f"kubeconfig of {KEY} for an admin in r5-rg"
    user = arm.call("POST", f"{CLUSTER}/listClusterUserCredential").json()["kubeconfigs"][0]
    assert base64.b64decode(user["value"]).decode().endswith("a user in r5-rg")


def test_the_service_principal_is_reset_in_place(arm: Lab) -> None:
    app_id = arm.principal()
    arm.made(servicePrincipalProfile={"clientId": app_id, "secret": SECRET})
    answer = arm.call("POST", f"{CLUSTER}/resetServicePrincipalProfile", {"clientId": app_id, "secret": SECRET})
    assert answer.status_code == 202
    assert "Azure-AsyncOperation" not in answer.headers
    assert arm.call("GET", answer.headers["Location"]).status_code == 202
    arm.advance(470)
    assert arm.call("GET", answer.headers["Location"]).status_code == 200


def test_pools_are_added_scaled_stopped_and_deleted(arm: Lab) -> None:
    arm.made()
    added = arm.call("PUT", f"{POOL}/users", {"properties": {"count": 2, "vmSize": "Standard_E2s_v3"}})
    assert (added.status_code, added.json()["properties"]["provisioningState"]) == (201, "Creating")
    arm.advance(210)
    scaled = arm.call("PUT", f"{POOL}/users", {"properties": {"count": 4}})
    assert (scaled.status_code, scaled.json()["properties"]["provisioningState"]) == (200, "Scaling")
    arm.advance(200)
    stopped = arm.call("PUT", f"{POOL}/users", {"properties": {"powerState": {"code": "Stopped"}}}).json()["properties"]
    assert (stopped["provisioningState"], stopped["powerState"]["code"], stopped["count"]) == ("Stopping", "Stopped", 0)
    arm.advance(60)
    started = arm.call("PUT", f"{POOL}/users", {"properties": {"powerState": {"code": "Running"}, "count": 0}})
    assert started.json()["properties"]["count"] == 4
    arm.advance(210)
    arm.world.speed = 0
    arm.aks.agent_pools.begin_delete("r5-rg", "r5", "users").result()
    assert [pool.name for pool in arm.aks.agent_pools.list("r5-rg", "r5")] == ["nodepool1"]
    assert [pool["name"] for pool in arm.clusters.running[KEY]["pools"]] == ["nodepool1"]
    assert arm.call("DELETE", f"{POOL}/nodepool1").json()["code"] == "OperationNotAllowed"


def test_node_images_are_upgraded_while_the_cluster_stays_as_it_is(arm: Lab) -> None:
    arm.made()
    answer = arm.call("POST", f"{POOL}/nodepool1/upgradeNodeImageVersion")
    assert answer.status_code == 202
    assert answer.json()["properties"]["provisioningState"] == "UpgradingNodeImageVersion"
    assert _states(arm)[0] == "Succeeded"
    arm.advance(470)
    assert arm.call("GET", f"{POOL}/nodepool1").json()["properties"]["provisioningState"] == "Succeeded"


def test_a_newer_node_image_comes_about_every_week(arm: Lab) -> None:
    arm.made()

    def images() -> tuple[str, str]:
        latest = arm.call("GET", f"{POOL}/nodepool1/upgradeProfiles/default").json()["properties"]
        own = arm.call("GET", f"{POOL}/nodepool1").json()["properties"]
        return own["nodeImageVersion"], latest["latestNodeImageVersion"]

    first = images()[0]
    assert images() == (first, first)
    arm.advance(8 * 24 * 3600)
    newer = images()[1]
    assert images() == (first, newer)
    assert newer > first
    arm.call("POST", f"{POOL}/nodepool1/upgradeNodeImageVersion")
    arm.advance(470)
    assert images() == (newer, newer)
    assert [pool["image"] for pool in arm.clusters.running[KEY]["pools"]] == [newer]


def test_a_cluster_goes_from_a_service_principal_to_a_managed_identity_and_never_back(arm: Lab) -> None:
    app_id = arm.principal()
    arm.made(servicePrincipalProfile={"clientId": app_id, "secret": SECRET})
    before = arm.call("GET", CLUSTER).json()
    identity = f"{SUB}/resourceGroups/r5-rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/r5-id"
    wanted = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    answer = arm.call("PUT", CLUSTER, before | {"identity": wanted})
    assert answer.status_code == 200
    assert answer.json()["properties"]["servicePrincipalProfile"] == {"clientId": "msi"}
    (pool,) = answer.json()["properties"]["agentPoolProfiles"]
    assert (_states(arm)[0], pool["provisioningState"]) == ("Updating", "Succeeded"), "the nodes were touched"
    arm.advance(130)
    after = arm.call("GET", CLUSTER).json()
    assert after["properties"]["provisioningState"] == "Succeeded"
    assert after["identity"]["type"] == "UserAssigned"
    profile = {"clientId": app_id, "secret": SECRET}
    back = before | {"properties": before["properties"] | {"servicePrincipalProfile": profile}}
    refused = arm.call("PUT", CLUSTER, back)
    assert (refused.status_code, refused.json()["target"]) == (400, "servicePrincipalProfile")


def test_load_balancers_and_volumes_show_in_the_node_resource_group_and_outlive_a_stop(arm: Lab) -> None:
    arm.made()
    arm.clusters.addresses = [{"name": "kubernetes-abc", "ip": "127.70.0.2", "dnsLabel": "r5"}]
    arm.clusters.disks = [{"name": "pvc-1", "sizeGiB": 10, "sku": "StandardSSD_LRS", "claim": "claim-ada"}]
    nodes = "/resourceGroups/MC_r5-rg_r5_westus/providers"
    shown = arm.call("GET", f"{nodes}/Microsoft.Network/publicIPAddresses/kubernetes-abc").json()["properties"]
    assert shown["dnsSettings"]["fqdn"] == "r5.westus.cloudapp.azure.com"
    disk = f"{SUB}{nodes}/Microsoft.Compute/disks/pvc-1"
    assert arm.call("DELETE", disk).json()["error"]["code"] == "OperationNotAllowed"
    arm.call("POST", f"{CLUSTER}/stop")
    arm.advance(120)
    assert arm.call("GET", disk).json()["properties"]["diskState"] == "Unattached"

    arm.group("kept")
    source = {"location": "westus", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk}}}
    snapshot = f"{SUB}/resourceGroups/kept/providers/Microsoft.Compute/snapshots/home"
    arm.world.speed = 0
    made = arm.resources.resources.begin_create_or_update_by_id(
        snapshot, api_version="2024-03-02", parameters=source
    ).result()
    assert made.properties["diskSizeGB"] == 10
    arm.aks.managed_clusters.begin_delete("r5-rg", "r5").result()
    assert arm.call("GET", disk).json()["error"]["code"] == "ResourceGroupNotFound"
    assert arm.call("GET", snapshot).status_code == 200


def test_versions_are_offered_by_region(arm: Lab) -> None:
    offered = arm.aks.managed_clusters.list_kubernetes_versions("westus").values_property
    assert [one.version for one in offered if one.is_default] == ["1.35"]
    assert [one.version for one in offered if one.is_preview] == ["1.37"]
    newest = next(one for one in offered if one.version == "1.36")
    assert newest.patch_versions["1.36.1"].upgrades == ["1.36.3", "1.37.0"]


def test_a_policy_on_the_nodes_fails_the_cluster_and_not_the_request(arm: Lab) -> None:
    rule = {"name": "tags", "displayName": "Tag it", "resourceType": "Microsoft.Compute/virtualMachineScaleSets"}
    arm.set("policies", items=[rule | {"requireTag": "team", "allowedLocations": None}])
    arm.group()
    answer = arm.call("PUT", CLUSTER, arm.cluster())
    assert answer.status_code == 201
    arm.advance(400)
    poll = arm.call("GET", answer.headers["Azure-AsyncOperation"]).json()
    assert (poll["status"], poll["error"]["code"]) == ("Failed", "RequestDisallowedByPolicy")


def test_the_official_client_raises_what_the_flat_envelope_says(arm: Lab) -> None:
    arm.group()
    with pytest.raises(HttpResponseError) as refused:
        arm.aks.managed_clusters.begin_create_or_update("r5-rg", "r5", arm.cluster(kubernetesVersion="1.2"))
    assert refused.value.status_code == 400
    assert "K8sVersionNotSupported" in str(refused.value)


def _states(arm: Lab) -> tuple[str, str, int]:
    own = arm.call("GET", CLUSTER).json()["properties"]
    return own["provisioningState"], own["powerState"]["code"], own["agentPoolProfiles"][0]["count"]
