"""Real helm, real kubectl and the official Python client against the emulated cluster."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.local.kubernetes.kubernetes_lab import Lab, deployment, lab

pytestmark = pytest.mark.local

CHART = {
    "Chart.yaml": 'apiVersion: v2\nname: small\nversion: 1.0.0\nkubeVersion: ">=1.28.0-0"\n',
    "values.yaml": "word: one\ncpu: 100m\n",
}
HOOKS = {
    "helm.sh/hook": "pre-install,pre-upgrade",
    "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
}


def manifests() -> list[dict[str, Any]]:
    """A deployment with a disk and a password, a load balancer, and a job that runs before each release."""
    web = deployment("web", 2, image="paused")
    template = web["spec"]["template"]
    template["metadata"]["annotations"] = {"word": "{{ .Values.word }}"}
    template["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "{{ .Values.cpu }}"}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    ports = [{"name": "http", "port": 8080, "targetPort": "http"}]
    job = {"restartPolicy": "Never", "containers": [{"name": "hook", "image": "paused"}]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", **web},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports},
        },
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "stringData": {"password": "x"}},
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "hook", "annotations": HOOKS},
            "spec": {"template": {"spec": job}},
        },
    ]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("clients")) as made:
        yield made


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    for name, text in CHART.items():
        (folder / name).write_text(text)
    (folder / "templates").mkdir()
    (folder / "templates/all.yaml").write_text(yaml.safe_dump_all(manifests()))
    return folder


def test_a_release_lives_through_install_upgrade_rollback_and_uninstall(cluster: Lab, chart: Path) -> None:
    def helm(*words: str) -> str:
        return cluster.shell("helm", *words, "--namespace", "web")

    helm("upgrade", "--install", "web", str(chart), "--create-namespace", "--wait", "--timeout", "30s")
    listed = json.loads(cluster.shell("helm", "list", "-A", "-o", "json"))
    assert [(one["name"], one["status"], one["revision"]) for one in listed] == [("web", "deployed", "1")]
    helm("upgrade", "web", str(chart), "--set", "word=two", "--wait", "--timeout", "30s")
    helm("rollback", "web", "1", "--wait", "--timeout", "30s")
    history = json.loads(helm("history", "web", "-o", "json"))
    assert [one["status"] for one in history] == ["superseded", "superseded", "deployed"]
    web = cluster.get("/apis/apps/v1/namespaces/web/deployments/web")
    assert web["spec"]["template"]["metadata"]["annotations"] == {"word": "one"}
    assert "STATUS: deployed" in helm("status", "web")
    printed = cluster.shell("kubectl", "get", "pod,svc,pvc", "-n", "web", "-o", "wide")
    assert "persistentvolumeclaim/data" in printed
    helm("uninstall", "web", "--wait")
    assert cluster.get("/api/v1/namespaces/web/secrets")["items"] == []
    cluster.until(lambda: not cluster.get("/api/v1/namespaces/web/pods")["items"])


def test_a_failed_upgrade_is_rolled_back(cluster: Lab, chart: Path) -> None:
    words = ("upgrade", "--install", "atomic", str(chart), "-n", "atomic", "--create-namespace", "--wait")
    cluster.shell("helm", *words, "--timeout", "30s")
    failed = cluster.shell("helm", *words, "--atomic", "--timeout", "8s", "--set-string", "cpu=64", ok=False)
    assert "has been rolled back due to atomic being set" in failed
    web = cluster.get("/apis/apps/v1/namespaces/atomic/deployments/web")
    assert web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m"}


def test_kubectl_shows_creates_and_describes(cluster: Lab) -> None:
    shell = cluster.shell
    assert "Ready" in shell("kubectl", "get", "node", "-o", "wide")
    shell("kubectl", "create", "namespace", "hands")
    shell("kubectl", "create", "configmap", "c", "-n", "hands", "--from-literal=a=b")
    shell("kubectl", "create", "deployment", "d", "-n", "hands", "--image=paused", "--replicas=2", "--port=80")
    shell("kubectl", "rollout", "status", "deployment/d", "-n", "hands", "--timeout=10s")
    shell("kubectl", "scale", "deployment/d", "-n", "hands", "--replicas=3")
    shell("kubectl", "expose", "deployment/d", "-n", "hands", "--port=80")
    shell("kubectl", "create", "job", "j", "-n", "hands", "--image=paused", "--", "true")
    shell("kubectl", "wait", "job/j", "-n", "hands", "--for=condition=complete", "--timeout=10s")
    assert "NewReplicaSetAvailable" in shell("kubectl", "describe", "deployment", "d", "-n", "hands")
    assert "kubelet" in shell("kubectl", "describe", "pod", "-n", "hands")
    assert "yes" in shell("kubectl", "auth", "can-i", "create", "pods")
    assert "masterclient" in shell("kubectl", "auth", "whoami")
    assert '"nope" not found' in shell("kubectl", "get", "pod", "nope", ok=False)
    shell("kubectl", "delete", "namespace", "hands", "--timeout=10s")


def test_kubectl_applies_by_client_and_by_server(cluster: Lab) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1", "b": "1"}}
    path = cluster.folder / "applied.yaml"
    for words in ((), ("--server-side",)):
        for data in ({"a": "1", "b": "1"}, {"a": "2"}):
            path.write_text(yaml.safe_dump({**body, "data": data}))
            cluster.shell("kubectl", "apply", *words, "-f", str(path))
            assert cluster.get("/api/v1/namespaces/default/configmaps/applied")["data"] == data
        cluster.shell("kubectl", "delete", "configmap", "applied")


def test_the_official_client_reads_every_kind(cluster: Lab) -> None:
    from kubernetes import client, config

    api = config.new_client_from_config(str(cluster.kubeconfig()))  # type: ignore[no-untyped-call]  # theirs
    parts = [client.CoreV1Api, client.AppsV1Api, client.BatchV1Api, client.NetworkingV1Api, client.PolicyV1Api]
    parts += [client.RbacAuthorizationV1Api, client.StorageV1Api, client.SchedulingV1Api, client.DiscoveryV1Api]
    calls = 0
    for part in parts:
        made = part(api)
        for name in dir(made):
            plural = name.startswith("list_") and not name.endswith(("_with_http_info", "_without_preload_content"))
            if plural and (name.endswith("_for_all_namespaces") or "namespaced" not in name):
                try:
                    getattr(made, name)()
                except client.ApiException as error:
                    assert error.status == 404, name  # kinds that this cluster does not have  # noqa: PT017
                else:
                    calls += 1
    assert calls >= 30
    assert client.VersionApi(api).get_code().minor == "35"
    pods = client.CoreV1Api(api).list_namespaced_pod("kube-system", label_selector="k8s-app=coredns").items
    assert [pod.status.phase for pod in pods if pod.status] == ["Running", "Running"]
    api.close()


def test_an_idle_cluster_costs_nothing(cluster: Lab) -> None:
    time.sleep(0.3)

    async def many() -> float:
        start = time.perf_counter()
        for _ in range(100):
            await cluster.clusters.settle()
        return time.perf_counter() - start

    assert cluster.run(many()) < 0.5
