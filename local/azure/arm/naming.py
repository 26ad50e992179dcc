"""The names that AKS makes up: the same for the same cluster, as they follow from its id."""

from local.azure.arm.wire import digest


def suffix(cluster: str) -> str:
    """Eight digits that all nodes of the cluster carry."""
    return f"{int(digest('nodes', cluster.lower())[:12], 16) % 90_000_000 + 10_000_000}"


def scale_set(cluster: str, pool: str) -> str:
    return f"aks-{pool}-{suffix(cluster)}-vmss"


def api_server(cluster: str, prefix: str, location: str) -> str:
    """Host name of the API server."""
    return f"{prefix}-{digest('fqdn', cluster.lower())[:8]}.hcp.{location}.azmk8s.io"


def node_group(group: str, name: str, location: str) -> str:
    """Default name of the node resource group; AKS allows 80 characters."""
    return f"MC_{group}_{name}_{location}"[:80]
