"""What Kubernetes makes in the node resource group: load balancers' addresses and volumes' disks, as ARM shows them."""

from local.azure.arm.aks.nodes import STANDARD, node_body, resource_in
from local.azure.arm.azure import Azure
from local.azure.arm.naming import scale_set
from local.azure.arm.providers.addresses import ADDRESS, address_properties
from local.azure.arm.providers.compute import DISK
from local.azure.arm.store import group_key
from local.azure.arm.wire import Json, stable_guid

CLUSTER = "Microsoft.ContainerService/managedClusters"
_AT_REST = ("Succeeded", "Failed", "Canceled", "Updating", "Upgrading", "Scaling")
_MARK = "kubernetes"
"""In the hidden half of a resource: the cluster that it is a view of."""


def refresh(azure: Azure) -> None:
    """Brings the views of all running clusters up to date; those of stopped ones stay, detached, as in Azure."""
    for cluster in list(azure.store.under("/subscriptions/", CLUSTER)):
        own = cluster["properties"]
        if not azure.store.private(cluster["id"].lower()).get("built"):
            continue
        if own["powerState"]["code"] == "Stopped":
            _detach(azure, cluster)
        elif own["provisioningState"] in _AT_REST:
            key = cluster["id"].lower()
            _show(azure, cluster, ADDRESS, [_address(cluster, row) for row in azure.clusters.public_addresses(key)])
            _show(azure, cluster, DISK, [_disk(cluster, row) for row in azure.clusters.volumes(key)])


def _inside(azure: Azure, cluster: Json, kind: str) -> list[Json]:
    prefix = group_key(cluster["id"].split("/")[2], cluster["properties"]["nodeResourceGroup"]) + "/"
    found = list(azure.store.under(prefix, kind))
    return [body for body in found if azure.store.private(body["id"].lower()).get(_MARK)]


def _show(azure: Azure, cluster: Json, kind: str, wanted: list[Json]) -> None:
    fresh = {body["id"].lower(): body for body in wanted}
    for existing in _inside(azure, cluster, kind):
        key = existing["id"].lower()
        if key not in fresh:
            azure.store.delete(key)
        elif fresh[key] == existing:
            del fresh[key]
    for body in fresh.values():
        azure.store.put(body, {_MARK: cluster["id"].lower()})


def _detach(azure: Azure, cluster: Json) -> None:
    for disk in _inside(azure, cluster, DISK):
        if "managedBy" in disk:
            del disk["managedBy"]
            disk["properties"]["diskState"] = "Unattached"
            azure.store.put(disk)


def _address(cluster: Json, row: Json) -> Json:
    balancer = resource_in(cluster, "Microsoft.Network/loadBalancers", "kubernetes").id
    identity = resource_in(cluster, ADDRESS, row["name"]).id
    properties = address_properties(identity, cluster["location"], row["ip"], row.get("dnsLabel"), {})
    properties["ipConfiguration"] = {"id": f"{balancer}/frontendIPConfigurations/{row['name']}"}
    return node_body(cluster, ADDRESS, row["name"], properties) | {"sku": STANDARD}


def _disk(cluster: Json, row: Json) -> Json:
    nodes = scale_set(cluster["id"], cluster["properties"]["agentPoolProfiles"][0]["name"])
    holder = resource_in(cluster, "Microsoft.Compute/virtualMachineScaleSets", nodes).id
    properties = {
        "creationData": {"createOption": "Empty"},
        "diskSizeGB": row["sizeGiB"],
        "diskSizeBytes": row["sizeGiB"] << 30,
        "diskState": "Attached",
        "uniqueId": stable_guid("disk", cluster["id"].lower(), row["name"]),
    }
    namespace, _, claim = row["claim"].rpartition("/")
    tags = {
        "kubernetes.io-created-for-pvc-namespace": namespace,
        "kubernetes.io-created-for-pvc-name": claim,
        "kubernetes.io-created-for-pv-name": row["name"],
    }
    own = {"managedBy": f"{holder}/virtualMachines/0", "sku": {"name": row["sku"]}, "tags": tags}
    return node_body(cluster, DISK, row["name"], properties) | own
