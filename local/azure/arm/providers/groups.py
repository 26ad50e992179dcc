"""Resource groups: created at once, deleted with everything inside."""

import re

from local.azure.arm import filters
from local.azure.arm.azure import Azure, no_group, set_state
from local.azure.arm.catalog import LOCATIONS, location_name
from local.azure.arm.operations import Ending, Operation
from local.azure.arm.store import group_key
from local.azure.arm.wire import Answer, Call, Json, wrapped

DELETE_SECONDS = 76.0
CLUSTER_DELETE_SECONDS = 192.0
"""A group that holds a cluster takes the cluster's whole delete longer."""

CLUSTERS = "microsoft.containerservice/managedclusters"


class Groups:
    """`/subscriptions/s/resourcegroups...`."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._table = azure.store.groups
        azure.operations.on("group.delete", Ending(self._gone, self._kept, self._empty))

    async def answer(self, call: Call, subscription: str, name: str) -> Answer:
        methods = {"PUT": self._put, "GET": self._get, "HEAD": self._head, "PATCH": self._patch, "DELETE": self._delete}
        if call.method not in methods:
            raise wrapped(405, "MethodNotAllowed", f"The http method '{call.method}' is not supported for a group.")
        return methods[call.method](call, subscription, name)

    def listed(self, call: Call, subscription: str) -> Answer:
        rows = [row for _, row in self._table.starting_with(group_key(subscription, ""))]
        matching = filters.compile_filter(call.query.get("$filter", ""), {"tagname", "tagvalue"})
        top = call.query.get("$top", "")
        chosen = [row for row in rows if matching(row)]
        return Answer(200, {"value": chosen[: int(top)] if top.isdigit() else chosen})

    def _put(self, call: Call, subscription: str, name: str) -> Answer:
        asked, existing = call.document, self._table.get(group_key(subscription, name))
        location = _location(asked)
        _check_name(name)
        if existing:
            refuse_while_deleting(existing)
            if existing["location"] != location:
                message = (
                    f"Invalid resource group location '{location}'. The Resource group already exists in location "
                    f"'{existing['location']}'."
                )
                raise wrapped(409, "InvalidResourceGroupLocation", message)
        body = group_body(subscription, existing["name"] if existing else name, location)
        managed = asked.get("managedBy") or (existing or {}).get("managedBy")
        body |= {"tags": asked.get("tags") or {}} | ({"managedBy": managed} if managed else {})
        self._table[group_key(subscription, name)] = body
        return Answer(200 if existing else 201, body)

    def _require(self, subscription: str, name: str) -> Json:
        found = self._table.get(group_key(subscription, name))
        if found is None:
            raise no_group(name)
        return found

    def _get(self, _: Call, subscription: str, name: str) -> Answer:
        return Answer(200, self._require(subscription, name))

    def _head(self, _: Call, subscription: str, name: str) -> Answer:
        return Answer(204 if group_key(subscription, name) in self._table else 404)

    def _patch(self, call: Call, subscription: str, name: str) -> Answer:
        body = self._require(subscription, name)
        refuse_while_deleting(body)
        if call.document.get("tags") is not None:
            body["tags"] = call.document["tags"]
        self._table[body["id"].lower()] = body
        return Answer(200, body)

    def _delete(self, call: Call, subscription: str, name: str) -> Answer:
        body = self._require(subscription, name)
        running = [op for op in self._azure.operations.open_on(body["id"].lower()) if op.kind == "group.delete"]
        operation = running[0] if running else self._begin_delete(subscription, body)
        return Answer(202, None, self._azure.polling.headers(call, operation, asynchronous=False, location=True))

    def _begin_delete(self, subscription: str, body: Json) -> Operation:
        key, now = body["id"].lower(), self._azure.now
        clusters = list(self._azure.store.under(f"{key}/", CLUSTERS))
        seconds = DELETE_SECONDS + (CLUSTER_DELETE_SECONDS if clusters else 0.0)
        blocked = self._blocked(body)
        body["properties"]["provisioningState"] = "Deleting"
        self._table[key] = body
        for inner in [] if blocked else self._azure.operations.open_on(key):
            self._azure.operations.cancel(inner, "OperationPreempted", "Preempted by the group's deletion.")
        for cluster in [] if blocked else clusters:
            set_state(cluster, "Deleting")
            self._azure.store.put(cluster)
        operation = Operation(
            kind="group.delete",
            subscription=subscription,
            provider="",
            location=body["location"],
            target=key,
            started=now,
            ends=now + self._azure.world.duration(seconds),
            planned=blocked,
        )
        return self._azure.operations.begin(operation)

    def _blocked(self, group: Json) -> Json | None:
        """Azure keeps a network whose subnets somebody outside of the group uses, and so the group."""
        key = group["id"].lower() + "/"
        users = {
            subnet
            for cluster in self._azure.store.under("/subscriptions/", CLUSTERS)
            if not cluster["id"].lower().startswith(key)
            for subnet in filters.subnets_of(cluster)
            if subnet.lower().startswith(key)
        }
        if not users:
            return None
        message = (
            f"Deletion of resource group '{group['name']}' failed as resources with identifiers "
            f"'{', '.join(sorted(users))}' could not be deleted. The provisioning state of the resource group will be "
            "rolled back."
        )
        return {"code": "ResourceGroupDeletionBlocked", "message": message}

    async def _empty(self, operation: Operation) -> None:
        for cluster in list(self._azure.store.under(f"{operation.target}/", CLUSTERS)):
            await self._azure.clusters.delete(cluster["id"].lower())

    def _gone(self, operation: Operation) -> None:
        clusters = list(self._azure.store.under(f"{operation.target}/", CLUSTERS))
        for node_group in [
            group_key(operation.subscription, body["properties"]["nodeResourceGroup"]) for body in clusters
        ]:
            self._azure.store.delete_group(node_group)
        self._azure.store.delete_group(operation.target)

    def _kept(self, operation: Operation, _: Json) -> None:
        body = self._table.get(operation.target)
        if body:
            body["properties"]["provisioningState"] = "Succeeded"
            self._table[operation.target] = body


def group_body(subscription: str, name: str, location: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


def refuse_while_deleting(group: Json) -> None:
    if group["properties"]["provisioningState"] == "Deleting":
        message = f"The resource group '{group['name']}' is in deprovisioning state and cannot perform this operation."
        raise wrapped(409, "ResourceGroupBeingDeleted", message)


def _location(asked: Json) -> str:
    if not asked.get("location"):
        raise wrapped(400, "LocationRequired", "The location property is required for this definition.")
    location = location_name(str(asked["location"]))
    if location is None:
        message = (
            f"The provided location '{asked['location']}' is not available for resource group. "
            f"List of available regions is '{','.join(LOCATIONS)}'."
        )
        raise wrapped(400, "LocationNotAvailableForResourceGroup", message)
    return location


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[\w.()-]{0,89}[\w()-]", name):
        message = (
            f"The provided resource group name '{name}' is not valid: it can have up to 90 letters, digits, '-', '.', "
            "'(', ')' or '_', and must not end with '.'."
        )
        raise wrapped(400, "InvalidResourceGroupName", message)
