"""Providers of which only simple resources are needed: registries, identities, vaults."""

from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId, Target
from local.azure.arm.kinds import Child, Kind, unknown_type
from local.azure.arm.provider import Provider
from local.azure.arm.wire import Answer, Call, Json, digest, same, stable_guid, timestamp, wrapped

REGISTRY = "Microsoft.ContainerRegistry/registries"
VAULT = "Microsoft.KeyVault/vaults"


class Registries(Kind):
    def properties(self, asked: Json, body: Json) -> Json:
        name = body["name"]
        if not name.isalnum() or not 5 <= len(name) <= 50:
            message = f"The specified registry name '{name}' is invalid: it must be 5 to 50 letters and digits."
            raise wrapped(400, "InvalidRegistryName", message, cause="service")
        holder = registry_holder(self.azure, name)
        if holder and not same(holder, body["id"]):
            raise wrapped(
                409, "AlreadyInUse", f"The registry DNS name {name}.azurecr.io is already in use.", cause="service"
            )
        fixed = {"loginServer": f"{name.lower()}.azurecr.io", "adminUserEnabled": bool(asked.get("adminUserEnabled"))}
        return asked | fixed | {"creationDate": timestamp(self.azure.now)}

    async def post(self, call: Call, resource: ResourceId, action: str) -> Answer:
        """generateCredentials: passwords of a token, shown once."""
        if action.lower() != "generatecredentials":
            return await super().post(call, resource, action)
        self.require(resource)
        token = str(call.document.get("tokenId") or "")
        if self.store.get(token.lower()) is None:
            raise wrapped(404, "NotFound", f"The token '{token}' was not found.", cause="service")
        names = [call.document["name"]] if call.document.get("name") else ["password1", "password2"]
        made = timestamp(self.azure.now)
        passwords = [{"name": name, "value": digest(token, name, made)[:52], "creationTime": made} for name in names]
        self.store.change(token.lower(), lambda body: _remember(body, passwords))
        return Answer(200, {"username": token.rpartition("/")[2], "passwords": passwords})


class RegistryParts(Child):
    """Tokens and scope maps."""

    def properties(self, asked: Json, _body: Json) -> Json:
        return {"creationDate": timestamp(self.azure.now), "status": "enabled"} | asked


class ContainerRegistry(Provider):
    namespace = "Microsoft.ContainerRegistry"

    def __init__(self, azure: Azure) -> None:
        parts = [RegistryParts(azure, f"{REGISTRY}/{name}") for name in ("tokens", "scopeMaps")]
        super().__init__(azure, [Registries(azure, REGISTRY), *parts])

    async def answer(self, call: Call, target: Target) -> Answer:
        if call.method == "POST" and [part.lower() for part in target.rest] == ["checknameavailability"]:
            name = str(call.document.get("name") or "")
            if registry_holder(self.azure, name) is None:
                return Answer(200, {"nameAvailable": True})
            message = f"The registry {name} is already in use."
            return Answer(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
        return await super().answer(call, target)


class Identities(Kind):
    def properties(self, _asked: Json, body: Json) -> Json:
        return {
            "tenantId": self.azure.account["tenantId"],
            "principalId": stable_guid("principal", body["id"].lower()),
            "clientId": stable_guid("client", body["id"].lower()),
        }


class ManagedIdentity(Provider):
    namespace = "Microsoft.ManagedIdentity"

    def __init__(self, azure: Azure) -> None:
        super().__init__(azure, [Identities(azure, "Microsoft.ManagedIdentity/userAssignedIdentities")])


class Vaults(Kind):
    def properties(self, asked: Json, body: Json) -> Json:
        defaults = {"enableSoftDelete": True, "softDeleteRetentionInDays": 90, "enableRbacAuthorization": True}
        own = {"tenantId": self.azure.account["tenantId"], "vaultUri": f"https://{body['name']}.vault.azure.net/"}
        return defaults | asked | own


class KeyVault(Provider):
    namespace = "Microsoft.KeyVault"

    def __init__(self, azure: Azure) -> None:
        super().__init__(azure, [Vaults(azure, VAULT)])


class Empty:
    """A provider that can be registered and has no types here."""

    types: tuple[str, ...] = ()

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    async def answer(self, call: Call, target: Target) -> Answer:
        raise unknown_type("/".join((self.namespace, *target.rest[:1])), call)


def registry_holder(azure: Azure, name: str) -> str | None:
    """Id of the registry of that name: names are global."""
    found = (body["id"] for body in azure.store.under("/subscriptions/", REGISTRY) if same(body["name"], name))
    return next(found, None)


def _remember(token: Json, passwords: list[Json]) -> None:
    """A token shows which passwords it has, never their values."""
    shown = [{"name": one["name"], "creationTime": one["creationTime"]} for one in passwords]
    token["properties"]["credentials"] = {"passwords": shown}
