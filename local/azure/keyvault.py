"""The data plane of the one key vault, as the official client speaks it.

As in Azure, a secret outside its `nbf` and `exp` can still be read; only a disabled one cannot.
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.azure import tokens
from local.azure.tokens import Tokens, caller
from local.azure.vault import RETENTION, Vault, VaultError
from local.world import Document, World

type Handler = Callable[[Request], Awaitable[Response]]

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LARGEST = 25 * 1024
"""Bytes of a value."""
_PAGE = 25
_RECOVERY = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION.days}


class KeyVault:
    """HTTP side of the vault. Only the functions app's identity has a role on it."""

    service = "keyvault"

    def __init__(self, world: World, issued: Tokens) -> None:
        self._world = world
        self._tokens = issued
        self._vault = Vault(world)
        one, deleted = "/secrets/{name}", "/deletedsecrets/{name}"
        routes = [
            self._route("/secrets", "GET", self._list),
            self._route(one, "PUT", self._put),
            self._route(one, "GET", self._get),
            self._route(one, "PATCH", self._patch),
            self._route(one, "DELETE", self._delete),
            self._route(f"{one}/versions", "GET", self._list_versions),
            self._route(f"{one}/{{version}}", "GET", self._get),
            self._route(f"{one}/{{version}}", "PATCH", self._patch),
            self._route("/deletedsecrets", "GET", self._list_deleted),
            self._route(deleted, "GET", self._get_deleted),
            self._route(deleted, "DELETE", self._purge),
            self._route(f"{deleted}/recover", "POST", self._recover),
        ]
        self.app = Starlette(
            routes=routes,
            middleware=[Middleware(_CurrentVersion)],
            exception_handlers={VaultError: self._error, HTTPException: self._no_route},
        )
        world.lists(self._listing)

    def _route(self, path: str, method: str, handler: Handler) -> Route:
        async def authorized(request: Request) -> Response:
            self._authorize(request)
            name = request.path_params.get("name")
            if name is not None and not _NAME.fullmatch(name):
                raise _bad(f"The request URI contains an invalid name: {name}")
            if "api-version" not in request.query_params:
                raise _bad("api-version must be specified")
            response = await handler(request)
            response.headers.update(_HEADERS)
            return response

        return Route(path, authorized, methods=[method])

    def _authorize(self, request: Request) -> None:
        """Raises VaultError."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise VaultError(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            claims = self._tokens.check(authorization, tokens.VAULT)
        except PermissionError as error:
            raise VaultError(401, "Unauthorized", f"AKV10032: Invalid token: {error}.") from None
        if claims["oid"] != caller(self._world)["oid"]:
            message = f"Caller is not authorized to perform action on resource. Caller: appid={claims['appid']}"
            raise VaultError(403, "Forbidden", message, "ForbiddenByRbac")

    async def _put(self, request: Request) -> Response:
        body = await _body(request)
        value = body.get("value")
        if not isinstance(value, str):
            raise _bad("Property value is missing or is not a string")
        if len(value.encode()) > _LARGEST:
            raise _bad(f"The length of the secret's value exceeds the maximum of {_LARGEST} bytes")
        name = request.path_params["name"]
        version = self._vault.put(name, {"contentType": None, "tags": {}, **_metadata(body), "value": value})
        return JSONResponse(_bundle(request, name, version))

    async def _get(self, request: Request) -> Response:
        name = request.path_params["name"]
        version = self._vault.get(name, request.path_params.get("version"))
        if not version["attributes"]["enabled"]:
            raise VaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return JSONResponse(_bundle(request, name, version))

    async def _patch(self, request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params.get("version")
        changed = self._vault.update(name, version, _metadata(await _body(request)))
        return JSONResponse(_item(request, name, changed))

    async def _delete(self, request: Request) -> Response:
        return JSONResponse(_deleted(request, self._vault.delete(request.path_params["name"])))

    async def _get_deleted(self, request: Request) -> Response:
        return JSONResponse(_deleted(request, self._vault.deleted(request.path_params["name"])))

    async def _purge(self, request: Request) -> Response:
        self._vault.purge(request.path_params["name"])
        return Response(status_code=204)

    async def _recover(self, request: Request) -> Response:
        document = self._vault.recover(request.path_params["name"])
        return JSONResponse(_item(request, document["name"], document["versions"][-1]))

    async def _list(self, request: Request) -> Response:
        return _page(request, [_head(request, document) for document in self._vault.names()])

    async def _list_versions(self, request: Request) -> Response:
        document = self._vault.secret(request.path_params["name"])
        return _page(request, [_item(request, document["name"], version) for version in document["versions"]])

    async def _list_deleted(self, request: Request) -> Response:
        rows = [{**_head(request, row), **_deletion(request, row)} for row in self._vault.deleted_names()]
        return _page(request, rows)

    async def _error(self, _: Request, error: Exception) -> Response:
        known = error if isinstance(error, VaultError) else VaultError(500, "InternalServerError", "Internal error.")
        body: Document = {"code": known.code, "message": str(known)}
        if known.inner:
            body["innererror"] = {"code": known.inner}
        headers = dict(_HEADERS)
        if known.status == 401:
            tenant = caller(self._world)["tenant"]
            headers["www-authenticate"] = (
                f'Bearer authorization="https://login.microsoftonline.com/{tenant}", resource="{tokens.VAULT}"'
            )
        return JSONResponse({"error": body}, status_code=known.status, headers=headers)

    async def _no_route(self, request: Request, _: Exception) -> Response:
        message = f"Method {request.method} does not work on this path."
        return await self._error(request, VaultError(405, "MethodNotAllowed", message))

    def _listing(self) -> list[Document]:
        return [
            {
                "kind": f"Microsoft.KeyVault/vaults/{what}",
                "id": document["name"],
                "versions": len(document["versions"]),
                "contentType": document["versions"][-1]["contentType"],
                "tags": document["versions"][-1]["tags"],
            }
            for what, document in self._vault.everything()
        ]


class _CurrentVersion:
    """Clients ask for the current version with an empty one, /secrets/NAME/: the same as without the slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)


_HEADERS = {
    "cache-control": "no-cache",
    "x-ms-keyvault-region": "westus",
    "x-ms-keyvault-service-version": "1.9.0.0",
    "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;",
}


def _bad(message: str) -> VaultError:
    return VaultError(400, "BadParameter", message)


async def _body(request: Request) -> Document:
    try:
        body: Any = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _bad("The request body is not a JSON object")
    return body


def _metadata(body: Document) -> Document:
    """What a request says about a secret besides its value. Raises VaultError."""
    attributes = body.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise _bad("Property attributes is not an object")
    fields: Document = {name: body[name] for name in ("contentType", "tags") if body.get(name) is not None}
    tags, kind = fields.get("tags", {}), fields.get("contentType", "")
    if not isinstance(tags, dict) or not all(isinstance(tag, str) and len(tag) <= 256 for tag in tags.values()):
        raise _bad("Property tags is not an object of strings of at most 256 characters")
    if len(tags) > 15:
        raise _bad("The number of tags exceeds the maximum of 15")
    if not isinstance(kind, str) or len(kind) > 255:
        raise _bad("Property contentType exceeds the maximum of 255 characters")
    kept = {name: attributes[name] for name in ("enabled", "nbf", "exp") if attributes.get(name) is not None}
    for name, value in kept.items():
        if type(value) is not (bool if name == "enabled" else int):
            raise _bad(f"Property attributes.{name} has an invalid value")
    if "exp" in kept and "nbf" in kept and kept["exp"] <= kept["nbf"]:
        raise _bad("The expiry date must be after the activation date")
    return {**fields, "attributes": kept}


def _item(request: Request, name: str, version: Document) -> Document:
    """A version without its value."""
    shown: Document = {
        "id": f"{request.base_url}secrets/{name}/{version['version']}",
        "attributes": version["attributes"] | _RECOVERY,
        "tags": version["tags"],
    }
    if version["contentType"]:
        shown["contentType"] = version["contentType"]
    return shown


def _bundle(request: Request, name: str, version: Document) -> Document:
    return {"value": version["value"], **_item(request, name, version)}


def _head(request: Request, document: Document) -> Document:
    """A secret in a listing: the current version under the address without version."""
    return {
        **_item(request, document["name"], document["versions"][-1]),
        "id": f"{request.base_url}secrets/{document['name']}",
    }


def _deletion(request: Request, document: Document) -> Document:
    return {
        "recoveryId": f"{request.base_url}deletedsecrets/{document['name']}",
        "deletedDate": int(document["deleted"]),
        "scheduledPurgeDate": int(document["deleted"] + RETENTION.total_seconds()),
    }


def _deleted(request: Request, document: Document) -> Document:
    return {**_deletion(request, document), **_item(request, document["name"], document["versions"][-1])}


def _page(request: Request, rows: list[Document]) -> JSONResponse:
    """A page of a listing in the order of the addresses. Raises VaultError."""
    asked = request.query_params.get("maxresults", str(_PAGE))
    if not asked.isdigit() or not 1 <= int(asked) <= _PAGE:
        raise _bad(f"maxresults must be a number from 1 to {_PAGE}")
    try:
        after = base64.urlsafe_b64decode(request.query_params.get("$skiptoken", "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _bad("The skip token is not valid") from None
    rows = sorted((row for row in rows if row["id"] > after), key=lambda row: str(row["id"]))
    page, following = rows[: int(asked)], None
    if len(page) < len(rows):
        token = base64.urlsafe_b64encode(page[-1]["id"].encode()).decode()
        following = str(request.url.include_query_params(**{"$skiptoken": token}))
    return JSONResponse({"value": page, "nextLink": following})
