"""The HTTP face of the host: function routes, keys, and the admin calls."""

import contextlib
import hmac
import json
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import azure.functions as func
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from local.functions.index import Function
from local.functions.invoke import Invoker
from local.functions.routes import Route, decoded, match, ordered, route

_log = logging.getLogger("host")

HOST_KEY = "local"
"""Opens every function of level `function`."""
ADMIN_KEY = "local-admin"
"""The master key: opens everything."""

_BODY_LIMIT = 104_857_600
"""Bytes: 100 MB, beyond which Azure's front end answers 413."""

type Fire = Callable[[Function, Any], Awaitable[None]]


class Web:
    """The ASGI app."""

    def __init__(self, functions: list[Function], invoker: Invoker, prefix: str, fire: Fire) -> None:
        """`fire` runs a function that has no HTTP trigger, with the input given by hand, and returns at once."""
        self._functions = {each.name: each for each in functions}
        self._routes = ordered([_route(each, prefix) for each in functions if each.kind == "httpTrigger"])
        self._invoker = invoker
        self._fire = fire

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = decoded(request.scope.get("raw_path") or request.url.path.encode())
        if path == "" and request.method == "GET":
            return HTMLResponse("<html><body><h1>Your Functions 4.0 app is up and running</h1></body></html>")
        if path.split("/")[0].lower() == "admin":
            return await self._admin(request, path.lower().split("/")[1:], path.split("/")[-1])
        return await self._function(request, path)

    async def _function(self, request: Request, path: str) -> Response:
        found = match(self._routes, request.method, path)
        if found.function is None:
            headers = {"allow": ", ".join(found.allowed)} if found.allowed else None
            return Response(status_code=found.status, headers=headers)
        function = self._functions[found.function]
        if not _admits(function.trigger["authLevel"], _key(request)):
            return Response(status_code=401)
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        incoming = func.HttpRequest(
            method=request.method,
            url=_address(request),
            headers=_joined(request.headers.items()),
            params=_joined(request.query_params.multi_items()),
            route_params=found.parameters,
            body=body,
        )
        try:
            return response_of(await self._invoker.call(function, incoming))
        except Exception:  # the invoker has logged it
            return Response(status_code=500)

    async def _admin(self, request: Request, path: list[str], name: str) -> Response:
        if not _admits("admin", _key(request)):
            return Response(status_code=401)
        match (request.method, path):
            case "GET", ["host", "status"]:
                return JSONResponse({"id": "local", "state": "Running", "version": "4.0"})
            case "GET", ["functions"]:
                return JSONResponse([self._described(each, request) for each in self._functions.values()])
            case "POST", ["functions", _]:
                return await self._by_hand(request, name)
            case _:
                return Response(status_code=404)

    async def _by_hand(self, request: Request, name: str) -> Response:
        function = next((each for each in self._functions.values() if each.name.lower() == name.lower()), None)
        if function is None:
            return Response(status_code=404)
        if function.kind not in ("timerTrigger", "activityTrigger"):
            return JSONResponse({"message": f"a {function.kind} cannot be started by hand"}, status_code=400)
        body = await request.body()
        try:
            given = json.loads(body).get("input") if body else None
        except (ValueError, AttributeError):
            return JSONResponse({"message": 'the body must be {"input": ...}'}, status_code=400)
        await self._fire(function, given)
        return Response(status_code=202)

    def _described(self, function: Function, request: Request) -> dict[str, Any]:
        template = next((each.template for each in self._routes if each.function == function.name), None)
        bindings = [
            {name: getattr(value, "name", value) for name, value in binding.items() if isinstance(value, str | bool)}
            for binding in function.bindings
        ]
        return {
            "name": function.name,
            "language": "python",
            "isDisabled": False,
            "invoke_url_template": f"{request.base_url}{template}" if template else None,
            "config": {"bindings": bindings},
        }


def response_of(result: Any) -> Response:
    """What a function's result is to the client. Raises TypeError for what no converter of the worker takes."""
    if result is None:
        return Response(status_code=204)
    if isinstance(result, str):
        return Response(result, media_type="text/plain")
    if not isinstance(result, func.HttpResponse):
        raise TypeError(f"unable to encode outgoing TypedData: no HTTP converter for {type(result).__name__}")
    response = Response(result.get_body(), status_code=result.status_code)
    for name, value in result.headers.items():
        response.headers.append(name, value)
    if "content-type" not in response.headers:
        text = result.mimetype.startswith("text/")
        response.headers["content-type"] = f"{result.mimetype}; charset={result.charset}" if text else result.mimetype
    return response


def _route(function: Function, prefix: str) -> Route:
    methods = [getattr(method, "value", method) for method in function.trigger.get("methods") or []]
    return route(function.name, function.trigger.get("route") or "", methods or _ALL_METHODS, prefix)


_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def _address(request: Request) -> str:
    """The request's address with its path still escaped; Starlette's is not."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return str(request.url.replace(path=raw.decode("ascii", "replace")))


def _key(request: Request) -> str:
    return request.headers.get("x-functions-key") or request.query_params.get("code", "")


def _admits(auth_level: Any, key: str) -> bool:
    name = str(getattr(auth_level, "value", auth_level)).lower()
    if name == "anonymous" or hmac.compare_digest(key.encode(), ADMIN_KEY.encode()):
        return True
    return name == "function" and hmac.compare_digest(key.encode(), HOST_KEY.encode())


async def _body(request: Request) -> bytes | None:
    """None when it is over the limit."""
    with contextlib.suppress(ValueError):
        if int(request.headers.get("content-length", "0")) > _BODY_LIMIT:
            return None
    whole = bytearray()
    async for chunk in request.stream():
        whole += chunk
        if len(whole) > _BODY_LIMIT:
            return None
    return bytes(whole)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Repeated names become one, their values joined by commas, as the host hands them to the worker."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return {name: ",".join(found) for name, found in values.items()}
