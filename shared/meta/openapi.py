"""The API's description, made from the models that validate it when it is asked for."""

from dataclasses import dataclass, fields
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared import names
from shared.http.query import DRY_RUN, Flag, Text, Whole
from shared.hubs.bodies import NetworkRole, Secret
from shared.hubs.spec.model import Hub
from shared.lifecycle.teardown.routes import CONFIRM, KEEP_HOMES
from shared.notifications import routes as event_routes
from shared.power import routes as power_routes
from shared.power.bodies import PauseRequest, Postponement, Reason, Start
from shared.problem import Problem
from shared.runs import routes as run_routes
from shared.schedules.model import Schedule

VERSION = "0.1.0"


class HubPatch(BaseModel):
    """Fields of a hub that are to be another; null takes a field back to its default (RFC 7396)."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Operation:
    """One method of one path. answers: status and meaning."""

    method: str
    path: str
    summary: str
    answers: dict[int, str]
    query: tuple[Flag | Whole | Text, ...] = ()
    body: type[BaseModel] | None = None
    anonymous: bool = False


REFUSED = {400: "What is wrong, by field", 401: "No key, or a wrong one"}
MISSING = {401: "No key, or a wrong one", 404: "There is no such thing"}
CONFLICT = {409: "The state of the hub or run does not allow it"}
TOO_LARGE = {413: "The body is too large"}
OUTSIDE = {
    502: "Azure refused",
    503: "Azure, or the app's own tables, cannot be reached; Retry-After says when to try again",
}
PATH_RULES = {"name": names.HUB, "key": names.SECRET, "location": names.LOCATION}


def _power(action: str, summary: str, body: type[BaseModel]) -> Operation:
    answers = {200: "Nothing to switch", 202: "The run", **REFUSED, **MISSING, **CONFLICT}
    return Operation("post", f"/hubs/{{name}}/{action}", summary, answers, body=body)


OPERATIONS = (
    Operation(
        "get",
        "/health",
        "Whether the app is up and reaches its tables",
        {200: "It is", 503: "It is not"},
        anonymous=True,
    ),
    Operation("get", "/openapi.json", "This description", {200: "OpenAPI 3.1"}, anonymous=True),
    Operation("get", "/hubs", "All hubs", {200: "The hubs", 401: "No key, or a wrong one"}),
    Operation(
        "post",
        "/hubs",
        "Create a hub, or with dryRun only say what that would do",
        {
            200: "The plan of a dry run",
            202: "The run that creates the hub",
            **REFUSED,
            **CONFLICT,
        },
        query=(DRY_RUN,),
        body=Hub,
    ),
    Operation("get", "/hubs/{name}", "One hub", {200: "The hub", **MISSING}),
    Operation(
        "patch",
        "/hubs/{name}",
        "Change a hub by a merge patch on its specification, or with dryRun only say what that would do",
        {
            200: "The plan: of a dry run, or of a change for which nothing has to be done to the hub",
            202: "The plan, and the run that does it",
            **TOO_LARGE,
            **REFUSED,
            **MISSING,
            **CONFLICT,
            **OUTSIDE,
        },
        query=(DRY_RUN,),
        body=HubPatch,
    ),
    Operation(
        "delete",
        "/hubs/{name}",
        "Tear a hub down",
        {202: "The run of the teardown", **REFUSED, **MISSING, **CONFLICT},
        query=(CONFIRM, KEEP_HOMES),
    ),
    Operation(
        "get",
        "/hubs/{name}/users",
        "Who uses the hub: users, their servers, their last activity",
        {200: "The users", **MISSING, **CONFLICT},
    ),
    Operation(
        "get",
        "/hubs/{name}/inventory",
        "Nodes, pods, claims and what they bill as, the release, and how many more users fit",
        {200: "The inventory", **MISSING, **CONFLICT},
    ),
    Operation(
        "get", "/hubs/{name}/kubeconfig", "Admin credentials of the cluster (admin key)", {200: "YAML", **MISSING}
    ),
    Operation(
        "get", "/hubs/{name}/password", "The generated shared password (admin key)", {200: "The password", **MISSING}
    ),
    Operation(
        "put",
        "/hubs/{name}/network-role",
        "Let the cluster's identity use a subnet that was not made for the hub (admin key)",
        {200: "What is allowed now", **REFUSED, **MISSING},
        body=NetworkRole,
    ),
    Operation("get", "/hubs/{name}/secrets", "Names and expiry of the hub's secrets", {200: "The secrets", **MISSING}),
    Operation(
        "put",
        "/hubs/{name}/secrets/{key}",
        "Store a secret",
        {204: "Stored", **REFUSED, **MISSING, **CONFLICT},
        body=Secret,
    ),
    Operation(
        "delete",
        "/hubs/{name}/secrets/{key}",
        "Delete and purge a secret",
        {204: "Gone", **REFUSED, **MISSING, **CONFLICT},
    ),
    Operation(
        "get",
        "/hubs/{name}/runs",
        "The hub's runs, newest first",
        {200: "The runs", **REFUSED},
        query=(run_routes.LIMIT,),
    ),
    Operation(
        "get",
        "/hubs/{name}/events",
        "What happened to the hub, newest first, and who was told",
        {200: "The events", **REFUSED},
        query=(event_routes.LIMIT,),
    ),
    _power("start", "Start by hand", Start),
    _power("stop", "Stop by hand", Reason),
    _power("stop/force", "Stop without asking anybody (admin key)", Reason),
    Operation(
        "post",
        "/hubs/{name}/postpone",
        "Put the coming stop off",
        {200: "Until when", **REFUSED, **MISSING, **CONFLICT},
        body=Postponement,
    ),
    Operation(
        "post",
        "/hubs/{name}/pause",
        "Pause the schedule",
        {200: "The schedule", **REFUSED, **MISSING, **CONFLICT},
        body=PauseRequest,
    ),
    Operation("delete", "/hubs/{name}/pause", "End the pause", {200: "The schedule", **MISSING, **CONFLICT}),
    Operation("get", "/hubs/{name}/schedule", "The schedule", {200: "The schedule", **MISSING}),
    Operation(
        "put",
        "/hubs/{name}/schedule",
        "Replace the schedule",
        {200: "The schedule", **REFUSED, **MISSING, **CONFLICT},
        body=Schedule,
    ),
    Operation(
        "get",
        "/hubs/{name}/calendar",
        "Every coming switch",
        {200: 'The switches; "complete": false and "until" after the first 2,000', **REFUSED, **MISSING, **CONFLICT},
        query=(power_routes.DAYS,),
    ),
    Operation(
        "get",
        "/hubs/{name}/decisions",
        "What was decided about its power, and why",
        {200: "The decisions", **REFUSED, **MISSING},
        query=(power_routes.LIMIT,),
    ),
    Operation("get", "/runs/{id}", "One run", {200: "The run", **MISSING}),
    Operation(
        "post", "/runs/{id}/retry", "Take up a failed run where it stopped", {202: "The run", **MISSING, **CONFLICT}
    ),
    Operation("post", "/runs/{id}/cancel", "Stop a run at its next step", {202: "The run", **MISSING, **CONFLICT}),
    Operation(
        "get",
        "/locations/{location}/versions",
        "The Kubernetes versions AKS offers",
        {200: "The versions", **REFUSED, **MISSING},
    ),
)

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "advice", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "advice": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [field.name for field in fields(Problem)],
                "properties": {field.name: {"type": "string"} for field in fields(Problem)},
            },
        },
    },
}


def document(server: str) -> dict[str, Any]:
    """server: where the API is, with its prefix."""
    from azure_functions_openapi import OpenAPIRegistry, generate_openapi_spec, register_openapi_metadata

    registry = OpenAPIRegistry()
    for operation in OPERATIONS:
        register_openapi_metadata(
            operation.path,
            operation.method,
            operation_id=_operation_id(operation),
            summary=operation.summary,
            tags=[operation.path.split("/")[1]],
            request_model=operation.body,
            response={status: _response(status, says) for status, says in sorted(_answers(operation).items())},
            parameters=_parameters(operation),
            security=[] if operation.anonymous else [{"key": []}],
            registry=registry,
        )
    spec: dict[str, Any] = generate_openapi_spec(
        title="Hubkeeper",
        version=VERSION,
        description="JupyterHubs on Azure Kubernetes Service: made, switched on and off, and torn down.",
        security_schemes={"key": {"type": "apiKey", "in": "header", "name": "x-functions-key"}},
        route_prefix="",
        registry=registry,
        servers=[{"url": server}],
    )
    return spec


def _operation_id(operation: Operation) -> str:
    words = operation.path.replace(".", "/").replace("{", "by_").replace("}", "").strip("/").split("/")
    return "_".join([operation.method, *words])


def _answers(operation: Operation) -> dict[int, str]:
    """Its own, and what any operation with a body, or one that looks further than this app, may answer."""
    return operation.answers | (TOO_LARGE if operation.body else {}) | ({} if operation.anonymous else OUTSIDE)


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    path = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": _path_schema(part[1:-1])}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]
    query = [{"name": each.name, "in": "query", "schema": each.schema} for each in operation.query]
    return path + query


def _path_schema(name: str) -> dict[str, Any]:
    rule = PATH_RULES.get(name)
    return {"type": "string"} | ({"pattern": f"^({rule.pattern.pattern})$", "maxLength": rule.longest} if rule else {})


def _response(status: int, says: str) -> dict[str, Any]:
    response: dict[str, Any] = {"description": says}
    if status >= 400 and status != 401:  # the Functions host itself answers 401, with an empty body
        response["content"] = {"application/problem+json": {"schema": PROBLEM}}
    elif status in (200, 202) and says != "YAML":
        response["content"] = {"application/json": {"schema": {"type": "object"}}}
    return response
