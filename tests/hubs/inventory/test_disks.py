import pytest

from shared.hubs.inventory.disks import tier


@pytest.mark.parametrize(
    ("gibibytes", "sku", "name", "billed"),
    [
        pytest.param(10, "StandardSSD_LRS", "E3", 16, id="the chart's home of 10 GiB"),
        pytest.param(1, "StandardSSD_LRS", "E1", 4, id="the hub's database of 1 GiB"),
        pytest.param(16, "StandardSSD_LRS", "E3", 16, id="exactly a tier"),
        pytest.param(16.5, "StandardSSD_ZRS", "E4", 32, id="a little more, in three zones"),
        pytest.param(100, "Premium_LRS", "P10", 128, id="premium"),
        pytest.param(10, "Standard_LRS", "S4", 32, id="Standard HDD begins at 32 GiB"),
        pytest.param(32767, "Premium_LRS", "P80", 32767, id="the largest"),
    ],
)
def test_a_disk_is_billed_as_the_next_tier(gibibytes: float, sku: str, name: str, billed: int) -> None:
    found = tier(gibibytes, sku)
    assert found is not None
    assert (found.name, found.gibibytes, found.sku) == (name, billed, sku)


@pytest.mark.parametrize(("gibibytes", "sku"), [(10, "PremiumV2_LRS"), (10, "UltraSSD_LRS"), (40_000, "Premium_LRS")])
def test_what_has_no_tiers_is_not_given_one(gibibytes: float, sku: str) -> None:
    assert tier(gibibytes, sku) is None
