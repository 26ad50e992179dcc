"""The retail price list over the wire."""

from collections.abc import Iterator

import pytest

from shared.azure.prices import RetailPrices
from shared.errors import PermanentError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local


@pytest.fixture
def prices(services: Services, settings: Settings) -> Iterator[RetailPrices]:
    found = RetailPrices(settings)
    yield found
    found._rest.client.close()


@pytest.mark.parametrize(("location", "hourly"), [("westus", 0.117), ("westus2", 0.096), ("eastus", 0.096)])
def test_a_machine_costs_what_it_costs_with_linux(prices: RetailPrices, location: str, hourly: float) -> None:
    assert prices.vm_hourly(location, "Standard_D2s_v3") == hourly


def test_what_is_not_on_the_list_has_no_price(prices: RetailPrices) -> None:
    assert prices.vm_hourly("westus", "Standard_None") is None
    assert prices.vm_hourly("o'where", "Standard_D2s_v3") is None
    assert prices.disk_monthly("westus", "P11") is None


def test_the_things_beside_the_machines_have_prices(prices: RetailPrices) -> None:
    assert prices.load_balancer_hourly() == 0.025
    assert prices.public_ip_hourly() == 0.005
    assert prices.disk_monthly("eastus", "P10") == 19.71
    assert prices.disk_monthly("eastus", "E4") == 2.4


def test_all_pages_are_read(prices: RetailPrices) -> None:
    rows = prices.rows(serviceName="Virtual Machines")
    assert len(rows) > 100
    assert len({(row["meterId"], row["type"], row.get("reservationTerm")) for row in rows}) > 100


def test_a_filter_that_is_not_understood_is_refused_with_the_lists_words(prices: RetailPrices) -> None:
    with pytest.raises(PermanentError) as caught:
        prices.rows(nonsense="x")
    assert caught.value.code == "BadRequest"


def test_nobody_signs_in(services: Services, prices: RetailPrices) -> None:
    prices.public_ip_hourly()
    assert {call["service"] for call in services.do(services.log.all)} == {"prices"}
