"""What every AKS cluster contains before anyone installs anything."""

from typing import Any

from local.kubernetes.api.registry import Registry
from local.kubernetes.objects.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CSI_DRIVER,
    DAEMON_SET,
    DEPLOYMENT,
    NAMESPACE,
    PRIORITY_CLASS,
    SERVICE,
    SERVICE_ACCOUNT,
    STORAGE_CLASS,
)
from local.world import Document

_SYSTEM = "kube-system"
_REGISTRY = "mcr.microsoft.com/oss/kubernetes"
_EVERYTHING = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]
_READ, _WRITE = ["get", "list", "watch"], ["create", "delete", "deletecollection", "patch", "update"]
_CONTENT = [
    ("", ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "pods/log", "services", "serviceaccounts"]),
    ("", ["replicationcontrollers", "events", "limitranges", "resourcequotas"]),
    ("apps", ["daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets", "controllerrevisions"]),
    ("batch", ["cronjobs", "jobs"]),
    ("networking.k8s.io", ["ingresses", "networkpolicies"]),
    ("policy", ["poddisruptionbudgets"]),
    ("autoscaling", ["horizontalpodautoscalers"]),
]


def _rules(verbs: list[str], *, secrets: bool) -> list[Document]:
    rules: list[Document] = [
        {"apiGroups": [group], "resources": resources, "verbs": verbs} for group, resources in _CONTENT
    ]
    if secrets:
        rules.append({"apiGroups": [""], "resources": ["secrets", "pods/eviction"], "verbs": verbs})
    return rules


_ROLES: dict[str, list[Document]] = {
    "cluster-admin": _EVERYTHING,
    "admin": [
        *_rules(_READ + _WRITE, secrets=True),
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles", "rolebindings"],
            "verbs": _READ + _WRITE,
        },
    ],
    "edit": _rules(_READ + _WRITE, secrets=True),
    "view": _rules(_READ, secrets=False),
    "system:discovery": [{"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version"], "verbs": ["get"]}],
    # Used by the user scheduler of the public JupyterHub chart.
    "system:kube-scheduler": [
        {"apiGroups": [""], "resources": ["pods", "nodes", "services", "namespaces"], "verbs": _READ},
        {"apiGroups": [""], "resources": ["pods/binding", "bindings", "events"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch", "update"]},
        {"apiGroups": ["apps"], "resources": ["replicasets", "statefulsets"], "verbs": _READ},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
        {"apiGroups": [""], "resources": ["persistentvolumeclaims", "persistentvolumes"], "verbs": _READ},
        {"apiGroups": ["storage.k8s.io"], "resources": ["*"], "verbs": _READ},
    ],
    "system:volume-scheduler": [
        {
            "apiGroups": [""],
            "resources": ["persistentvolumes", "persistentvolumeclaims"],
            "verbs": [*_READ, "patch", "update"],
        },
        {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": _READ},
    ],
}
_CLASSES = [
    ("default", "disk.csi.azure.com", "StandardSSD_LRS", True),
    ("managed-csi", "disk.csi.azure.com", "StandardSSD_LRS", False),
    ("managed-csi-premium", "disk.csi.azure.com", "Premium_LRS", False),
    ("managed", "disk.csi.azure.com", "StandardSSD_LRS", False),
    ("managed-premium", "disk.csi.azure.com", "Premium_LRS", False),
    ("azurefile", "file.csi.azure.com", "Standard_LRS", False),
    ("azurefile-csi", "file.csi.azure.com", "Standard_LRS", False),
    ("azurefile-csi-premium", "file.csi.azure.com", "Premium_LRS", False),
]
# Name, replicas (None: one on every node), image, CPU and memory that it asks for.
_WORKLOADS: list[tuple[str, int | None, str, str, str]] = [
    ("coredns", 2, "coredns:v1.12.1-1", "100m", "70Mi"),
    ("coredns-autoscaler", 1, "autoscaler/cluster-proportional-autoscaler:v1.9.0-4", "20m", "10Mi"),
    ("konnectivity-agent", 2, "apiserver-network-proxy/agent:v0.31.4", "20m", "20Mi"),
    ("metrics-server", 2, "metrics-server:v0.7.2-6", "44m", "51Mi"),
    ("azure-cns", None, "azure-cns:v1.6.29", "40m", "250Mi"),
    ("cloud-node-manager", None, "azure-cloud-node-manager:v1.35.0", "50m", "50Mi"),
    ("csi-azuredisk-node", None, "azuredisk-csi:v1.33.5", "30m", "60Mi"),
    ("csi-azurefile-node", None, "azurefile-csi:v1.33.5", "30m", "60Mi"),
    ("kube-proxy", None, "kube-proxy:v1.35.0-1", "100m", "0"),
]


def furnish(registry: Registry) -> None:
    """Creates whatever of it is missing."""
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        registry.ensure(NAMESPACE, "", {"metadata": {"name": name}})
    registry.ensure(SERVICE_ACCOUNT, _SYSTEM, {"metadata": {"name": "default"}})
    _roles(registry)
    _storage(registry)
    _priorities(registry)
    _services(registry)
    for workload in _WORKLOADS:
        _workload(registry, *workload)


def _roles(registry: Registry) -> None:
    for name, rules in _ROLES.items():
        labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
        registry.ensure(CLUSTER_ROLE, "", {"metadata": {"name": name, "labels": labels}, "rules": rules})
    for name, role, group in (
        ("cluster-admin", "cluster-admin", "system:masters"),
        ("system:discovery", "system:discovery", "system:authenticated"),
    ):
        body = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        }
        registry.ensure(CLUSTER_ROLE_BINDING, "", body)


def _storage(registry: Registry) -> None:
    for name, provisioner, sku, default in _CLASSES:
        files = provisioner.startswith("file")
        metadata: Document = {"name": name, "labels": {"addonmanager.kubernetes.io/mode": "EnsureExists"}}
        if default:
            metadata["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
        body = {
            "metadata": metadata,
            "provisioner": provisioner,
            "parameters": {"skuName" if files else "skuname": sku},
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate" if files else "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        }
        registry.ensure(STORAGE_CLASS, "", body)
    for driver in ("disk.csi.azure.com", "file.csi.azure.com"):
        registry.ensure(CSI_DRIVER, "", {"metadata": {"name": driver}, "spec": {"attachRequired": True}})


def _priorities(registry: Registry) -> None:
    for name, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
        registry.ensure(PRIORITY_CLASS, "", {"metadata": {"name": name}, "value": value})


def _services(registry: Registry) -> None:
    https = {"name": "https", "port": 443, "targetPort": 443}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    kubernetes = {"clusterIP": "10.0.0.1", "ports": [https]}
    registry.ensure(SERVICE, "default", {"metadata": {"name": "kubernetes", "labels": labels}, "spec": kubernetes})
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    dns = {"clusterIP": "10.0.0.10", "ports": ports, "selector": {"k8s-app": "coredns"}}
    registry.ensure(SERVICE, _SYSTEM, {"metadata": {"name": "kube-dns"}, "spec": dns})
    metrics = {"ports": [{"port": 443, "targetPort": 4443}], "selector": {"k8s-app": "metrics-server"}}
    registry.ensure(SERVICE, _SYSTEM, {"metadata": {"name": "metrics-server"}, "spec": metrics})
    corefile = ".:53 {\n    errors\n    health\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n}\n"
    body = {"metadata": {"name": "coredns"}, "data": {"Corefile": corefile}}
    registry.ensure(CONFIG_MAP, _SYSTEM, body)


def _workload(registry: Registry, name: str, replicas: int | None, image: str, cpu: str, memory: str) -> None:
    labels = {"k8s-app": name, "kubernetes.azure.com/managedby": "aks"}
    requests = {"cpu": cpu, "memory": memory}
    spec: dict[str, Any] = {
        "containers": [{"name": name, "image": f"{_REGISTRY}/{image}", "resources": {"requests": requests}}],
        "priorityClassName": "system-node-critical" if replicas is None else "system-cluster-critical",
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
    }
    body: Document = {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"k8s-app": name}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    if replicas is None:
        registry.ensure(DAEMON_SET, _SYSTEM, body)
    else:
        body["spec"]["replicas"] = replicas
        registry.ensure(DEPLOYMENT, _SYSTEM, body)
