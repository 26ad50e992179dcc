"""vCPU quotas: what a region allows, and what the nodes that exist use of it."""

from dataclasses import dataclass

from local.azure.arm.azure import Azure
from local.azure.arm.providers.sizes import FAMILIES, find
from local.azure.arm.wire import Json

REGIONAL = "cores"
DEFAULT_FAMILY_LIMIT = 100
DEFAULT_REGIONAL_LIMIT = 350
"""vCPUs, as an enterprise subscription starts with."""

CLUSTERS = "Microsoft.ContainerService/managedClusters"


@dataclass(frozen=True)
class Shortage:
    family: str
    requested: int
    remaining: int


def limit(azure: Azure, location: str, family: str) -> int:
    region: Json = azure.setting("quotas").get("limits", {}).get(location, {})
    default = DEFAULT_REGIONAL_LIMIT if family == REGIONAL else DEFAULT_FAMILY_LIMIT
    return int(region.get(family, default))


def need(pools: list[Json]) -> dict[str, int]:
    """VCPUs by family, and in all, of node pools."""
    found: dict[str, int] = {}
    for pool in pools:
        size = find(pool["vmSize"])
        if size:
            for family in (size.family, REGIONAL):
                found[family] = found.get(family, 0) + size.vcpus * pool["count"]
    return found


def used(azure: Azure, location: str, besides: str = "") -> dict[str, int]:
    """VCPUs by family of all nodes in a region, but for those of the cluster with the lower-cased id `besides`."""
    pools = [
        pool
        for cluster in azure.store.under("/subscriptions/", CLUSTERS)
        if cluster["location"] == location and cluster["id"].lower() != besides
        for pool in cluster["properties"]["agentPoolProfiles"]
    ]
    return need(pools)


def shortage(azure: Azure, location: str, key: str, pools: list[Json]) -> Shortage | None:
    """What is missing for the cluster `key` to have these pools."""
    taken = used(azure, location, besides=key)
    for family, requested in need(pools).items():
        remaining = limit(azure, location, family) - taken.get(family, 0)
        if requested > remaining:
            return Shortage(family, requested, max(0, remaining))
    return None


def usages(azure: Azure, location: str) -> list[Json]:
    """The body of Microsoft.Compute's `usages`."""
    taken = used(azure, location)
    titles = {REGIONAL: "Total Regional vCPUs"} | FAMILIES
    return [
        {
            "limit": limit(azure, location, family),
            "unit": "Count",
            "currentValue": taken.get(family, 0),
            "name": {"value": family, "localizedValue": title},
        }
        for family, title in titles.items()
    ]
