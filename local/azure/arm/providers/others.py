"""Providers of which only simple resources are needed: identities, vaults."""

from local.azure.arm.azure import Azure
from local.azure.arm.ids import Target
from local.azure.arm.kinds import Kind, unknown_type
from local.azure.arm.provider import Provider
from local.azure.arm.wire import Answer, Call, Json, stable_guid

VAULT = "Microsoft.KeyVault/vaults"


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
