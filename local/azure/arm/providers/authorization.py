"""Microsoft.Authorization: role definitions and assignments on any scope, and what the caller may do there."""

import uuid

from local.azure.arm import policy
from local.azure.arm.azure import Azure, no_group, no_resource
from local.azure.arm.catalog import ROLE_ACTIONS, ROLES
from local.azure.arm.filters import equals
from local.azure.arm.ids import ResourceId, Target, parse, resource_id
from local.azure.arm.kinds import unknown_type
from local.azure.arm.rights import ASSIGNMENT
from local.azure.arm.wire import Answer, Call, Json, same, timestamp, wrapped


class Authorization:
    namespace = "Microsoft.Authorization"
    types = ("roleAssignments", "roleDefinitions", "permissions", "policyDefinitions")

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._store = azure.store

    async def answer(self, call: Call, target: Target) -> Answer:
        kind, name = (*(part.lower() for part in target.rest[:1]), *target.rest[1:2], "", "")[:2]
        if kind == "roleassignments":
            return self._assignment(call, target, name) if name else self._assignments(call, target)
        if call.method == "GET" and kind == "roledefinitions":
            return self._definition(name) if name else self._definitions(call)
        if call.method == "GET" and kind == "permissions":
            denied = self._azure.setting("denied").get("actions", [])
            allowed = {"actions": ["*"], "notActions": denied, "dataActions": [], "notDataActions": []}
            return Answer(200, {"value": [allowed]})
        if call.method == "GET" and kind == "policydefinitions" and name:
            return Answer(200, policy.definition(self._azure, name))
        raise unknown_type("/".join((self.namespace, *target.rest[:1])), call)

    # definitions

    def _definitions(self, call: Call) -> Answer:
        wanted = equals(call.query.get("$filter", ""), "roleName")
        found = [self._role(name) for name in ROLES if wanted is None or same(name, wanted)]
        return Answer(200, {"value": found})

    def _definition(self, identity: str) -> Answer:
        name = _role_name(identity)
        if name is None:
            message = f"The specified role definition with ID '{identity}' does not exist."
            raise wrapped(404, "RoleDefinitionDoesNotExist", message)
        return Answer(200, self._role(name))

    def _role(self, name: str) -> Json:
        scope = f"/subscriptions/{self._azure.account['subscriptionId']}"
        properties = {"roleName": name, "type": "BuiltInRole", "description": "", "assignableScopes": ["/"]}
        actions, without = ROLE_ACTIONS.get(name, ([], []))
        permission = {"actions": actions, "notActions": without, "dataActions": [], "notDataActions": []}
        return {
            "properties": properties | {"permissions": [permission]},
            "id": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[name]}",
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": ROLES[name],
        }

    # assignments

    def _assignment(self, call: Call, target: Target, name: str) -> Answer:
        scope = self._scope(target)
        resource = ResourceId(scope, self.namespace, ("roleAssignments",), (name,))
        body = self._store.get(resource.key)
        if call.method == "PUT":
            return self._assign(call, resource, body)
        if call.method == "DELETE":
            self._store.delete(resource.key)
            return Answer(200, body) if body else Answer(204)
        if call.method != "GET":
            raise wrapped(405, "MethodNotAllowed", f"The http method '{call.method}' is not supported.")
        if body is None:
            raise wrapped(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
        return Answer(200, body)

    def _scope(self, target: Target) -> str:
        """The scope as it was created. Raises Refusal when what it names is not there."""
        inner = parse(target.scope)
        if inner.namespace is not None:
            resource = resource_id(target.scope)
            body = self._store.get(resource.key)
            if body is None:
                raise no_resource(resource)
            return str(body["id"])
        if inner.group is None:
            return target.scope
        group = self._store.group(str(inner.subscription), inner.group)
        if group is None:
            raise no_group(inner.group)
        return str(group["id"])

    def _assign(self, call: Call, resource: ResourceId, existing: Json | None) -> Answer:
        asked = call.document.get("properties") or {}
        _check_name(resource.name)
        role, principal = str(asked.get("roleDefinitionId") or ""), str(asked.get("principalId") or "")
        if _role_name(role.rpartition("/")[2]) is None:
            message = f"The specified role definition with ID '{role.rpartition('/')[2]}' does not exist."
            raise wrapped(400, "RoleDefinitionDoesNotExist", message)
        self._require_principal(principal, asked.get("principalType"))
        if existing:
            return _again(existing, role, principal)
        for other in self._store.under(f"{resource.scope}/providers/".lower(), ASSIGNMENT):
            if _grants(other, role, principal):
                raise wrapped(409, "RoleAssignmentExists", "The role assignment already exists.")
        body = self._body(call, resource, role, asked)
        self._store.put(body)
        return Answer(201, body)

    def _require_principal(self, principal: str, kind: str | None) -> None:
        """With a principalType the directory is not asked: it may not have been replicated yet."""
        if kind or self._azure.directory.principal_exists(principal) or self._managed(principal):
            return
        message = (
            f"Principal {principal} does not exist in the directory {self._azure.account['tenantId']}. Check that you "
            "have the correct principal ID. If you are creating this principal and then immediately assigning a role, "
            "this error might be related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype"
        )
        raise wrapped(400, "PrincipalNotFound", message)

    def _managed(self, principal: str) -> bool:
        """Whether it is the identity of a cluster, or a user-assigned one."""
        kinds = ("Microsoft.ContainerService/managedClusters", "Microsoft.ManagedIdentity/userAssignedIdentities")
        bodies = [body for kind in kinds for body in self._store.under("/subscriptions/", kind)]
        places = [(body.get("identity") or {}, body.get("properties") or {}) for body in bodies]
        return any(principal in (identity.get("principalId"), own.get("principalId")) for identity, own in places)

    def _body(self, call: Call, resource: ResourceId, role: str, asked: Json) -> Json:
        moment = timestamp(self._azure.now)
        return {
            "properties": {
                "roleDefinitionId": role,
                "principalId": asked["principalId"],
                "principalType": asked.get("principalType") or "ServicePrincipal",
                "scope": resource.scope,
                "condition": asked.get("condition"),
                "conditionVersion": asked.get("conditionVersion"),
                "createdOn": moment,
                "updatedOn": moment,
                "createdBy": None,
                "updatedBy": call.claims.get("oid"),
                "delegatedManagedIdentityResourceId": None,
                "description": asked.get("description"),
            },
            "id": resource.id,
            "type": ASSIGNMENT,
            "name": resource.name,
        }

    def _assignments(self, call: Call, target: Target) -> Answer:
        """At the scope and above it; below it too, unless `atScope()` is asked for."""
        text = call.query.get("$filter", "")
        principal = equals(text, "principalId") or _assigned_to(text)
        key, below = target.key.rstrip("/"), "atscope()" not in text.lower()
        found = [
            body
            for body in self._store.under("/subscriptions/", ASSIGNMENT)
            if _reaches(body["properties"]["scope"].lower(), key, below=below)
            and (principal is None or same(body["properties"]["principalId"], principal))
        ]
        return Answer(200, {"value": found})


def _reaches(scope: str, key: str, *, below: bool) -> bool:
    return key == scope or key.startswith(scope + "/") or (below and scope.startswith(key + "/"))


def _assigned_to(text: str) -> str | None:
    start = text.lower().find("assignedto('")
    return text[start + 12 :].partition("'")[0] if start >= 0 else None


def _grants(body: Json, role: str, principal: str) -> bool:
    own = body["properties"]
    same_role = same(own["roleDefinitionId"].rpartition("/")[2], role.rpartition("/")[2])
    return same_role and same(own["principalId"], principal)


def _again(existing: Json, role: str, principal: str) -> Answer:
    if _grants(existing, role, principal):
        return Answer(200, existing)
    message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
    raise wrapped(400, "RoleAssignmentUpdateNotPermitted", message)


def _role_name(identity: str) -> str | None:
    return next((name for name, value in ROLES.items() if same(value, identity)), None)


def _check_name(name: str) -> None:
    try:
        uuid.UUID(name)
    except ValueError:
        message = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
        raise wrapped(400, "InvalidRoleAssignmentId", message) from None
