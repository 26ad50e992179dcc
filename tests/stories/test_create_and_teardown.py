"""The whole path: one request makes a hub that answers, another takes everything away again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from local.functions.web import ADMIN_KEY
from tests.cloud import Cloud, Host, call
from tests.stories.conftest import azure, create, gone, steps, teardown, tool
from tests.stories.given import SECOND_SEED

pytestmark = pytest.mark.story


def test_a_name_makes_a_hub_that_answers_and_a_teardown_leaves_nothing(cloud: Cloud, host: Host) -> None:
    before = cloud.control.resources()

    run = create(host, {"name": "r5"})
    assert run["status"] == "succeeded", run
    assert run["percent"] == 100
    assert set(steps(run).values()) == {"succeeded"}
    hub = host.get("/api/hubs/r5").json
    assert hub["status"] == "ready"
    assert hub["power"]["actual"] == "on"
    assert call("GET", f"{hub['url']}hub/health").status == 200
    assert call("GET", f"{hub['url']}hub/login").status == 200

    torn = teardown(host, "r5")
    assert torn["status"] == "succeeded", torn
    assert torn["receipt"]["remaining"] == []
    assert any(item.endswith("/managedClusters/r5") for item in torn["receipt"]["deleted"])
    assert cloud.control.resources() == before
    assert host.get("/api/hubs/r5").status == 404
    assert host.get(f"/api/runs/{run['id']}").json["status"] == "succeeded"


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed; its wire format is tested with helm"
)
def test_kubectl_and_helm_show_the_hub(host: Host, kubeconfig: Callable[[str], Path]) -> None:
    try:
        assert create(host, {"name": "tools"})["status"] == "succeeded"
        credentials = kubeconfig("tools")
        assert "jhub" in tool(credentials, "helm", "list", "-A")
        assert "STATUS: deployed" in tool(credentials, "helm", "status", "jhub", "-n", "jhub")
        assert "STATUS: deployed" in tool(credentials, "helm", "status", "jhub"), "not in the release's namespace"
        listing = tool(credentials, "kubectl", "get", "node,pod,svc,pvc", "-A")
        for expected in ("node/aks-nodepool1-", "pod/hub-", "pod/proxy-", "service/proxy-public", "hub-db-dir"):
            assert expected in listing
    finally:
        gone(host, "tools")


def test_the_second_tutorials_names_and_settings_arrive_in_azure(cloud: Cloud, host: Host) -> None:
    before = cloud.control.resources()
    try:
        run = create(host, SECOND_SEED)
        assert run["status"] == "succeeded", run
        assert any("dockerBridgeAddress" in warning for warning in run["warnings"])
        listed = json.dumps(cloud.control.resources())
        for expected in ("prd_rg_jhub/", "prd_vnet_jhub", "prd-aks-jhub", "prd_rg_jhub_infra", "sp_aks_jhub"):
            assert expected in listed, expected
        hub = host.get("/api/hubs/prd").json
        assert hub["versions"] == {"kubernetes": "1.35.3", "chart": "4.3.5"}
    finally:
        gone(host, "prd")
    assert cloud.control.resources() == before


def test_a_managed_identity_needs_no_password(cloud: Cloud, host: Host) -> None:
    before = cloud.control.resources()
    try:
        run = create(host, {"name": "mi", "identity": "managed"})
        assert run["status"] == "succeeded", run
        secrets = [secret["name"] for secret in host.get("/api/hubs/mi/secrets").json["secrets"]]
        assert "service-principal-password" not in secrets
    finally:
        gone(host, "mi")
    assert cloud.control.resources() == before


CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "claim-ann", "namespace": "jhub"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
}
USER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "writes", "namespace": "jhub"},
    "spec": {
        "containers": [
            {"name": "writes", "image": "busybox", "volumeMounts": [{"name": "home", "mountPath": "/home"}]}
        ],
        "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-ann"}}],
    },
}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed: it makes the claim")
def test_homes_can_be_kept(cloud: Cloud, host: Host, kubeconfig: Callable[[str], Path]) -> None:
    try:
        assert create(host, {"name": "keep"})["status"] == "succeeded"
        manifest = kubeconfig("keep").with_suffix(".json")
        manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [CLAIM, USER]}))
        tool(kubeconfig("keep"), "kubectl", "create", "-f", str(manifest))
        bound = ("pvc/claim-ann", "-n", "jhub", "--for=jsonpath={.status.phase}=Bound", "--timeout=30s")
        tool(kubeconfig("keep"), "kubectl", "wait", *bound)
        torn = teardown(host, "keep", "&keepHomes=true")
        assert torn["status"] == "succeeded", torn
        kept = next(item for item in torn["receipt"]["kept"] if item["id"].endswith("keep-homes-rg"))
        assert "claim-ann" in kept["why"]
        assert any("snapshots" in row["id"] and "claim-ann" in row["id"] for row in cloud.control.resources())
        azure(cloud, "DELETE", "/resourcegroups/keep-homes-rg", "2021-04-01")
    finally:
        gone(host, "keep")


def test_a_create_asked_for_twice_is_one_run(host: Host) -> None:
    try:
        first = host.post("/api/hubs", {"name": "twice"})
        second = host.post("/api/hubs", {"name": "twice"})
        assert first.status == second.status == 202
        assert first.headers["Location"] == second.headers["Location"]
        other = host.post("/api/hubs", {"name": "twice", "location": "eastus"})
        assert other.status == 409
        assert other.json["code"] == "HubExists"
        assert host.wait_run(first.headers["Location"], 300)["status"] == "succeeded"
    finally:
        gone(host, "twice")


def test_the_shared_password_is_for_the_admin_key(host: Host) -> None:
    try:
        assert create(host, {"name": "pass"})["status"] == "succeeded"
        assert host.get("/api/hubs/pass/password").status == 401
        answer = host.get("/api/hubs/pass/password", key=ADMIN_KEY)
        assert answer.status == 200
        assert len(answer.json["password"]) >= 16
        assert answer.headers["Cache-Control"] == "no-store"
    finally:
        gone(host, "pass")
