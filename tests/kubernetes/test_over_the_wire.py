"""Real helm 3 and the official client against the local cloud's Kubernetes and chart repository."""

import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from shared.hubs.chart.values import TOKEN_KEY, chart_values, fill, shared_password
from shared.kubernetes import draining, process, tunnel, workloads
from shared.kubernetes.client import Kubernetes
from shared.kubernetes.helm import Helm, Release
from shared.kubernetes.jupyterhub import JupyterHub
from shared.references import Reference
from tests.cloud import wait_until
from tests.kubernetes.lab import Lab, lab

pytestmark = pytest.mark.local

HELM = Path(__file__).parents[2] / ".venv/bin/helm"
PASSWORD = "correct-horse-battery"


def namespace_gone(cluster: Kubernetes, name: str) -> bool:
    """Asks for its end, until there is nothing left to end."""
    try:
        return not cluster.delete(f"/api/v1/namespaces/{name}")
    except ConflictError:  # asked for a second time while it empties itself
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def cluster(site: Lab) -> Iterator[Kubernetes]:
    with Kubernetes(site.kubeconfig) as connected:
        yield connected


@pytest.fixture(scope="module")
def helm() -> Helm:
    return Helm(str(HELM))


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One ConfigMap: enough for helm's own affairs."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.0.0\n")
    map_ = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: small}\ndata: {a: {{ .Values.a | quote }}}\n"
    (folder / "templates" / "map.yaml").write_text(map_)
    return str(folder)


def small(site: Lab, helm: Helm, chart: str, namespace: str, value: str) -> Release:
    return helm.upgrade_install(
        site.kubeconfig,
        release="small",
        namespace=namespace,
        chart=chart,
        repository="",
        version="",
        values={"a": value},
        timeout=timedelta(seconds=30),
        wait=False,
    )


def map_of(cluster: Kubernetes, namespace: str) -> str:
    found: str = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/small")["data"]["a"]
    return found


def test_a_hub_from_install_to_nothing_left(site: Lab, helm: Helm, cluster: Kubernetes) -> None:
    """The whole path: values, install, readiness, address, the hub's API with our token, uninstall, namespace gone."""
    workloads.ensure_namespace(cluster, "jhub", {"app": "hubkeeper"})
    workloads.ensure_namespace(cluster, "jhub", {"app": "hubkeeper"})
    wanted = chart_values(
        "quay.io/jupyter/base:1", "r5", None, shared_password(Reference("r5")), {"cull": {"every": 60}}
    )
    values = fill(wanted, lambda _: PASSWORD)
    helm.render("jupyterhub", site.repository, "4.4.0", values, "1.35.2")
    release = jupyterhub(site, helm, "4.3.5", values)
    assert (release.revision, release.status, release.chart_version) == (1, "deployed", "4.3.5")
    wait_until(lambda: _ready(cluster), 90, "hub and proxy")
    assert workloads.why_not_ready(cluster, "jhub") == ()
    _is_served(site, cluster)
    _is_upgraded_and_rolled_back(site, helm, values)
    helm.uninstall(site.kubeconfig, "jhub", "jhub")
    helm.uninstall(site.kubeconfig, "jhub", "jhub")
    assert helm.status(site.kubeconfig, "jhub", "jhub") is None
    wait_until(lambda: namespace_gone(cluster, "jhub"), 30, "the namespace's end")
    assert cluster.find("/api/v1/namespaces/jhub") is None
    assert wait_until(lambda: workloads.volumes(cluster) == [], 10)


def jupyterhub(site: Lab, helm: Helm, version: str, values: dict[str, Any]) -> Release:
    return helm.upgrade_install(
        site.kubeconfig,
        release="jhub",
        namespace="jhub",
        chart="jupyterhub",
        repository=site.repository,
        version=version,
        values=values,
        timeout=timedelta(minutes=2),
        wait=False,
    )


def _ready(cluster: Kubernetes) -> bool:
    found = workloads.deployments_ready(cluster, "jhub", ["hub", "proxy"])
    return all(deployment.ready for deployment in found)


def _is_served(site: Lab, cluster: Kubernetes) -> None:
    address = workloads.service_address(cluster, "jhub", "proxy-public")
    secret = workloads.secret(cluster, "jhub", "hub")
    assert secret is not None
    token = secret[TOKEN_KEY].decode()
    hub = JupyterHub(f"http://{address}", token, tunnel.to_hub(cluster, "jhub", "jhub"))
    wait_until(hub.healthy, 20, "the hub")
    assert hub.users() == []
    _is_only_asked_through_the_api_server(site, cluster, token)
    assert [(claim.name, claim.phase) for claim in workloads.claims(cluster, "jhub")] == [("hub-db-dir", "Bound")]
    nodes = workloads.nodes(cluster)
    assert [(node.pool, node.ready, node.max_pods) for node in nodes] == [("nodepool1", True, 30)] * 3
    pods = {pod.component: pod for pod in workloads.pods(cluster, "jhub")}
    assert pods["hub"].ready
    assert pods["hub"].node in {node.name for node in nodes}


def _is_only_asked_through_the_api_server(site: Lab, cluster: Kubernetes, token: str) -> None:
    """A public address that nobody serves is not missed; every call is a port forward into the hub's pod."""
    hub = JupyterHub("http://127.0.0.1:1", token, tunnel.to_hub(cluster, "jhub", "jhub"))
    site.log.clear()
    assert hub.version() == hub.info()["version"]
    assert hub.users() == []
    assert hub.user("nobody") is None
    assert hub.stop_server("nobody")
    with pytest.raises(NotFoundError):
        hub.start_server("nobody")
    (pod,) = [one.name for one in workloads.pods(cluster, "jhub") if one.component == "hub"]
    calls = {(call["path"], call["status"]) for call in site.log.all() if "portforward" in call["path"]}
    assert calls == {(f"/api/v1/namespaces/jhub/pods/{pod}/portforward?ports=8081", 101)}
    wrong = JupyterHub("http://127.0.0.1:1", token[::-1], tunnel.to_hub(cluster, "jhub", "jhub"))
    with pytest.raises(PermanentError) as caught:
        wrong.users()
    assert caught.value.status == 403
    fault = site.fail(service="kubernetes", path="portforward", happens="reset")
    with pytest.raises(TemporaryError):
        hub.users()
    site.faults.clear(fault.id)
    gone = tunnel.Tunnel(cluster, "jhub", "hub-gone", 8081)
    with pytest.raises(TemporaryError, match='pods "hub-gone" not found'):
        JupyterHub("http://127.0.0.1:1", token, gone).users()
    deaf = tunnel.Tunnel(cluster, "jhub", pod, 8082)
    with pytest.raises(TemporaryError, match="connection refused"):
        JupyterHub("http://127.0.0.1:1", token, deaf).users()


def _is_upgraded_and_rolled_back(site: Lab, helm: Helm, values: dict[str, Any]) -> None:
    upgraded = jupyterhub(site, helm, "4.4.0", values)
    assert (upgraded.revision, upgraded.chart_version) == (2, "4.4.0")
    with pytest.raises(PermanentError) as caught:
        jupyterhub(site, helm, "4.4.0", values | {"bogus": 1})
    assert caught.value.code == "ValuesRefused"
    assert "bogus" in caught.value.message
    helm.rollback(site.kubeconfig, "jhub", "jhub", 1)
    history = helm.history(site.kubeconfig, "jhub", "jhub")
    assert [(one.revision, one.chart_version) for one in history] == [(1, "4.3.5"), (2, "4.4.0"), (3, "4.3.5")]
    command = ["get", "values", "jhub", "--namespace", "jhub", "--output", "json", "--revision", "1"]
    assert json.loads(helm._run(command, kubeconfig=site.kubeconfig).stdout) == values
    assert (history[-1].name, history[-1].namespace, history[-1].status) == ("jhub", "jhub", "deployed")


def test_a_chart_or_version_that_is_not_offered_is_not_found(site: Lab, helm: Helm) -> None:
    assert helm.chart_versions(site.repository, "jupyterhub")[0].version == "4.4.0"
    for chart, version in (("jupyterhub", "9.9.9"), ("daskhub", "1.0.0")):
        with pytest.raises(NotFoundError) as caught:
            helm.render(chart, site.repository, version, {}, "1.35.2")
        assert caught.value.code == "ChartNotFound"
    with pytest.raises(NotFoundError):
        helm.chart_versions(site.repository, "daskhub")


def test_what_a_chart_holds_is_in_the_index(site: Lab, helm: Helm) -> None:
    newest, older = helm.chart_versions(site.repository, "binderhub")
    assert (newest.version, newest.dependencies) == ("1.0.0-0.dev.git.3983.h383374de", {"jupyterhub": "4.4.0"})
    assert older.dependencies == {"jupyterhub": "4.2.0"}


def test_a_cluster_too_old_for_the_chart_is_refused(site: Lab, helm: Helm) -> None:
    with pytest.raises(PermanentError) as caught:
        helm.render("jupyterhub", site.repository, "4.4.0", {}, "1.20.0")
    assert caught.value.code == "KubernetesVersionRefused"


@pytest.mark.parametrize("installed_before", [False, True], ids=["first install", "upgrade"])
def test_a_killed_helm_leaves_a_release_that_unlocking_makes_usable(
    site: Lab,
    helm: Helm,
    chart: str,
    cluster: Kubernetes,
    installed_before: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    namespace = f"killed-{installed_before}".lower()
    if installed_before:
        small(site, helm, chart, namespace, "good")
    with monkeypatch.context() as patched:
        patched.setattr("shared.kubernetes.helm.MARGIN", timedelta(seconds=-25))
        patched.setattr(process, "_end", _kill)
        change = {"method": "PATCH" if installed_before else "POST", "path": f"{namespace}/configmaps"}
        fault = site.fail(service="kubernetes", happens="hang", seconds=7, **change)
        with pytest.raises(TemporaryError) as caught:
            small(site, helm, chart, namespace, "never")
        site.faults.clear(fault.id)
    assert caught.value.code == "HelmTimeout"
    left = helm.status(site.kubeconfig, "small", namespace)
    assert left is not None
    assert left.status == ("pending-upgrade" if installed_before else "pending-install")
    with pytest.raises(TemporaryError) as caught:
        small(site, helm, chart, namespace, "refused")
    assert caught.value.code == "ReleasePending"
    assert helm.unlock(site.kubeconfig, "small", namespace)
    if installed_before:
        assert map_of(cluster, namespace) == "good"
    assert helm.unlock(site.kubeconfig, "small", namespace) is None
    assert small(site, helm, chart, namespace, "better").status == "deployed"
    assert map_of(cluster, namespace) == "better"


def _kill(running: subprocess.Popen[str]) -> None:
    running.send_signal(signal.SIGKILL)
    running.communicate()


def status_object(status: int, reason: str, message: str) -> dict[str, Any]:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
    return {"status": status, "body": body | {"code": status}}


FORBIDDEN = 'secrets is forbidden: User "u" cannot list resource "secrets" in API group "" in the namespace "faults"'


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        pytest.param({"status": 500}, TemporaryError, "ServerError", id="500"),
        pytest.param({"status": 502}, TemporaryError, "ServerError", id="502"),
        pytest.param({"status": 503}, TemporaryError, "ServerError", id="503"),
        pytest.param({"status": 504}, TemporaryError, "ServerError", id="504"),
        pytest.param({"status": 429}, TemporaryError, "ServerBusy", id="429"),
        pytest.param(
            status_object(500, "InternalError", "Internal error occurred: etcd"),
            TemporaryError,
            "ServerError",
            id="etcd",
        ),
        pytest.param(status_object(403, "Forbidden", FORBIDDEN), PermanentError, "Forbidden", id="403"),
        pytest.param({"status": 401}, PermanentError, "Unauthorized", id="401"),
        pytest.param({"happens": "hang", "seconds": 3}, TemporaryError, "HelmTimeout", id="no answer"),
    ],
)
def test_what_the_api_server_answers_is_told_apart_through_helm(
    site: Lab,
    helm: Helm,
    fault: dict[str, Any],
    kind: type[Exception],
    code: str,
) -> None:
    made = site.fail(service="kubernetes", path="faults/secrets", times=None, **fault)
    limit = timedelta(seconds=2 if code == "HelmTimeout" else 30)
    try:
        with pytest.raises(kind) as caught:
            helm._run(["history", "small", "--namespace", "faults"], kubeconfig=site.kubeconfig, limit=limit)
    finally:
        site.faults.clear(made.id)
    assert getattr(caught.value, "code", None) == code


@pytest.mark.parametrize("happens", ["reset", "lost"])
def test_a_cut_connection_is_temporary_for_the_client(site: Lab, cluster: Kubernetes, happens: str) -> None:
    cluster.get("/version")
    made = site.fail(service="kubernetes", path="namespaces/cut", happens=happens)
    try:
        with pytest.raises(TemporaryError):
            workloads.ensure_namespace(cluster, "cut", {})
    finally:
        site.faults.clear(made.id)
    workloads.ensure_namespace(cluster, "cut", {})


def test_a_stopped_cluster_is_unreachable_for_now_and_forgets_nothing(site: Lab, helm: Helm, chart: str) -> None:
    small(site, helm, chart, "stopped", "kept")
    site.stop_cluster()
    try:
        with pytest.raises(TemporaryError) as caught:
            helm.status(site.kubeconfig, "small", "stopped")
        assert caught.value.code == "ClusterUnreachable"
        with Kubernetes(site.kubeconfig) as cluster, pytest.raises(TemporaryError):
            workloads.nodes(cluster)
    finally:
        site.start_cluster()
    found = helm.status(site.kubeconfig, "small", "stopped")
    assert found is not None
    assert found.status == "deployed"


def test_users_pods_are_read_and_their_claims_deleted(cluster: Kubernetes) -> None:
    workloads.ensure_namespace(cluster, "users", {})
    account = (
        "/api/v1/namespaces/users/serviceaccounts/default"  # made a moment after the namespace, wanted by every pod
    )
    wait_until(lambda: cluster.find(account), 10, "the service account")
    labels = {"component": "singleuser-server", "hub.jupyter.org/username": "ada"}
    container = {"name": "notebook", "image": "a:1", "resources": {"requests": {"memory": "1Gi"}}}
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim-ada"}, "spec": storage}
    cluster.create("/api/v1/namespaces/users/persistentvolumeclaims", claim)
    mount = {"name": "home", "persistentVolumeClaim": {"claimName": "claim-ada"}}
    spec = {"containers": [container], "volumes": [mount]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "jupyter-ada", "labels": labels}, "spec": spec}
    cluster.create("/api/v1/namespaces/users/pods", pod)
    wait_until(lambda: [one for one in workloads.pods(cluster, "users") if one.node], 20, "a node")
    (found,) = workloads.pods(cluster, "users")
    assert (found.user, found.component, found.memory_bytes) == ("ada", "singleuser-server", 1024**3)
    assert cluster.delete("/api/v1/namespaces/users/pods/jupyter-ada")
    wait_until(lambda: workloads.pods(cluster, "users") == [], 40, "the pod's end")
    wait_until(lambda: workloads.delete_claims(cluster, "users") == [], 20, "the claim's end")
    wait_until(lambda: namespace_gone(cluster, "users"), 20, "the namespace's end")


def test_a_node_is_emptied_as_its_budgets_allow(cluster: Kubernetes) -> None:
    workloads.ensure_namespace(cluster, "drained", {})
    account = "/api/v1/namespaces/drained/serviceaccounts/default"
    wait_until(lambda: cluster.find(account), 10, "the service account")
    container = {"name": "one", "image": "a:1"}
    labels = {"app": "kept"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kept", "labels": labels}}
    cluster.create("/api/v1/namespaces/drained/pods", pod | {"spec": {"containers": [container]}})
    wait_until(lambda: [one for one in workloads.pods(cluster, "drained") if one.ready], 20, "the pod")
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "one-at-least"}}
    spec = {"minAvailable": 1, "selector": {"matchLabels": labels}}
    budgets = "/apis/policy/v1/namespaces/drained/poddisruptionbudgets"
    cluster.create(budgets, budget | {"spec": spec})
    (found,) = workloads.pods(cluster, "drained")
    node = str(found.node)
    draining.cordon(cluster, [node])
    try:
        assert {one.name for one in workloads.nodes(cluster) if not one.schedulable} == {node}
        staying = {one.name: one.why for one in draining.evict(cluster, [node])}
        assert "one-at-least" in staying["kept"]
        assert cluster.delete(f"{budgets}/one-at-least")
        wait_until(lambda: draining.evict(cluster, [node]) == [], 40, "an empty node")
        assert [one.daemon for one in workloads.pods(cluster) if one.node == node] != []
        assert all(one.daemon for one in workloads.pods(cluster) if one.node == node)
    finally:
        cluster.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": None}})
        wait_until(lambda: namespace_gone(cluster, "drained"), 20, "the namespace's end")
