"""What a principal may do: by the roles that it has on a scope and above it."""

import fnmatch

from local.azure.arm.azure import Azure
from local.azure.arm.catalog import ROLE_ACTIONS, ROLES
from local.azure.arm.wire import same

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"


def may(azure: Azure, principal: str, action: str, scope: str) -> bool:
    for body in azure.store.under("/subscriptions/", ASSIGNMENT):
        own = body["properties"]
        above = f"{scope}/".lower().startswith(f"{own['scope']}/".lower())
        if above and same(own["principalId"], principal) and _grants(own["roleDefinitionId"], action):
            return True
    return False


def _grants(role: str, action: str) -> bool:
    name = next((name for name, identity in ROLES.items() if same(identity, role.rpartition("/")[2])), "")
    actions, without = ROLE_ACTIONS.get(name, ([], []))
    return _matches(action, actions) and not _matches(action, without)


def _matches(action: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
