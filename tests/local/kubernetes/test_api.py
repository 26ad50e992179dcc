"""The API server over the wire: who may do what, how objects are read, changed, watched and deleted."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.kubernetes.given import PODS, service_account
from tests.local.kubernetes.kubernetes_lab import KEY, Lab, deployment, lab, pod

pytestmark = pytest.mark.local
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("api")) as made:
        yield made


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


@pytest.mark.parametrize("token", ["", "wrong", "a.b.c"])
def test_nobody_gets_in_without_a_credential(cluster: Lab, token: str) -> None:
    answer = cluster.call("GET", "/version", token=token)
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_the_version_is_that_of_the_cluster(cluster: Lab) -> None:
    assert cluster.get("/version")["gitVersion"] == "v1.35.2"


def test_unknown_paths_and_objects_are_not_found(cluster: Lab) -> None:
    assert cluster.call("GET", "/api/v1/nopes").status_code == 404
    assert cluster.call("GET", "/apis/nope/v1").status_code == 404
    body = cluster.get("/apis/apps/v1/namespaces/default/deployments/nope")
    assert body["message"] == 'deployments.apps "nope" not found'
    assert body["details"] == {"name": "nope", "kind": "deployments", "group": "apps"}


def test_an_object_gets_what_the_server_adds(cluster: Lab) -> None:
    made = cluster.create(MAPS, {"metadata": {"generateName": "map-"}, "data": {"a": "1"}})
    assert made["metadata"]["name"].startswith("map-")
    assert {"uid", "creationTimestamp", "resourceVersion", "namespace"} <= made["metadata"].keys()


def test_a_name_is_used_once(cluster: Lab) -> None:
    cluster.create(MAPS, config_map("twice"))
    answer = cluster.call("POST", MAPS, config_map("twice"))
    assert answer.status_code == 409
    assert (answer.json()["reason"], answer.json()["message"]) == (
        "AlreadyExists",
        'configmaps "twice" already exists',
    )


def test_an_old_version_does_not_overwrite_a_newer_one(cluster: Lab) -> None:
    made = cluster.create(MAPS, config_map("race"))
    newer = {**made, "data": {"a": "1"}}
    assert cluster.call("PUT", f"{MAPS}/race", newer).status_code == 200
    answer = cluster.call("PUT", f"{MAPS}/race", {**made, "data": {"a": "2"}})
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")


def test_a_write_that_changes_nothing_makes_no_version(cluster: Lab) -> None:
    made = cluster.create(MAPS, config_map("same", a="1"))
    again = cluster.call("PATCH", f"{MAPS}/same", {"data": {"a": "1"}}, media="application/merge-patch+json").json()
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_unknown_fields_are_warned_of_or_refused_as_asked(cluster: Lab) -> None:
    body = {**config_map("fields"), "bogus": 1}
    strict = cluster.call("POST", MAPS, body, fieldValidation="Strict")
    assert strict.status_code == 400
    assert 'strict decoding error: unknown field "bogus"' in strict.json()["message"]
    warned = cluster.call("POST", MAPS, body)
    assert warned.status_code == 201
    assert warned.headers["Warning"] == '299 - "unknown field \\"bogus\\""'
    assert "bogus" not in warned.json()


def test_wrong_values_are_invalid_and_every_cause_is_named(cluster: Lab) -> None:
    answer = cluster.call("POST", "/apis/apps/v1/namespaces/default/deployments", deployment("web", replicas=-1))
    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
    assert answer.json()["message"] == (
        'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )
    missing = cluster.call("POST", "/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "web"}})
    causes = missing.json()["details"]["causes"]
    assert [cause["field"] for cause in causes] == ["spec.selector", "spec.template.spec.containers"]


def test_a_namespace_that_is_not_there_takes_nothing(cluster: Lab) -> None:
    answer = cluster.call("POST", "/api/v1/namespaces/nope/configmaps", config_map("x"))
    assert (answer.status_code, answer.json()["message"]) == (404, 'namespaces "nope" not found')
    assert cluster.call("DELETE", "/api/v1/namespaces/default").status_code == 403


def test_a_dry_run_changes_nothing(cluster: Lab) -> None:
    assert cluster.call("POST", MAPS, config_map("dry"), dryRun="All").status_code == 201
    assert cluster.call("GET", f"{MAPS}/dry").status_code == 404


def test_lists_are_selected_and_paged(cluster: Lab) -> None:
    for number in range(5):
        body = {"metadata": {"name": f"page-{number}", "labels": {"paged": "yes"}}}
        cluster.create(MAPS, body)
    page = cluster.get(MAPS, labelSelector="paged=yes", limit=2)
    names = [item["metadata"]["name"] for item in page["items"]]
    assert page["metadata"]["remainingItemCount"] == 3
    while token := page["metadata"].get("continue"):
        page = cluster.get(MAPS, **{"labelSelector": "paged=yes", "limit": 2, "continue": token})
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names == [f"page-{number}" for number in range(5)]
    one = cluster.get(MAPS, fieldSelector="metadata.name=page-3")
    assert [item["metadata"]["name"] for item in one["items"]] == ["page-3"]


def watched(cluster: Lab, path: str, happens: Any, **params: Any) -> list[Any]:
    """The events of a watch while something is done to the cluster."""
    events: list[Any] = []

    def follow() -> None:
        answer = cluster.call("GET", path, watch="true", timeoutSeconds=3, **params)
        events.extend(json.loads(line) for line in answer.text.splitlines())

    thread = threading.Thread(target=follow)
    thread.start()
    happens()
    thread.join()
    return events


def test_a_watch_tells_of_every_change_since_a_version(cluster: Lab) -> None:
    start = cluster.get(MAPS)["metadata"]["resourceVersion"]

    def work() -> None:
        cluster.create(MAPS, {"metadata": {"name": "seen", "labels": {"w": "1"}}})
        cluster.create(MAPS, {"metadata": {"name": "other"}})
        change = {"data": {"a": "1"}}
        cluster.call("PATCH", f"{MAPS}/seen", change, media="application/strategic-merge-patch+json")
        cluster.call("DELETE", f"{MAPS}/seen")

    events = watched(cluster, MAPS, work, resourceVersion=start, labelSelector="w=1", allowWatchBookmarks="true")
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)


def test_an_object_that_leaves_the_selection_is_deleted_for_the_watch(cluster: Lab) -> None:
    cluster.create(MAPS, {"metadata": {"name": "leaves", "labels": {"l": "1"}}})
    start = cluster.get(MAPS)["metadata"]["resourceVersion"]
    change = {"metadata": {"labels": {"l": "2"}}}

    def work() -> None:
        cluster.call("PATCH", f"{MAPS}/leaves", change, media="application/merge-patch+json")

    events = watched(cluster, MAPS, work, resourceVersion=start, labelSelector="l=1")
    assert [event["type"] for event in events] == ["DELETED"]


def test_a_watch_from_nothing_begins_with_what_there_is(cluster: Lab) -> None:
    cluster.create(MAPS, {"metadata": {"name": "there", "labels": {"t": "1"}}})
    events = watched(cluster, MAPS, lambda: None, labelSelector="t=1", sendInitialEvents="true", allowWatchBookmarks="true",
                     resourceVersionMatch="NotOlderThan")  # fmt: skip
    assert [event["type"] for event in events][:2] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_that_is_forgotten_is_gone(cluster: Lab) -> None:
    events = watched(cluster, MAPS, lambda: None, resourceVersion="1")
    assert [(event["type"], event["object"]["code"]) for event in events] == [("ERROR", 410)]


def test_tables_have_the_columns_of_kubectl(cluster: Lab) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = cluster.call("GET", "/api/v1/nodes", accept=accept).json()
    assert table["kind"] == "Table"
    assert [one["name"] for one in table["columnDefinitions"]][:5] == ["Name", "Status", "Roles", "Age", "Version"]
    assert table["rows"][0]["cells"][:2] == ["aks-nodepool1-12345678-vmss000000", "Ready"]


def test_scale_is_read_and_written_apart(cluster: Lab) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    cluster.create(path, deployment("scaled", image="paused"))
    assert cluster.get(f"{path}/scaled/scale")["spec"] == {"replicas": 1}
    change = {"spec": {"replicas": 0}}
    answer = cluster.call("PATCH", f"{path}/scaled/scale", change, media="application/merge-patch+json")
    assert answer.json()["spec"] == {"replicas": 0}
    assert cluster.get(f"{path}/scaled")["metadata"]["generation"] == 2


def test_a_status_is_written_apart(cluster: Lab) -> None:
    cluster.create("/api/v1/namespaces/default/services", {
        "metadata": {"name": "status"}, "spec": {"ports": [{"port": 80}]}
    })  # fmt: skip
    path = "/api/v1/namespaces/default/services/status"
    stored = cluster.get(path)
    stored["status"] = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}
    stored["spec"]["sessionAffinity"] = "ClientIP"
    assert cluster.call("PUT", path, stored).json()["status"] == {"loadBalancer": {}}
    stored = cluster.get(path)
    stored["spec"]["sessionAffinity"] = "None"
    stored["status"] = {"conditions": []}
    after = cluster.call("PUT", f"{path}/status", stored).json()
    assert (after["spec"]["sessionAffinity"], after["status"]) == ("ClientIP", {"conditions": []})


def test_a_finalizer_keeps_an_object_until_it_is_taken_off(cluster: Lab) -> None:
    cluster.create(MAPS, {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    assert "deletionTimestamp" in cluster.call("DELETE", f"{MAPS}/held").json()["metadata"]
    change = {"metadata": {"finalizers": None}}
    cluster.call("PATCH", f"{MAPS}/held", change, media="application/merge-patch+json")
    assert cluster.call("GET", f"{MAPS}/held").status_code == 404


def test_deletion_respects_preconditions(cluster: Lab) -> None:
    cluster.create(MAPS, config_map("precious"))
    answer = cluster.call("DELETE", f"{MAPS}/precious", {"preconditions": {"uid": "another"}})
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")


def test_a_service_account_may_do_what_its_roles_say(cluster: Lab) -> None:
    token = service_account(cluster, "reader", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    assert cluster.call("GET", PODS, token=token).status_code == 200
    assert cluster.call("GET", "/apis", token=token).status_code == 200
    refused = cluster.call("GET", "/api/v1/namespaces/kube-system/pods", token=token)
    assert refused.status_code == 403
    assert refused.json()["message"] == (
        'pods is forbidden: User "system:serviceaccount:default:reader" cannot list resource "pods" '
        'in API group "" in the namespace "kube-system"'
    )
    assert cluster.call("POST", PODS, pod("x"), token=token).status_code == 403
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert cluster.call("POST", path, review, token=token).json()["status"]["allowed"] is True


def test_a_deleted_service_account_is_nobody(cluster: Lab) -> None:
    token = service_account(cluster, "gone", [])
    cluster.call("DELETE", "/api/v1/namespaces/default/serviceaccounts/gone")
    assert cluster.call("GET", "/apis", token=token).status_code == 401


def test_server_side_apply_creates_then_changes(cluster: Lab) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": {"a": "1", "b": "1"}}
    media, path = "application/apply-patch+yaml", f"{MAPS}/ssa"
    assert cluster.call("PATCH", path, body, media=media, fieldManager="one").status_code == 201
    again = cluster.call("PATCH", path, {**body, "data": {"a": "2"}}, media=media, fieldManager="one")
    assert (again.status_code, again.json()["data"]) == (200, {"a": "2"})
    other = cluster.call("PATCH", path, {**body, "data": {"a": "3"}}, media=media, fieldManager="two")
    assert (other.status_code, other.json()["reason"]) == (409, "Conflict")


def test_faults_and_the_call_log_stand_before_the_server(cluster: Lab) -> None:
    assert any(call["service"] == "kubernetes" for call in cluster.log.all())


def test_the_listing_names_objects_but_no_events(cluster: Lab) -> None:
    ids = [row["id"] for row in cluster.world.resources()]
    assert "r5/v1/Namespace//default" in ids
    assert not any("/Event/" in one for one in ids)


def test_a_kubeconfig_has_the_names_that_aks_gives(cluster: Lab) -> None:
    text = cluster.clusters.kubeconfig(KEY, admin=False, resource_group="r5-rg")
    assert "clusterUser_r5-rg_r5" in text
    assert "current-context: r5\n" in text
    assert Path(cluster.folder, "ca", "ca.pem").exists()
