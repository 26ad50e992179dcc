"""What becomes of objects: pods, rollouts, jobs, volumes, addresses, and what goes when something else goes."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.kubernetes.kubernetes_lab import Lab, deployment, lab, pod

pytestmark = pytest.mark.local
CORE = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("controllers")) as made:
        yield made


def phase(cluster: Lab, name: str) -> str:
    return str(cluster.get(f"{CORE}/pods/{name}").get("status", {}).get("phase"))


def ready(cluster: Lab, name: str) -> bool:
    conditions = cluster.get(f"{CORE}/pods/{name}")["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def pods_of(cluster: Lab, app: str) -> list[Any]:
    found: list[Any] = cluster.get(f"{CORE}/pods", labelSelector=f"app={app}")["items"]
    return found


def events(cluster: Lab, reason: str) -> list[str]:
    return [one["message"] for one in cluster.get(f"{CORE}/events")["items"] if one["reason"] == reason]


def puppet_of(cluster: Lab, name: str) -> Any:
    def found() -> Any:
        puppets = reversed(cluster.theatre.puppets)
        return next((one for one in puppets if one.context.pod["metadata"]["name"] == name), None)

    return cluster.until(found)


def test_a_pod_runs_where_the_scheduler_puts_it(cluster: Lab) -> None:
    cluster.create(f"{CORE}/pods", pod("plain"))
    cluster.until(lambda: ready(cluster, "plain"))
    status = cluster.get(f"{CORE}/pods/plain")["status"]
    assert status["podIP"].startswith(cluster.world.ports.network + ".")
    assert status["qosClass"] == "BestEffort"
    assert cluster.call("GET", f"{CORE}/pods/plain/log", tailLines="1").text == "second line\n"


def test_a_container_that_is_not_ready_makes_its_pod_unready(cluster: Lab) -> None:
    cluster.create(f"{CORE}/pods", pod("moody"))
    cluster.until(lambda: ready(cluster, "moody"))
    puppet_of(cluster, "moody").ready = False
    cluster.until(lambda: not ready(cluster, "moody"))


def test_a_container_that_ends_is_started_again(cluster: Lab) -> None:
    cluster.create(f"{CORE}/pods", pod("phoenix"))
    first = puppet_of(cluster, "phoenix")
    cluster.until(lambda: ready(cluster, "phoenix"))
    first.end(1)

    def again() -> Any:
        status = cluster.get(f"{CORE}/pods/phoenix")["status"]["containerStatuses"][0]
        return status if status["restartCount"] == 1 and status["ready"] else None

    assert cluster.until(again)["lastState"]["terminated"]["exitCode"] == 1


@pytest.mark.parametrize(("code", "end"), [(0, "Succeeded"), (3, "Failed")])
def test_a_pod_that_never_restarts_ends_as_its_container_does(cluster: Lab, code: int, end: str) -> None:
    cluster.create(f"{CORE}/pods", pod(f"once-{code}", restartPolicy="Never"))
    puppet_of(cluster, f"once-{code}").end(code)
    cluster.until(lambda: phase(cluster, f"once-{code}") == end)


def test_a_deleted_pod_is_given_time_and_then_gone(cluster: Lab) -> None:
    cluster.create(f"{CORE}/pods", pod("leaving"))
    puppet = puppet_of(cluster, "leaving")
    cluster.until(lambda: ready(cluster, "leaving"))
    assert "deletionTimestamp" in cluster.call("DELETE", f"{CORE}/pods/leaving").json()["metadata"]
    cluster.until(lambda: cluster.call("GET", f"{CORE}/pods/leaving").status_code == 404)
    assert puppet.stopped


def test_a_container_finds_its_variables_and_files(cluster: Lab) -> None:
    cluster.create(f"{CORE}/secrets", {"metadata": {"name": "keys"}, "stringData": {"password": "x y", "other": "z"}})
    cluster.create(f"{CORE}/configmaps", {"metadata": {"name": "settings"}, "data": {"a.py": "print()", "LEVEL": "3"}})
    cluster.create(f"{CORE}/services", {
        "metadata": {"name": "front-door"}, "spec": {"selector": {"app": "plain"}, "ports": [{"port": 81}]}
    })  # fmt: skip
    body = pod("rich")
    body["spec"]["volumes"] = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "items": [{"key": "password", "path": "deep/word"}]}},
    ]
    body["spec"]["containers"][0] |= {
        "env": [
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "BOTH", "value": "$(NAME)/$(PASSWORD)/$$(NAME)"},
        ],
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "S_"}],
        "volumeMounts": [
            {"name": "settings", "mountPath": "/etc/one.py", "subPath": "a.py"},
            {"name": "keys", "mountPath": "/etc/keys"},
        ],
    }
    cluster.create(f"{CORE}/pods", body)
    context = puppet_of(cluster, "rich").context
    found = context.environment
    assert found["BOTH"] == "rich/x y/$(NAME)"
    assert (found["IP"], found["S_LEVEL"], found["FRONT_DOOR_SERVICE_PORT"]) == (context.ip, "3", "81")
    assert context.mounts["/etc/one.py"].read_text() == "print()"
    assert (context.mounts["/etc/keys"] / "deep/word").read_text() == "x y"
    assert (context.service_account / "namespace").read_text() == "default"
    assert "BEGIN CERTIFICATE" in (context.service_account / "ca.crt").read_text()
    token = (context.service_account / "token").read_text()
    assert cluster.call("GET", "/apis", token=token).status_code == 200


def test_a_missing_secret_keeps_a_container_waiting_until_it_is_there(cluster: Lab) -> None:
    body = pod("patient")
    reference = {"secretKeyRef": {"name": "late", "key": "word"}}
    body["spec"]["containers"][0]["env"] = [{"name": "WORD", "valueFrom": reference}]
    cluster.create(f"{CORE}/pods", body)
    cluster.until(lambda: 'Error: secret "late" not found' in events(cluster, "Failed"))
    cluster.create(f"{CORE}/secrets", {"metadata": {"name": "late"}, "stringData": {"word": "now"}})
    assert puppet_of(cluster, "patient").context.environment["WORD"] == "now"


def test_a_pod_that_fits_nowhere_stays_pending_and_says_why(cluster: Lab) -> None:
    body = pod("giant")
    body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "64"}}
    cluster.create(f"{CORE}/pods", body)
    expected = "0/3 nodes are available: 3 Insufficient cpu."
    cluster.until(lambda: any(one.startswith(expected) for one in events(cluster, "FailedScheduling")))
    assert phase(cluster, "giant") == "Pending"


def test_a_rolling_update_replaces_pods_and_can_be_undone(cluster: Lab) -> None:
    cluster.create(f"{APPS}/deployments", deployment("rolling", replicas=3))

    def whole() -> bool:
        return bool(cluster.get(f"{APPS}/deployments/rolling")["status"].get("availableReplicas") == 3)

    cluster.until(whole)
    before = {one["metadata"]["uid"] for one in pods_of(cluster, "rolling")}
    change = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
    cluster.call("PATCH", f"{APPS}/deployments/rolling", change, media=MERGE)

    def replaced() -> bool:
        status = cluster.get(f"{APPS}/deployments/rolling")["status"]
        now = {one["metadata"]["uid"] for one in pods_of(cluster, "rolling")}
        return status.get("updatedReplicas") == 3 and not now & before and whole()

    cluster.until(replaced)
    stored = cluster.get(f"{APPS}/deployments/rolling")
    assert stored["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert stored["status"]["observedGeneration"] == stored["metadata"]["generation"]
    reasons = {one["type"]: one["reason"] for one in stored["status"]["conditions"]}
    assert reasons == {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}
    assert "rollout" not in cluster.shell("kubectl", "rollout", "undo", "deployment/rolling")
    cluster.shell("kubectl", "rollout", "status", "deployment/rolling", "--timeout=10s")


def test_a_recreated_deployment_never_has_two_pods(cluster: Lab) -> None:
    cluster.create(f"{APPS}/deployments", deployment("alone", strategy={"type": "Recreate"}))
    first = cluster.until(lambda: pods_of(cluster, "alone"))[0]["metadata"]["name"]
    cluster.until(lambda: ready(cluster, first))
    old = puppet_of(cluster, first)
    change = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
    cluster.call("PATCH", f"{APPS}/deployments/alone", change, media=MERGE)
    second = cluster.until(lambda: [one for one in pods_of(cluster, "alone") if one["metadata"]["name"] != first])
    assert old.stopped
    assert len(second) == 1


def test_a_rollout_that_gets_nowhere_is_called_stuck(cluster: Lab) -> None:
    body = deployment("stuck", progressDeadlineSeconds=1)
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"memory": "900Gi"}}
    cluster.create(f"{APPS}/deployments", body)

    def reason() -> Any:
        conditions = cluster.get(f"{APPS}/deployments/stuck")["status"].get("conditions", [])
        return {one["type"]: one["reason"] for one in conditions}.get("Progressing") == "ProgressDeadlineExceeded"

    cluster.until(reason)


def test_a_stateful_set_numbers_its_pods_and_keeps_their_disks(cluster: Lab) -> None:
    body = deployment("db", replicas=2, serviceName="db")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    body["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    cluster.create(f"{APPS}/statefulsets", body)
    cluster.until(lambda: cluster.get(f"{APPS}/statefulsets/db")["status"].get("readyReplicas") == 2)
    (puppet_of(cluster, "db-1").context.mounts["/data"] / "file").write_text("kept")
    cluster.call("DELETE", f"{CORE}/pods/db-1")
    cluster.until(lambda: puppet_of(cluster, "db-1").stopped is False)
    assert (puppet_of(cluster, "db-1").context.mounts["/data"] / "file").read_text() == "kept"
    change = {"spec": {"replicas": 1}}
    cluster.call("PATCH", f"{APPS}/statefulsets/db", change, media=MERGE)
    cluster.until(lambda: cluster.call("GET", f"{CORE}/pods/db-1").status_code == 404)
    assert cluster.call("GET", f"{CORE}/persistentvolumeclaims/data-db-1").status_code == 200


def test_a_daemon_set_runs_on_every_node(cluster: Lab) -> None:
    body = deployment("everywhere", image="paused")
    del body["spec"]["replicas"]
    cluster.create(f"{APPS}/daemonsets", body)
    cluster.until(lambda: cluster.get(f"{APPS}/daemonsets/everywhere")["status"]["numberReady"] == 3)
    assert len({one["spec"]["nodeName"] for one in pods_of(cluster, "everywhere")}) == 3


def job(name: str, image: str = "paused", **spec: Any) -> Any:
    template = pod(name, image, restartPolicy="Never")
    return {"metadata": {"name": name}, "spec": {"template": {"spec": template["spec"]}, **spec}}


def test_a_job_ends_with_its_pods(cluster: Lab) -> None:
    cluster.create(f"{BATCH}/jobs", job("work", completions=3, parallelism=2))
    conditions = cluster.until(lambda: cluster.get(f"{BATCH}/jobs/work")["status"].get("conditions"))
    assert [one["type"] for one in conditions] == ["SuccessCriteriaMet", "Complete"]
    assert cluster.get(f"{BATCH}/jobs/work")["status"]["succeeded"] == 3


def test_a_job_gives_up_at_its_limit(cluster: Lab) -> None:
    cluster.create(f"{BATCH}/jobs", job("hopeless", image="puppet", backoffLimit=0))
    name = cluster.until(lambda: cluster.get(f"{CORE}/pods", labelSelector="job-name=hopeless")["items"])[0]
    puppet_of(cluster, name["metadata"]["name"]).end(1)
    conditions = cluster.until(lambda: cluster.get(f"{BATCH}/jobs/hopeless")["status"].get("conditions"))
    assert conditions[-1]["reason"] == "BackoffLimitExceeded"


def test_a_claim_waits_for_its_first_user_and_its_disk_goes_with_it(cluster: Lab) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    cluster.create(f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "home"}, "spec": spec})
    cluster.until(lambda: events(cluster, "WaitForFirstConsumer"))
    body = pod("tenant")
    body["spec"]["volumes"] = [{"name": "home", "persistentVolumeClaim": {"claimName": "home"}}]
    body["spec"]["containers"][0]["volumeMounts"] = [{"name": "home", "mountPath": "/home", "subPath": "ann"}]
    cluster.create(f"{CORE}/pods", body)
    folder = puppet_of(cluster, "tenant").context.mounts["/home"]
    (folder / "notes").write_text("x")
    claim = cluster.get(f"{CORE}/persistentvolumeclaims/home")
    assert (claim["status"]["phase"], claim["spec"]["storageClassName"]) == ("Bound", "default")
    cluster.call("DELETE", f"{CORE}/persistentvolumeclaims/home")
    assert cluster.get(f"{CORE}/persistentvolumeclaims/home")["metadata"]["finalizers"]
    cluster.call("DELETE", f"{CORE}/pods/tenant")
    volume = f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
    cluster.until(lambda: cluster.call("GET", volume).status_code == 404)
    assert not folder.exists()


def answer(address: tuple[str, int]) -> str:
    with socket.create_connection(address, timeout=5) as connection:
        return connection.recv(100).decode()


def test_a_load_balancer_leads_to_a_ready_pod(cluster: Lab) -> None:
    cluster.create(f"{APPS}/deployments", deployment("site"))
    cluster.create(f"{CORE}/services", {
        "metadata": {"name": "site", "annotations": {"service.beta.kubernetes.io/azure-dns-label-name": "r5"}},
        "spec": {"type": "LoadBalancer", "selector": {"app": "site"}, "ports": [{"port": 8080, "targetPort": "http"}]},
    })  # fmt: skip

    def found() -> Any:
        return cluster.get(f"{CORE}/services/site")["status"]["loadBalancer"].get("ingress")

    ip = cluster.until(found)[0]["ip"]
    assert ip.startswith(cluster.world.ports.network + ".0.")
    name = cluster.until(lambda: pods_of(cluster, "site"))[0]["metadata"]["name"]
    cluster.until(lambda: ready(cluster, name))
    cluster.until(lambda: cluster.get(f"{CORE}/endpoints/site")["subsets"])
    assert cluster.until(lambda: answer((ip, 8080))) == name
    context = puppet_of(cluster, name).context
    assert context.resolve("site", 8080) == (context.ip, 8000)
    assert context.resolve("site.default.svc.cluster.local", 8080) == (context.ip, 8000)
    with pytest.raises(LookupError):
        context.resolve("nowhere", 80)
    listed = cluster.clusters.public_addresses(next(iter(cluster.world.table("kubernetes-clusters"))))
    assert [(one["ip"], one["dnsLabel"]) for one in listed] == [(ip, "r5")]
    cluster.call("DELETE", f"{CORE}/services/site")
    cluster.until(lambda: cluster.call("GET", f"{CORE}/services/site").status_code == 404)
    with pytest.raises(OSError, match="refused"):
        cluster.until(lambda: answer((ip, 8080)) and False)


def test_an_address_that_cannot_be_served_is_told(cluster: Lab) -> None:
    taken = socket.create_server(("", 8181))
    with taken:
        cluster.create(f"{CORE}/services", {
            "metadata": {"name": "blocked"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "plain"}, "ports": [{"port": 8181}]},
        })  # fmt: skip
        messages = cluster.until(lambda: events(cluster, "SyncLoadBalancerFailed"))
        assert "cannot listen on" in messages[0]


def test_what_an_owner_leaves_behind_is_collected(cluster: Lab) -> None:
    cluster.create(f"{APPS}/deployments", deployment("parent", replicas=2, image="paused"))
    cluster.until(lambda: len(pods_of(cluster, "parent")) == 2)
    cluster.call("DELETE", f"{APPS}/deployments/parent", {"propagationPolicy": "Foreground"})
    cluster.until(lambda: cluster.call("GET", f"{APPS}/deployments/parent").status_code == 404)
    assert pods_of(cluster, "parent") == []


def test_orphans_stay(cluster: Lab) -> None:
    cluster.create(f"{APPS}/deployments", deployment("lone", image="paused"))
    cluster.until(lambda: pods_of(cluster, "lone"))
    cluster.call("DELETE", f"{APPS}/deployments/lone", {"propagationPolicy": "Orphan"})
    cluster.until(lambda: cluster.call("GET", f"{APPS}/deployments/lone").status_code == 404)
    found = cluster.get(f"{APPS}/replicasets", labelSelector="app=lone")["items"]
    assert len(found) == 1
    assert not found[0]["metadata"].get("ownerReferences")


def test_a_namespace_goes_with_everything_in_it(cluster: Lab) -> None:
    cluster.create("/api/v1/namespaces", {"metadata": {"name": "short"}})
    path = "/api/v1/namespaces/short"
    cluster.until(lambda: cluster.call("GET", f"{path}/serviceaccounts/default").status_code == 200)
    cluster.create(f"{path}/pods", pod("p"))
    cluster.create("/apis/apps/v1/namespaces/short/deployments", deployment("d"))
    assert cluster.call("DELETE", path).json()["status"]["phase"] == "Terminating"
    cluster.until(lambda: cluster.call("GET", path).status_code == 404)
    assert not [row for row in cluster.world.resources() if "/short/" in row["id"]]


def test_a_quota_is_kept(cluster: Lab) -> None:
    cluster.create("/api/v1/namespaces", {"metadata": {"name": "poor"}})
    path = "/api/v1/namespaces/poor"
    cluster.until(lambda: cluster.call("GET", f"{path}/serviceaccounts/default").status_code == 200)
    cluster.create(f"{path}/resourcequotas", {"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1"}}})
    cluster.create(f"{path}/pods", pod("first", "paused"))
    refused = cluster.call("POST", f"{path}/pods", pod("second", "paused"))
    assert refused.status_code == 403
    assert "exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1" in refused.json()["message"]


def test_a_disruption_budget_refuses_evictions(cluster: Lab) -> None:
    cluster.create(f"{CORE}/pods", pod("guarded"))
    cluster.until(lambda: ready(cluster, "guarded"))
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}}
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    cluster.create(budgets, {"metadata": {"name": "guard"}, "spec": spec})
    cluster.until(lambda: cluster.get(f"{budgets}/guard")["status"].get("currentHealthy") == 1)
    path, eviction = f"{CORE}/pods/guarded/eviction", {"metadata": {"name": "guarded"}}
    assert cluster.call("POST", path, eviction).status_code == 429
    cluster.call("DELETE", f"{budgets}/guard")
    assert cluster.call("POST", path, eviction).status_code == 201
