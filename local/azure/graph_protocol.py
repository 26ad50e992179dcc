"""How Microsoft Graph says things: envelopes, headers, errors, the query options of a listing."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.azure import odata
from local.world import Document

_FILTERS = odata.Dialect(
    properties=frozenset({"id", "appId", "displayName", "createdDateTime", "servicePrincipalType", "accountEnabled"}),
    functions=frozenset({"startswith", "endswith"}),
    any_of=frozenset({"tags", "identifierUris", "servicePrincipalNames"}),
    operators=frozenset({"eq", "ne"}),
    case_sensitive=False,
)
_OPTIONS = {"$filter", "$select", "$top", "$skiptoken", "$count", "$orderby"}


class GraphError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str, message: str, details: list[Document] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details


def bad_request(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


def not_found(identity: str) -> GraphError:
    message = f"Resource '{identity}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(404, "Request_ResourceNotFound", message)


def denied() -> GraphError:
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def headers(request: Request) -> dict[str, str]:
    """What every answer carries; the identifiers are made once a request."""
    own = getattr(request.state, "request_id", None) or str(uuid.uuid4())
    request.state.request_id = own
    return {
        "cache-control": "no-cache",
        "request-id": own,
        "client-request-id": request.headers.get("client-request-id", own),
        "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"West US","Slice":"E","Ring":"1","ScaleUnit":"001"}}',
        "x-ms-resource-unit": "1",
        "odata-version": "4.0",
    }


def answer(request: Request, kind: str, shown: Document, status: int = 200) -> JSONResponse:
    """One object, or an action's result. `kind` completes the metadata address, as in `applications/$entity`."""
    body = {"@odata.context": f"{request.base_url}v1.0/$metadata#{kind}", **_selected(request, shown)}
    return _json(request, body, status)


def nothing(request: Request) -> Response:
    return Response(status_code=204, headers=headers(request))


def error_answer(request: Request, error: GraphError, now: datetime) -> JSONResponse:
    own = headers(request)
    inner = {
        "date": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": own["request-id"],
        "client-request-id": own["client-request-id"],
    }
    body: Document = {"code": error.code, "message": str(error), "innerError": inner}
    if error.details:
        body["details"] = error.details
    return _json(request, {"error": body}, error.status)


def listing(request: Request, kind: str, objects: Iterable[Document]) -> JSONResponse:
    """A page of the objects that match the query. Raises GraphError for an option that is not understood."""
    options = request.query_params
    if unknown := sorted(name for name in options if name.startswith("$") and name not in _OPTIONS):
        raise bad_request(f"Query option '{unknown[0]}' was specified more than once or is not allowed.")
    condition = _condition(options.get("$filter"))
    rows = sorted((row for row in objects if condition(row)), key=lambda row: str(row["id"]))
    size = _size(options.get("$top", "100"))
    after = options.get("$skiptoken", "")
    page = [row for row in rows if str(row["id"]) > after][:size]
    body: Document = {"@odata.context": f"{request.base_url}v1.0/$metadata#{kind}"}
    if options.get("$count") == "true":
        body["@odata.count"] = len(rows)
    if page and page[-1] is not rows[-1]:
        body["@odata.nextLink"] = str(request.url.include_query_params(**{"$skiptoken": page[-1]["id"]}))
    return _json(request, {**body, "value": [_selected(request, row) for row in page]})


async def read_body(request: Request) -> Document:
    """The request's JSON object. Raises GraphError."""
    try:
        body: Any = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        message = (
            "Unable to read JSON request payload. "
            "Please ensure Content-Type header is set and payload is of valid JSON format."
        )
        raise GraphError(400, "BadRequest", message)
    return body


def moment(value: Any, name: str) -> datetime:
    """A time in a request. Raises GraphError."""
    try:
        when = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        message = (
            f"Cannot convert the literal '{value}' of property '{name}' to the expected type 'Edm.DateTimeOffset'."
        )
        raise bad_request(message) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _condition(text: str | None) -> odata.Condition:
    if not text:
        return lambda _: True
    try:
        return odata.parse(text, _FILTERS)
    except odata.FilterError as error:
        raise bad_request(f"Invalid filter clause: {error}.") from None


def _size(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 999:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and 999 inclusive.")
    return int(text)


def _selected(request: Request, row: Document) -> Document:
    names = request.query_params.get("$select", "")
    return {name: row[name] for name in names.split(",") if name in row} if names else row


def _json(request: Request, body: Document, status: int = 200) -> JSONResponse:
    kind = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    return JSONResponse(body, status_code=status, headers=headers(request), media_type=kind)
