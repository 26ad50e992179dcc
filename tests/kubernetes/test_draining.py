"""Nodes that are emptied: which pods have to leave, in what order, and what keeps them."""

from typing import Any

import pytest

from shared.errors import NotFoundError, TemporaryError
from shared.kubernetes.client import Kubernetes
from shared.kubernetes.draining import Staying, cordon, evict
from tests.fakes.cluster import FakeCluster

BUDGET = {"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget hub needs 1 healthy pods"}]}


class Nodes(FakeCluster):
    """Pods by node: a field selector is honoured."""

    def list(self, path: str, labels: str = "", fields: str = "") -> list[dict[str, Any]]:
        node = fields.removeprefix("spec.nodeName=")
        return [pod for pod in super().list(path) if pod["spec"]["nodeName"] == node]


def pod(name: str, node: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "jhub", **metadata}, "spec": {"nodeName": node}}


def asked(cluster: FakeCluster) -> list[str]:
    return [call[1].split("/")[-2] for call in cluster.calls if call[0] == "create"]


def test_a_cordoned_node_is_told_once_and_one_that_is_gone_does_not_matter() -> None:
    class Gone(FakeCluster):
        def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
            if path.endswith("/b"):
                raise NotFoundError("Kubernetes", "NotFound", "gone", status=404)
            return super().patch(path, body)

    cluster = Gone()
    cordon(cluster, ["a", "b", "c"])
    assert [call[1:] for call in cluster.calls] == [
        ("/api/v1/nodes/a", {"spec": {"unschedulable": True}}),
        ("/api/v1/nodes/c", {"spec": {"unschedulable": True}}),
    ]


def test_one_node_after_the_other_and_nothing_that_belongs_to_the_node() -> None:
    cluster = Nodes(
        {
            "/api/v1/pods": [
                pod("proxy", "a", ownerReferences=[{"kind": "DaemonSet", "name": "x"}]),
                pod("static", "a", annotations={"kubernetes.io/config.mirror": "1"}),
                pod("hub", "b", ownerReferences=[{"kind": "ReplicaSet", "name": "x"}]),
                pod("ending", "b", deletionTimestamp="2026-11-23T08:00:00Z"),
                pod("jupyter-ann", "c"),
            ]
        }
    )
    assert evict(cluster, ["a", "b", "c"]) == [Staying("hub", "jhub", ""), Staying("ending", "jhub", "")]
    assert asked(cluster) == ["hub"]
    assert evict(cluster, ["a"]) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NotFoundError("Kubernetes", "NotFound", "gone", status=404), ""),
        (
            TemporaryError("Kubernetes", "TooManyRequests", "Cannot evict pod", status=429, details=BUDGET),
            "The disruption budget hub needs 1 healthy pods",
        ),
        (TemporaryError("Kubernetes", "TooManyRequests", "slow down", status=429), "slow down"),
    ],
)
def test_what_keeps_a_pod_is_said(answer: Exception, why: str) -> None:
    path = "/api/v1/namespaces/jhub/pods/hub/eviction"
    cluster = Nodes({"/api/v1/pods": [pod("hub", "a")], f"POST {path}": answer})
    assert evict(cluster, ["a"]) == [Staying("hub", "jhub", why)]


def test_a_server_that_does_not_answer_is_no_budget() -> None:
    path = "/api/v1/namespaces/jhub/pods/hub/eviction"
    broken = TemporaryError("Kubernetes", "ServerError", "etcd", status=500)
    cluster: Kubernetes = Nodes({"/api/v1/pods": [pod("hub", "a")], f"POST {path}": broken})
    with pytest.raises(TemporaryError, match="etcd"):
        evict(cluster, ["a"])
