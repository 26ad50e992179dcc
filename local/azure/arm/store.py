"""The resources that exist: one document each, by lower-cased id, in one table a type."""

from collections.abc import Callable, Iterator
from typing import Any

from local.azure.arm.ids import ResourceId, parse
from local.azure.arm.wire import Json
from local.world import Table, World

GROUPS = "microsoft.resources/subscriptions/resourcegroups"


class Store:
    """`body` of a document is what a GET answers; what nobody may see (`private`) lies beside it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._types = world.table("arm.types")
        self.groups = world.table(f"arm.{GROUPS}")

    def table(self, kind: str) -> Table:
        return self._world.table(f"arm.{kind.lower()}")

    def types(self) -> list[str]:
        """Lower-cased types of which there ever was a resource."""
        return list(self._types)

    def get(self, key: str) -> Json | None:
        """The body of the resource with that lower-cased id."""
        found = self.table(type_of(key)).get(key)
        return found["body"] if found else None

    def private(self, key: str) -> Json:
        found = self.table(type_of(key)).get(key)
        return found.get("private", {}) if found else {}

    def put(self, body: Json, private: Json | None = None) -> None:
        """Keeps a resource under its id; `private` None leaves that half as it was."""
        key = body["id"].lower()
        kind = type_of(key)
        if kind not in self._types:
            self._types[kind] = {}
        kept = self.private(key) if private is None else private
        self.table(kind)[key] = {"body": body, "private": kept}

    def change(self, key: str, change: Callable[[Json], Any]) -> None:
        """Applies `change` to the body, if the resource still exists."""
        body = self.get(key)
        if body is not None:
            change(body)
            self.put(body)

    def delete(self, key: str) -> None:
        """Removes the resource, its children, and what was assigned on it."""
        self.table(type_of(key)).pop(key, None)
        for body in list(self.under(key + "/")):
            self.table(type_of(body["id"])).pop(body["id"].lower(), None)

    def delete_group(self, key: str) -> None:
        """Removes a resource group and all that is in it, or assigned on it."""
        for body in list(self.under(key + "/")):
            self.table(type_of(body["id"])).pop(body["id"].lower(), None)
        self.groups.pop(key, None)

    def under(self, prefix: str, kind: str | None = None) -> Iterator[Json]:
        """Bodies whose lower-cased id starts with `prefix`, by type, then by id."""
        for each in [kind] if kind else self.types():
            for _, document in self.table(each).starting_with(prefix):
                yield document["body"]

    def group(self, subscription: str, name: str) -> Json | None:
        return self.groups.get(group_key(subscription, name))


def group_key(subscription: str, name: str) -> str:
    return f"/subscriptions/{subscription}/resourcegroups/{name}".lower()


def type_of(resource: str) -> str:
    """Lower-cased type of a resource id, e.g. microsoft.network/virtualnetworks/subnets."""
    target = parse(resource)
    return "/".join((target.namespace or "", *target.rest[::2])).lower()


def is_top_level(resource: str) -> bool:
    """Whether group listings show it: neither a child nor an assignment on something."""
    target = parse(resource)
    return (
        len(target.rest) == 2
        and target.scope.count("/") == 4
        and (target.namespace or "").lower() != ("microsoft.authorization")
    )


def child(parent: ResourceId, kind: str, name: str) -> ResourceId:
    return ResourceId(parent.scope, parent.namespace, (*parent.types, kind), (*parent.names, name))
