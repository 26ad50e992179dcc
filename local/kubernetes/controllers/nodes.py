"""Node objects for AKS agent pools."""

import re
from typing import Any

from local.kubernetes.controllers.control import Control
from local.kubernetes.objects.kinds import NODE, POD
from local.kubernetes.objects.store import Store, meta
from local.world import Document

_KERNEL, _RUNTIME, _IMAGE = "5.15.0-1102-azure", "containerd://1.7.30-1", "Ubuntu 22.04.5 LTS"
IMAGE_LABEL = "kubernetes.azure.com/node-image-version"
_GIB = 1 << 20
"""In KiB: nodes report memory so."""
_RATIO = {"D": 4, "E": 8, "F": 2, "B": 4, "L": 8, "M": 14, "A": 2}
"""GiB of memory a vCPU, by family of VM size."""
_SMALL = {"standard_b2s": 4, "standard_b1ms": 2, "standard_b1s": 1, "standard_ds2_v2": 7, "standard_d2_v2": 7}
"""GiB of memory of sizes that do not follow their family."""


def hardware(size: str) -> tuple[int, int]:
    """Processors and GiB of memory of a VM size, read from its name as Azure's naming conventions have it."""
    found = re.match(r"^standard_([a-z]+?)(\d+)(?:-\d+)?([a-z]*)(?:_v\d+)?$", size.lower())
    if found is None:
        return 2, 8
    family, cpus = found[1][0].upper(), int(found[2])
    return cpus, _SMALL.get(size.lower(), cpus * _RATIO.get(family, 4))


def allocatable(cpus: int, gib: int, most_pods: int) -> Document:
    """What AKS leaves for pods (learn.microsoft.com/azure/aks/node-resource-reservations, 1.29 and later)."""
    reserved_cpu = {1: 60, 2: 100, 4: 140, 8: 180, 16: 260, 32: 420, 64: 740}
    nearest = max([size for size in reserved_cpu if size <= max(cpus, 1)])
    memory = gib * _GIB
    reserved = min(memory // 4, (20 * most_pods + 50) * 1024) + 100 * 1024
    return {
        "cpu": f"{cpus * 1000 - reserved_cpu[nearest]}m",
        "ephemeral-storage": "119703055367",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{memory - reserved}Ki",
        "pods": str(most_pods),
    }


def node_name(pool: str, place: int) -> str:
    """Names count in base 36, as those of scale set instances."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while place or not text:
        text, place = digits[place % 36] + text, place // 36
    return f"aks-{pool}-12345678-vmss{text:0>6}"


def _labels(name: str, pool: Document, location: str, group: str) -> dict[str, str]:
    size = str(pool["vmSize"])
    return {
        "agentpool": pool["name"],
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": size,
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": location,
        "failure-domain.beta.kubernetes.io/zone": "0",
        "kubernetes.azure.com/agentpool": pool["name"],
        "kubernetes.azure.com/cluster": group[:63],
        IMAGE_LABEL: str(pool.get("image", "")),
        "kubernetes.azure.com/mode": str(pool.get("mode", "System")).lower(),
        "kubernetes.azure.com/os-sku": "Ubuntu",
        "kubernetes.azure.com/role": "agent",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": size,
        "topology.disk.csi.azure.com/zone": "",
        "topology.kubernetes.io/region": location,
        "topology.kubernetes.io/zone": "0",
        **(pool.get("labels") or {}),
    }


def _taint(text: str) -> Document:
    """A taint in the form of AKS ("key=value:Effect")."""
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    return {"key": key, "value": value, "effect": effect}


def node(name: str, pool: Document, cluster: Document, place: int, now: str) -> Document:
    """A ready node of a pool: {"name", "vmSize", "maxPods", "version", ...}."""
    cpus, gib = hardware(pool["vmSize"])
    most = int(pool.get("maxPods") or 30)
    free = allocatable(cpus, gib, most)
    version = f"v{pool.get('version') or cluster['version']}"
    spec: Document = {"providerID": f"azure:///{cluster['nodeResourceGroup']}/{name}"}
    if taints := pool.get("taints"):
        spec["taints"] = [_taint(text) for text in taints]
    return {
        "metadata": {
            "name": name,
            "labels": _labels(name, pool, cluster["location"], cluster["nodeResourceGroup"]),
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": spec,
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"10.240.{place // 250}.{place % 250 + 4}"},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": free,
            "capacity": {**free, "cpu": str(cpus), "memory": f"{gib * _GIB}Ki", "ephemeral-storage": "129886128Ki"},
            "conditions": _conditions(now),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": [],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "00000000-0000-0000-0000-000000000000",
                "containerRuntimeVersion": _RUNTIME,
                "kernelVersion": _KERNEL,
                "kubeProxyVersion": version,
                "kubeletVersion": version,
                "machineID": "00000000000000000000000000000000",
                "operatingSystem": "linux",
                "osImage": _IMAGE,
                "systemUUID": "00000000-0000-0000-0000-000000000000",
            },
        },
    }


def _conditions(now: str) -> list[Document]:
    healthy = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    return [
        {
            "type": type_,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for type_, status, reason, message in healthy
    ]


def follow_pools(control: Control, cluster: Document) -> None:
    """Makes the nodes that the cluster's pools say: adds, removes, changes versions."""
    store = control.store
    wanted: dict[str, tuple[Document, int]] = {}
    place = 0
    for pool in cluster["pools"]:
        for number in range(int(pool["count"])):
            wanted[node_name(pool["name"], number)] = (pool, place)
            place += 1
    for known in store.all(NODE):
        if meta(known)["name"] not in wanted:
            remove_node(store, meta(known)["name"])
    for name, (pool, at) in wanted.items():
        _follow(control, store.get(NODE, "", name), node(name, pool, cluster, at, control.now()))


def _follow(control: Control, known: Document | None, wanted: Document) -> None:
    if known is None:
        created = control.store.create(NODE, wanted)
        control.event(created, "RegisteredNode", f"Node {meta(created)['name']} event: Registered", "node-controller")
        return
    info: dict[str, Any] = wanted["status"]["nodeInfo"]
    if known["status"]["nodeInfo"]["kubeletVersion"] != info["kubeletVersion"] or _another(known, wanted):
        # A new version, image or size means a new machine: everything that ran on the old one is gone.
        drain(control.store, meta(known)["name"])
        labels = {**(meta(known).get("labels") or {}), **meta(wanted)["labels"]}
        metadata = {**meta(known), "labels": labels}
        control.store.update(NODE, {**known, "metadata": metadata, "status": wanted["status"]})


def _another(known: Document, wanted: Document) -> bool:
    """Whether it is another machine: of another size, or made of another image."""
    images = [(meta(node).get("labels") or {}).get(IMAGE_LABEL) for node in (known, wanted)]
    return images[0] != images[1] or bool(known["status"]["capacity"] != wanted["status"]["capacity"])


def drain(store: Store, name: str) -> None:
    """Takes a machine's pods away at once; controllers make new ones elsewhere."""
    for pod in store.all(POD):
        if pod["spec"].get("nodeName") == name:
            store.remove(POD, meta(pod)["namespace"], meta(pod)["name"])


def remove_node(store: Store, name: str) -> None:
    drain(store, name)
    store.remove(NODE, "", name)
