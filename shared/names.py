"""Names that are derived from a hub's name, and the rules that Azure and Kubernetes have for them.

Sources of the rules: "Naming rules and restrictions for Azure resources" (learn.microsoft.com, resource-name-rules), the AKS
limits on DNS prefix and node resource group, RFC 1123 labels for Kubernetes, 53 characters for a Helm release.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What a kind of name must look like. `says` completes the sentence "a resource group name ..."."""

    what: str
    pattern: re.Pattern[str]
    longest: int
    says: str

    def problem(self, name: str) -> str | None:
        """Why `name` breaks the rule, as a sentence; None when it keeps it."""
        if len(name) > self.longest:
            return f"{self.what} has at most {self.longest} characters; {name!r} has {len(name)}"
        if not self.pattern.fullmatch(name):
            return f"{self.what} {self.says}; {name!r} does not fit"
        return None


HUB = Rule(
    "a hub's name",
    re.compile(r"[a-z]([a-z0-9]|-(?!-))*[a-z0-9]|[a-z]"),
    40,
    "starts with a lower-case letter, holds lower-case letters, digits and single hyphens, and does not end with a hyphen",
)
RESOURCE_GROUP = Rule(
    "a resource group's name",
    re.compile(r"[-\w.()]*[-\w()]"),
    90,
    "holds letters, digits, underscores, hyphens, periods and parentheses, and does not end with a period",
)
NODE_RESOURCE_GROUP = Rule("a node resource group's name", RESOURCE_GROUP.pattern, 80, RESOURCE_GROUP.says)
NETWORK = Rule(
    "a virtual network's name",
    re.compile(r"[A-Za-z0-9]([\w.-]*\w)?"),
    64,
    "starts with a letter or digit, holds also underscores, periods and hyphens, and ends with none of the latter two",
)
SUBNET = Rule("a subnet's name", NETWORK.pattern, 80, NETWORK.says)
CLUSTER = Rule(
    "an AKS cluster's name",
    re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?"),
    63,
    "holds letters, digits, underscores and hyphens, and starts and ends with a letter or digit",
)
SERVICE_PRINCIPAL = Rule(
    "a service principal's name", re.compile(r"[^\s<>;&%\\/][^<>;&%\\/]*"), 120, "has none of < > ; & % \\ /"
)
IDENTITY = Rule(
    "a managed identity's name",
    re.compile(r"[A-Za-z0-9][\w-]{2,}"),
    128,
    "has at least 3 letters, digits, hyphens or underscores, and starts with a letter or digit",
)
NAMESPACE = Rule(
    "a Kubernetes namespace",
    re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
    63,
    "holds lower-case letters, digits and hyphens, and starts and ends with a letter or digit",
)
RELEASE = Rule(
    "a Helm release's name",
    NAMESPACE.pattern,
    53,
    NAMESPACE.says,
)
DNS_LABEL = Rule(
    "a DNS label",
    re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]"),
    63,
    "has 3 to 63 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit",
)
HOST = Rule(
    "a host name",
    re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"),
    253,
    "is written in full and in lower case, without http://, port or path, like hub.example.org",
)
NODE_POOL = Rule(
    "a Linux node pool's name",
    re.compile(r"[a-z][a-z0-9]*"),
    12,
    "starts with a lower-case letter and holds lower-case letters and digits",
)
REGISTRY = Rule(
    "a container registry's name",
    re.compile(r"[A-Za-z0-9]{5,}"),
    50,
    "has 5 to 50 letters and digits, and nothing else",
)
SECRET = Rule(
    "a secret's name",
    re.compile(r"[A-Za-z0-9]([A-Za-z0-9]|-(?!-))*[A-Za-z0-9]|[A-Za-z0-9]"),
    60,
    "holds letters, digits and single hyphens",
)
LOCATION = Rule(
    "an Azure region", re.compile(r"[a-z]+[a-z0-9]*"), 30, "is written as in `az account list-locations`, like westus"
)
VM_SIZE = Rule(
    "a VM size",
    re.compile(r"(Standard|Basic)_[A-Za-z0-9_-]+"),
    60,
    "is written as Azure lists it, like Standard_D2s_v3",
)
TAG_KEY = Rule("a tag's name", re.compile(r"[^<>%&\\?/]+"), 512, "has none of < > % & \\ ? /")

RESERVED_HUBS = frozenset({"hubs", "runs", "board", "open", "health", "docs", "locations", "chat", "admin", "new"})
"""Names that would read as something else in an address of the API or on the board."""
RESERVED_NAMESPACES = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "gatekeeper-system", "calico-system", "default"}
)
"""Kubernetes' and AKS' own namespaces, and the one that a teardown must never remove."""
RESERVED_SUBNETS = frozenset({"gatewaysubnet", "azurefirewallsubnet", "azurebastionsubnet", "routeserversubnet"})
"""Subnet names that Azure keeps for its own services."""


def node_resource_group(resource_group: str, cluster: str, location: str) -> str:
    """What AKS calls it when it is not told: MC_{group}_{cluster}_{location}."""
    return f"MC_{resource_group}_{cluster}_{location}"


def dns_prefix(cluster: str, resource_group: str) -> str:
    """The first part of the API server's name: at most 54 letters, digits and hyphens, starting with a letter or digit."""
    raw = re.sub(r"[^A-Za-z0-9-]+", "-", f"{cluster[:20]}-{resource_group[:30]}")
    return raw.strip("-")[:54].strip("-").lower()


def next_pool(pool: str, taken: Iterable[str]) -> str:
    """What the pool that replaces this one is called: nodepool1 is followed by nodepool2, or the next number that is free."""
    base = pool.rstrip("0123456789")
    digits = pool[len(base) :]
    number = int(digits) if 0 < len(digits) < NODE_POOL.longest // 2 else 1
    used = {name.lower() for name in taken} | {pool}
    while True:
        number += 1
        name = f"{base[: NODE_POOL.longest - len(str(number))]}{number}"
        if name not in used:
            return name


def autoscale_setting(hub: str, pool: str) -> str:
    """The rules on the scale set of a pool. One name a pool: a setting keeps the scale set that it was made for."""
    return f"{hub}-{pool}-cpu"


def registry(hub: str, deployment: str) -> str:
    """A registry's name is one in all of Azure: the hub's letters, and digits that tell this deployment's hub from all others."""
    mark = hashlib.sha256(f"{deployment}/{hub}".lower().encode()).hexdigest()[:8]
    return f"{hub.replace('-', '')}{mark}"


SSH_KEY = "ssh-private-key"
PRINCIPAL_PASSWORD = "service-principal-password"  # noqa: S105 - the name of a secret
SHARED_PASSWORD = "shared-password"  # noqa: S105 - likewise
HUB_BACKUP = "backup-hub-secret"
REGISTRY_PASSWORD = "registry-password"  # noqa: S105 - likewise
OWN_SECRETS = frozenset({SSH_KEY, PRINCIPAL_PASSWORD, SHARED_PASSWORD, HUB_BACKUP, REGISTRY_PASSWORD})
"""Secrets that Hubkeeper makes and keeps itself. No request may name them; all are in lower case."""


def secret_problem(key: str) -> str | None:
    """Why people cannot keep a secret under this name, as the rest of a sentence; None when they can.

    Key Vault does not tell upper from lower case, so neither does this rule.
    """
    if problem := SECRET.problem(key):
        return problem
    if key.casefold() in OWN_SECRETS:
        return f"{key} is a secret of Hubkeeper's own; keep yours under another name"
    return None


def vault_name(hub: str, key: str) -> str:
    """The Key Vault name of a secret that people keep with a hub.

    Neither part has a double hyphen, so that no two hubs share a name, and none is one of own_vault_name. Raises ValueError for a
    name that is not theirs to use, wherever it comes from.
    """
    if problem := secret_problem(key):
        raise ValueError(problem)
    return f"{vault_prefix(hub)}{key}"


def own_vault_name(hub: str, key: str) -> str:
    """The Key Vault name of a secret that Hubkeeper keeps for a hub: no name of people's can be spelled like it."""
    return f"{vault_prefix(hub)}own--{key}"


def old_vault_name(hub: str, key: str) -> str:
    """Where earlier versions kept Hubkeeper's own secrets, beside those of people. The nightly upkeep moves them."""
    return f"{vault_prefix(hub)}{key}"


def vault_prefix(hub: str) -> str:
    """How the names of all secrets of a hub begin."""
    return f"{hub}--"


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def network_id(subscription: str, group: str, network: str) -> str:
    return f"{group_id(subscription, group)}/providers/Microsoft.Network/virtualNetworks/{network}"


def subnet_id(subscription: str, group: str, network: str, subnet: str) -> str:
    return f"{network_id(subscription, group, network)}/subnets/{subnet}"


def cluster_id(subscription: str, group: str, cluster: str) -> str:
    return f"{group_id(subscription, group)}/providers/Microsoft.ContainerService/managedClusters/{cluster}"


def zone_id(subscription: str, group: str, zone: str) -> str:
    return f"{group_id(subscription, group)}/providers/Microsoft.Network/dnsZones/{zone}"


def identity_id(subscription: str, group: str, identity: str) -> str:
    return f"{group_id(subscription, group)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}"


def registry_id(subscription: str, group: str, name: str) -> str:
    return f"{group_id(subscription, group)}/providers/Microsoft.ContainerRegistry/registries/{name}"
