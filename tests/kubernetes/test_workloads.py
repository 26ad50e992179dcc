"""Kubernetes' objects in the product's terms, from answers as AKS and the chart make them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import TemporaryError
from shared.kubernetes import workloads
from shared.kubernetes.workloads import Claim, Node, Pod, Volume
from tests.fakes.cluster import FakeCluster

GIBIBYTE = 1024**3


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "jhub"}} | more


def test_a_namespace_is_made_once() -> None:
    cluster = FakeCluster()
    workloads.ensure_namespace(cluster, "jhub", {"a": "b"})
    body = {"metadata": {"name": "jhub", "labels": {"a": "b"}}}
    assert cluster.calls == [("create", "/api/v1/namespaces", body)]


def test_a_namespace_that_is_there_gets_only_the_labels_it_lacks() -> None:
    there = {"metadata": {"name": "jhub", "labels": {"a": "b", "c": "d"}}}
    cluster = FakeCluster({"/api/v1/namespaces/jhub": there})
    workloads.ensure_namespace(cluster, "jhub", {"a": "b"})
    assert cluster.calls == []
    workloads.ensure_namespace(cluster, "jhub", {"a": "x"})
    assert cluster.calls == [("patch", "/api/v1/namespaces/jhub", {"metadata": {"labels": {"a": "x"}}})]


def test_a_namespace_on_its_way_out_is_waited_for() -> None:
    cluster = FakeCluster({"/api/v1/namespaces/jhub": {"metadata": {"deletionTimestamp": "2026-11-22T05:00:00Z"}}})
    with pytest.raises(TemporaryError, match="still being deleted"):
        workloads.ensure_namespace(cluster, "jhub", {})


def test_a_secret_is_decoded() -> None:
    found = FakeCluster({"/api/v1/namespaces/jhub/secrets/hub": {"data": {"hub.services.hubkeeper.apiToken": "YWJj"}}})
    assert workloads.secret(found, "jhub", "hub") == {"hub.services.hubkeeper.apiToken": b"abc"}
    assert workloads.secret(FakeCluster(), "jhub", "hub") is None


READY = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1}


@pytest.mark.parametrize(
    ("deployment", "ready", "words"),
    [
        pytest.param({"status": READY}, True, "", id="ready"),
        pytest.param({"status": READY | {"observedGeneration": 1}}, False, "changed just now", id="old generation"),
        pytest.param({"status": READY | {"availableReplicas": 0}}, False, "not all of its pods", id="not available"),
        pytest.param({"status": READY | {"updatedReplicas": 0}}, False, "not all of its pods", id="old pods"),
        pytest.param({"status": READY, "replicas": 0}, True, "", id="one left over"),
        pytest.param({"status": {"observedGeneration": 2}, "replicas": 0}, False, "not all", id="scaled to nothing"),
        pytest.param({"status": READY, "replicas": 2}, False, "not all of its pods", id="one of two"),
        pytest.param(
            {
                "status": {
                    "observedGeneration": 2,
                    "conditions": [
                        {"type": "Available", "status": "True", "message": "fine"},
                        {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
                    ],
                }
            },
            False,
            "hub: exceeded quota",
            id="why",
        ),
    ],
)
def test_a_deployment_is_ready_when_its_newest_generation_is_available(
    deployment: dict[str, Any], ready: bool, words: str
) -> None:
    spec = {"replicas": deployment.get("replicas", 1)}
    item = {"metadata": {"name": "hub", "generation": 2}, "spec": spec, "status": deployment["status"]}
    cluster = FakeCluster({"/apis/apps/v1/namespaces/jhub/deployments": [item]})
    (found,) = workloads.deployments_ready(cluster, "jhub", ["hub"])
    assert found.ready is ready
    assert words in found.message


def test_a_deployment_that_is_missing_is_not_ready() -> None:
    assert workloads.deployments_ready(FakeCluster(), "jhub", ["proxy"]) == [
        ("proxy", False, "there is no deployment proxy")
    ]


@pytest.mark.parametrize(
    ("status", "address"),
    [
        ({"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}]}}, "20.1.2.3"),
        ({"loadBalancer": {"ingress": [{"hostname": "x.example.org"}]}}, "x.example.org"),
        ({"loadBalancer": {}}, None),
        ({"loadBalancer": None}, None),
        (None, None),
    ],
)
def test_a_services_address_is_an_ip_or_a_name(status: dict[str, Any] | None, address: str | None) -> None:
    cluster = FakeCluster({"/api/v1/namespaces/jhub/services/proxy-public": {"status": status}})
    assert workloads.service_address(cluster, "jhub", "proxy-public") == address
    assert workloads.service_address(FakeCluster(), "jhub", "proxy-public") is None


def test_public_addresses_are_taken_away_and_given_back() -> None:
    place = "/api/v1/namespaces/jhub/services"
    types = {"proxy-public": "LoadBalancer", "binder": "NodePort", "inside": "ClusterIP"}
    cluster = FakeCluster({f"{place}/{name}": {"spec": {"type": kind}} for name, kind in types.items()})
    public = workloads.public_services(cluster, "jhub", [*types, "absent"])
    assert public == {"proxy-public": "LoadBalancer", "binder": "NodePort"}
    assert cluster.calls == []
    workloads.set_service_types(cluster, "jhub", dict.fromkeys(public, "ClusterIP"))
    workloads.set_service_types(cluster, "jhub", public)
    asked = [(name, "ClusterIP") for name in public] + list(public.items())
    assert cluster.calls == [("patch", f"{place}/{name}", {"spec": {"type": kind}}) for name, kind in asked]


def test_a_node_offers_what_is_allocatable() -> None:
    item = named(
        "aks-nodepool1-1",
        status={
            "allocatable": {"cpu": "1900m", "memory": "5368709120", "pods": "30"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.35.2"},
        },
    )
    item["metadata"]["labels"] = {"kubernetes.azure.com/agentpool": "nodepool1"}
    (node,) = workloads.nodes(FakeCluster({"/api/v1/nodes": [item]}))
    assert node == Node("aks-nodepool1-1", "nodepool1", True, "v1.35.2", 1.9, 5 * GIBIBYTE, 30)


def test_a_users_pod_names_its_user_and_what_it_is_guaranteed() -> None:
    item = named(
        "jupyter-ada-40x",
        spec={"nodeName": "n1", "containers": [{"resources": {"requests": {"memory": "1Gi"}}}, {"resources": {}}]},
        status={
            "phase": "Running",
            "startTime": "2026-11-22T05:00:00Z",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    )
    item["metadata"]["annotations"] = {"hub.jupyter.org/username": "ada@x"}
    item["metadata"]["labels"] = {"hub.jupyter.org/username": "ada-40x", "component": "singleuser-server"}
    (pod,) = workloads.pods(FakeCluster({"/api/v1/namespaces/jhub/pods": [item]}), "jhub")
    started = datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert pod == Pod("jupyter-ada-40x", "jhub", "n1", "Running", True, "ada@x", "singleuser-server", started, GIBIBYTE)


def test_a_pod_says_its_cores_its_claims_and_whether_it_is_one_of_a_daemon_set() -> None:
    item = named(
        "x",
        spec={
            "containers": [{"resources": {"requests": {"cpu": "250m"}}}, {"resources": {"requests": {"cpu": "1"}}}],
            "volumes": [
                {"name": "home", "persistentVolumeClaim": {"claimName": "claim-ada"}},
                {"name": "t", "emptyDir": {}},
            ],
        },
    )
    item["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "kube-proxy"}]
    (pod,) = workloads.pods(FakeCluster({"/api/v1/pods": [item]}))
    assert (pod.cpu, pod.claims, pod.daemon) == (1.25, ("claim-ada",), True)


def test_a_cordoned_node_takes_no_pods() -> None:
    (node,) = workloads.nodes(FakeCluster({"/api/v1/nodes": [named("n", spec={"unschedulable": True})]}))
    assert not node.schedulable


def test_storage_classes_say_which_disks_they_make() -> None:
    disks, path = "disk.csi.azure.com", "/apis/storage.k8s.io/v1/storageclasses"
    classes = [
        named("default", provisioner=disks, parameters={"skuname": "StandardSSD_ZRS"}),
        named("own", provisioner=disks, parameters={"storageAccountType": "Premium_LRS"}),
        named("plain", provisioner=disks),
        named("azurefile", provisioner="file.csi.azure.com", parameters={"skuName": "Standard_LRS"}),
    ]
    assert workloads.storage_skus(FakeCluster({path: classes})) == {
        "default": "StandardSSD_ZRS",
        "own": "Premium_LRS",
        "plain": "StandardSSD_LRS",
    }


def test_a_pod_that_has_no_node_yet_is_read_too() -> None:
    (pod,) = workloads.pods(FakeCluster({"/api/v1/pods": [named("x", spec={}, status=None)]}))
    assert (pod.node, pod.phase, pod.ready, pod.started, pod.user) == (None, "Unknown", False, None, None)


def test_a_claim_knows_the_disk_behind_it() -> None:
    disk = "/subscriptions/s/resourceGroups/MC_r5/providers/Microsoft.Compute/disks/pvc-1"
    volume = named(
        "pvc-1",
        spec={
            "capacity": {"storage": "16Gi"},
            "csi": {"driver": "disk.csi.azure.com", "volumeHandle": disk},
            "claimRef": {"namespace": "jhub", "name": "claim-ada"},
            "persistentVolumeReclaimPolicy": "Delete",
        },
        status={"phase": "Bound"},
    )
    claim = named(
        "claim-ada",
        spec={"volumeName": "pvc-1", "storageClassName": "default", "resources": {"requests": {"storage": "10Gi"}}},
        status={"phase": "Bound", "capacity": {"storage": "16Gi"}},
    )
    pending = named("hub-db-dir", spec={"resources": {"requests": {"storage": "1Gi"}}}, status={"phase": "Pending"})
    cluster = FakeCluster(
        {"/api/v1/persistentvolumes": [volume], "/api/v1/namespaces/jhub/persistentvolumeclaims": [claim, pending]}
    )
    assert workloads.claims(cluster, "jhub") == [
        Claim("claim-ada", "Bound", 16, "default", "pvc-1", disk, None),
        Claim("hub-db-dir", "Pending", 1, None, None, None, None),
    ]
    assert workloads.volumes(cluster) == [Volume("pvc-1", "Bound", 16, "jhub/claim-ada", disk, "Delete")]


def test_claims_are_deleted_by_name_or_all_of_them() -> None:
    path = "/api/v1/namespaces/jhub/persistentvolumeclaims"
    there = {path: [named("a"), named("b")], f"{path}/a": {}, f"{path}/b": {}}
    assert workloads.delete_claims(FakeCluster(there), "jhub", ["b", "gone"]) == ["b"]
    assert workloads.delete_claims(FakeCluster(there), "jhub") == ["a", "b"]
    assert workloads.delete_claims(FakeCluster(), "jhub") == []


def test_why_pods_are_not_ready_is_asked_of_pods_and_events() -> None:
    cluster = FakeCluster({"/api/v1/namespaces/jhub/pods": [named("hub-1", status={"phase": "Pending"})]})
    assert [cause.sentence for cause in workloads.why_not_ready(cluster, "jhub")] == ["Pod hub-1 is not ready yet."]


def test_the_hubs_pods_and_each_users_server_are_looked_at_apart() -> None:
    def sick(name: str, **labels: str) -> dict[str, Any]:
        pod = named(name, status={"phase": "Pending"})
        return pod | {"metadata": pod["metadata"] | {"labels": labels}}

    ada, bob = ({"hub.jupyter.org/username": name} for name in ("ada", "bob"))
    pods = [
        sick("hub-1", component="hub"),
        sick("user-placeholder-0", component="user-placeholder"),
        sick("jupyter-ada", **ada),
        sick("jupyter-bob", **bob),
    ]
    cluster = FakeCluster({"/api/v1/namespaces/jhub/pods": pods})
    assert [cause.object for cause in workloads.why_not_ready(cluster, "jhub")] == ["Pod hub-1"]
    assert [cause.object for cause in workloads.why_not_ready(cluster, "jhub", "ada")] == ["Pod jupyter-ada"]
