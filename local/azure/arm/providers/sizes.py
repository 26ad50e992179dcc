"""Data: the virtual machine sizes that hubs use, by quota family. Source: Azure's published size tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    name: str
    family: str
    vcpus: int
    memory_gib: float
    data_disks: int
    premium_disks: bool = True


def _series(
    pattern: str, family: str, gib_per_vcpu: float, disks: dict[int, int], *, premium: bool = True
) -> list[Size]:
    return [Size(pattern.format(n), family, n, n * gib_per_vcpu, most, premium) for n, most in disks.items()]


_DISKS = {2: 4, 4: 8, 8: 16, 16: 32, 32: 32, 48: 32, 64: 32}

FAMILIES = {
    "standardBSFamily": "Standard BS Family vCPUs",
    "standardDSv2Family": "Standard DSv2 Family vCPUs",
    "standardDSv3Family": "Standard DSv3 Family vCPUs",
    "standardDSv4Family": "Standard DSv4 Family vCPUs",
    "standardDSv5Family": "Standard DSv5 Family vCPUs",
    "standardDASv5Family": "Standard DASv5 Family vCPUs",
    "StandardDsv6Family": "Standard Dsv6 Family vCPUs",
    "standardESv3Family": "Standard ESv3 Family vCPUs",
    "standardESv5Family": "Standard ESv5 Family vCPUs",
    "standardFSv2Family": "Standard FSv2 Family vCPUs",
    "standardDPDSv5Family": "Standard DPDSv5 Family vCPUs",
    "Standard NCASv3_T4 Family": "Standard NCASv3_T4 Family vCPUs",
}

SIZES: dict[str, Size] = {
    size.name.lower(): size
    for size in [
        Size("Standard_B1s", "standardBSFamily", 1, 1, 2),
        Size("Standard_B2s", "standardBSFamily", 2, 4, 4),
        Size("Standard_B2ms", "standardBSFamily", 2, 8, 4),
        Size("Standard_B4ms", "standardBSFamily", 4, 16, 8),
        Size("Standard_B8ms", "standardBSFamily", 8, 32, 16),
        Size("Standard_DS2_v2", "standardDSv2Family", 2, 7, 8),
        Size("Standard_DS3_v2", "standardDSv2Family", 4, 14, 16),
        Size("Standard_DS4_v2", "standardDSv2Family", 8, 28, 32),
        *_series("Standard_D{}s_v3", "standardDSv3Family", 4, _DISKS),
        *_series("Standard_D{}s_v4", "standardDSv4Family", 4, _DISKS),
        *_series("Standard_D{}s_v5", "standardDSv5Family", 4, _DISKS),
        *_series("Standard_D{}as_v5", "standardDASv5Family", 4, _DISKS),
        *_series("Standard_D{}s_v6", "StandardDsv6Family", 4, _DISKS),
        *_series("Standard_E{}s_v3", "standardESv3Family", 8, _DISKS),
        *_series("Standard_E{}s_v5", "standardESv5Family", 8, _DISKS),
        *_series("Standard_F{}s_v2", "standardFSv2Family", 2, _DISKS),
        *_series("Standard_D{}pds_v5", "standardDPDSv5Family", 4, {2: 4, 4: 8, 8: 16, 16: 32}),
        *_series("Standard_NC{}as_T4_v3", "Standard NCASv3_T4 Family", 7, {4: 8, 8: 16, 16: 32}),
    ]
}


def find(name: str) -> Size | None:
    return SIZES.get(name.lower())
