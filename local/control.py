"""The control endpoint: what people and tests ask of the local cloud itself, not of the Azure it imitates."""

import json
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.faults import CallLog, Fault, Faults
from local.world import Document, World

SUBSCRIPTION = ("quotas", "policies", "providers", "denied", "outcomes", "graph")
"""What can be set about the subscription: documents in the table "subscription", each read by the part it concerns."""
_SERVICES = ("arm", "graph", "keyvault", "identity", "prices", "kubernetes", "charts")
_FAULT = TypeAdapter(Fault)
_FAULT_FIELDS = {"method", "path", "service", "happens", "status", "headers", "body", "seconds", "times", "skip"}
type Handler = Callable[[Request], Awaitable[Response]]


class BadInputError(Exception):
    """What was asked cannot be done; the message is the answer's sentence."""


class Control:
    """Plain HTTP and JSON; a request that makes no sense gets 400 and a sentence. Not subject to faults, not logged."""

    def __init__(self, world: World, faults: Faults, log: CallLog, stop: Callable[[], None]) -> None:
        self._world = world
        self._faults = faults
        self._log = log
        self._stop = stop
        routes: dict[str, dict[str, Handler]] = {
            "/health": {"GET": self._health},
            "/resources": {"GET": self._resources},
            "/clock": {"GET": self._clock, "PUT": self._set_clock},
            "/speed": {"GET": self._speed, "PUT": self._set_speed},
            "/faults": {"GET": self._list_faults, "POST": self._add_fault, "DELETE": self._clear_faults},
            "/faults/{id}": {"DELETE": self._remove_fault},
            "/requests": {"GET": self._requests, "DELETE": self._clear_requests},
            "/subscription": {"GET": self._subscription, "PUT": self._set_subscription},
            "/shutdown": {"POST": self._shutdown},
        }
        self.app = Starlette(
            routes=[
                Route(path, handler, methods=[method])
                for path, handlers in routes.items()
                for method, handler in handlers.items()
            ],
            exception_handlers={BadInputError: _bad_input, HTTPException: _no_route},
        )

    async def _health(self, _: Request) -> Response:
        return _json({"status": "ok"})

    async def _resources(self, _: Request) -> Response:
        return _json(self._world.resources())

    async def _clock(self, _: Request) -> Response:
        now = self._world.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return _json({"now": now, "rate": self._world.clock.rate})

    async def _set_clock(self, request: Request) -> Response:
        body = await _body(request, {"now", "rate"})
        now = _moment(body["now"]) if "now" in body else None
        rate = _positive(body["rate"], "rate") if "rate" in body else None
        self._world.clock.set(now, rate)
        return await self._clock(request)

    async def _speed(self, _: Request) -> Response:
        return _json({"factor": self._world.speed})

    async def _set_speed(self, request: Request) -> Response:
        body = await _body(request, {"factor"})
        if "factor" not in body:
            raise BadInputError("factor is missing.")
        self._world.speed = _positive(body["factor"], "factor")
        return await self._speed(request)

    async def _list_faults(self, _: Request) -> Response:
        return _json(self._faults.all())

    async def _add_fault(self, request: Request) -> Response:
        body = await _body(request, _FAULT_FIELDS)
        return _json(asdict(self._faults.add(_fault(body))), 201)

    async def _clear_faults(self, _: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def _remove_fault(self, request: Request) -> Response:
        known = {str(fault["id"]): fault["id"] for fault in self._faults.all()}
        if request.path_params["id"] not in known:
            raise HTTPException(404, "There is no such fault.")
        self._faults.clear(known[request.path_params["id"]])
        return Response(status_code=204)

    async def _requests(self, _: Request) -> Response:
        return _json(self._log.all())

    async def _clear_requests(self, _: Request) -> Response:
        self._log.clear()
        return Response(status_code=204)

    async def _subscription(self, _: Request) -> Response:
        return _json(
            {name: document for name, document in self._world.table("subscription").items() if name in SUBSCRIPTION}
        )

    async def _set_subscription(self, request: Request) -> Response:
        """Merges as RFC 7396 says: objects into objects, null removes, anything else replaces."""
        body = await _body(request, set(SUBSCRIPTION))
        table = self._world.table("subscription")
        if wrong := sorted(name for name, patch in body.items() if not isinstance(patch, dict | None)):
            raise BadInputError(f"{wrong[0]} must be an object, or null to remove it.")
        for name, patch in body.items():
            merged = _merged(table.get(name), patch)
            if merged is None:
                table.pop(name, None)
            else:
                table[name] = merged
        return await self._subscription(request)

    async def _shutdown(self, _: Request) -> Response:
        self._stop()
        return _json({"status": "stopping"}, 202)


async def _body(request: Request, allowed: set[str]) -> Document:
    """The request's JSON object. Raises BadInputError."""
    try:
        body: Any = await request.json()
    except ValueError:
        raise BadInputError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadInputError("The body is not a JSON object.")
    if unknown := sorted(set(body) - allowed):
        raise BadInputError(f"{unknown[0]} is not known here; there are {', '.join(sorted(allowed))}.")
    return body


def _fault(body: Document) -> Fault:
    """Raises BadInputError."""
    try:
        fault = _FAULT.validate_json(json.dumps(body), strict=True)
        re.compile(fault.path)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise BadInputError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}.") from None
    except re.error as error:
        raise BadInputError(f"path is not a regular expression: {error}.") from None
    if fault.service not in (None, *_SERVICES):
        raise BadInputError(f"service must be one of {', '.join(_SERVICES)}, or null for any.")
    if not 100 <= fault.status <= 599:
        raise BadInputError("status must be from 100 to 599.")
    if min(fault.times or 0, fault.skip, fault.seconds) < 0:
        raise BadInputError("times, skip and seconds must be 0 or more.")
    return fault


def _moment(value: Any) -> datetime:
    try:
        when = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadInputError("now must be a time such as 2026-12-01T08:00:00Z.") from None
    if when.tzinfo is None:
        raise BadInputError("now must have an offset from UTC, or Z.")
    return when


def _positive(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise BadInputError(f"{name} must be a number, 0 or more.")
    return float(value)


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    base = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        merged = _merged(base.get(name), value)
        if merged is None:
            base.pop(name, None)
        else:
            base[name] = merged
    return base


def _json(body: Any, status: int = 200) -> Response:
    """Sorted and indented: people read it, and two equal listings are equal byte for byte."""
    text = json.dumps(body, indent=1, sort_keys=True) + "\n"
    return Response(text, status_code=status, media_type="application/json")


async def _bad_input(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _json({"error": error.detail if isinstance(error, HTTPException) else "Failed."}, status)
