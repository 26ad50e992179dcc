"""Azure Kubernetes Service over the wire."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from shared.azure.aks import Cluster, Clusters
from shared.azure.arm import ResourceManager
from shared.azure.compute import Disk, Quotas
from shared.azure.credentials import TokenSource
from shared.azure.graph import Directory
from shared.azure.operations import Operation, Progress
from shared.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local
SIZE = "Standard_D2s_v3"
_numbers = count()


@pytest.fixture
def clusters(services: Services, settings: Settings, identity: TokenSource) -> Iterator[Clusters]:
    found = Clusters(settings, identity)
    yield found
    found._sdk.close()


@pytest.fixture
def group(services: Services, settings: Settings, identity: TokenSource) -> Iterator[str]:
    arm = ResourceManager(settings, identity)
    yield (name := arm.put_group(f"aks{next(_numbers)}-rg", "westus", {}).name)
    services.do(services.faults.clear)
    services.do(lambda: setattr(services.world, "speed", 0))
    operation = arm.delete_group(name)
    assert operation is not None
    assert arm.progress(operation).state == "succeeded"
    arm._sdk.close()


def body(**properties: Any) -> dict[str, Any]:
    pool = {"name": "nodepool1", "mode": "System", "type": "VirtualMachineScaleSets", "osType": "Linux", "count": 3}
    return {
        "location": "westus",
        "tags": {"hubkeeper": "r5"},
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": "Free"},
        "properties": {"dnsPrefix": "r5", "agentPoolProfiles": [{**pool, "vmSize": SIZE}], **properties},
    }


def done(clusters: Clusters, operation: Operation | None) -> Progress:
    assert operation is not None
    progress = clusters.progress(operation)
    assert progress.state == "succeeded", progress
    return progress


def made(clusters: Clusters, group: str, **properties: Any) -> Cluster:
    done(clusters, clusters.put(group, "r5", body(**properties)))
    return now(clusters, group)


def now(clusters: Clusters, group: str) -> Cluster:
    found = clusters.get(group, "r5")
    assert found is not None
    return found


def slow(services: Services) -> None:
    services.do(lambda: setattr(services.world, "speed", 1))


def test_a_cluster_lives_and_dies(clusters: Clusters, group: str) -> None:
    assert clusters.get(group, "r5") is None
    assert clusters.delete(group, "r5") is None
    cluster = made(clusters, group)
    assert (cluster.state, cluster.power, cluster.location) == ("Succeeded", "Running", "westus")
    assert (cluster.tags, cluster.identity_type, cluster.client_id) == ({"hubkeeper": "r5"}, "SystemAssigned", "msi")
    assert cluster.node_resource_group == f"MC_{group}_r5_westus"
    assert cluster.fqdn
    assert cluster.fqdn.startswith("r5-")
    assert cluster.etag
    (pool,) = cluster.pools
    assert (pool.name, pool.count, pool.vm_size, pool.mode, pool.state) == ("nodepool1", 3, SIZE, "System", "Succeeded")
    assert pool.version == cluster.current_version
    assert cluster == next(found for found in clusters.list_all() if found.id == cluster.id)
    done(clusters, clusters.stop(group, "r5"))
    stopped = now(clusters, group)
    assert (stopped.state, stopped.power, stopped.pools[0].count) == ("Succeeded", "Stopped", 0)
    done(clusters, clusters.start(group, "r5"))
    started = now(clusters, group)
    assert (started.state, started.power, started.pools[0].count) == ("Succeeded", "Running", 3)
    done(clusters, clusters.delete(group, "r5"))
    assert clusters.get(group, "r5") is None


def test_a_create_tells_how_far_it_is(services: Services, clusters: Clusters, group: str) -> None:
    slow(services)
    operation = Operation.from_json(clusters.put(group, "r5", body()).to_json())
    first = clusters.progress(operation)
    assert (first.state, first.phase) == ("running", "InProgress")
    assert first.retry_after
    assert now(clusters, group).state == "Creating"
    services.pass_time(170)
    assert clusters.progress(operation).phase.startswith("CreatingAgentPools: ")
    with pytest.raises(TemporaryError) as busy:
        clusters.put(group, "r5", body())
    assert busy.value.code == "OperationNotAllowed"
    services.pass_time(1000)
    done(clusters, operation)


def test_an_error_beside_a_start_is_no_failure(services: Services, clusters: Clusters, group: str) -> None:
    made(clusters, group)
    done(clusters, clusters.stop(group, "r5"))
    slow(services)
    operation = clusters.start(group, "r5")
    assert operation is not None
    assert operation.location_url is not None
    running = clusters.progress(operation)
    assert (running.state, running.error) == ("running", None)
    services.pass_time(1000)
    done(clusters, operation)


def test_a_failed_start_says_why(services: Services, clusters: Clusters, group: str) -> None:
    made(clusters, group)
    done(clusters, clusters.stop(group, "r5"))
    failure = {"operation": "start", "code": "AksCapacityHeavyUsage", "message": "the region is full", "times": 1}
    services.configure(outcomes={"items": [failure]})
    operation = clusters.start(group, "r5")
    assert operation is not None
    progress = clusters.progress(operation)
    assert progress.state == "failed"
    assert isinstance(progress.error, TemporaryError)
    assert progress.error.message == "the region is full"
    assert (now(clusters, group).state, now(clusters, group).power) == ("Failed", "Running")


def test_what_is_so_already_is_refused_for_good(clusters: Clusters, group: str) -> None:
    made(clusters, group)
    done(clusters, clusters.stop(group, "r5"))
    with pytest.raises(PermanentError):
        clusters.stop(group, "r5")
    with pytest.raises(NotFoundError):
        clusters.stop(group, "none")


def test_only_the_version_that_was_read_is_changed(
    clusters: Clusters, group: str, settings: Settings, identity: TokenSource
) -> None:
    cluster = made(clusters, group)
    changed = {**cluster.body, "tags": {"a": "b"}}
    done(clusters, clusters.put(group, "r5", changed, if_match=cluster.etag))
    assert now(clusters, group).tags == {"a": "b"}
    with pytest.raises(ConflictError) as caught:
        clusters.put(group, "r5", changed, if_match=cluster.etag)
    assert caught.value.status == 412
    arm = ResourceManager(settings, identity)
    with pytest.raises(ConflictError):
        arm.put(cluster.id, "2026-08-01", changed, if_match=cluster.etag)
    arm._sdk.close()


def test_a_pool_is_added_and_removed(clusters: Clusters, group: str) -> None:
    made(clusters, group)
    users = {"properties": {"mode": "User", "count": 1, "vmSize": SIZE, "osType": "Linux"}}
    scaling = {"enableAutoScaling": True, "minCount": 1, "maxCount": 4}
    users["properties"].update(scaling)
    done(clusters, clusters.put_pool(group, "r5", "users", users))
    pools = {pool.name: pool for pool in now(clusters, group).pools}
    assert (pools["users"].autoscaling, pools["users"].min, pools["users"].max) == (True, 1, 4)
    done(clusters, clusters.delete_pool(group, "r5", "users"))
    assert clusters.delete_pool(group, "r5", "users") is None
    assert [pool.name for pool in now(clusters, group).pools] == ["nodepool1"]


def test_nodes_are_renewed_when_there_is_a_newer_image(services: Services, clusters: Clusters, group: str) -> None:
    (pool,) = made(clusters, group).pools
    assert pool.image
    assert clusters.latest_image(group, "r5", "nodepool1") == pool.image
    services.pass_time(8 * 24 * 3600)
    latest = clusters.latest_image(group, "r5", "nodepool1")
    assert latest not in (None, pool.image)
    done(clusters, clusters.renew_image(group, "r5", "nodepool1"))
    assert now(clusters, group).pools[0].image == latest


def test_a_pools_scale_set_and_the_disks_beside_it_are_found(
    clusters: Clusters, group: str, settings: Settings, identity: TokenSource
) -> None:
    quotas = Quotas(settings, identity)
    nodes = f"MC_{group}_r5_westus"
    assert quotas.scale_set(nodes, "nodepool1") is None
    assert quotas.disks(nodes) == []
    made(clusters, group)
    found = quotas.scale_set(nodes, "NodePool1")
    assert found
    assert "/virtualMachineScaleSets/aks-nodepool1-" in found
    assert quotas.scale_set(nodes, "other") is None
    disk = {"location": "westus", "sku": {"name": "Premium_LRS"}}
    properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}
    quotas._arm.put(
        f"{found.split('/providers/')[0]}/providers/Microsoft.Compute/disks/home",
        "2024-03-02",
        {
            **disk,
            "properties": properties,
        },
    )
    assert quotas.disks(nodes) == [Disk("home", "Premium_LRS", attached=False)]
    size = quotas.sku("westus", "Standard_D2pds_v5")
    assert size
    assert (size.architecture, size.premium) == ("Arm64", True)
    quotas._arm._sdk.close()


def test_the_admin_kubeconfig_is_yaml(clusters: Clusters, group: str) -> None:
    made(clusters, group)
    assert clusters.admin_kubeconfig(group, "r5").startswith("apiVersion: v1\n")
    with pytest.raises(NotFoundError):
        clusters.admin_kubeconfig(group, "none")


def test_versions_and_upgrades_are_offered(clusters: Clusters, group: str) -> None:
    offered = clusters.versions("westus")
    assert [version.minor for version in offered if version.default][:1] == ["1.35"]
    assert {version.minor for version in offered if version.preview} == {"1.37"}
    assert {version.minor for version in offered if version.lts_only} == {"1.33"}
    made(clusters, group, kubernetesVersion="1.35.3")
    assert clusters.upgrades(group, "r5") == ["1.35.5", "1.36.1", "1.36.3"]


def test_a_new_service_principal_is_waited_for_and_renewed(
    services: Services, clusters: Clusters, group: str, settings: Settings, identity: TokenSource
) -> None:
    directory = Directory(settings, identity)
    slow(services)
    application = directory.ensure_application("r5-sp", "r5-sp", [])
    services.pass_time(5)
    directory.create_service_principal(application.app_id)
    ends = services.world.clock.now().replace(year=2030)
    secret = directory.add_password(application.object_id, "p", ends).secret
    profile = {"clientId": application.app_id, "secret": secret}
    asked = {**body(servicePrincipalProfile=profile), "identity": None}
    with pytest.raises(TemporaryError) as unknown:
        clusters.put(group, "r5", asked)
    assert unknown.value.code == "ServicePrincipalNotFound"
    services.pass_time(120)
    operation = clusters.put(group, "r5", asked)
    services.pass_time(1000)
    done(clusters, operation)
    cluster = now(clusters, group)
    assert cluster.client_id == application.app_id
    assert secret not in str(cluster.body)
    renewed = directory.add_password(application.object_id, "q", ends).secret
    services.pass_time(60)
    reset = clusters.reset_service_principal(group, "r5", application.app_id, renewed)
    services.pass_time(1000)
    done(clusters, reset)
    directory._rest.client.close()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 502, "body": {"error": {"code": "BadGatewayConnection", "message": "x"}}}, "BadGatewayConnection"),
        ({"status": 504, "body": {"error": {"code": "GatewayTimeout", "message": "x"}}}, "GatewayTimeout"),
        ({"happens": "reset"}, "ConnectionFailed"),
    ],
)
def test_a_look_that_fails_leaves_the_operation_alone(
    services: Services, clusters: Clusters, group: str, fault: dict[str, Any], code: str
) -> None:
    operation = clusters.put(group, "r5", body())
    services.fail(service="arm", path="/operations/", **fault)
    with pytest.raises(TemporaryError) as caught:
        clusters.progress(operation)
    assert caught.value.code == code
    assert "&s=" not in str(caught.value)
    done(clusters, operation)


def test_a_version_that_is_not_offered_is_refused_with_aks_words(clusters: Clusters, group: str) -> None:
    with pytest.raises(PermanentError) as caught:
        clusters.put(group, "r5", body(kubernetesVersion="1.12.1"))
    assert caught.value.code.endswith("K8sVersionNotSupported")


def test_a_policy_denies_with_its_evidence(services: Services, clusters: Clusters, group: str) -> None:
    kind = "Microsoft.ContainerService/managedClusters"
    policy = {"name": "p", "displayName": "Owners", "resourceType": kind, "requireTag": "owner"}
    services.configure(policies={"items": [{**policy, "allowedLocations": None}]})
    with pytest.raises(PermanentError) as caught:
        clusters.put(group, "r5", body())
    assert caught.value.code == "RequestDisallowedByPolicy"
    assert isinstance(caught.value.details, dict)
    assert caught.value.details["additionalInfo"][0]["info"]["policyDefinitionDisplayName"] == "Owners"
