"""Server-side printing: the columns of `kubectl get` (`pkg/printers/internalversion/printers.go` of Kubernetes)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from local.kubernetes.objects.selectors import selector_text
from local.kubernetes.objects.store import meta
from local.world import Document

type Cells = list[Any]

_NONE = "<none>"


def duration(span: timedelta) -> str:
    """As `kubectl` writes ages: "5s", "3m20s", "4h", "2d3h", "400d"."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


class Printer:
    """Rows for objects as they look at one virtual moment."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def age(self, document: Document) -> str:
        return self.since(meta(document).get("creationTimestamp"))

    def since(self, text: str | None) -> str:
        return duration(self._now - datetime.fromisoformat(text)) if text else "<unknown>"


def _joined(values: Any) -> str:
    return ",".join(str(value) for value in values) or _NONE


def _containers(document: Document) -> list[Any]:
    containers = document["spec"]["template"]["spec"]["containers"]
    names = _joined(one["name"] for one in containers)
    return [names, _joined(one["image"] for one in containers), selector_text(document["spec"].get("selector"))]


def _pod_state(pod: Document) -> str:
    status = pod["status"]
    if meta(pod).get("deletionTimestamp"):
        return "Terminating"
    text = status.get("reason") or status.get("phase", "Unknown")
    for container in status.get("initContainerStatuses") or []:
        state = container["state"]
        if "running" in state or ("terminated" not in state and "waiting" in state):
            total = len(pod["spec"].get("initContainers") or [])
            done = sum(1 for one in status["initContainerStatuses"] if "terminated" in one["state"])
            return f"Init:{done}/{total}"
    for container in status.get("containerStatuses") or []:
        for name in ("waiting", "terminated"):
            if reason := (container["state"].get(name) or {}).get("reason"):
                text = reason
    return str(text)


def _pod(printer: Printer, pod: Document) -> Cells:
    statuses = pod["status"].get("containerStatuses") or []
    ready = f"{sum(1 for one in statuses if one['ready'])}/{len(pod['spec']['containers'])}"
    restarts = sum(one["restartCount"] for one in statuses)
    node, ip = pod["spec"].get("nodeName", _NONE), pod["status"].get("podIP", _NONE)
    nominated = pod["status"].get("nominatedNodeName", _NONE)
    return [meta(pod)["name"], ready, _pod_state(pod), str(restarts), printer.age(pod), ip, node, nominated, _NONE]


def _node(printer: Printer, node: Document) -> Cells:
    info, addresses = node["status"]["nodeInfo"], {one["type"]: one["address"] for one in node["status"]["addresses"]}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])
    state = ("Ready" if ready else "NotReady") + (",SchedulingDisabled" if node["spec"].get("unschedulable") else "")
    cells = [meta(node)["name"], state, _NONE, printer.age(node), info["kubeletVersion"]]
    where = [addresses.get("InternalIP", _NONE), addresses.get("ExternalIP", _NONE)]
    return [*cells, *where, info["osImage"], info["kernelVersion"], info["containerRuntimeVersion"]]


def _service(printer: Printer, service: Document) -> Cells:
    spec = service["spec"]
    entries = service["status"].get("loadBalancer", {}).get("ingress") or []
    outside = _joined(one.get("ip") or one.get("hostname") for one in entries)
    if spec["type"] == "LoadBalancer" and not entries:
        outside = "<pending>"
    elif spec["type"] == "ExternalName":
        outside = spec["externalName"]
    ports = _joined(
        f"{one['port']}:{one['nodePort']}/{one['protocol']}"
        if one.get("nodePort")
        else f"{one['port']}/{one['protocol']}"
        for one in spec.get("ports") or []
    )
    selector = _joined(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    address = spec.get("clusterIP") or _NONE
    return [meta(service)["name"], spec["type"], address, outside, ports, printer.age(service), selector]


def _short_modes(modes: list[str] | None) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short[mode] for mode in modes or [])


def _claim(printer: Printer, claim: Document) -> Cells:
    spec, status = claim["spec"], claim["status"]
    phase = "Terminating" if meta(claim).get("deletionTimestamp") else status.get("phase")
    size = (status.get("capacity") or {}).get("storage", "")
    modes = _short_modes(status.get("accessModes"))
    cells = [meta(claim)["name"], phase, spec.get("volumeName", ""), size, modes, spec.get("storageClassName", "")]
    return [*cells, "<unset>", printer.age(claim), spec["volumeMode"]]


def _volume(printer: Printer, volume: Document) -> Cells:
    spec = volume["spec"]
    bound = spec.get("claimRef")
    claim = f"{bound['namespace']}/{bound['name']}" if bound else ""
    phase = "Terminating" if meta(volume).get("deletionTimestamp") else volume["status"].get("phase")
    policy, modes = spec["persistentVolumeReclaimPolicy"], _short_modes(spec["accessModes"])
    cells = [meta(volume)["name"], spec["capacity"]["storage"], modes, policy, phase, claim]
    return [*cells, spec.get("storageClassName", ""), "<unset>", "", printer.age(volume), spec.get("volumeMode", "")]


def _deployment(printer: Printer, document: Document) -> Cells:
    spec, status = document["spec"], document["status"]
    ready = f"{status.get('readyReplicas', 0)}/{spec['replicas']}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [meta(document)["name"], ready, *counts, printer.age(document), *_containers(document)]


def _replica_set(printer: Printer, document: Document) -> Cells:
    status = document["status"]
    counts = [document["spec"]["replicas"], status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [meta(document)["name"], *counts, printer.age(document), *_containers(document)]


def _stateful_set(printer: Printer, document: Document) -> Cells:
    ready = f"{document['status'].get('readyReplicas', 0)}/{document['spec']['replicas']}"
    return [meta(document)["name"], ready, printer.age(document), *_containers(document)[:2]]


def _daemon_set(printer: Printer, document: Document) -> Cells:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady")
    counts = [document["status"].get(name, 0) for name in (*names, "updatedNumberScheduled", "numberAvailable")]
    chosen = (document["spec"]["template"]["spec"].get("nodeSelector") or {}).items()
    selector = _joined(f"{key}={value}" for key, value in sorted(chosen))
    return [meta(document)["name"], *counts, selector, printer.age(document), *_containers(document)]


def _job(printer: Printer, job: Document) -> Cells:
    status = job["status"]
    state = next((one["type"] for one in status.get("conditions") or [] if one["status"] == "True"), "Running")
    done = f"{status.get('succeeded', 0)}/{job['spec'].get('completions', 1)}"
    took = ""
    if start := status.get("startTime"):
        end = status.get("completionTime")
        took = duration(datetime.fromisoformat(end) - datetime.fromisoformat(start)) if end else printer.since(start)
    return [meta(job)["name"], state, done, took, printer.age(job), *_containers(job)]


def _cron_job(printer: Printer, document: Document) -> Cells:
    spec, status = document["spec"], document["status"]
    last = status.get("lastScheduleTime")
    cells = [meta(document)["name"], spec["schedule"], spec.get("timeZone", _NONE), str(spec["suspend"])]
    return [*cells, len(status.get("active") or []), printer.since(last) if last else _NONE, printer.age(document)]


def _namespace(printer: Printer, document: Document) -> Cells:
    return [meta(document)["name"], document["status"]["phase"], printer.age(document)]


def _secret(printer: Printer, document: Document) -> Cells:
    return [meta(document)["name"], document["type"], len(document.get("data") or {}), printer.age(document)]


def _config_map(printer: Printer, document: Document) -> Cells:
    count = len(document.get("data") or {}) + len(document.get("binaryData") or {})
    return [meta(document)["name"], count, printer.age(document)]


def _account(printer: Printer, document: Document) -> Cells:
    return [meta(document)["name"], len(document.get("secrets") or []), printer.age(document)]


def _event(printer: Printer, event: Document) -> Cells:
    subject = event["involvedObject"]
    name = f"{subject.get('kind', '').lower()}/{subject.get('name', '')}"
    last = event.get("lastTimestamp") or meta(event)["creationTimestamp"]
    source = (event.get("source") or {}).get("component", "")
    first, path = event.get("firstTimestamp") or last, subject.get("fieldPath", "")
    cells = [printer.since(last), event.get("type", ""), event.get("reason", ""), name, path, source]
    message = event.get("message", "").strip()
    return [*cells, message, printer.since(first), event.get("count", 1), meta(event)["name"]]


def _endpoints(printer: Printer, document: Document) -> Cells:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in document.get("subsets") or []
        for address in subset.get("addresses") or []
        for port in subset.get("ports") or []
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return [meta(document)["name"], _joined(found[:3]) + more, printer.age(document)]


def _storage_class(printer: Printer, document: Document) -> Cells:
    notes = meta(document).get("annotations") or {}
    name = meta(document)["name"]
    if notes.get("storageclass.kubernetes.io/is-default-class") == "true":
        name += " (default)"
    cells = [name, document["provisioner"], document["reclaimPolicy"], document["volumeBindingMode"]]
    return [*cells, document.get("allowVolumeExpansion", False), printer.age(document)]


def _budget(printer: Printer, document: Document) -> Cells:
    spec, status = document["spec"], document["status"]
    least, most = spec.get("minAvailable", "N/A"), spec.get("maxUnavailable", "N/A")
    return [meta(document)["name"], str(least), str(most), status.get("disruptionsAllowed", 0), printer.age(document)]


def _network_policy(printer: Printer, document: Document) -> Cells:
    selector = selector_text(document["spec"].get("podSelector")) or _NONE
    return [meta(document)["name"], selector, printer.age(document)]


def _binding(printer: Printer, document: Document) -> Cells:
    role = document["roleRef"]
    return [meta(document)["name"], f"{role['kind']}/{role['name']}", printer.age(document)]


def _role(_: Printer, document: Document) -> Cells:
    return [meta(document)["name"], meta(document)["creationTimestamp"]]


def _priority_class(printer: Printer, document: Document) -> Cells:
    default = document.get("globalDefault", False)
    return [meta(document)["name"], document["value"], default, printer.age(document), document["preemptionPolicy"]]


def _ingress(printer: Printer, document: Document) -> Cells:
    spec = document["spec"]
    rules = spec.get("rules") or []
    hosts = ",".join(rule.get("host", "*") for rule in rules) or "*"
    addresses = document["status"].get("loadBalancer", {}).get("ingress") or []
    listed = ",".join(one.get("ip", "") for one in addresses)
    ports = "80, 443" if spec.get("tls") else "80"
    return [meta(document)["name"], spec.get("ingressClassName", _NONE), hosts, listed, ports, printer.age(document)]


def _other(_: Printer, document: Document) -> Cells:
    return [meta(document)["name"], meta(document).get("creationTimestamp")]


_VOLUME_COLUMNS = (
    "Name,Capacity,Access Modes,Reclaim Policy,Status,Claim,StorageClass,VolumeAttributesClass,Reason,Age|VolumeMode"
)
# Columns by kind: those after "|" are shown with `-o wide` only.
_COLUMNS: dict[str, tuple[str, Callable[[Printer, Document], Cells]]] = {
    "Pod": ("Name,Ready,Status,Restarts,Age|IP,Node,Nominated Node,Readiness Gates", _pod),
    "Node": ("Name,Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime", _node),
    "Service": ("Name,Type,Cluster-IP,External-IP,Port(s),Age|Selector", _service),
    "PersistentVolumeClaim": (
        "Name,Status,Volume,Capacity,Access Modes,StorageClass,VolumeAttributesClass,Age|VolumeMode",
        _claim,
    ),
    "PersistentVolume": (_VOLUME_COLUMNS, _volume),
    "Deployment": ("Name,Ready,Up-to-date,Available,Age|Containers,Images,Selector", _deployment),
    "ReplicaSet": ("Name,Desired,Current,Ready,Age|Containers,Images,Selector", _replica_set),
    "StatefulSet": ("Name,Ready,Age|Containers,Images", _stateful_set),
    "DaemonSet": (
        "Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age|Containers,Images,Selector",
        _daemon_set,
    ),
    "Job": ("Name,Status,Completions,Duration,Age|Containers,Images,Selector", _job),
    "CronJob": ("Name,Schedule,Timezone,Suspend,Active,Last Schedule,Age", _cron_job),
    "Namespace": ("Name,Status,Age", _namespace),
    "Secret": ("Name,Type,Data,Age", _secret),
    "ConfigMap": ("Name,Data,Age", _config_map),
    "ServiceAccount": ("Name,Secrets,Age", _account),
    "Event": ("Last Seen,Type,Reason,Object|Subobject,Source;Message|First Seen,Count,Name", _event),
    "Endpoints": ("Name,Endpoints,Age", _endpoints),
    "StorageClass": (
        "Name,Provisioner,ReclaimPolicy,VolumeBindingMode,AllowVolumeExpansion,Age",
        _storage_class,
    ),
    "PodDisruptionBudget": ("Name,Min Available,Max Unavailable,Allowed Disruptions,Age", _budget),
    "NetworkPolicy": ("Name,Pod-Selector,Age", _network_policy),
    "RoleBinding": ("Name,Role,Age", _binding),
    "ClusterRoleBinding": ("Name,Role,Age", _binding),
    "Role": ("Name,Created At", _role),
    "ClusterRole": ("Name,Created At", _role),
    "PriorityClass": ("Name,Value,Global-Default,Age,PreemptionPolicy", _priority_class),
    "Ingress": ("Name,Class,Hosts,Address,Ports,Age", _ingress),
}


def _definitions(kind: str) -> list[Document]:
    """Blocks of columns split by "|" and ";" alternate between always (priority 0) and wide (priority 1)."""
    text = _COLUMNS.get(kind, ("Name,Created At", _other))[0]
    wide, definitions = False, []
    for block in text.replace(";", "|").split("|"):
        for name in block.split(","):
            format_ = "name" if name == "Name" else ""
            kind_ = "date" if name == "Created At" else "string"
            priority = 1 if wide else 0
            definitions.append(
                {
                    "name": name,
                    "type": kind_,
                    "format": format_,
                    "description": "",
                    "priority": priority,
                }
            )
        wide = not wide
    return definitions


def table(
    kind: str, documents: list[Document], list_meta: Document, now: datetime, include: str = "Metadata"
) -> Document:
    """A `Table` of objects. `include`: None, Metadata or Object, as the client asks with `includeObject`."""
    printer, cells = Printer(now), _COLUMNS.get(kind, ("", _other))[1]
    rows = []
    for document in documents:
        row: Document = {"cells": cells(printer, document)}
        if include == "Object":
            row["object"] = document
        elif include == "Metadata":
            row["object"] = partial(document)
        rows.append(row)
    columns = _definitions(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_meta,
        "columnDefinitions": columns,
        "rows": rows,
    }


def partial(document: Document) -> Document:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}
