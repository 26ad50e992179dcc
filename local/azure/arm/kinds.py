"""How a type of resource answers the usual methods; the providers' own types are built on this."""

from typing import Any

from local.azure.arm.azure import Azure, no_resource
from local.azure.arm.catalog import LOCATIONS
from local.azure.arm.ids import ResourceId
from local.azure.arm.wire import Answer, Call, Json, Refusal, stable_guid, wrapped

EDITABLE = ("tags", "sku", "kind", "identity", "managedBy", "zones", "plan", "extendedLocation")


class Kind:
    """A type whose resources are documents that are there as soon as they are written."""

    located = True
    """Top-level resources have a location; children and global ones have not."""

    def __init__(self, azure: Azure, kind: str) -> None:
        self.azure = azure
        self.store = azure.store
        self.type = kind

    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        self.require_parent(resource)
        self.require_same_place(resource, existing, call.document)
        body = self.described(resource, call.document, existing)
        body["properties"] = self.properties(call.document.get("properties") or {}, body) | {
            "provisioningState": "Succeeded"
        }
        self.store.put(body)
        return Answer(200 if existing else 201, body)

    async def get(self, _call: Call, resource: ResourceId) -> Answer:
        return Answer(200, self.shown(self.require(resource)))

    async def head(self, _call: Call, resource: ResourceId) -> Answer:
        return Answer(204 if self.store.get(resource.key) else 404)

    async def patch(self, call: Call, resource: ResourceId) -> Answer:
        """Tags only, which is all that most types allow."""
        body = self.require(resource)
        if "tags" in call.document:
            body["tags"] = call.document["tags"]
        self.store.put(body)
        return Answer(200, self.shown(body))

    async def delete(self, _call: Call, resource: ResourceId) -> Answer:
        if self.store.get(resource.key) is None:
            return Answer(204)
        self.store.delete(resource.key)
        return Answer(200)

    async def post(self, call: Call, _resource: ResourceId, action: str) -> Answer:
        raise unknown_type(f"{self.type}/{action}", call)

    def listed(self, _call: Call, prefix: str) -> Answer:
        """All of this type whose lower-cased id starts so."""
        return Answer(200, {"value": [self.shown(body) for body in self.store.under(prefix, self.type)]})

    # what types override

    def shown(self, body: Json) -> Json:
        """A stored body as a GET shows it."""
        return body

    def properties(self, asked: Json, _body: Json) -> Json:
        """What becomes of the properties asked for: `_body` has id, name and location already. Raises Refusal."""
        return asked

    def missing(self, resource: ResourceId) -> Refusal:
        return no_resource(resource)

    # what types use

    def require(self, resource: ResourceId) -> Json:
        body = self.store.get(resource.key)
        if body is None:
            raise self.missing(resource)
        return body

    def require_parent(self, resource: ResourceId) -> None:
        if len(resource.types) < 2 or self.store.get(resource.parent.key) is not None:
            return
        message = (
            "Can not perform requested operation on nested resource. "
            f"Parent resource '{resource.parent.name}' not found."
        )
        raise wrapped(404, "ParentResourceNotFound", message)

    def require_same_place(self, resource: ResourceId, existing: Json | None, asked: Json) -> None:
        if not self.located or len(resource.types) > 1:
            return
        if "location" not in asked:
            raise wrapped(400, "LocationRequired", "The location property is required for this definition.")
        place = str(asked["location"]).replace(" ", "").lower()
        if place != "global" and place not in LOCATIONS:
            message = (
                f"The provided location '{asked['location']}' is not available for resource type '{self.type}'. List of "
                f"available regions for the resource type is '{','.join(LOCATIONS)}'."
            )
            raise wrapped(400, "LocationNotAvailableForResourceType", message)
        if existing and existing["location"] != place:
            message = (
                f"The resource '{resource.name}' already exists in location '{existing['location']}' in resource group "
                f"'{resource.group}'. A resource with the same name cannot be created in location "
                f"'{asked['location']}'. Please select a new resource name."
            )
            raise wrapped(409, "InvalidResourceLocation", message)

    def described(self, resource: ResourceId, asked: Json, existing: Json | None) -> Json:
        """id, name, type, location, tags and the like: everything of a body but its properties."""
        head: Json = existing or {"name": resource.name, "id": resource.id, "type": self.type}
        body = {name: head[name] for name in ("name", "id", "type")}
        if self.located and len(resource.types) == 1:
            body["location"] = str(asked["location"]).replace(" ", "").lower()
        return body | {name: asked[name] for name in EDITABLE if asked.get(name) is not None}


class Child(Kind):
    """Resources inside another one."""

    located = False


def unknown_type(kind: str, call: Call) -> Refusal:
    namespace, _, name = kind.partition("/")
    message = (
        f"The resource type '{name}' could not be found in the namespace '{namespace}' "
        f"for api version '{call.api_version}'."
    )
    return wrapped(404, "InvalidResourceType", message)


def etag(resource: str, moment: float) -> str:
    """A weak ETag as Network writes it."""
    return f'W/"{stable_guid("etag", resource, str(moment))}"'


def tags_of(body: Json) -> dict[str, Any]:
    return body.get("tags") or {}
