"""The emulated Azure Resource Manager: what ARM itself checks on every call, and which provider answers it."""

import fnmatch
import json
import logging
import uuid
from typing import Any, Protocol

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.azure.arm import listing
from local.azure.arm.aks import joining, views
from local.azure.arm.aks.provider import ContainerService
from local.azure.arm.azure import Azure, no_group
from local.azure.arm.catalog import API_VERSIONS, provider_name
from local.azure.arm.gate import action_of, check_api_version, resource_type, unauthorized
from local.azure.arm.ids import Target, parse
from local.azure.arm.policy import PolicyInsights, denial
from local.azure.arm.ports import ControlPlanes, Directory, Tokens
from local.azure.arm.providers.addresses import Network
from local.azure.arm.providers.authorization import Authorization
from local.azure.arm.providers.compute import Compute
from local.azure.arm.providers.groups import Groups, refuse_while_deleting
from local.azure.arm.providers.insights import Insights
from local.azure.arm.providers.others import Empty, KeyVault, ManagedIdentity
from local.azure.arm.providers.registries import ContainerRegistry
from local.azure.arm.providers.resources import Resources, prefix_of
from local.azure.arm.providers.subscriptions import Subscriptions, unknown_namespace
from local.azure.arm.throttle import Throttle
from local.azure.arm.wire import Answer, Call, Refusal, wrapped
from local.world import Document, World

_log = logging.getLogger(__name__)

AUDIENCE = "https://management.azure.com"
_PATIENCE = 0.02
"""Real seconds that a request, or the settling loop, waits for processes to start or stop before it goes on."""


class Answering(Protocol):
    namespace: str

    @property
    def types(self) -> Any: ...

    async def answer(self, call: Call, target: Target) -> Answer: ...


class Arm:
    service = "arm"

    def __init__(self, world: World, directory: Directory, clusters: ControlPlanes, tokens: Tokens) -> None:
        self._azure = Azure(world, directory, clusters)
        self._tokens = tokens
        self._throttle = Throttle(world)
        self._subscriptions = Subscriptions(self._azure)
        self._groups = Groups(self._azure)
        self._resources = Resources(self._azure)
        self._providers = _providers(self._azure, self._resources)
        self._subscriptions.types = {name: list(provider.types) for name, provider in self._providers.items()}
        self.app: ASGIApp = self
        world.lists(self._listing)

    async def settle(self) -> None:
        """Brings every operation whose virtual end time has passed to its end, with its side effects; idempotent.

        Returns soon: where processes must start or stop, the operation stays in progress until they have, and nobody
        else is kept waiting for them.
        """
        await self._azure.operations.settle(wait=_PATIENCE)

    def balancer_refusal(self, cluster: str) -> str | None:
        """Why a cluster's identity gets no address for a service; None when it does. cluster: its lower-cased ARM id."""
        return joining.refusal(self._azure, cluster)

    async def close(self) -> None:
        """Stops work that is going on; it is begun again after a restart."""
        await self._azure.operations.close()

    def _listing(self) -> list[Document]:
        views.refresh(self._azure)
        return listing.rows(self._azure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        raw = await request.body()
        await self._azure.operations.settle(wait=_PATIENCE)
        try:
            answer = await self._answer(request, raw)
        except Refusal as refusal:
            answer = refusal.answer
        except Exception:
            _log.exception("%s %s", request.method, request.url.path)
            answer = wrapped(500, "InternalServerError", "Encountered internal server error.", cause="service").answer
        await _response(answer, request)(scope, receive, send)

    async def _answer(self, request: Request, raw: bytes) -> Answer:
        call = self._call(request, raw)
        target = parse(call.path)
        check_api_version(call)
        if target.subscription:
            self._subscriptions.require(target.subscription)
        remaining = self._throttle.take(call, target)
        self._authorize(call, target)
        answer = await self._dispatch(call, target)
        return Answer(answer.status, answer.body, remaining | answer.headers)

    def _call(self, request: Request, raw: bytes) -> Call:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            claims = self._tokens.check(headers.get("authorization"), AUDIENCE)
        except PermissionError as problem:
            tenant = self._azure.account["tenantId"]
            raise unauthorized(str(problem), tenant, present="authorization" in headers) from None
        url = URL(str(request.url))
        return Call(
            method=request.method,
            base=f"{url.scheme}://{headers.get('host', url.netloc)}",
            path=request.url.path,
            query={name.lower(): value for name, value in request.query_params.items()},
            headers=headers,
            body=_decoded(raw),
            claims=claims,
        )

    def _authorize(self, call: Call, target: Target) -> None:
        """Raises Refusal (403) for the actions that a test has taken away from the caller."""
        action = action_of(call.method, target, self._kinds(target))
        denied = self._azure.setting("denied").get("actions", [])
        if not any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in denied):
            return
        client, identity = call.claims.get("appid"), call.claims.get("oid")
        message = (
            f"The client '{client}' with object id '{identity}' does not have authorization to perform action "
            f"'{action}' over scope '{call.path}' or the scope is invalid. If access was recently granted, please "
            "refresh your credentials."
        )
        raise wrapped(403, "AuthorizationFailed", message)

    def _kinds(self, target: Target) -> list[str]:
        return self._subscriptions.types.get((target.namespace or "").lower(), [])

    async def _dispatch(self, call: Call, target: Target) -> Answer:
        if target.namespace is None:
            return await self._own(call, target)
        name = provider_name(target.namespace)
        if name is None:
            raise unknown_namespace(target.namespace)
        self._check_group(call, target)
        self._subscriptions.require_registered(name)
        self._check_policy(call, target, name)
        if name in ("Microsoft.Network", "Microsoft.Compute"):
            views.refresh(self._azure)
        return await self._providers[name.lower()].answer(call, target)

    async def _own(self, call: Call, target: Target) -> Answer:
        """What ARM answers itself: subscriptions, groups, listings, registrations."""
        words = [part.lower() for part in target.rest]
        if target.subscription is None:
            return self._tenant(call, target)
        if words[:1] == ["providers"]:
            return self._subscriptions.providers(call, target.rest[1:])
        if target.group is not None and not words:
            self._check_policy(call, target, "Microsoft.Resources")
            return await self._groups.answer(call, target.subscription, target.group)
        if words == ["resourcegroups"] and call.method == "GET":
            return self._groups.listed(call, target.subscription)
        if words == ["resources"] and call.method == "GET":
            self._check_group(call, target)
            views.refresh(self._azure)
            return self._resources.listed(call, prefix_of(target.subscription, target.group))
        if len(words) == 2 and words[0] == "operationresults":
            return self._azure.polling.answer(call, target.rest[1], results=True)
        if words in ([], ["locations"]) and call.method == "GET":
            return self._subscriptions.answer((target.subscription, *words))
        raise wrapped(404, "NotFound", f"The resource at '{call.path}' was not found.")

    def _tenant(self, call: Call, target: Target) -> Answer:
        words = [part.lower() for part in target.rest] or target.scope.strip("/").lower().split("/")
        if words == ["subscriptions"]:
            return self._subscriptions.answer(())
        if words == ["tenants"]:
            return self._subscriptions.tenants()
        raise wrapped(404, "NotFound", f"The resource at '{call.path}' was not found.")

    def _check_group(self, call: Call, target: Target) -> None:
        if target.subscription is None or target.group is None:
            return
        group = self._azure.store.group(target.subscription, target.group)
        if group is None:
            raise no_group(target.group)
        if call.method == "PUT":
            refuse_while_deleting(group)

    def _check_policy(self, call: Call, target: Target, namespace: str) -> None:
        """Writing a group or a top-level resource that a policy denies. Raises Refusal (403)."""
        if call.method != "PUT" or (target.namespace is not None and len(target.rest) != 2):
            return
        kind = (
            resource_type(target, self._kinds(target))
            if target.namespace
            else f"{namespace}/subscriptions/resourceGroups"
        )
        name = target.rest[-1] if target.namespace else str(target.group)
        refusal = denial(self._azure, kind, name, call.document)
        if refusal:
            raise refusal


def _providers(azure: Azure, resources: Resources) -> dict[str, Answering]:
    with_types: list[Answering] = [
        Authorization(azure),
        Compute(azure),
        ContainerRegistry(azure),
        ContainerService(azure),
        Insights(azure),
        KeyVault(azure),
        ManagedIdentity(azure),
        Network(azure),
        PolicyInsights(azure),
        resources,
    ]
    found = {provider.namespace.lower(): provider for provider in with_types}
    return {name.lower(): Empty(name) for name in API_VERSIONS} | found


def _decoded(raw: bytes) -> Any:
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        message = "The request content was invalid and could not be deserialized: 'it is not JSON'."
        raise wrapped(400, "InvalidRequestContent", message) from None


def _response(answer: Answer, request: Request) -> Response:
    """AKS prints its bodies, everybody else packs them; every answer carries its request's ids."""
    aks = "/microsoft.containerservice/" in f"{request.url.path.lower()}/" and "error" not in (answer.body or {})
    identity = str(uuid.uuid4())
    headers = {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "x-ms-request-id": identity,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", identity),
        "x-ms-routing-request-id": f"LOCAL:{identity}",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
    } | answer.headers
    if answer.body is None or request.method == "HEAD":
        return Response(status_code=answer.status, headers=headers)
    text = json.dumps(answer.body, indent=2) if aks else json.dumps(answer.body, separators=(",", ":"))
    kind = "application/json" if aks else "application/json; charset=utf-8"
    return Response(text, status_code=answer.status, headers=headers | {"content-type": kind})
