"""Microsoft Graph, as far as applications and service principals go, and the sign-in endpoint on the same port."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.azure import login, tokens
from local.azure.directory import Directory
from local.azure.graph_protocol import (
    GraphError,
    answer,
    bad_request,
    denied,
    error_answer,
    listing,
    moment,
    not_found,
    nothing,
    read_body,
)
from local.azure.tokens import Tokens
from local.world import Document, Table, World

type Kind = Literal["application", "servicePrincipal"]
type Handler = Callable[[Request], Awaitable[Response]]

_WRITING_ALL = frozenset({"Application.ReadWrite.All", "Directory.ReadWrite.All"})
_WRITING = _WRITING_ALL | {"Application.ReadWrite.OwnedBy"}
_READING = _WRITING | {"Application.Read.All", "Directory.Read.All"}
_WRITABLE: dict[Kind, frozenset[str]] = {
    "application": frozenset(
        {
            "api", "appRoles", "description", "displayName", "groupMembershipClaims", "identifierUris", "info",
            "isFallbackPublicClient", "keyCredentials", "notes", "optionalClaims", "passwordCredentials",
            "publicClient", "requiredResourceAccess", "serviceManagementReference", "signInAudience", "spa", "tags",
            "web",
        }
    ),
    "servicePrincipal": frozenset(
        {"accountEnabled", "appId", "appRoleAssignmentRequired", "description", "displayName", "notes", "tags"}
    ),
}  # fmt: skip
_DEFAULT_VALIDITY = timedelta(days=730)
"""Of a password that is asked for without an end."""


class Graph:
    """HTTP side of the directory. Times in answers are virtual."""

    service = "graph"

    def __init__(self, world: World, directory: Directory, issued: Tokens) -> None:
        self._world = world
        self._directory = directory
        self._tokens = issued
        self.app = Starlette(
            routes=[*self._routes(), *login.routes(world, directory, issued)],
            exception_handlers={GraphError: self._error, 404: self._no_route, 405: self._no_route},
        )

    def _routes(self) -> list[Route]:
        routes = []
        kinds: tuple[tuple[Kind, str], ...] = (
            ("application", "applications"),
            ("servicePrincipal", "servicePrincipals"),
        )
        for kind, plural in kinds:
            create = self._create_application if kind == "application" else self._create_principal
            routes += [
                self._route(f"/{plural}", "GET", self._list(kind)),
                self._route(f"/{plural}", "POST", create),
                self._route(f"/directory/deletedItems/microsoft.graph.{kind}", "GET", self._list_deleted(kind)),
            ]
            keys = [f"/{plural}/{{id}}", f"/{plural}(appId='{{app}}')"]
            keys += [f"/{plural}(uniqueName='{{unique}}')"] if kind == "application" else []
            for one in keys:
                routes += [
                    self._route(one, "GET", self._get(kind)),
                    self._route(one, "PATCH", self._patch(kind)),
                    self._route(one, "DELETE", self._delete(kind)),
                ]
                if kind == "application":
                    routes += [
                        self._route(f"{one}/addPassword", "POST", self._add_password),
                        self._route(f"{one}/removePassword", "POST", self._remove_password),
                    ]
                else:
                    routes.append(self._route(f"{one}/appRoleAssignments", "GET", self._app_role_assignments))
        return [
            *routes,
            self._route("/directory/deletedItems/{id}", "GET", self._get_deleted),
            self._route("/directory/deletedItems/{id}", "DELETE", self._purge),
            self._route("/directory/deletedItems/{id}/restore", "POST", self._restore),
            self._route("/me", "GET", self._me),
        ]

    def _route(self, path: str, method: str, handler: Handler) -> Route:
        async def authorized(request: Request) -> Response:
            self._authorize(request)
            return await handler(request)

        return Route("/v1.0" + path, authorized, methods=[method])

    def _authorize(self, request: Request) -> None:
        """Raises GraphError unless the caller may do what the method implies; leaves the caller's id in the state."""
        authorization = request.headers.get("authorization")
        try:
            claims = self._tokens.check(authorization, tokens.GRAPH)
        except PermissionError as error:
            message = "Access token is empty." if not authorization else f"Access token validation failure: {error}."
            raise GraphError(401, "InvalidAuthenticationToken", message) from None
        granted = set(tokens.graph_permissions(self._world, claims["oid"]))
        if not granted & (_READING if request.method == "GET" else _WRITING):
            raise denied()
        request.state.caller = claims["oid"]
        request.state.owned_only = not granted & _WRITING_ALL

    # Handlers. Those for both kinds of objects are made for each.

    def _list(self, kind: Kind) -> Handler:
        async def handler(request: Request) -> Response:
            found = [row["object"] for row in self._table(kind).values() if self._directory.seen(row, "read")]
            return listing(request, f"{kind}s", found)

        return handler

    def _list_deleted(self, kind: Kind) -> Handler:
        async def handler(request: Request) -> Response:
            found = [row["object"] for row in self._directory.deleted.values() if row["kind"] == kind]
            return listing(request, "directoryObjects", found)

        return handler

    def _get(self, kind: Kind) -> Handler:
        async def handler(request: Request) -> Response:
            return answer(request, f"{kind}s/$entity", self._find(kind, request)["object"])

        return handler

    def _patch(self, kind: Kind) -> Handler:
        async def handler(request: Request) -> Response:
            if "unique" in request.path_params and "create-if-missing" in request.headers.get("prefer", ""):
                return await self._upsert(request)
            document = self._own(request, self._find(kind, request))
            body = await read_body(request)
            _check(kind, body)
            document["object"].update(body)
            self._table(kind)[document["object"]["id"]] = document
            return nothing(request)

        return handler

    def _delete(self, kind: Kind) -> Handler:
        async def handler(request: Request) -> Response:
            self._directory.delete(kind, self._own(request, self._find(kind, request)))
            return nothing(request)

        return handler

    async def _upsert(self, request: Request) -> Response:
        """An application by a unique name that its maker chose; a write, so it meets also what reads do not show yet."""
        unique = request.path_params["unique"]
        found = self._by("application", "unique", unique)
        if found is None:
            return await self._create_application(request, uniqueName=unique)
        body = await read_body(request)
        _check("application", body)
        self._own(request, found)["object"].update(body)
        self._directory.applications[found["object"]["id"]] = found
        return nothing(request)

    async def _create_application(self, request: Request, **own: str) -> Response:
        body = await read_body(request)
        if not body.get("displayName"):
            raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
        _check("application", body)
        made = self._directory.create_application({**body, **own}, request.state.caller)
        response = answer(request, "applications/$entity", made["object"], 201)
        tenant = tokens.caller(self._world)["tenant"]
        response.headers["location"] = (
            f"{request.base_url}v2/{tenant}/directoryObjects/{made['object']['id']}/Microsoft.DirectoryServices.Application"
        )
        return response

    async def _create_principal(self, request: Request) -> Response:
        body = await read_body(request)
        _check("servicePrincipal", body)
        app_id = body.get("appId")
        application = self._directory.application_of(str(app_id))
        if application is None or not self._directory.seen(application, "read"):
            message = f"The appId '{app_id}' of the service principal does not reference a valid application object."
            detail = {"code": "NoBackingApplicationObject", "message": message, "target": "appId"}
            raise GraphError(400, "Request_BadRequest", message, [detail])
        self._own(request, application)
        if any(row["object"]["appId"] == app_id for row in self._directory.principals.values()):
            message = (
                "The service principal cannot be created, updated, or restored because the service principal name "
                f"{app_id} is already in use."
            )
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
        made = self._directory.create_principal(application, body, request.state.caller)
        return answer(request, "servicePrincipals/$entity", made["object"], 201)

    async def _add_password(self, request: Request) -> Response:
        document = self._own(request, self._find("application", request))
        asked = (await read_body(request)).get("passwordCredential") or {}
        if not isinstance(asked, dict) or not isinstance(asked.get("displayName") or "", str):
            raise bad_request("Invalid value specified for property 'passwordCredential' of resource 'Application'.")
        start, end = asked.get("startDateTime"), asked.get("endDateTime")
        begins = moment(start, "startDateTime") if start else self._world.clock.now()
        ends = moment(end, "endDateTime") if end else begins + _DEFAULT_VALIDITY
        if ends <= begins:
            raise bad_request("Credential lifetime is not valid: the end date is not after the start date.")
        made = self._directory.add_password(document, asked.get("displayName"), begins, ends)
        return answer(request, "microsoft.graph.passwordCredential", made)

    async def _remove_password(self, request: Request) -> Response:
        document = self._own(request, self._find("application", request))
        key = (await read_body(request)).get("keyId")
        if document["secrets"].pop(str(key), None) is None:
            raise bad_request("No password credential found with keyId.")
        kept = [one for one in document["object"]["passwordCredentials"] if one["keyId"] != key]
        document["object"]["passwordCredentials"] = kept
        self._directory.applications[document["object"]["id"]] = document
        return nothing(request)

    async def _app_role_assignments(self, request: Request) -> Response:
        assignments = self._directory.app_role_assignments(self._find("servicePrincipal", request))
        return listing(request, "appRoleAssignments", assignments)

    async def _get_deleted(self, request: Request) -> Response:
        return answer(request, "directoryObjects/$entity", self._find_deleted(request)["object"])

    async def _purge(self, request: Request) -> Response:
        document = self._own(request, self._find_deleted(request))
        del self._directory.deleted[document["object"]["id"]]
        return nothing(request)

    async def _restore(self, request: Request) -> Response:
        document = self._own(request, self._find_deleted(request))
        self._directory.restore(document)
        return answer(request, "directoryObjects/$entity", document["object"])

    async def _me(self, _: Request) -> Response:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")

    # Parts.

    def _table(self, kind: Kind) -> Table:
        return self._directory.applications if kind == "application" else self._directory.principals

    def _find(self, kind: Kind, request: Request) -> Document:
        """The object that the path names by one of its keys. Raises GraphError (404, also while it replicates)."""
        ((key, identity),) = request.path_params.items()
        found = self._by(kind, key, identity)
        if found is None or not self._directory.seen(found, "read"):
            raise not_found(identity)
        return found

    def _by(self, kind: Kind, key: str, value: str) -> Document | None:
        """The object with this value of a key as paths name it, replicated or not."""
        name = {"id": "id", "app": "appId", "unique": "uniqueName"}[key]
        return next((row for row in self._table(kind).values() if row["object"].get(name) == value), None)

    def _find_deleted(self, request: Request) -> Document:
        found = self._directory.deleted.get(request.path_params["id"])
        if found is None:
            raise not_found(request.path_params["id"])
        return found

    def _own(self, request: Request, document: Document) -> Document:
        """The same. Raises GraphError when the caller may change only what it owns, and does not own this."""
        if request.state.owned_only and document["owner"] != request.state.caller:
            raise denied()
        return document

    async def _error(self, request: Request, error: Exception) -> Response:
        known = error if isinstance(error, GraphError) else GraphError(500, "InternalServerError", "Internal error.")
        return error_answer(request, known, self._world.clock.now())

    async def _no_route(self, request: Request, _: Exception) -> Response:
        segment = request.url.path.rpartition("/")[2]
        known = GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}' with {request.method}.")
        return error_answer(request, known, self._world.clock.now())


def _check(kind: Kind, body: dict[str, Any]) -> None:
    """Raises GraphError for properties that cannot be written, or not like this."""
    if unknown := sorted(set(body) - _WRITABLE[kind]):
        raise bad_request(f"Invalid property '{unknown[0]}'.")
    if body.get("passwordCredentials"):
        raise bad_request("New password credentials must be generated with service actions.")
    tags = body.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise bad_request("Invalid value specified for property 'tags' of resource 'Application'.")
    name = body.get("displayName", "x")
    if not isinstance(name, str) or not 1 <= len(name) <= 256:
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")
