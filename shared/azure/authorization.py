"""Role assignments, and what the caller itself may do."""

import fnmatch
from dataclasses import dataclass
from uuid import UUID, uuid5

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.rest import Json
from shared.errors import ConflictError
from shared.settings import Settings

API = "2022-04-01"
ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
}
"""Ids of the built-in roles, the same in every directory."""

_NAMESPACE = UUID("6f1b7b7e-4a0e-5f4c-9d59-2f3c3a1f0b57")
"""Of our own, so that the name of an assignment follows from what it assigns and nothing is assigned twice."""


@dataclass(frozen=True)
class Permission:
    """What a role grants: operations with * for any part, less those in not_actions."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]


class RoleAssignments:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._arm = ResourceManager(settings, credential)
        self._subscription = settings.subscription_id

    def assign(self, scope: str, principal_id: str, role: str = "Contributor") -> str:
        """Gives the service principal (its object id) the role on the scope; the assignment's id. Again: the same one.

        Another id than assignment_id's: somebody else had assigned the same before.
        The principal's type goes with the request, or Azure would first look it up where a new one is not known yet.
        """
        resource_id = assignment_id(scope, principal_id, role)
        try:
            self._arm.put(resource_id, API, assignment_body(self._subscription, principal_id, role))
        except ConflictError as error:
            if error.code != "RoleAssignmentExists":
                raise
            return self._existing(scope, principal_id, role) or resource_id
        return resource_id

    def _existing(self, scope: str, principal_id: str, role: str) -> str | None:
        """The id under which somebody else assigned the same."""
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        for item in self._arm.list(path, API, {"$filter": f"principalId eq '{principal_id}'"}):
            properties = item["properties"]
            same_scope = str(properties.get("scope", "")).lower() == scope.lower()
            if same_scope and str(properties["roleDefinitionId"]).lower().endswith(ROLES[role]):
                return str(item["id"])
        return None

    def remove(self, assignment_id: str) -> None:
        """Gone already is fine."""
        self._arm.delete(assignment_id, API)

    def granted(self, scope: str, principal_id: str) -> tuple[Permission, ...]:
        """What the principal may do on the scope, by every role that it has there or above, groups that it is in included."""
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        found = self._arm.list(path, API, {"$filter": f"atScope() and assignedTo('{principal_id}')"})
        roles = sorted({str(item["properties"]["roleDefinitionId"]) for item in found})
        documents = (self._arm.get(role, API) for role in roles)
        return tuple(
            _permission(each)
            for document in documents
            for each in ((document or {}).get("properties") or {}).get("permissions") or ()
        )

    def permissions(self, scope: str) -> tuple[Permission, ...]:
        """What the product itself may do on the scope, by all its roles."""
        found = self._arm.list(f"{scope}/providers/Microsoft.Authorization/permissions", API)
        return tuple(_permission(each) for each in found)


def _permission(document: Json) -> Permission:
    return Permission(tuple(document.get("actions") or ()), tuple(document.get("notActions") or ()))


def assignment_name(scope: str, principal_id: str, role: str) -> str:
    return str(uuid5(_NAMESPACE, f"{scope.lower()}|{principal_id.lower()}|{ROLES[role]}"))


def assignment_id(scope: str, principal_id: str, role: str) -> str:
    """The resource id under which this product makes that assignment."""
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment_name(scope, principal_id, role)}"


def assignment_body(subscription: str, principal_id: str, role: str) -> Json:
    definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
    return {
        "properties": {
            "roleDefinitionId": definition,
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
    }


def allows(permissions: tuple[Permission, ...], action: str) -> bool:
    """Whether any one role grants the operation ("Microsoft.Network/virtualNetworks/write") without excepting it."""
    return any(
        _matches(action, permission.actions) and not _matches(action, permission.not_actions)
        for permission in permissions
    )


def _matches(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
