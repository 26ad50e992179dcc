"""Objects of a cluster, read and changed through its API, in the product's own terms."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from shared import amounts
from shared.errors import ConflictError, TemporaryError
from shared.kubernetes import diagnosis
from shared.kubernetes.client import Json, Kubernetes
from shared.kubernetes.diagnosis import Cause
from shared.kubernetes.errors import KUBERNETES
from shared.kubernetes.paths import resource

_USERNAME = "hub.jupyter.org/username"  # as annotation the name itself, as label escaped
_POOL = ("kubernetes.azure.com/agentpool", "agentpool")
_GIBIBYTE = 1024**3
_DISKS = "disk.csi.azure.com"


class Readiness(NamedTuple):
    name: str
    ready: bool
    message: str
    """Why not; empty when ready."""


@dataclass(frozen=True)
class Node:
    name: str
    pool: str
    ready: bool
    version: str
    """The version of its kubelet, with a "v"."""
    cpu: float
    """Cores that pods may ask for (allocatable: the machine's, less what Azure keeps back)."""
    memory_bytes: int
    """Bytes that pods may ask for."""
    max_pods: int
    schedulable: bool = True
    """True when it takes new pods; a cordoned node does not."""


@dataclass(frozen=True)
class Pod:
    name: str
    namespace: str
    node: str | None
    phase: str
    ready: bool
    user: str | None
    """The user whose server it is."""
    component: str | None
    started: datetime | None
    memory_bytes: int
    """Bytes that its containers are guaranteed, added up."""
    cpu: float = 0.0
    """Cores that its containers are guaranteed, added up."""
    claims: tuple[str, ...] = ()
    """Names of the claims that it mounts."""
    daemon: bool = False
    """True when a DaemonSet keeps one like it on every node."""


@dataclass(frozen=True)
class Claim:
    name: str
    phase: str
    gibibytes: float
    storage_class: str | None
    volume: str | None
    disk: str | None
    """Azure's id of the managed disk behind it."""
    user: str | None


@dataclass(frozen=True)
class Volume:
    name: str
    phase: str
    gibibytes: float
    claim: str | None
    """namespace/name, also when that claim is gone."""
    disk: str | None
    reclaim_policy: str
    """Delete: the disk goes with the claim. Retain: it stays."""


def ensure_namespace(cluster: Kubernetes, name: str, labels: dict[str, str]) -> None:
    """Makes the namespace if it is missing, with at least these labels.

    Raises TemporaryError while a namespace of that name is being deleted.
    """
    found = cluster.find(resource("namespaces", name=name))
    if found is None:
        try:
            cluster.create(resource("namespaces"), {"metadata": {"name": name, "labels": labels}})
        except ConflictError:  # made by somebody else in this moment
            found = cluster.get(resource("namespaces", name=name))
        else:
            return
    if found["metadata"].get("deletionTimestamp"):
        raise TemporaryError(KUBERNETES, "NamespaceTerminating", f"the namespace {name} is still being deleted")
    if not labels.items() <= (found["metadata"].get("labels") or {}).items():
        cluster.patch(resource("namespaces", name=name), {"metadata": {"labels": labels}})


def secret(cluster: Kubernetes, namespace: str, name: str) -> dict[str, bytes] | None:
    found = cluster.find(resource("secrets", namespace, name))
    if found is None:
        return None
    return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


def deployments_ready(cluster: Kubernetes, namespace: str, names: list[str]) -> list[Readiness]:
    """The readiness of these deployments, in the order of `names`."""
    listed = cluster.list(resource("deployments", namespace))
    found = {item["metadata"]["name"]: item for item in listed}
    return [_readiness(name, found.get(name)) for name in names]


def service_address(cluster: Kubernetes, namespace: str, name: str) -> str | None:
    """The public IP (Azure) or host name of a load balancer; None while there is none."""
    found = cluster.find(resource("services", namespace, name)) or {}
    ingress = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    address: str | None = ingress[0].get("ip") or ingress[0].get("hostname")
    return address


def public_services(cluster: Kubernetes, namespace: str, names: list[str]) -> dict[str, str]:
    """The services among these that can be reached from outside the cluster, with their type."""
    found = {name: cluster.find(resource("services", namespace, name)) or {} for name in names}
    types = {name: str((service.get("spec") or {}).get("type")) for name, service in found.items()}
    return {name: kind for name, kind in types.items() if kind in ("LoadBalancer", "NodePort")}


def set_service_types(cluster: Kubernetes, namespace: str, types: Mapping[str, str]) -> None:
    """A service of type ClusterIP loses its public address, and goes on inside the cluster."""
    for name, kind in types.items():
        cluster.patch(resource("services", namespace, name), {"spec": {"type": kind}})


def nodes(cluster: Kubernetes) -> list[Node]:
    return [_node(item) for item in cluster.list(resource("nodes"))]


def pods(cluster: Kubernetes, namespace: str | None = None) -> list[Pod]:
    """Pods of one namespace, or of all."""
    return [_pod(item) for item in cluster.list(resource("pods", namespace))]


def claims(cluster: Kubernetes, namespace: str | None = None) -> list[Claim]:
    disks = {volume.name: volume.disk for volume in volumes(cluster)}
    return [_claim(item, disks) for item in cluster.list(resource("persistentvolumeclaims", namespace))]


def volumes(cluster: Kubernetes) -> list[Volume]:
    """Volumes of the whole cluster, released ones included."""
    return [_volume(item) for item in cluster.list(resource("persistentvolumes"))]


def storage_skus(cluster: Kubernetes) -> dict[str, str]:
    """By storage class, the kind of managed disk that it makes, such as StandardSSD_LRS; classes of other storage are left out."""
    classes = cluster.list(resource("storageclasses"))
    disks = [item for item in classes if item.get("provisioner") == _DISKS]
    return {item["metadata"]["name"]: _sku(item.get("parameters") or {}) for item in disks}


def delete_claims(cluster: Kubernetes, namespace: str, names: list[str] | None = None) -> list[str]:
    """Deletes these claims, or all of the namespace. Returns those still there: a claim goes when no pod uses it."""
    path = resource("persistentvolumeclaims", namespace)
    present = [item["metadata"]["name"] for item in cluster.list(path)]
    return [name for name in present if (names is None or name in names) and cluster.delete(f"{path}/{name}")]


def why_not_ready(cluster: Kubernetes, namespace: str, user: str | None = None) -> tuple[Cause, ...]:
    """Causes, the weightiest first, that keep the hub's own pods from running; or those of this user's server.

    Other users' servers say nothing of the hub, and placeholders for users wait for a node by design.
    """
    listed = [pod for pod in cluster.list(resource("pods", namespace)) if _user(pod) == user and not _placeholder(pod)]
    return diagnosis.causes(listed, cluster.list(resource("events", namespace)))


def _readiness(name: str, deployment: Json | None) -> Readiness:
    """As `kubectl rollout status` sees it: the newest generation is known, as many of its pods available as wanted."""
    if deployment is None:
        return Readiness(name, ready=False, message=f"there is no deployment {name}")
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return Readiness(name, ready=False, message=f"{name} was changed just now")
    if min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)) >= max(wanted, 1):
        return Readiness(name, ready=True, message="")
    said = [condition.get("message", "") for condition in status.get("conditions") or [] if _failed(condition)]
    return Readiness(name, ready=False, message=f"{name}: {said[0] if said else 'not all of its pods are available'}")


def _failed(condition: Json) -> bool:
    """Kubernetes' conditions are good when True, but for ReplicaFailure."""
    bad = "True" if condition["type"] == "ReplicaFailure" else "False"
    return bool(condition["status"] == bad)


def _node(item: Json) -> Node:
    status = item.get("status") or {}
    allocatable = status.get("allocatable") or {}
    labels = item["metadata"].get("labels") or {}
    return Node(
        name=item["metadata"]["name"],
        pool=next((labels[label] for label in _POOL if label in labels), ""),
        ready=_condition(item, "Ready"),
        version=(status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        cpu=_amount(allocatable, "cpu"),
        memory_bytes=int(_amount(allocatable, "memory")),
        max_pods=int(_amount(allocatable, "pods")),
        schedulable=not (item.get("spec") or {}).get("unschedulable", False),
    )


def _pod(item: Json) -> Pod:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    started = status.get("startTime")
    return Pod(
        name=metadata["name"],
        namespace=metadata["namespace"],
        node=spec.get("nodeName"),
        phase=status.get("phase", "Unknown"),
        ready=_condition(item, "Ready"),
        user=_user(item),
        component=_component(item),
        started=datetime.fromisoformat(started) if started else None,
        memory_bytes=int(_requested(spec, "memory")),
        cpu=_requested(spec, "cpu"),
        claims=tuple(
            volume["persistentVolumeClaim"]["claimName"]
            for volume in spec.get("volumes") or []
            if volume.get("persistentVolumeClaim")
        ),
        daemon=any(owner["kind"] == "DaemonSet" for owner in metadata.get("ownerReferences") or []),
    )


def _requested(spec: Json, resource: str) -> float:
    requests = [(container.get("resources") or {}).get("requests") or {} for container in spec.get("containers") or []]
    return sum(_amount(each, resource) for each in requests)


def _user(item: Json) -> str | None:
    """Whose server a pod is, or whose volume a claim."""
    metadata = item["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    user: str | None = annotations.get(_USERNAME) or labels.get(_USERNAME)
    return user


def _component(pod: Json) -> str | None:
    labels = pod["metadata"].get("labels") or {}
    component: str | None = labels.get("app.kubernetes.io/component") or labels.get("component")
    return component


def _placeholder(pod: Json) -> bool:
    return _component(pod) == "user-placeholder"


def _amount(amounts_of: Json, resource: str) -> float:
    """One quantity of several; one that cannot be read counts for nothing, and takes nothing else of an answer away."""
    return amounts.quantity(amounts_of.get(resource)) or 0.0


def _sku(parameters: Json) -> str:
    """The driver reads its parameters' names in any case and knows two for this one; its own default is Standard SSD."""
    given = {name.lower(): value for name, value in parameters.items()}
    return str(given.get("skuname") or given.get("storageaccounttype") or "StandardSSD_LRS")


def _claim(item: Json, disks: dict[str, str | None]) -> Claim:
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    volume = spec.get("volumeName")
    asked = (spec.get("resources") or {}).get("requests") or {}
    return Claim(
        name=metadata["name"],
        phase=status.get("phase", "Pending"),
        gibibytes=_amount(status.get("capacity") or asked, "storage") / _GIBIBYTE,
        storage_class=spec.get("storageClassName"),
        volume=volume,
        disk=disks.get(volume) if volume else None,
        user=_user(item),
    )


def _volume(item: Json) -> Volume:
    spec = item["spec"]
    claim: dict[str, Any] | None = spec.get("claimRef")
    return Volume(
        name=item["metadata"]["name"],
        phase=(item.get("status") or {}).get("phase", "Pending"),
        gibibytes=_amount(spec.get("capacity") or {}, "storage") / _GIBIBYTE,
        claim=f"{claim['namespace']}/{claim['name']}" if claim else None,
        disk=(spec.get("csi") or {}).get("volumeHandle"),
        reclaim_policy=spec.get("persistentVolumeReclaimPolicy", "Retain"),
    )


def _condition(item: Json, kind: str) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)
