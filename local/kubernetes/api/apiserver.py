"""The Kubernetes API of one cluster, as an ASGI app."""

import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from local.kubernetes.api import answers, discovery, requests
from local.kubernetes.api.access import Action, Authentication, Authorization, User, review
from local.kubernetes.api.registry import Registry
from local.kubernetes.api.requests import Target
from local.kubernetes.api.subresources import Subresources
from local.kubernetes.objects.errors import ApiError, forbidden, no_such_path
from local.kubernetes.objects.kinds import POD, REVIEWS
from local.kubernetes.objects.store import meta
from local.world import Document

_log = logging.getLogger(__name__)
_OPENAPI = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


@dataclass(frozen=True)
class Served:
    """What one cluster's API server works on."""

    registry: Registry
    authentication: Authentication
    authorization: Authorization
    subresources: Subresources
    now: Callable[[], datetime]
    version: Callable[[], str]
    address: str


class ApiServer:
    def __init__(self, served: Served) -> None:
        self._served = served
        self._store = served.registry.store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._upgraded(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = _json(error.status(), error.code)
        except Exception:
            _log.exception("%s %s failed", scope["method"], scope["path"])
            response = _json(ApiError(500, "InternalError", "Internal error occurred").status(), 500)
        response.headers["Audit-Id"] = str(uuid.uuid4())
        await response(scope, receive, send)

    async def _upgraded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request to go on as a WebSocket: ports of pods, and nothing else here."""
        try:
            app: ASGIApp = self._forward(HTTPConnection(scope))
        except ApiError as error:
            app = _json(error.status(), error.code)
        await app(scope, receive, send)

    def _forward(self, request: HTTPConnection) -> ASGIApp:
        """Raises ApiError. Since 1.35 a WebSocket takes the right to create too, not only that to get (KEP 4006)."""
        user = self._served.authentication.user(request.headers.get("authorization", ""))
        found = requests.target(request.url.path)
        if found is None or found.subresource != "portforward" or found.kind is not POD:
            raise no_such_path()
        action = Action("get", found.kind.group, found.resource, found.namespace, found.name)
        self._served.authorization.check(user, action, found.kind)
        newer = int(self._served.version().split(".")[1]) >= 35
        if newer and not self._served.authorization.allowed(user, replace(action, verb="create")):
            raise forbidden(POD, found.name, "")
        return self._served.subresources.forward(request.scope, found)

    async def _answer(self, request: Request) -> Response:
        user = self._served.authentication.user(request.headers.get("authorization", ""))
        found = requests.target(request.url.path)
        if found is None:
            action = Action(request.method.lower(), path=request.url.path)
            if not _public(request.url.path):
                self._served.authorization.check(user, action)
            return self._about(request)
        verb = requests.verb(request.method, found, watching=requests.is_watch(request))
        name = found.kind.group
        action = Action(verb, name, found.resource, found.namespace, found.name)
        if found.kind.plural == "namespaces" and found.name:
            action = Action(verb, name, found.resource, found.name, found.name)
        if found.kind not in REVIEWS:
            self._served.authorization.check(user, action, found.kind)
        return await self._resource(request, found, user)

    def _about(self, request: Request) -> Response:
        """Everything that is no object: discovery, version, health."""
        path, accept = request.url.path.rstrip("/"), request.headers.get("accept", "")
        if path in ("/healthz", "/livez", "/readyz"):
            return PlainTextResponse("ok")
        if path == "/version":
            return _json(discovery.version(self._served.version()))
        if path == "/openapi/v2":
            return Response(b"", media_type=_OPENAPI)
        if path in ("/api", "/apis"):
            if version := _aggregated(accept):
                held = discovery.aggregated(core=path == "/api", api_version=f"apidiscovery.k8s.io/{version}")
                kind = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
                return Response(json.dumps(held), media_type=kind)
            return _json(discovery.core_versions(self._served.address) if path == "/api" else discovery.group_list())
        if path == "/api/v1":
            return _found(discovery.resource_list("", "v1"))
        if path.startswith("/apis/"):
            group, _, version = path.removeprefix("/apis/").partition("/")
            return _found(discovery.resource_list(group, version) if version else discovery.group(group))
        raise no_such_path()

    async def _resource(self, request: Request, found: Target, user: User) -> Response:
        if found.kind in REVIEWS:
            document = await requests.body(request)
            return _json(review(self._served.authorization, user, found.kind.kind, document), 201)
        if found.subresource not in ("", "status", "finalize"):
            if found.subresource not in found.kind.subresources:
                raise no_such_path()
            return await self._served.subresources.answer(request, found)
        if request.method in ("GET", "HEAD"):
            return self._read(request, found)
        if request.method == "DELETE":
            return await self._delete(request, found)
        return await self._change(request, found)

    def _read(self, request: Request, found: Target) -> Response:
        if requests.is_watch(request):
            watch = answers.Watch(self._store, found, request, self._served.now)
            return StreamingResponse(watch.lines(), media_type="application/json")
        if not found.name:
            return _json(answers.listing(self._store, found, request, self._served.now()))
        document = self._store.require(found.kind, found.namespace, found.name)
        return _json(answers.single(document, answers.form(request), self._served.now()))

    async def _change(self, request: Request, found: Target) -> Response:
        registry, wanted = self._served.registry, requests.options(request)
        warnings: list[str] = []
        status = 200
        if request.method == "POST" and not found.name:
            if found.kind.namespaced and not found.namespace:
                raise ApiError(
                    405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
                )
            document = await requests.body(request)
            after = registry.create(found.kind, found.namespace, document, wanted, warnings)
            status = 201
        elif request.method == "PUT" and found.name:
            document = await requests.body(request)
            after = registry.replace(
                found.kind, found.namespace, found.name, document, found.subresource, wanted, warnings
            )
        elif request.method == "PATCH" and found.name:
            media_type, patch = await requests.patch(request)
            existed = self._store.get(found.kind, found.namespace, found.name) is not None
            after = registry.patch(
                found.kind, found.namespace, found.name, media_type, patch, found.subresource, wanted, warnings
            )
            status = 200 if existed else 201
        else:
            raise _not_allowed()
        response = _json(answers.single(after, answers.form(request), self._served.now()), status)
        for warning in warnings:
            response.headers.append("Warning", f"299 - {json.dumps(warning)}")
        return response

    async def _delete(self, request: Request, found: Target) -> Response:
        given, registry = await requests.delete_options(request), self._served.registry
        dry_run = requests.options(request).dry_run or "All" in (given.get("dryRun") or [])
        if not found.name:
            listed = answers.listing(self._store, found, request, self._served.now())
            for one in listed.get("items") or []:
                registry.delete(
                    found.kind, meta(one).get("namespace", ""), meta(one)["name"], dict(given), dry_run=dry_run
                )
                return _json(listed)
        after = registry.delete(found.kind, found.namespace, found.name, given, dry_run=dry_run)
        if self._store.get(found.kind, found.namespace, found.name) is not None or found.kind.plural == "pods":
            return _json(after)
        return _json(_deleted(found, after))


def _deleted(found: Target, document: Document) -> Document:
    details: Document = {"name": found.name, "kind": found.kind.plural, "uid": meta(document)["uid"]}
    if found.kind.group:
        details["group"] = found.kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def _public(path: str) -> bool:
    """Discovery is open to everyone who is authenticated (ClusterRole system:discovery)."""
    return path.split("/")[1] in ("api", "apis", "openapi", "version", "healthz", "livez", "readyz")


def _aggregated(accept: str) -> str:
    """The newest version of aggregated discovery that the client asks for, "" when it does not."""
    if "as=APIGroupDiscoveryList" not in accept:
        return ""
    return next((version for version in ("v2", "v2beta1") if f"v={version};" in accept + ";"), "")


def _found(document: Document | None) -> Response:
    if document is None:
        raise no_such_path()
    return _json(document)


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document, separators=(",", ":")), status, media_type="application/json")
