"""Nodes that are emptied before they go: no new pods on them, and those that are there asked to leave.

As `kubectl drain --ignore-daemonsets --delete-emptydir-data --force` does it, which the AKS documentation asks for before a pool is
deleted ("Resize node pools": AKS itself neither cordons nor drains then). An eviction respects the disruption budgets.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.errors import NotFoundError, TemporaryError
from shared.kubernetes.client import Json, Kubernetes
from shared.kubernetes.paths import resource

_TOO_MANY = 429
"""How an eviction is refused that a budget does not allow now; and any call, when there are too many."""


class Staying(NamedTuple):
    """A pod that is still there. why: in the words of the budget that keeps it; empty when it is on its way."""

    name: str
    namespace: str
    why: str


def cordon(cluster: Kubernetes, nodes: Sequence[str]) -> None:
    """Keeps new pods off these nodes. A node that is gone is fine."""
    for node in nodes:
        try:
            cluster.patch(resource("nodes", name=node), {"spec": {"unschedulable": True}})
        except NotFoundError:
            continue


def evict(cluster: Kubernetes, nodes: Sequence[str]) -> list[Staying]:
    """Asks the pods of the first node that has any to leave; those still there. Empty: all of these nodes are empty.

    Node by node, as the documentation advises: of two pods that stand in for each other without a budget one stays at work.
    """
    for node in nodes:
        listed = cluster.list(resource("pods"), fields=f"spec.nodeName={node}")
        if going := [pod for pod in listed if _leaves(pod)]:
            return [_asked(cluster, pod) for pod in going]
    return []


def _leaves(pod: Json) -> bool:
    """Pods of daemon sets and of the node itself stay: they would come back, and end with the node."""
    metadata = pod["metadata"]
    owners = {owner["kind"] for owner in metadata.get("ownerReferences") or []}
    return not owners & {"DaemonSet", "Node"} and "kubernetes.io/config.mirror" not in (
        metadata.get("annotations") or {}
    )


def _asked(cluster: Kubernetes, pod: Json) -> Staying:
    metadata = pod["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    if metadata.get("deletionTimestamp"):
        return Staying(name, namespace, "")
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    try:
        cluster.create(f"{resource('pods', namespace, name)}/eviction", body)
    except NotFoundError:  # ended by itself meanwhile
        return Staying(name, namespace, "")
    except TemporaryError as error:
        if error.status != _TOO_MANY:
            raise
        return Staying(name, namespace, _budget(error) or error.message)
    return Staying(name, namespace, "")


def _budget(error: TemporaryError) -> str:
    """The budget's name, as Kubernetes says it beside its message."""
    details = error.details if isinstance(error.details, dict) else {}
    return "; ".join(str(cause.get("message")) for cause in details.get("causes") or [] if cause.get("message"))
