"""As what size Azure bills a managed disk: the next of its fixed tiers. Pure.

Source: "Select a disk type for Azure IaaS VMs" (learn.microsoft.com, virtual-machines/disks-types) and the price
page of Managed Disks.
"""

from dataclasses import dataclass

_SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767)
"""GiB."""
_NUMBERS = (1, 2, 3, 4, 6, 10, 15, 20, 30, 40, 50, 60, 70, 80)
_LETTERS = {"standardssd": "E", "premium": "P", "standard": "S"}
_SMALLEST = {"S": 32}
"""Standard HDD begins at S4."""


@dataclass(frozen=True)
class Tier:
    """name: as on the bill, such as "E3"; gibibytes: what is paid for; sku: kind and redundancy, such as StandardSSD_LRS."""

    name: str
    gibibytes: int
    sku: str


def tier(gibibytes: float, sku: str) -> Tier | None:
    """None for kinds that are billed by what is provisioned (PremiumV2_LRS, UltraSSD_LRS), and beyond the largest disk."""
    letter = _LETTERS.get(sku.partition("_")[0].lower())
    if letter is None:
        return None
    least = max(gibibytes, _SMALLEST.get(letter, 0))
    fitting = [pair for pair in zip(_NUMBERS, _SIZES, strict=True) if pair[1] >= least]
    return Tier(f"{letter}{fitting[0][0]}", fitting[0][1], sku) if fitting else None
