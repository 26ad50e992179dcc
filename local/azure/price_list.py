"""The rows of the retail price list, with the ones that a careless reader takes for the price of a Linux machine.

For one size in one region the real list (eastus, Standard_D2s_v3, 2026) has six rows of type Consumption, the first
being Windows at low priority, and three of type DevTestConsumption; the plain Linux row is marked as a secondary meter.
"""

import re
import uuid
from collections.abc import Iterator
from functools import cache

from local.azure.price_facts import BASE_REGIONS, MACHINES, PREMIUM_DISKS, REGIONS, STANDARD_DISKS
from local.world import Document

_WINDOWS = 0.046
"""The Windows licence, a virtual processor and hour."""
_LOW_PRIORITY, _SPOT = 0.2, 0.196
"""Shares of the Linux price: 0.019 and 0.018816 of 0.096 in the real list."""
_LOW_PRIORITY_WINDOWS = 0.4
_SAVINGS = {"3 Years": 0.47, "1 Year": 0.69}
_RESERVED = {"1 Year": (8760, 0.59), "3 Years": (26280, 0.38)}
"""Hours and share of the price; a reservation's row holds the price of the whole term, with the unit "1 Hour"."""


@cache
def rows() -> list[Document]:
    """All rows in a fixed order; each with `priceType` (the filter's name of `type`) beside what is shown."""
    found = [*_balancers()]
    for region in REGIONS:
        found += _machines(region)
        found += _disks(region)
        found += _addresses(region)
        found.append(
            _row(
                region,
                service="Azure Kubernetes Service",
                family="Compute",
                product="Azure Kubernetes Service",
                sku="Standard",
                meter="Standard Uptime SLA",
                price=0.1,
            )
        )
    return found


def _row(
    region: str,
    *,
    service: str,
    family: str,
    product: str,
    sku: str,
    meter: str,
    price: float,
    unit: str = "1 Hour",
    kind: str = "Consumption",
    size: str = "",
    primary: bool = True,
) -> Document:
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{region}/{product}/{meter}/{kind}")
    code = uuid.uuid5(uuid.NAMESPACE_URL, product).hex[:4].upper()
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": round(price, 6),
        "unitPrice": round(price, 6),
        "armRegionName": region,
        "location": REGIONS.get(region, "" if region == "Global" else region),
        "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterId": str(identity),
        "meterName": meter,
        "productId": f"DZH318Z0{code}",
        "skuId": f"DZH318Z0{code}/{identity.hex[:4].upper()}",
        "productName": product,
        "skuName": sku,
        "serviceName": service,
        "serviceId": f"DZH31{uuid.uuid5(uuid.NAMESPACE_URL, service).hex[:7].upper()}",
        "serviceFamily": family,
        "unitOfMeasure": unit,
        "type": kind,
        "priceType": kind,
        "isPrimaryMeterRegion": primary,
        "armSkuName": size,
    }


def _machines(region: str) -> Iterator[Document]:
    position = list(REGIONS).index(region)
    for size, prices in MACHINES.items():
        price = prices.split()[position]
        if price != "-":
            yield from _machine(region, size, float(price))


def _machine(region: str, size: str, linux: float) -> Iterator[Document]:
    match = re.fullmatch(r"([A-Z]+)(\d+)([a-z]*)(?:_(.+))?", size)
    assert match is not None, size  # noqa: S101 - the sizes are a constant of this project
    family, processors, features, version = match.groups(default="")
    short = size.replace("_", " ")
    product = f"Virtual Machines {family}{features}{version.replace('_', ' ')} Series"
    if version == "v3" and family == "D":
        product = "Virtual Machines DSv3 Series"
    windows = linux + _WINDOWS * int(processors)

    def row(
        suffix: str, price: float, *, on_windows: bool, primary: bool = False, kind: str = "Consumption"
    ) -> Document:
        return _row(
            region,
            service="Virtual Machines",
            family="Compute",
            product=product + (" Windows" if on_windows else ""),
            sku=short + suffix,
            meter=short + suffix,
            price=price,
            size=f"Standard_{size}",
            primary=primary,
            kind=kind,
        )

    yield row(" Low Priority", windows * _LOW_PRIORITY_WINDOWS, on_windows=True)
    yield row(" Low Priority", round(linux * _LOW_PRIORITY, 3), on_windows=False)
    yield row(" Spot", linux * _SPOT, on_windows=False, primary=True)
    yield row(" Spot", windows * _SPOT, on_windows=True, primary=True)
    plain = row("", linux, on_windows=False)
    yield {**plain, "savingsPlan": [_priced(linux * share, term) for term, share in _SAVINGS.items()]}
    yield row("", windows, on_windows=True)
    for suffix, share in ((" Low Priority", _LOW_PRIORITY), (" Spot", _SPOT), ("", 1.0)):
        yield row(suffix, linux * share, on_windows=True, kind="DevTestConsumption")
    if version in ("v5", "v6"):  # the older series' reservations are no longer sold
        for term, (hours, share) in _RESERVED.items():
            yield {
                **row("", round(linux * hours * share), on_windows=False, kind="Reservation"),
                "reservationTerm": term,
            }


def _priced(price: float, term: str) -> Document:
    return {"unitPrice": round(price, 6), "retailPrice": round(price, 6), "term": term}


def _disks(region: str) -> Iterator[Document]:
    factor = 1.0 if region in BASE_REGIONS else 1.1
    for product, prices in (("Premium SSD", PREMIUM_DISKS), ("Standard SSD", STANDARD_DISKS)):
        for tier, price in prices.items():
            meters = {
                f"{tier} LRS Disk Mount": 0.0545,  # the use of a shared disk by one more machine
                f"{tier} LRS Disk": 1.0,
                f"{tier} ZRS Disk": 1.5,
            }
            for meter, share in meters.items():
                yield _row(
                    region,
                    service="Storage",
                    family="Storage",
                    product=f"{product} Managed Disks",
                    sku=" ".join(meter.split()[:2]),
                    meter=meter,
                    price=round(price * factor * share, 2),
                    unit="1/Month",
                )


def _addresses(region: str) -> Iterator[Document]:
    for meter, price in (
        ("Basic IPv4 Static Public IP", 0.0036),
        ("Standard IPv4 Static Public IP", 0.005),
        ("Global IPv4 Static Public IP", 0.01),
    ):
        yield _row(
            region,
            service="Virtual Network",
            family="Networking",
            product="IP Addresses",
            sku=meter.split()[0],
            meter=meter,
            price=price,
        )


def _balancers() -> Iterator[Document]:
    """Not listed by region but under Global, and once more for the operators' edge zones."""
    for region in ("attdetroit1", "attnewyork1", "Global"):
        for meter, price, unit in (
            ("Standard Data Processed", 0.005, "1 GB"),
            ("Standard Overage LB Rules and Outbound Rules", 0.01, "1/Hour"),
            ("Standard Included LB Rules and Outbound Rules", 0.025, "1 Hour"),
        ):
            yield _row(
                region,
                service="Load Balancer",
                family="Networking",
                product="Load Balancer",
                sku="Standard",
                meter=meter,
                price=price,
                unit=unit,
            )
