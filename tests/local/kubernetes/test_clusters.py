"""Clusters as a whole: created, resized, upgraded, stopped, started, killed and deleted."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local.kubernetes.kubernetes_lab import KEY, POOL, Lab, deployment, lab, pod

pytestmark = pytest.mark.local
CORE = "/api/v1/namespaces/default"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def names(cluster: Lab, path: str) -> list[str]:
    return [one["metadata"]["name"] for one in cluster.get(path)["items"]]


def running(cluster: Lab, count: int) -> bool:
    items = cluster.get(f"{CORE}/pods")["items"]
    return [one["status"]["phase"] for one in items] == ["Running"] * count


def with_disk(name: str) -> dict[str, Any]:
    body = deployment(name, strategy={"type": "Recreate"})
    spec = body["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return body


def furnish(cluster: Lab) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    cluster.create(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": claim})
    cluster.create("/apis/apps/v1/namespaces/default/deployments", with_disk("hub"))
    cluster.create(f"{CORE}/pods", pod("jupyter-ann"))
    cluster.until(lambda: running(cluster, 2))
    puppet = next(one for one in cluster.theatre.puppets if one.context.mounts.get("/data"))
    (puppet.context.mounts["/data"] / "jupyterhub.sqlite").write_text("users")


def test_nodes_follow_the_pools(cluster: Lab) -> None:
    assert names(cluster, "/api/v1/nodes") == [f"aks-nodepool1-12345678-vmss00000{n}" for n in range(3)]
    cluster.ensure(pools=[{**POOL, "count": 1}, {**POOL, "name": "user", "count": 2, "vmSize": "Standard_E4s_v5"}])
    assert len(names(cluster, "/api/v1/nodes")) == 3
    user = cluster.get("/api/v1/nodes", labelSelector="agentpool=user")["items"]
    assert [one["status"]["capacity"]["cpu"] for one in user] == ["4", "4"]
    cluster.until(lambda: all(
        one["spec"]["nodeName"] in names(cluster, "/api/v1/nodes")
        for one in cluster.get("/api/v1/namespaces/kube-system/pods")["items"] if "nodeName" in one["spec"]
    ))  # fmt: skip


def test_an_upgrade_changes_server_and_nodes(cluster: Lab) -> None:
    cluster.ensure(version="1.36.1", pools=[{**POOL, "version": "1.36.1"}])
    assert cluster.get("/version")["gitVersion"] == "v1.36.1"
    nodes = cluster.get("/api/v1/nodes")["items"]
    assert {one["status"]["nodeInfo"]["kubeletVersion"] for one in nodes} == {"v1.36.1"}


def test_a_stopped_cluster_runs_nothing_and_comes_back_whole(cluster: Lab) -> None:
    furnish(cluster)
    disks = cluster.clusters.volumes(KEY)
    assert [(one["sizeGiB"], one["claim"], one["sku"]) for one in disks] == [(10, "default/data", "StandardSSD_LRS")]
    cluster.run(cluster.clusters.stop(KEY))
    assert all(puppet.stopped for puppet in cluster.theatre.puppets)
    with pytest.raises(requests.ConnectionError):
        cluster.get("/version")
    assert cluster.clusters.volumes(KEY) == disks
    rows = [row["id"] for row in cluster.world.resources()]
    assert not any("/Node/" in one or "jupyter-ann" in one for one in rows)
    assert any("/Pod/default/hub-" in one for one in rows)
    before = len(cluster.theatre.puppets)
    cluster.ensure()
    cluster.until(lambda: running(cluster, 1))
    puppet = cluster.theatre.puppets[-1]
    assert len(cluster.theatre.puppets) == before + 1
    assert (puppet.context.mounts["/data"] / "jupyterhub.sqlite").read_text() == "users"


def test_a_cluster_survives_the_death_of_the_local_cloud(cluster: Lab) -> None:
    furnish(cluster)
    kept = cluster.kubeconfig().read_text()
    cluster.run(cluster.clusters.close())
    cluster.run(cluster.clusters.open())
    cluster.until(lambda: running(cluster, 2))
    assert cluster.kubeconfig().read_text() == kept
    statuses = [one["status"]["containerStatuses"][0] for one in cluster.get(f"{CORE}/pods")["items"]]
    assert [one["restartCount"] for one in statuses] == [1, 1]


def test_a_watch_from_before_a_restart_has_to_begin_again(cluster: Lab) -> None:
    version = cluster.get(f"{CORE}/pods")["metadata"]["resourceVersion"]
    cluster.run(cluster.clusters.close())
    cluster.run(cluster.clusters.open())
    cluster.create(f"{CORE}/configmaps", {"metadata": {"name": "new"}})
    older = str(int(version) - 50)
    answer = cluster.call("GET", f"{CORE}/pods", watch="true", resourceVersion=older, timeoutSeconds=1)
    assert answer.json()["object"]["code"] == 410


def test_a_deleted_cluster_leaves_nothing(cluster: Lab) -> None:
    furnish(cluster)
    cluster.run(cluster.clusters.delete(KEY))
    assert cluster.world.resources() == []
    for table in ("kubernetes", "kubernetes-addresses", "kubernetes-clusters"):
        assert len(cluster.world.table(table)) == 0
    assert list((cluster.folder / "kubernetes").iterdir()) == []
    with pytest.raises(KeyError):
        cluster.clusters.kubeconfig(KEY, admin=True, resource_group="r5-rg")
    cluster.run(cluster.clusters.delete(KEY))


def test_two_clusters_share_no_address_and_no_credential(cluster: Lab) -> None:
    other = f"{KEY}-two"
    cluster.ensure(other, name="two")
    texts = [cluster.clusters.kubeconfig(key, admin=True, resource_group="g") for key in (KEY, other)]
    assert len({line for text in texts for line in text.splitlines() if "server:" in line or "token:" in line}) == 4
    ips = [one["status"]["podIP"] for key in (KEY, other) for one in _pods(cluster, key) if "podIP" in one["status"]]
    assert len(ips) == len(set(ips))
    cluster.run(cluster.clusters.delete(other))
    assert {row["id"].split("/")[0] for row in cluster.world.resources()} == {"r5"}


def _pods(cluster: Lab, key: str) -> list[Any]:
    from local.kubernetes.objects.kinds import POD

    return cluster.clusters._store(key).all(POD)


def test_waiting_follows_virtual_time(cluster: Lab) -> None:
    cluster.world.speed = 1
    cluster.world.clock.set(rate=0)
    cluster.create(f"{CORE}/services", {
        "metadata": {"name": "slow"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "x"}, "ports": [{"port": 80}]},
    })  # fmt: skip

    def found() -> Any:
        return cluster.get(f"{CORE}/services/slow")["status"]["loadBalancer"].get("ingress")

    assert not found()
    cluster.world.clock.set(rate=1000)
    cluster.until(found)


def test_a_cron_job_starts_at_its_times(cluster: Lab) -> None:
    path = "/apis/batch/v1/namespaces/default"
    template = {"spec": {"template": {"spec": {**pod("x", "paused")["spec"], "restartPolicy": "Never"}}}}
    spec = {"schedule": "0 3 * * *", "jobTemplate": template}
    cluster.create(f"{path}/cronjobs", {"metadata": {"name": "nightly"}, "spec": spec})
    assert cluster.get(f"{path}/jobs")["items"] == []
    cluster.world.clock.advance(timedelta(days=1))
    jobs = cluster.until(lambda: cluster.get(f"{path}/jobs")["items"])
    assert jobs[0]["metadata"]["ownerReferences"][0]["name"] == "nightly"
    cluster.until(lambda: cluster.get(f"{path}/cronjobs/nightly")["status"].get("lastScheduleTime"))
