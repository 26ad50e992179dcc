"""The emulated retail price list: filters, pages, and the rows that are not the price of a Linux machine."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.azure import odata
from local.azure.prices import Prices
from local.world import World
from tests.local.parts import PORTS, served

ADDRESS = f"https://127.0.0.1:{PORTS.prices}/api/retail/prices"
MACHINE = "serviceName eq 'Virtual Machines' and armRegionName eq '{}' and armSkuName eq 'Standard_{}'"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[requests.Session]:
    world = World(tmp_path_factory.mktemp("prices"), PORTS)
    with served(world, {PORTS.prices: Prices(world).app}, {}) as authority, requests.Session() as session:
        session.trust_env = False
        session.verify = str(authority)
        yield session
    world.close()


def items(session: requests.Session, condition: str, version: str = "2023-01-01-preview") -> list[dict[str, Any]]:
    answer = session.get(ADDRESS, params={"api-version": version, "$filter": condition}, timeout=5)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["Items"]
    return found


def linux(rows: list[dict[str, Any]]) -> list[float]:
    """What a careful reader keeps."""
    return [
        row["retailPrice"]
        for row in rows
        if row["type"] == "Consumption"
        and row["unitOfMeasure"] == "1 Hour"
        and not row["productName"].endswith(" Windows")
        and "Spot" not in row["skuName"]
        and "Low Priority" not in row["skuName"]
    ]


@pytest.mark.local
@pytest.mark.parametrize(
    ("region", "size", "price"),
    [
        ("westus", "D2s_v3", 0.117),
        ("westus2", "D2s_v3", 0.096),
        ("eastus", "D2s_v3", 0.096),
        ("westus", "D2s_v5", 0.112),
        ("westus", "D2as_v6", 0.107),
        ("westus", "D2s_v6", 0.118),
        ("westus", "B2ms", 0.0992),
        ("westus", "D4s_v3", 0.234),
        ("northeurope", "E4s_v5", 0.282),
    ],
)
def test_one_row_is_the_price_of_a_linux_machine(
    session: requests.Session, region: str, size: str, price: float
) -> None:
    assert linux(items(session, MACHINE.format(region, size))) == [price]


@pytest.mark.local
def test_the_rows_of_one_size_are_those_of_the_real_list(session: requests.Session) -> None:
    rows = items(session, MACHINE.format("eastus", "D2s_v3"))
    shown = [(row["type"], row["skuName"], row["productName"], row["retailPrice"]) for row in rows]
    product = "Virtual Machines DSv3 Series"
    assert shown[:6] == [
        ("Consumption", "D2s v3 Low Priority", f"{product} Windows", 0.0752),
        ("Consumption", "D2s v3 Low Priority", product, 0.019),
        ("Consumption", "D2s v3 Spot", product, 0.018816),
        ("Consumption", "D2s v3 Spot", f"{product} Windows", 0.036848),
        ("Consumption", "D2s v3", product, 0.096),
        ("Consumption", "D2s v3", f"{product} Windows", 0.188),
    ]
    assert [row["type"] for row in rows[6:]] == ["DevTestConsumption"] * 3
    assert [plan["retailPrice"] for plan in rows[4]["savingsPlan"]] == [0.04512, 0.06624]
    assert "priceType" not in rows[0]


@pytest.mark.local
def test_reservations_have_the_price_of_their_term_under_the_unit_of_an_hour(session: requests.Session) -> None:
    rows = items(session, MACHINE.format("eastus", "D2s_v5") + " and priceType eq 'Reservation'")
    assert [(row["reservationTerm"], row["unitOfMeasure"]) for row in rows] == [
        ("1 Year", "1 Hour"),
        ("3 Years", "1 Hour"),
    ]
    assert rows[0]["retailPrice"] > 400


@pytest.mark.local
def test_asking_for_primary_meters_loses_the_linux_row(session: requests.Session) -> None:
    query = {"$filter": MACHINE.format("eastus", "D2s_v3"), "meterRegion": "'primary'"}
    rows = session.get(ADDRESS, params=query, timeout=5).json()["Items"]
    assert {row["skuName"] for row in rows} == {"D2s v3 Spot"}


@pytest.mark.local
@pytest.mark.parametrize(
    ("condition", "prices"),
    [
        ("serviceName eq 'Load Balancer' and armRegionName eq 'westus'", []),
        (
            "armRegionName eq 'Global' and meterName eq 'Standard Included LB Rules and Outbound Rules'",
            [0.025],
        ),
        ("armRegionName eq 'westus' and meterName eq 'Standard IPv4 Static Public IP'", [0.005]),
        ("armRegionName eq 'eastus' and meterName eq 'P10 LRS Disk'", [19.71]),
        ("armRegionName eq 'westus' and meterName eq 'P10 LRS Disk'", [21.68]),
        ("armRegionName eq 'westus' and skuName eq 'P10 LRS'", [1.18, 21.68]),
        ("armRegionName eq 'eastus' and meterName eq 'E4 LRS Disk'", [2.4]),
        ("armRegionName eq 'westus' and serviceName eq 'Azure Kubernetes Service'", [0.1]),
    ],
)
def test_what_stands_around_the_machines(session: requests.Session, condition: str, prices: list[float]) -> None:
    assert [row["retailPrice"] for row in items(session, condition)] == prices


@pytest.mark.local
def test_a_long_answer_comes_in_pages(session: requests.Session) -> None:
    condition = "serviceName eq 'Virtual Machines' and armRegionName eq 'westus'"
    seen, link = [], f"{ADDRESS}?api-version=2023-01-01-preview&$filter={condition}"
    while link:
        page = session.get(link, timeout=5).json()
        assert page["Count"] == len(page["Items"]) <= 100
        assert page["BillingCurrency"] == "USD"
        seen += [(row["meterId"], row.get("reservationTerm")) for row in page["Items"]]
        link = page["NextPageLink"]
    assert len(seen) > 200
    assert len(set(seen)) == len(seen)


@pytest.mark.local
def test_values_are_case_sensitive_in_the_newest_version_only(session: requests.Session) -> None:
    condition = MACHINE.format("westus", "d2s_V3")
    assert items(session, condition) == []
    assert linux(items(session, condition, "2021-10-01-preview")) == [0.117]


@pytest.mark.local
@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "armSkuName in ('a', 'b')"},
        {"$filter": "not contains(productName, 'Windows')"},
        {"$filter": "priceType eq 'Spot'"},
        {"$filter": "colour eq 'red'"},
        {"$filter": " or ".join(["armSkuName eq 'a'"] * 21)},
        {"$filter": "armSkuName eq"},
        {"api-version": "2023-01-01"},
        {"$skip": "x"},
    ],
)
def test_what_the_real_list_refuses_is_refused(session: requests.Session, query: dict[str, str]) -> None:
    answer = session.get(ADDRESS, params=query, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["Error"]["Code"] == "BadRequest"


DIALECT = odata.Dialect(
    properties=frozenset({"a", "b", "tags"}),
    functions=frozenset({"contains", "startswith"}),
    any_of=frozenset({"tags"}),
    operators=frozenset({"eq", "ne"}),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a eq 'x'", True),
        ("a ne 'x'", False),
        ("a eq 'x' and b eq 'z'", False),
        ("a eq 'q' and b eq 'q' or a eq 'x'", True),
        ("a eq 'q' and (b eq 'q' or a eq 'x')", False),
        ("contains(b, 'it''s')", True),
        ("startswith(b,'so')", True),
        ("tags/any(t: t eq 'two')", True),
        ("tags/any(t: t eq 'three')", False),
    ],
)
def test_filters_mean_what_they_say(text: str, expected: bool) -> None:
    row = {"a": "x", "b": "so it's", "tags": ["one", "two"]}
    assert odata.parse(text, DIALECT)(row) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a eq",
        "a eq x",
        "a eq 'x",
        "a eq 'x' and",
        "(a eq 'x'",
        "a eq 'x')",
        "c eq 'x'",
        "a gt 'x'",
        "endswith(a,'x')",
        "a/any(t:t eq 'x')",
        "tags/any(t:u eq 'x')",
        "a eq 'x' %",
    ],
)
def test_filters_outside_the_language_are_refused(text: str) -> None:
    with pytest.raises(odata.FilterError):
        odata.parse(text, DIALECT)
