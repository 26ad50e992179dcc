"""Reading requests to the API server: which object a path names, what the query asks for, what the body holds."""

import json
from dataclasses import dataclass
from typing import Any

import yaml
from starlette.requests import Request

from local.kubernetes.api import protobuf
from local.kubernetes.api.registry import Options
from local.kubernetes.objects.errors import ApiError, bad_request
from local.kubernetes.objects.kinds import KINDS, Kind
from local.world import Document

_PATCHES = {
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
}


@dataclass(frozen=True)
class Target:
    """What a path names: a kind, perhaps a namespace, an object, a subresource."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """As RBAC names it: "pods/log"."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def target(path: str) -> Target | None:
    """The object or collection behind a path, or None."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api" and parts[1] == "v1":
        group, version, rest = "", "v1", parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    kind = KINDS.get((group, rest[0]))
    if kind is None or kind.version != version or len(rest) > 3 or (namespace and not kind.namespaced):
        return None
    name, subresource = (*rest[1:], "", "")[:2]
    if kind.namespaced and name and not namespace:
        return None
    return Target(kind, namespace, name, subresource)


def verb(method: str, found: Target, *, watching: bool) -> str:
    """The RBAC verb of a request."""
    if method in ("GET", "HEAD"):
        if watching:
            return "watch"
        return "get" if found.name else "list"
    if method == "DELETE":
        return "delete" if found.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())


def truthy(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in ("true", "1")


def is_watch(request: Request) -> bool:
    return truthy(request, "watch")


def options(request: Request) -> Options:
    query = request.query_params
    agent = request.headers.get("user-agent", "unknown").partition("/")[0]
    return Options(
        validation=query.get("fieldValidation") or "Warn",
        dry_run="All" in query.getlist("dryRun"),
        manager=query.get("fieldManager") or agent,
        force=truthy(request, "force"),
    )


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


async def body(request: Request) -> Any:
    """The decoded body: JSON, YAML or protobuf. Raises ApiError 400, 415."""
    data = await request.body()
    kind = media_type(request)
    if kind == protobuf.MEDIA_TYPE:
        return protobuf.decode(data)
    try:
        if kind in ("application/yaml", "application/apply-patch+yaml"):
            return yaml.safe_load(data)
        return json.loads(data)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding the body: {error}") from None


async def patch(request: Request) -> tuple[str, Any]:
    """Media type and content of a patch. Raises ApiError 400, 415."""
    kind = media_type(request)
    if kind not in _PATCHES:
        listed = ", ".join(sorted(_PATCHES))
        message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
        raise ApiError(415, "UnsupportedMediaType", message)
    return kind, await body(request)


async def delete_options(request: Request) -> Document:
    """The options of a deletion: the body, and what the query says on top of it."""
    data = await request.body()
    given: Any = await body(request) if data else {}
    wanted: Document = given if isinstance(given, dict) else {}
    query = request.query_params
    if "gracePeriodSeconds" in query:
        wanted["gracePeriodSeconds"] = int(query["gracePeriodSeconds"])
    if "propagationPolicy" in query:
        wanted["propagationPolicy"] = query["propagationPolicy"]
    return wanted
