"""What is in a hub's cluster: nodes, pods, claims, the release, its address, and how many more users fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from shared import amounts
from shared.clock import wire_time
from shared.errors import OutsideError
from shared.hubs import ownership
from shared.hubs.chart import access
from shared.hubs.chart import values as chart
from shared.hubs.inventory import capacity, disks
from shared.hubs.inventory.capacity import Amounts, Room
from shared.hubs.spec import binder
from shared.hubs.store import HubRecord
from shared.kubernetes import workloads
from shared.kubernetes.helm import Release
from shared.kubernetes.workloads import Claim, Node, Pod
from shared.services import Services

_GIBIBYTE = 1024**3
_ENDED = ("Succeeded", "Failed")
"""Phases in which a pod takes nothing any more."""
_PLACEHOLDER = "user-placeholder"
"""The chart's pods that only keep room for users, and make way for them."""


@dataclass(frozen=True)
class Seen:
    """What a cluster said, all in the same moment. skus: disk kinds by storage class; size_disks: data disks of the VM size."""

    nodes: Sequence[Node]
    pods: Sequence[Pod]
    claims: Sequence[Claim]
    skus: Mapping[str, str]
    address: str | None
    releases: Sequence[Release] = field(default_factory=list)
    size_disks: int | None = None
    page_address: str | None = None


def look(services: Services, hub: HubRecord) -> Seen:
    """Reads the cluster. Raises OutsideError when it does not answer."""
    spec = hub.spec
    kubeconfig = ownership.kubeconfig(services, hub)
    with services.kubernetes(kubeconfig) as kubernetes:
        nodes, pods = workloads.nodes(kubernetes), workloads.pods(kubernetes)
        claims = workloads.claims(kubernetes, spec.release.namespace)
        skus = workloads.storage_skus(kubernetes)
        address = workloads.service_address(kubernetes, spec.release.namespace, access.PUBLIC_SERVICE)
        page = (
            workloads.service_address(kubernetes, spec.release.namespace, access.PAGE_SERVICE) if spec.binder else None
        )
    releases = services.helm.history(kubeconfig, spec.release.name, spec.release.namespace)
    return Seen(nodes, pods, claims, skus, address, releases, _data_disks(services, hub), page)


def _data_disks(services: Services, hub: HubRecord) -> int | None:
    """How many the VM size takes; None when Azure does not say, which takes nothing else of the inventory away."""
    try:
        size = services.quotas.sku(hub.spec.location, hub.spec.cluster.vm_size)
    except OutsideError:
        return None
    return size.max_data_disks if size else None


def shown(hub: HubRecord, seen: Seen) -> dict[str, Any]:
    return {
        "hub": hub.name,
        "nodes": [_node(node, seen.pods) for node in seen.nodes],
        "pods": _pods(hub, seen.pods),
        "claims": [_claim(claim, seen.skus) for claim in seen.claims],
        "release": _release(hub, seen.releases),
        "address": _address(hub, seen),
        "capacity": _capacity(hub, seen),
    }


def _address(hub: HubRecord, seen: Seen) -> dict[str, Any]:
    """JupyterHub's; of a BinderHub its page's as well, which is what people open."""
    address: dict[str, Any] = {"ip": seen.address, "url": hub.status.urls.hub}
    if hub.spec.binder:
        address["binder"] = {"ip": seen.page_address, "url": hub.status.urls.page}
    return address


def _node(node: Node, pods: Sequence[Pod]) -> dict[str, Any]:
    here = [pod for pod in pods if pod.node == node.name and pod.phase not in _ENDED]
    return {
        "name": node.name,
        "pool": node.pool,
        "ready": node.ready,
        "schedulable": node.schedulable,
        "version": node.version.removeprefix("v"),
        "cpu": node.cpu,
        "memoryGiB": round(node.memory_bytes / _GIBIBYTE, 2),
        "maxPods": node.max_pods,
        "pods": len(here),
        "users": sum(_is_user(pod) for pod in here),
    }


def _pods(hub: HubRecord, pods: Sequence[Pod]) -> dict[str, Any]:
    own = [pod for pod in pods if pod.namespace == hub.spec.release.namespace]
    return {
        "users": [
            _pod(pod) | {"user": pod.user} for pod in sorted(own, key=lambda pod: pod.user or "") if _is_user(pod)
        ],
        "hub": [_pod(pod) for pod in own if not _is_user(pod)],
        "system": len(pods) - len(own),
    }


def _pod(pod: Pod) -> dict[str, Any]:
    return {
        "name": pod.name,
        "node": pod.node,
        "phase": pod.phase,
        "ready": pod.ready,
        "started": wire_time(pod.started),
        "memoryGiB": round(pod.memory_bytes / _GIBIBYTE, 2),
        "cpu": pod.cpu,
    }


def _is_user(pod: Pod) -> bool:
    return pod.component == "singleuser-server"


def _claim(claim: Claim, skus: Mapping[str, str]) -> dict[str, Any]:
    sku = skus.get(claim.storage_class or "")
    tier = disks.tier(claim.gibibytes, sku) if sku else None
    return {
        "name": claim.name,
        "user": claim.user,
        "phase": claim.phase,
        "gibibytes": claim.gibibytes,
        "storageClass": claim.storage_class,
        "disk": claim.disk.rpartition("/")[2] if claim.disk else None,
        "bills": {"tier": tier.name, "gibibytes": tier.gibibytes, "sku": tier.sku} if tier else None,
    }


def _release(hub: HubRecord, releases: Sequence[Release]) -> dict[str, Any]:
    """releases: oldest first, as helm has them; shown newest first."""
    history = [
        {
            "revision": release.revision,
            "status": release.status,
            "chart": release.chart,
            "version": release.chart_version,
            "updated": wire_time(release.updated),
            "description": release.description,
        }
        for release in reversed(releases)
    ]
    return {"name": hub.spec.release.name, "namespace": hub.spec.release.namespace, "history": history}


def _capacity(hub: HubRecord, seen: Seen) -> dict[str, Any]:
    nodes = [node for node in seen.nodes if node.ready and node.schedulable]
    pods = [pod for pod in seen.pods if pod.phase not in _ENDED and pod.component != _PLACEHOLDER]
    size_disks = inf if seen.size_disks is None else float(seen.size_disks)
    rooms = [_room(node, [pod for pod in pods if pod.node == node.name], size_disks) for node in nodes]
    running = sum(_is_user(pod) and pod.node in {node.name for node in nodes} for pod in pods)
    user = per_user(_jupyterhub_values(hub))
    now = capacity.fit(rooms, user, running)
    answer = _fit(now) | {
        "perUser": {"memoryGiB": round(user.memory / _GIBIBYTE, 2), "cpu": user.cpu, "disks": int(user.disks)},
        "disksPerNode": seen.size_disks,
    }
    if hub.spec.cluster.autoscale and nodes:
        grown = capacity.with_nodes(rooms, _new_room(nodes[0], pods, size_disks), hub.spec.cluster.autoscale.max)
        answer["autoscaled"] = _fit(capacity.fit(grown, user, running))
    return answer


def _fit(found: capacity.Fit) -> dict[str, Any]:
    return {
        "nodes": found.nodes,
        "users": found.users,
        "more": found.more,
        "limit": found.limit,
        "alone": found.alone,
        "says": capacity.sentence(found),
        "advice": capacity.ADVICE[found.limit] if found.limit else "Start the hub, or wait until its nodes are ready.",
    }


def _room(node: Node, pods: Sequence[Pod], size_disks: float) -> Room:
    offers = Amounts(node.max_pods, node.memory_bytes, node.cpu, size_disks)
    return Room(offers, capacity.total([_takes(pod) for pod in pods]))


def _new_room(like: Node, pods: Sequence[Pod], size_disks: float) -> Room:
    """A node that the autoscaler adds: like this one, with the daemons that this one has."""
    return _room(like, [pod for pod in pods if pod.daemon and pod.node == like.name], size_disks)


def _takes(pod: Pod) -> Amounts:
    return Amounts(1, pod.memory_bytes, pod.cpu, len(pod.claims))


def _jupyterhub_values(hub: HubRecord) -> Mapping[str, Any]:
    """Of the chart with the defaults that BinderHub's chart has for it: servers have no homes, and are guaranteed no memory."""
    values = access.values(hub.spec)
    if not hub.spec.binder:
        return values
    ours: dict[str, Any] = {"singleuser": {"storage": {"type": "none"}, "memory": {"guarantee": None}}}
    return chart.merge(binder.at(values, binder.INNER), ours)


def per_user(values: Mapping[str, Any]) -> Amounts:
    """What the next user's server asks for, by the chart's values and, where they say nothing, its defaults (1 GiB, no CPU).

    An amount that cannot be read asks for nothing: a hub that was made before such are refused is still looked into.
    """
    memory, cpu, storage = (_singleuser(values, part) for part in ("memory", "cpu", "storage"))
    guarantee = memory.get("guarantee", "1G")  # null asks for none
    # Kubernetes takes a limit without a guarantee for the guarantee, too.
    asked = amounts.memory_bytes(guarantee) or amounts.memory_bytes(memory.get("limit")) or 0
    cores = amounts.cores(cpu.get("guarantee")) or amounts.cores(cpu.get("limit")) or 0.0
    return Amounts(1, asked, cores, int(storage.get("type", "dynamic") == "dynamic"))


def _singleuser(values: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    settings = values.get("singleuser")
    found = settings.get(part) if isinstance(settings, Mapping) else None
    return found if isinstance(found, Mapping) else {}
