"""Virtual machine sizes, how many of their cores are left, disks and scale sets, without the 13 MB of the compute SDK."""

from dataclasses import dataclass

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.rest import Json
from shared.errors import NotFoundError
from shared.settings import Settings

USAGES_API = "2024-07-01"
SKUS_API = "2021-07-01"
DISKS_API = "2024-03-02"
"""The version of calls about disks and snapshots."""
SCALE_SETS_API = "2024-07-01"
SCALE_SETS = "Microsoft.Compute/virtualMachineScaleSets"


@dataclass(frozen=True)
class VmSize:
    """A size as offered in one region. memory: GiB. family: the name under which usages count its cores.

    restrictions: why it cannot be had there in words of Azure ("NotAvailableForSubscription"); empty: it can.
    """

    name: str
    vcpus: int
    memory: float
    family: str
    max_data_disks: int
    restrictions: tuple[str, ...]
    premium: bool = True
    """True when it takes premium disks."""
    architecture: str = "x64"
    """The architecture of its processors: "x64" or "Arm64"."""


@dataclass(frozen=True)
class Disk:
    """A managed disk. sku: kind and redundancy, such as Premium_LRS; attached: whether a machine has it now."""

    name: str
    sku: str
    attached: bool


class Quotas:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._arm = ResourceManager(settings, credential)

    def usages(self, location: str) -> dict[str, tuple[int, int]]:
        """Cores in use and allowed, by family; "cores" counts all of the region."""
        path = f"{self._arm.subscription_path}/providers/Microsoft.Compute/locations/{location}/usages"
        listed = self._arm.list(path, USAGES_API)
        return {item["name"]["value"]: (int(item["currentValue"]), int(item["limit"])) for item in listed}

    def sku(self, location: str, vm_size: str) -> VmSize | None:
        """The size in the region; None when it is not offered there."""
        path = f"{self._arm.subscription_path}/providers/Microsoft.Compute/skus"
        for item in self._arm.list(path, SKUS_API, {"$filter": f"location eq '{location}'"}):
            if item.get("resourceType") == "virtualMachines" and item["name"].lower() == vm_size.lower():
                return read_size(item, location)
        return None

    def disks(self, group: str) -> list[Disk]:
        """Disks in the resource group; none when there is no such group."""
        path = f"{self._arm.subscription_path}/resourceGroups/{group}/providers/Microsoft.Compute/disks"
        try:
            listed = self._arm.list(path, DISKS_API)
        except NotFoundError:
            return []
        return [
            Disk(item["name"], (item.get("sku") or {}).get("name", ""), bool(item.get("managedBy"))) for item in listed
        ]

    def scale_set(self, group: str, pool: str) -> str | None:
        """Id of the scale set that holds the machines of a cluster's pool, in its node resource group; None: there is none."""
        path = f"{self._arm.subscription_path}/resourceGroups/{group}/providers/{SCALE_SETS}"
        try:
            listed = self._arm.list(path, SCALE_SETS_API)
        except NotFoundError:
            return None
        return next((str(item["id"]) for item in listed if _pool_of(item).lower() == pool.lower()), None)


def _pool_of(scale_set: Json) -> str:
    """AKS marks the scale set of each pool with a tag."""
    tags = {name.lower(): str(value) for name, value in (scale_set.get("tags") or {}).items()}
    return tags.get("aks-managed-poolname", "")


def read_size(document: Json, location: str) -> VmSize:
    """Counts that Azure leaves out are 0. A restriction of single zones leaves the size usable in the region."""
    said = {item["name"]: item["value"] for item in document.get("capabilities") or []}
    restrictions = tuple(
        str(item.get("reasonCode"))
        for item in document.get("restrictions") or []
        if item.get("type") == "Location" and location.lower() in [value.lower() for value in item.get("values") or []]
    )
    return VmSize(
        document["name"],
        int(said.get("vCPUs", 0)),
        float(said.get("MemoryGB", 0)),
        document.get("family", ""),
        int(said.get("MaxDataDiskCount", 0)),
        restrictions,
        str(said.get("PremiumIO", "True")).lower() == "true",
        str(said.get("CpuArchitectureType", "x64")),
    )
