"""Microsoft.Resources: listings of all resources, and tags on anything."""

from local.azure.arm import filters
from local.azure.arm.azure import Azure, no_group, no_resource
from local.azure.arm.ids import Target, parse, resource_id
from local.azure.arm.kinds import tags_of, unknown_type
from local.azure.arm.store import group_key, is_top_level
from local.azure.arm.wire import Answer, Call, Json, wrapped

_FIELDS = {"resourcetype", "resourcegroup", "name", "location", "tagname", "tagvalue"}
_SHOWN = ("id", "name", "type", "location", "tags", "sku", "kind", "identity", "managedBy", "zones")


class Resources:
    namespace = "Microsoft.Resources"
    types = ("subscriptions", "resourceGroups", "tags")

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def listed(self, call: Call, prefix: str) -> Answer:
        """`.../resources` of a subscription or group. Raises Refusal (400) for a filter it does not understand."""
        text = call.query.get("$filter", "")
        matches = filters.compile_filter(text, _FIELDS)
        found = [
            _row(call, body) for body in self._azure.store.under(prefix) if is_top_level(body["id"]) and matches(body)
        ]
        found.sort(key=lambda row: str(row["id"]).lower())
        top = call.query.get("$top", "")
        return Answer(200, {"value": found[: int(top)] if top.isdigit() else found})

    async def answer(self, call: Call, target: Target) -> Answer:
        """`{scope}/providers/Microsoft.Resources/tags/default`."""
        if [part.lower() for part in target.rest] != ["tags", "default"]:
            raise unknown_type("/".join((self.namespace, *target.rest[:1])), call)
        body = self._tagged(target)
        if call.method == "GET":
            return Answer(200, _tags(body))
        if call.method not in ("PUT", "PATCH", "DELETE"):
            raise wrapped(405, "MethodNotAllowed", f"The http method '{call.method}' is not supported for tags.")
        body["tags"] = {} if call.method == "DELETE" else _changed(call, tags_of(body))
        self._keep(body)
        return Answer(200) if call.method == "DELETE" else Answer(200, _tags(body))

    def _tagged(self, target: Target) -> Json:
        inner = parse(target.scope)
        if inner.namespace is not None:
            resource = resource_id(target.scope)
            body = self._azure.store.get(resource.key)
            if body is None:
                raise no_resource(resource)
            return body
        if inner.group is None:
            raise wrapped(400, "InvalidTagsScope", "Tags of the subscription itself are not offered here.")
        group = self._azure.store.group(str(inner.subscription), inner.group)
        if group is None:
            raise no_group(inner.group)
        return group

    def _keep(self, body: Json) -> None:
        if parse(body["id"]).namespace is None:
            self._azure.store.groups[body["id"].lower()] = body
        else:
            self._azure.store.put(body)


def prefix_of(subscription: str, group: str | None) -> str:
    """What the ids of all resources of a subscription, or of a group, begin with."""
    return (group_key(subscription, group) if group else f"/subscriptions/{subscription}".lower()) + "/"


def _row(call: Call, body: Json) -> Json:
    row = {name: body[name] for name in _SHOWN if name in body}
    if "provisioningstate" in call.query.get("$expand", "").lower():
        row["provisioningState"] = body.get("properties", {}).get("provisioningState")
    return row


def _tags(body: Json) -> Json:
    return {
        "id": f"{body['id']}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags_of(body)},
    }


def _changed(call: Call, current: Json) -> Json:
    """The tags after a PUT, or after a PATCH that merges, replaces or deletes."""
    given: Json = (call.document.get("properties") or {}).get("tags") or {}
    operation = str(call.document.get("operation") or "").lower()
    if call.method == "PATCH" and operation == "merge":
        return current | given
    if call.method == "PATCH" and operation == "delete":
        return {name: value for name, value in current.items() if given.get(name) != value}
    return given
