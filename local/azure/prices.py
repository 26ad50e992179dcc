"""The public retail price list: no sign-in, OData filters, pages."""

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.azure import odata
from local.azure.price_list import rows
from local.world import Document, World

_PREVIEW = "2023-01-01-preview"
"""From this version on, values in filters are case-sensitive and rows show savings plans."""
_VERSIONS = (None, "2021-10-01-preview", _PREVIEW)
_PAGE = 100
"""Rows. Today's service sends up to 1000; fewer, as it once did, shows sooner who does not follow NextPageLink."""
_LONGEST = 2048
"""Characters of an address that the real service still answers."""
_KINDS = {"consumption", "reservation", "devtestconsumption", "savingsplan"}
_PROPERTIES = frozenset(
    {
        "armRegionName", "armSkuName", "currencyCode", "location", "meterId", "meterName", "priceType", "productId",
        "productName", "reservationTerm", "serviceFamily", "serviceId", "serviceName", "skuId", "skuName",
    }
)  # fmt: skip


class Prices:
    """GET /api/retail/prices. In US dollars alone: other currencies are refused here, unlike in Azure."""

    service = "prices"

    def __init__(self, world: World) -> None:  # noqa: ARG002 - built like every part, though prices are the same everywhere
        self.app = Starlette(routes=[Route("/api/retail/prices", self._prices, methods=["GET"])])

    async def _prices(self, request: Request) -> JSONResponse:
        options = request.query_params
        version = options.get("api-version")
        if len(str(request.url)) > _LONGEST:
            return _error(404, "NotFound", "The resource cannot be found.")
        if version not in _VERSIONS:
            return _error(400, "BadRequest", "Unsupported API version")
        if options.get("currencyCode", "USD").strip("'\"") != "USD":
            return _error(400, "BadRequest", "Unsupported currency code")
        skip = options.get("$skip", "0")
        try:
            condition = _condition(options.get("$filter"), case_sensitive=version == _PREVIEW)
        except odata.FilterError:
            condition = None
        if condition is None or not skip.isdigit():
            return _error(400, "BadRequest", "Invalid OData parameters supplied")
        primary = options.get("meterRegion", "").strip("'\"") == "primary"
        found = [row for row in rows() if condition(row) and (row["isPrimaryMeterRegion"] or not primary)]
        page = found[int(skip) : int(skip) + _PAGE]
        following = int(skip) + _PAGE
        link = str(request.url.include_query_params(**{"$skip": following})) if following < len(found) else None
        return JSONResponse(
            {
                "BillingCurrency": "USD",
                "CustomerEntityId": "Default",
                "CustomerEntityType": "Retail",
                "Items": [_shown(row, with_savings=version == _PREVIEW) for row in page],
                "NextPageLink": link,
                "Count": len(page),
            }
        )


def _condition(text: str | None, *, case_sensitive: bool) -> odata.Condition:
    """Raises FilterError, as the real service refuses: `in`, `not`, unknown kinds of prices, over 20 comparisons."""
    if not text:
        return lambda _: True
    for kind in re.findall(r"priceType\s+\w+\s+'([^']*)'", text):
        if kind.lower() not in _KINDS:
            raise odata.FilterError(f"there is no price type {kind}")
    dialect = odata.Dialect(
        properties=_PROPERTIES,
        functions=frozenset({"contains", "startswith", "endswith"}),
        operators=frozenset({"eq", "ne"}),
        most=20,
        case_sensitive=case_sensitive,
    )
    return odata.parse(text, dialect)


def _shown(row: Document, *, with_savings: bool) -> Document:
    hidden = {"priceType"} if with_savings else {"priceType", "savingsPlan"}
    return {name: value for name, value in row.items() if name not in hidden}


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"Error": {"Code": code, "Message": message}}, status_code=status)
