"""What the API server's admission plugins and allocators add to a new object, or refuse."""

import ipaddress
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from local.kubernetes.objects.errors import ApiError, forbidden, not_found
from local.kubernetes.objects.kinds import (
    CLAIM,
    LIMITS,
    NAMESPACE,
    POD,
    PRIORITY_CLASS,
    QUOTA,
    SERVICE,
    SERVICE_ACCOUNT,
    STORAGE_CLASS,
    Kind,
)
from local.kubernetes.objects.quantity import parse
from local.kubernetes.objects.store import Store, meta
from local.world import Document

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, so that no words come out."""
SERVICES = ipaddress.ip_network("10.0.0.0/16")
NODE_PORTS = range(30000, 32768)
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def suffix(length: int = 5) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def namespace_open(store: Store, kind: Kind, document: Document) -> None:
    """Raises ApiError: 404 when the object's namespace does not exist, 403 when it is on its way out."""
    name = meta(document)["namespace"]
    found = store.get(NAMESPACE, "", name)
    if found is None:
        raise not_found(NAMESPACE, name)
    if meta(found).get("deletionTimestamp"):
        why = f"unable to create new content in namespace {name} because it is being terminated"
        refused = forbidden(kind, meta(document)["name"], why)
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        raise ApiError(403, "Forbidden", refused.message, {**(refused.details or {}), "causes": [cause]})


def _pod(store: Store, pod: Document) -> None:
    spec = pod["spec"]
    _account(store, pod)
    _limit_ranges(store, pod)
    _priority(store, pod)
    tolerated = {toleration.get("key") for toleration in spec.setdefault("tolerations", [])}
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if key not in tolerated:
            spec["tolerations"].append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    pod["status"]["qosClass"] = quality(spec)
    _quotas(store, pod)


def _account(store: Store, pod: Document) -> None:
    spec, namespace = pod["spec"], meta(pod)["namespace"]
    name = spec.get("serviceAccountName") or "default"
    spec.update(serviceAccountName=name, serviceAccount=name)
    account = store.get(SERVICE_ACCOUNT, namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden(POD, meta(pod)["name"], why)
    wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    if wanted:
        _mount_token(spec)


def _mount_token(spec: Document) -> None:
    name = f"kube-api-access-{suffix()}"
    sources: list[Document] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
                ]
            }
        },
    ]
    spec.setdefault("volumes", []).append({"name": name, "projected": {"sources": sources, "defaultMode": 420}})
    for container in (spec.get("initContainers") or []) + spec["containers"]:
        mounts = container.setdefault("volumeMounts", [])
        if all(mount["mountPath"] != TOKEN_PATH for mount in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": TOKEN_PATH})


def _priority(store: Store, pod: Document) -> None:
    spec = pod["spec"]
    name = spec.get("priorityClassName")
    found = store.get(PRIORITY_CLASS, "", name) if name else _default_priority(store)
    if name and found is None:
        raise forbidden(POD, meta(pod)["name"], f"no PriorityClass with name {name} was found")
    spec["priority"] = found["value"] if found else 0
    spec["preemptionPolicy"] = (
        found.get("preemptionPolicy", "PreemptLowerPriority") if found else "PreemptLowerPriority"
    )
    if found:
        spec["priorityClassName"] = meta(found)["name"]


def _default_priority(store: Store) -> Document | None:
    return next((one for one in store.all(PRIORITY_CLASS) if one.get("globalDefault")), None)


def quality(spec: Document) -> str:
    """The pod's quality-of-service class, by its requests and limits for CPU and memory."""
    each = [container.get("resources") or {} for container in spec["containers"]]
    if not any(one.get("requests") or one.get("limits") for one in each):
        return "BestEffort"
    for one in each:
        requests, limits = one.get("requests") or {}, one.get("limits") or {}
        if any(
            name not in limits or parse(requests.get(name, -1)) != parse(limits[name]) for name in ("cpu", "memory")
        ):
            return "Burstable"
    return "Guaranteed"


def _limit_ranges(store: Store, pod: Document) -> None:
    for limits in store.all(LIMITS, meta(pod)["namespace"]):
        for limit in limits["spec"]["limits"]:
            if limit["type"] == "Container":
                for container in pod["spec"]["containers"]:
                    _limit(container, limit)


def _limit(container: Document, limit: Document) -> None:
    resources = container.setdefault("resources", {})
    if limit.get("default"):
        resources["limits"] = {**limit["default"], **(resources.get("limits") or {})}
    requests = limit.get("defaultRequest") or limit.get("default")
    if requests:
        resources["requests"] = {**requests, **(resources.get("requests") or {})}


def requested(spec: Document, resource: str) -> Decimal:
    """What a pod asks for: the sum of its containers, or its largest init container when that is more."""

    def of(container: Document) -> Decimal:
        return parse(((container.get("resources") or {}).get("requests") or {}).get(resource, 0))

    ordinary = sum((of(container) for container in spec["containers"]), Decimal(0))
    return max([ordinary, *(of(container) for container in spec.get("initContainers") or [])])


def pod_usage(store: Store, namespace: str) -> dict[str, Decimal]:
    """What a namespace's pods use of what a ResourceQuota can count."""
    pods = [pod for pod in store.all(POD, namespace) if pod["status"].get("phase") not in ("Succeeded", "Failed")]
    usage = {"pods": Decimal(len(pods))}
    for resource in ("cpu", "memory"):
        usage[resource] = sum((requested(pod["spec"], resource) for pod in pods), Decimal(0))
        usage[f"requests.{resource}"] = usage[resource]
    usage["persistentvolumeclaims"] = Decimal(len(store.all(CLAIM, namespace)))
    return usage


def _quotas(store: Store, pod: Document) -> None:
    asked = {"pods": Decimal(1)}
    for resource in ("cpu", "memory"):
        asked[resource] = asked[f"requests.{resource}"] = requested(pod["spec"], resource)
    _check_quota(store, POD, pod, asked)


def _check_quota(store: Store, kind: Kind, document: Document, asked: dict[str, Decimal]) -> None:
    namespace = meta(document)["namespace"]
    quotas = store.all(QUOTA, namespace)
    usage = pod_usage(store, namespace) if quotas else {}
    for quota in quotas:
        hard = quota["spec"].get("hard") or {}
        over = [name for name, amount in asked.items() if name in hard and usage[name] + amount > parse(hard[name])]
        if over:
            texts = [
                ",".join(f"{name}={amounts(name)}" for name in over)
                for amounts in (
                    lambda name: asked[name],
                    lambda name: usage[name],
                    lambda name: hard[name],  # noqa: B023 - used before the loop goes on
                )
            ]
            why = f"exceeded quota: {meta(quota)['name']}, requested: {texts[0]}, used: {texts[1]}, limited: {texts[2]}"
            raise forbidden(kind, meta(document)["name"], why)


def _service(store: Store, service: Document) -> None:
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(store)
    spec["clusterIPs"] = [spec["clusterIP"]]
    node_ports(store, service)


def node_ports(store: Store, service: Document) -> None:
    """Gives every port of a NodePort or LoadBalancer service a port of the nodes."""
    spec = service["spec"]
    if spec["type"] not in ("NodePort", "LoadBalancer"):
        return
    taken = {port.get("nodePort") for one in store.all(SERVICE) for port in one["spec"].get("ports") or []}
    for port in spec["ports"]:
        if not port.get("nodePort"):
            port["nodePort"] = next(number for number in _shuffled(NODE_PORTS) if number not in taken)
            taken.add(port["nodePort"])


def _shuffled(numbers: range) -> list[int]:
    start = secrets.randbelow(len(numbers))
    return [*numbers[start:], *numbers[:start]]


def _free_address(store: Store) -> str:
    taken = {service["spec"].get("clusterIP") for service in store.all(SERVICE)}
    # The first addresses are kept for services with fixed ones (kubernetes, kube-dns), as in Kubernetes.
    return next(text for number in _shuffled(range(256, 65000)) if (text := str(SERVICES[number])) not in taken)


def _claim(store: Store, claim: Document) -> None:
    meta(claim)["finalizers"] = sorted({*(meta(claim).get("finalizers") or []), "kubernetes.io/pvc-protection"})
    if claim["spec"].get("storageClassName") is None:
        classes = [one for one in store.all(STORAGE_CLASS) if _is_default(one)]
        if classes:
            claim["spec"]["storageClassName"] = meta(classes[0])["name"]
    _check_quota(store, CLAIM, claim, {"persistentvolumeclaims": Decimal(1)})


def _is_default(storage_class: Document) -> bool:
    return (meta(storage_class).get("annotations") or {}).get(_DEFAULT_CLASS) == "true"


def _volume(_: Store, volume: Document) -> None:
    meta(volume)["finalizers"] = sorted({*(meta(volume).get("finalizers") or []), "kubernetes.io/pv-protection"})


def job_labels(job: Document, uid: str) -> None:
    """The selector that Kubernetes gives a Job without one: its pods carry the Job's uid as a label."""
    spec = job["spec"]
    if spec.get("manualSelector"):
        return
    labels = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": meta(job)["name"]}
    old = {"controller-uid": uid, "job-name": meta(job)["name"]}
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    held: dict[str, Any] = spec["template"]["metadata"].setdefault("labels", {})
    held.update(labels | old)


_PLUGINS: dict[str, Callable[[Store, Document], None]] = {
    "Pod": _pod,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
}


def admit(store: Store, document: Document) -> None:
    """Completes a new object in place. Raises ApiError 403 when a plugin refuses it."""
    if plugin := _PLUGINS.get(document["kind"]):
        plugin(store, document)
