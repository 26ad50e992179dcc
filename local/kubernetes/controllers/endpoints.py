"""Which pods stand behind a service: the controllers of Endpoints and EndpointSlices, and look-ups by name."""

import itertools

from local.kubernetes.controllers.control import Control, owner_reference
from local.kubernetes.objects.budgets import is_ready
from local.kubernetes.objects.kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE, Kind
from local.kubernetes.objects.store import Store, meta
from local.world import Document

_MANAGED = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


def backends(store: Store, service: Document) -> list[Document]:
    """The pods that a service selects and that have an address."""
    selector = service["spec"].get("selector")
    if not selector:
        return []
    return [
        pod
        for pod in store.all(POD, meta(service)["namespace"])
        if pod["status"].get("podIP")
        and pod["status"].get("phase") == "Running"
        and not meta(pod).get("deletionTimestamp")
        and selector.items() <= (meta(pod).get("labels") or {}).items()
    ]


def target_port(pod: Document, port: Document) -> int | None:
    """The number of the pod's port that a service port leads to, or None when the pod has no port of that name."""
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    for container in pod["spec"]["containers"]:
        for one in container.get("ports") or []:
            if one.get("name") == wanted:
                return int(one["containerPort"])
    return None


def ready_targets(store: Store, service: Document, port: Document) -> list[tuple[str, int]]:
    """Addresses of the pods that take connections for a service port now."""
    unready_too = service["spec"].get("publishNotReadyAddresses", False)
    found = []
    for pod in backends(store, service):
        number = target_port(pod, port)
        if number is not None and (unready_too or is_ready(pod)):
            found.append((str(pod["status"]["podIP"]), number))
    return found


_turn = itertools.count()


def resolve(store: Store, namespace: str, host: str, port: int) -> tuple[str, int]:
    """Address of a ready pod behind a service name as pods use it. Raises LookupError."""
    parts = host.split(".")
    name, where = parts[0], parts[1] if len(parts) > 1 else namespace
    service = store.get(SERVICE, where, name)
    if service is None:
        raise LookupError(f"no service {name} in namespace {where}")
    for one in service["spec"].get("ports") or []:
        if one["port"] == port:
            targets = ready_targets(store, service, one)
            if targets:
                return targets[next(_turn) % len(targets)]
            raise LookupError(f"no ready pod behind service {where}/{name}")
    raise LookupError(f"service {where}/{name} has no port {port}")


def reconcile_endpoints(control: Control) -> None:
    for service in control.store.all(SERVICE):
        if service["spec"].get("selector") and not meta(service).get("deletionTimestamp"):
            _write(control, service)
    for one in control.store.all(ENDPOINTS):
        namespace, name = meta(one)["namespace"], meta(one)["name"]
        if control.store.get(SERVICE, namespace, name) is None:
            control.store.remove(ENDPOINTS, namespace, name)


def _address(pod: Document) -> Document:
    held = meta(pod)
    reference = {"kind": "Pod", "namespace": held["namespace"], "name": held["name"], "uid": held["uid"]}
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": reference}


def _subset_ports(service: Document, pods: list[Document]) -> list[Document]:
    ports = []
    for port in service["spec"].get("ports") or []:
        numbers = [number for pod in pods if (number := target_port(pod, port)) is not None]
        if numbers:
            entry: Document = {"port": numbers[0], "protocol": port["protocol"]}
            if port.get("name"):
                entry["name"] = port["name"]
            ports.append(entry)
    return ports


def _write(control: Control, service: Document) -> None:
    store, held = control.store, meta(service)
    pods = backends(store, service)
    ready = [pod for pod in pods if is_ready(pod) or service["spec"].get("publishNotReadyAddresses")]
    other = [pod for pod in pods if pod not in ready]
    subset: Document = {"ports": _subset_ports(service, pods)}
    for name, group in (("addresses", ready), ("notReadyAddresses", other)):
        if group:
            subset[name] = [_address(pod) for pod in group]
    body: Document = {
        "metadata": {"name": held["name"], "namespace": held["namespace"], "labels": held.get("labels") or {}},
        "subsets": [subset] if pods else [],
    }
    _put(control, ENDPOINTS, body, ("subsets",))
    _put(control, ENDPOINT_SLICE, _slice(service, pods, ready, subset["ports"]), ("endpoints", "ports"))


def _slice(service: Document, pods: list[Document], ready: list[Document], ports: list[Document]) -> Document:
    held = meta(service)
    labels = {**(held.get("labels") or {}), "kubernetes.io/service-name": held["name"], **_MANAGED}
    endpoints = []
    for pod in pods:
        address = _address(pod)
        conditions = {"ready": pod in ready, "serving": pod in ready, "terminating": False}
        endpoints.append(
            {
                "addresses": [address["ip"]],
                "conditions": conditions,
                "nodeName": address["nodeName"],
                "targetRef": address["targetRef"],
            }
        )
    owner = owner_reference(service)
    return {
        "metadata": {
            "name": f"{held['name']}-{held['uid'][:5]}",
            "namespace": held["namespace"],
            "labels": labels,
            "ownerReferences": [owner],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "", **port} for port in ports],
    }


def _put(control: Control, kind: Kind, body: Document, fields: tuple[str, ...]) -> None:
    stored = control.store.get(kind, meta(body)["namespace"], meta(body)["name"])
    if stored is None:
        control.store.create(kind, body)
        return
    wanted = {name: body[name] for name in fields}
    if any(stored.get(name) != value for name, value in wanted.items()):
        control.store.update(kind, {**stored, **wanted})
