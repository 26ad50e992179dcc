"""What the resource providers share: the world and its parts, and how an operation is begun and announced."""

from collections.abc import Callable
from typing import Any

from local import names
from local.azure.arm.ids import ResourceId
from local.azure.arm.operations import Ending, Operation, Operations
from local.azure.arm.polling import Polling
from local.azure.arm.ports import ControlPlanes, Directory
from local.azure.arm.store import Store
from local.azure.arm.wire import Json, Refusal, wrapped
from local.world import World


class Azure:
    def __init__(self, world: World, directory: Directory, clusters: ControlPlanes) -> None:
        self.world = world
        self.directory = directory
        self.clusters = clusters
        self.store = Store(world)
        self.operations = Operations(world)
        self.polling = Polling(world, self.operations)

    def setting(self, name: str) -> Json:
        """A row of the table through which tests set quotas, policies and the like; empty when absent."""
        return self.world.table("subscription").get(name, {})

    @property
    def account(self) -> dict[str, str]:
        """subscriptionId, tenantId and displayName of the one subscription."""
        caller = self.world.table("settings").get("caller", {})
        return {
            "subscriptionId": caller.get("subscription", names.SUBSCRIPTION),
            "tenantId": caller.get("tenant", names.TENANT),
            "displayName": "Local teaching",
        }

    @property
    def now(self) -> float:
        """Virtual seconds since 1970, UTC."""
        return self.world.clock.seconds()

    def group(self, resource: ResourceId) -> Json:
        """The group that a resource is in. Raises Refusal when there is none."""
        found = self.store.group(resource.scope.split("/")[2], resource.group)
        if found is None:
            raise no_group(resource.group)
        return found

    def begin(self, resource: ResourceId, kind: str, seconds: float, **more: Any) -> Operation:
        """Begins an operation on a resource that takes `seconds` in Azure."""
        now = self.now
        body = self.store.get(resource.key)
        location = more.pop("location", None) or (body or {}).get("location") or self.group(resource)["location"]
        operation = Operation(
            kind=kind,
            subscription=resource.scope.split("/")[2],
            provider=resource.namespace,
            location=location,
            target=resource.key,
            started=now,
            ends=now + self.world.duration(seconds),
            **more,
        )
        return self.operations.begin(operation)

    def finishes(self, kind: str, change: Callable[[Json], Any]) -> None:
        """An operation that ends with a change to its target's body, and can end as Failed."""

        def done(operation: Operation) -> None:
            self.store.change(operation.target, change)

        self.operations.on(kind, Ending(done, self.mark_failed))

    def removes(self, kind: str) -> None:
        """An operation that ends with its target gone."""

        def done(operation: Operation) -> None:
            self.store.delete(operation.target)

        self.operations.on(kind, Ending(done, self.mark_failed))

    def mark_failed(self, operation: Operation, _: Json) -> None:
        self.store.change(operation.target, lambda body: set_state(body, "Failed"))


def set_state(body: Json, state: str) -> None:
    body.setdefault("properties", {})["provisioningState"] = state


def no_group(name: str) -> Refusal:
    return wrapped(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def no_resource(resource: ResourceId) -> Refusal:
    """ARM's answer for a resource that is not there."""
    message = (
        f"The Resource '{resource.type}/{'/'.join(resource.names)}' under resource group '{resource.group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return wrapped(404, "ResourceNotFound", message)
