"""Whether a cluster's identity may put its nodes behind a load balancer.

AKS makes a cluster whose identity has no role on the subnet of its nodes, and all is well until a service wants an address: each
node is written once more then, by that identity, and Azure asks for the right to join the subnet (Azure/AKS issues 357, 427, 1557
and 2673; MicrosoftDocs/azure-docs issue 69777). Where AKS makes the network itself the identity has the right.
"""

from local.azure.arm.azure import Azure
from local.azure.arm.filters import subnets_of
from local.azure.arm.naming import scale_set
from local.azure.arm.rights import may
from local.azure.arm.wire import Json

JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
WRITE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write"


def refusal(azure: Azure, key: str) -> str | None:
    """What the cloud provider of the cluster is answered, as it says it itself; None when it may."""
    cluster = azure.store.get(key)
    principal = _principal(azure, cluster) if cluster else None
    if cluster is None or principal is None:
        return None
    denied = next((subnet for subnet in sorted(subnets_of(cluster)) if not may(azure, principal, JOIN, subnet)), None)
    return None if denied is None else _said(cluster, principal, denied)


def _principal(azure: Azure, cluster: Json) -> str | None:
    """Object id of what the cluster is to Azure; None when nobody knows it."""
    identity = cluster.get("identity") or {}
    if identity.get("type") == "SystemAssigned":
        return str(identity["principalId"])
    for used in identity.get("userAssignedIdentities") or {}:
        found = azure.store.get(used.lower()) or {}
        return (found.get("properties") or {}).get("principalId")
    client = (cluster["properties"].get("servicePrincipalProfile") or {}).get("clientId")
    known = azure.directory.service_principal(client) if client else None
    return str(known["id"]) if known else None


def _said(cluster: Json, principal: str, subnet: str) -> str:
    own = cluster["properties"]
    group = f"{'/'.join(cluster['id'].split('/')[:3])}/resourceGroups/{own['nodeResourceGroup']}"
    nodes = scale_set(cluster["id"], own["agentPoolProfiles"][0]["name"])
    machine = f"{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{nodes}/virtualMachines/0"
    message = (
        f"The client '{principal}' with object id '{principal}' has permission to perform action '{WRITE}' on scope '{machine}'; "
        f"however, it does not have permission to perform action '{JOIN}' on the linked scope(s) '{subnet}' or the linked "
        "scope(s) are invalid."
    )
    return (
        "Error syncing load balancer: failed to ensure load balancer: Retriable: false, RetryAfter: 0s, HTTPStatusCode: 403, "
        f'RawError: {{"error":{{"code":"LinkedAuthorizationFailed","message":"{message}"}}}}'
    )
