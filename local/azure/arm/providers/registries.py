"""Microsoft.ContainerRegistry: registries, whose names are one in all of Azure, and the tokens and scope maps in them.

Registries and tokens are written by operations, scope maps at once (azure-cli's recordings of `az acr create` and `az acr token
create`). A token's password is in the answer that makes it, and nowhere else.
"""

import re
import secrets

from local.azure.arm.azure import Azure, set_state
from local.azure.arm.ids import ResourceId, Target
from local.azure.arm.kinds import Child, Kind
from local.azure.arm.provider import Provider
from local.azure.arm.wire import Answer, Call, Json, Refusal, same, timestamp, wrapped

REGISTRY = "Microsoft.ContainerRegistry/registries"
SUFFIX = "azurecr.io"

WRITE_SECONDS = 10.0
"""From the recordings: the second look, ten seconds later, finds a registry made."""
DELETE_SECONDS = 10.0
"""Not recorded."""
TOKEN_SECONDS = 5.0
"""Until a token is active, as people report; before that it gets no password."""

SYSTEM_MAPS = {
    "_repositories_admin": ["content/delete", "content/read", "content/write", "metadata/read", "metadata/write"],
    "_repositories_pull": ["content/read"],
    "_repositories_push": ["content/read", "content/write"],
}
"""Scope maps that every registry has from the start."""

_ACTION = re.compile(
    r"(repositories/[a-z0-9*][a-z0-9*._/-]*/(content/(delete|read|write)|metadata/(read|write))"
    r"|gateway/[a-z0-9*-]+/(config|message)/(read|write))",
    re.IGNORECASE,
)


class Written(Kind):
    """A type whose writing is an operation, a child's too."""

    seconds = WRITE_SECONDS

    def __init__(self, azure: Azure, kind: str) -> None:
        super().__init__(azure, kind)
        self._verb = kind.rpartition("/")[2].lower()
        azure.finishes(f"{self._verb}.write", lambda body: set_state(body, "Succeeded"))
        azure.removes(f"{self._verb}.remove")

    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        answer = await super().put(call, resource)
        body: Json = answer.body
        set_state(body, "Updating" if existing else "Creating")
        self.store.put(body)
        operation = self.azure.begin(resource, f"{self._verb}.write", self.seconds, location=self._place(resource))
        return Answer(answer.status, body, self.azure.polling.headers(call, operation, location=False))

    async def delete(self, call: Call, resource: ResourceId) -> Answer:
        body = self.store.get(resource.key)
        if body is None:
            return Answer(204)
        set_state(body, "Deleting")
        self.store.put(body)
        place = self._place(resource)
        operation = self.azure.begin(resource, f"{self._verb}.remove", DELETE_SECONDS, location=place)
        return Answer(202, None, self.azure.polling.headers(call, operation, location=True))

    def _place(self, resource: ResourceId) -> str:
        top = ResourceId(resource.scope, resource.namespace, resource.types[:1], resource.names[:1])
        return str((self.store.get(top.key) or {}).get("location") or self.azure.group(resource)["location"])


class Registries(Written):
    async def put(self, call: Call, resource: ResourceId) -> Answer:
        answer = await super().put(call, resource)
        for name, allowed in SYSTEM_MAPS.items():
            actions = [f"repositories/*/{action}" for action in allowed]
            self.store.put(_scope_map(resource, name, actions, self.azure.now))
        return answer

    def properties(self, asked: Json, body: Json) -> Json:
        if problem := name_problem(body["name"]):
            raise wrapped(400, "InvalidRegistryName", problem, cause="service")
        sku = (body.get("sku") or {}).get("name")
        if sku not in ("Basic", "Standard", "Premium"):
            message = f"The SKU '{sku}' is not one of Basic, Standard, Premium."
            raise wrapped(400, "InvalidSku", message, cause="service")
        body["sku"] = {"name": sku, "tier": sku}
        holder = registry_holder(self.azure, body["name"])
        if holder and not same(holder, body["id"]):
            message = f"The registry DNS name {body['name'].lower()}.{SUFFIX} is already in use."
            raise wrapped(409, "AlreadyInUse", message, cause="service")
        made = {
            "loginServer": f"{body['name'].lower()}.{SUFFIX}",
            "adminUserEnabled": bool(asked.get("adminUserEnabled")),
            "creationDate": timestamp(self.azure.now),
        }
        return asked | made

    async def post(self, call: Call, resource: ResourceId, action: str) -> Answer:
        """generateCredentials: a token's passwords, shown once."""
        if action.lower() != "generatecredentials":
            return await super().post(call, resource, action)
        self.require(resource)
        token = str(call.document.get("tokenId") or "")
        body = self.store.get(token.lower())
        if body is None or not token.lower().startswith(f"{resource.key}/tokens/"):
            raise wrapped(404, "NotFound", f"The token '{token}' was not found.", cause="service")
        if body["properties"]["provisioningState"] != "Succeeded":
            message = f"The token '{body['name']}' is not active."
            raise wrapped(409, "TokenNotActive", message, cause="service")
        names = [call.document["name"]] if call.document.get("name") else ["password1", "password2"]
        if unknown := set(names) - {"password1", "password2"}:
            message = f"The password name '{min(unknown)}' is not valid: it is password1 or password2."
            raise wrapped(400, "InvalidPasswordName", message, cause="service")
        made = timestamp(self.azure.now)
        passwords = [{"creationTime": made, "name": name, "value": secrets.token_urlsafe(39)} for name in names]
        self.store.change(token.lower(), lambda found: _remember(found, passwords))
        return Answer(200, {"username": body["name"], "passwords": passwords})


class Tokens(Written):
    """Written again, a token has lost its passwords."""

    seconds = TOKEN_SECONDS

    def properties(self, asked: Json, body: Json) -> Json:
        scope_map = str(asked.get("scopeMapId") or "")
        if self.store.get(scope_map.lower()) is None:
            message = f"The scope map '{scope_map}' of the token '{body['name']}' was not found."
            raise wrapped(400, "ScopeMapNotFound", message, cause="service")
        made = {"creationDate": timestamp(self.azure.now), "credentials": {"passwords": []}}
        return {"status": "enabled"} | {key: asked[key] for key in ("scopeMapId", "status") if key in asked} | made


class ScopeMaps(Child):
    async def delete(self, call: Call, resource: ResourceId) -> Answer:
        if resource.names[-1].startswith("_"):
            message = f"The scope map '{resource.name}' is the system's own."
            raise wrapped(400, "SystemScopeMap", message, cause="service")
        return await super().delete(call, resource)

    def properties(self, asked: Json, body: Json) -> Json:
        actions = asked.get("actions")
        if not isinstance(actions, list) or not actions:
            raise wrapped(400, "InvalidScopeMap", "The scope map names no actions.", cause="service")
        for action in actions:
            if not _ACTION.fullmatch(str(action)):
                message = f"The action '{action}' of the scope map '{body['name']}' is not valid."
                raise wrapped(400, "InvalidScopeMapActions", message, cause="service")
        return {"description": asked.get("description", "")} | _user_defined(actions, self.azure.now)

    def missing(self, resource: ResourceId) -> Refusal:
        message = f"The resource {resource.name} could not be found."
        return wrapped(404, "ResourceNotFound", message, cause="service")


class ContainerRegistry(Provider):
    namespace = "Microsoft.ContainerRegistry"

    def __init__(self, azure: Azure) -> None:
        kinds: list[Kind] = [
            Registries(azure, REGISTRY),
            Tokens(azure, f"{REGISTRY}/tokens"),
            ScopeMaps(azure, f"{REGISTRY}/scopeMaps"),
        ]
        super().__init__(azure, kinds)

    async def answer(self, call: Call, target: Target) -> Answer:
        if call.method != "POST" or [part.lower() for part in target.rest] != ["checknameavailability"]:
            return await super().answer(call, target)
        name = str(call.document.get("name") or "")
        if not same(str(call.document.get("type")), REGISTRY):
            raise wrapped(400, "InvalidType", f"The type must be '{REGISTRY}'.", cause="service")
        if problem := name_problem(name):
            return Answer(200, {"nameAvailable": False, "reason": "Invalid", "message": problem})
        if registry_holder(self.azure, name) is not None:
            message = f"The registry {name} is already in use."
            return Answer(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
        return Answer(200, {"availableLoginServerName": f"{name.lower()}.{SUFFIX}", "nameAvailable": True})


def name_problem(name: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9]{5,50}", name):
        return None
    return f"The specified registry name '{name}' is invalid: it must be 5 to 50 letters and digits."


def registry_holder(azure: Azure, name: str) -> str | None:
    """Id of the registry of that name: names are global."""
    found = (body["id"] for body in azure.store.under("/subscriptions/", REGISTRY) if same(body["name"], name))
    return next(found, None)


def _scope_map(registry: ResourceId, name: str, actions: list[str], now: float) -> Json:
    return {
        "id": f"{registry.id}/scopeMaps/{name}",
        "name": name,
        "type": f"{REGISTRY}/scopeMaps",
        "properties": _user_defined(actions, now) | {"type": "SystemDefined", "provisioningState": "Succeeded"},
    }


def _user_defined(actions: list[str], now: float) -> Json:
    return {"type": "UserDefined", "creationDate": timestamp(now), "actions": actions}


def _remember(token: Json, passwords: list[Json]) -> None:
    """A token shows which passwords it has, never their values; a new one takes the place of that name's old one."""
    new = {one["name"]: {"name": one["name"], "creationTime": one["creationTime"]} for one in passwords}
    known = {one["name"]: one for one in token["properties"]["credentials"]["passwords"]}
    token["properties"]["credentials"] = {"passwords": list((known | new).values())}
