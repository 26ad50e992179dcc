"""Public list prices, by the unit that Azure bills: US dollars an hour for machines, a month for disks."""

from collections.abc import Callable, Sequence

from shared.azure.rest import Json, plain
from shared.settings import Settings

SYSTEM = "Azure Retail Prices"
API = "2023-01-01-preview"


class RetailPrices:
    """Asks anonymously. None where the list has no such price."""

    def __init__(self, settings: Settings, credential: object = None) -> None:  # noqa: ARG002 - made like the others
        self._rest = plain(SYSTEM, settings.prices_endpoint, None)

    def rows(self, **conditions: str) -> list[Json]:
        """All rows whose fields equal the conditions. Values are case-sensitive; `type` is asked as priceType."""
        terms = [f"{name} eq '{value.replace("'", "''")}'" for name, value in conditions.items()]
        params = {"api-version": API, "currencyCode": "'USD'", "$filter": " and ".join(terms)}
        return self._rest.pages("/api/retail/prices", params, link="NextPageLink")

    def vm_hourly(self, location: str, vm_size: str) -> float | None:
        """A machine of the size with Linux, paid as it goes."""
        rows = self.rows(
            serviceName="Virtual Machines", armRegionName=location, armSkuName=vm_size, priceType="Consumption"
        )
        return choose(rows, is_linux_machine)

    def load_balancer_hourly(self) -> float | None:
        """A standard load balancer with up to five rules; what passes through it is billed besides."""
        meter = "Standard Included LB Rules and Outbound Rules"
        rows = self.rows(serviceName="Load Balancer", armRegionName="Global", meterName=meter)
        return choose(rows, lambda row: row.get("unitOfMeasure") == "1 Hour")

    def public_ip_hourly(self) -> float | None:
        """A standard static IPv4 address."""
        rows = self.rows(serviceName="Virtual Network", meterName="Standard IPv4 Static Public IP")
        return choose(rows, lambda row: row.get("unitOfMeasure") == "1 Hour")

    def disk_monthly(self, location: str, tier: str) -> float | None:
        """A locally redundant managed disk of a tier ("P10": premium SSD of 128 GiB, "E4": standard SSD of 32 GiB)."""
        meter = f"{tier} LRS Disk"
        rows = self.rows(serviceName="Storage", armRegionName=location, meterName=meter, priceType="Consumption")
        return choose(rows, lambda row: row.get("unitOfMeasure") == "1/Month" and row.get("meterName") == meter)


def choose(rows: Sequence[Json], wanted: Callable[[Json], bool]) -> float | None:
    """The price of the first tier among the wanted rows, of the primary meter if there are several."""
    paid = [row for row in rows if row.get("type", "Consumption") == "Consumption" and wanted(row)]
    first = sorted(paid, key=lambda row: (not row.get("isPrimaryMeterRegion", True), row.get("tierMinimumUnits") or 0))
    return float(first[0]["retailPrice"]) if first else None


def is_linux_machine(row: Json) -> bool:
    """Of the ten or so rows of a size: not Windows, not one that Azure may take back, billed by the hour."""
    said = f"{row.get('skuName', '')} {row.get('meterName', '')}"
    return (
        not str(row.get("productName", "")).endswith(" Windows")
        and "Spot" not in said
        and "Low Priority" not in said
        and row.get("unitOfMeasure") == "1 Hour"
    )
