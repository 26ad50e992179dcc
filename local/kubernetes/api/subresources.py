"""Subresources with a form of their own: scale, log, eviction, binding, portforward, token."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from local.kubernetes.api import requests
from local.kubernetes.api.access import service_account_token
from local.kubernetes.api.portforward import Forward, address_of, agreed_protocol, asked_ports
from local.kubernetes.api.registry import Registry
from local.kubernetes.api.requests import Target
from local.kubernetes.objects.errors import ApiError, bad_request
from local.kubernetes.objects.kinds import POD
from local.kubernetes.objects.patch import json_patch, merge_patch
from local.kubernetes.objects.selectors import selector_text
from local.kubernetes.objects.store import clone, meta
from local.world import Document

type Logs = Callable[[Document, str], str]
"""The output of a pod's container, by the container's name."""


class Subresources:
    def __init__(self, registry: Registry, key: str, now: Callable[[], datetime], logs: Logs) -> None:
        self._registry = registry
        self._key = key
        self._now = now
        self._logs = logs

    async def answer(self, request: Request, found: Target) -> Response:
        """Raises ApiError."""
        if found.subresource == "scale":
            return await self._scale(request, found)
        if found.subresource == "log":
            return self._log(request, found)
        if found.subresource == "portforward" and request.method in ("GET", "POST"):
            self._registry.store.require(POD, found.namespace, found.name)
            raise bad_request("Upgrade request required")
        if request.method != "POST":
            raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        document = await requests.body(request)
        if found.subresource == "token":
            return self._token(found, document)
        if found.subresource == "binding":
            self._bind(found, document)
        else:
            given: Document = document.get("deleteOptions") or {}
            self._registry.evict(found.namespace, found.name, given)
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}, 201)

    def forward(self, scope: Scope, found: Target) -> Forward:
        """The app for a WebSocket that asks for ports of a pod. Raises ApiError."""
        pod = self._registry.store.require(POD, found.namespace, found.name)
        address, ports = address_of(pod), asked_ports(scope["query_string"])
        return Forward(found.name, address, ports, agreed_protocol(scope["subprotocols"]))

    async def _scale(self, request: Request, found: Target) -> Response:
        stored = self._registry.store.require(found.kind, found.namespace, found.name)
        scale = _scale_of(stored)
        if request.method == "GET":
            return _json(scale)
        if request.method == "PATCH":
            media_type, patch = await requests.patch(request)
            operation = json_patch if media_type == "application/json-patch+json" else merge_patch
            wanted = operation(scale, patch)
        else:
            wanted = await requests.body(request)
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        if not isinstance(replicas, int):
            raise bad_request("Scale in version v1 cannot be handled as a Scale: spec.replicas is no integer")
        after = clone(stored)
        after["spec"]["replicas"] = replicas
        meta(after)["resourceVersion"] = (wanted.get("metadata") or {}).get("resourceVersion")
        if request.method == "PATCH":
            meta(after).pop("resourceVersion")
        options = requests.options(request)
        return _json(_scale_of(self._registry.replace(found.kind, found.namespace, found.name, after, "", options)))

    def _log(self, request: Request, found: Target) -> Response:
        pod = self._registry.store.require(POD, found.namespace, found.name)
        names = [one["name"] for one in (pod["spec"].get("initContainers") or []) + pod["spec"]["containers"]]
        ordinary = [one["name"] for one in pod["spec"]["containers"]]
        name = request.query_params.get("container") or ""
        if not name and len(ordinary) > 1:
            listed = " ".join(ordinary)
            raise bad_request(f"a container name must be specified for pod {found.name}, choose one of: [{listed}]")
        name = name or ordinary[0]
        if name not in names:
            raise bad_request(f"container {name} is not valid for pod {found.name}")
        if "podIP" not in pod["status"]:
            message = f'container "{name}" in pod "{found.name}" is waiting to start: ContainerCreating'
            raise bad_request(message)
        lines = self._logs(pod, name).splitlines(keepends=True)
        tail = request.query_params.get("tailLines")
        return PlainTextResponse("".join(lines[-int(tail) :] if tail and int(tail) else [] if tail else lines))

    def _bind(self, found: Target, document: Any) -> None:
        pod = clone(self._registry.store.require(POD, found.namespace, found.name))
        if pod["spec"].get("nodeName"):
            node = pod["spec"]["nodeName"]
            message = f'Operation cannot be fulfilled on pods/binding "{found.name}": pod {found.name} is already '
            raise ApiError(409, "Conflict", f'{message}assigned to node "{node}"')
        pod["spec"]["nodeName"] = document["target"]["name"]
        self._registry.store.update(POD, pod)

    def _token(self, found: Target, document: Any) -> Response:
        account = self._registry.store.require(found.kind, found.namespace, found.name)
        spec = document.get("spec") or {}
        seconds = int(spec.get("expirationSeconds") or 3600)
        issued = self._now()
        end = issued + timedelta(seconds=seconds)
        token = service_account_token(self._key, account, int(end.timestamp()), int(issued.timestamp()))
        expires = end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _json({**document, "status": {"token": token, "expirationTimestamp": expires}}, 201)


def _scale_of(document: Document) -> Document:
    spec, status = document["spec"], document["status"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta(document)[name] for name in names},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {"replicas": status.get("replicas", 0), "selector": selector_text(spec.get("selector"))},
    }


def _json(document: Document, status: int = 200) -> Response:
    return Response(json.dumps(document), status, media_type="application/json")
