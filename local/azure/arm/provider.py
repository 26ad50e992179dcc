"""A resource provider: its types, and which of them a path speaks of."""

from itertools import batched

from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId, Target
from local.azure.arm.kinds import Kind, unknown_type
from local.azure.arm.wire import Answer, Call, wrapped


class Provider:
    namespace: str

    def __init__(self, azure: Azure, kinds: list[Kind]) -> None:
        self.azure = azure
        self._kinds = {kind.type.partition("/")[2].lower(): kind for kind in kinds}

    @property
    def types(self) -> list[str]:
        """Without the namespace, in Azure's spelling."""
        return [kind.type.partition("/")[2] for kind in self._kinds.values()]

    async def answer(self, call: Call, target: Target) -> Answer:
        rest = target.rest
        if rest and rest[0].lower() == "locations" and target.group is None:
            return await self._regional(call, rest[1] if len(rest) > 1 else "", rest[2:])
        if len(rest) % 2 == 0 and rest:
            return await self._one(call, self.resource(call, target, rest))
        if call.method == "POST" and len(rest) > 1:
            resource = self.resource(call, target, rest[:-1])
            return await self.kind(call, resource).post(call, resource, rest[-1])
        return self._many(call, target)

    async def _regional(self, call: Call, location: str, rest: tuple[str, ...]) -> Answer:
        """`/subscriptions/s/providers/NS/locations/l/...`: polls, and what a provider tells about a region."""
        word = rest[0].lower() if rest else ""
        if word in ("operations", "operationresults") and len(rest) == 2 and call.method == "GET":
            results = word == "operationresults" or "monitor" in call.query
            return self.azure.polling.answer(call, rest[1], results=results)
        return await self.about_region(call, location.replace(" ", "").lower(), rest)

    async def about_region(self, call: Call, _location: str, rest: tuple[str, ...]) -> Answer:
        raise unknown_type(f"{self.namespace}/locations/{'/'.join(rest[:1])}", call)

    def type_name(self, call: Call, types: tuple[str, ...]) -> str:
        """`virtualNetworks/subnets` in Azure's spelling. Raises Refusal (404 InvalidResourceType)."""
        kind = self._kinds.get("/".join(types).lower())
        if kind is None:
            raise unknown_type("/".join((self.namespace, *types)), call)
        return kind.type.partition("/")[2]

    def kind(self, call: Call, resource: ResourceId) -> Kind:
        self.type_name(call, resource.types)
        return self._kinds["/".join(resource.types).lower()]

    def resource(self, call: Call, target: Target, rest: tuple[str, ...]) -> ResourceId:
        """The resource of a path, its types in Azure's spelling, its group as it was created."""
        pairs = list(batched(rest, 2, strict=True))
        types = tuple(self.type_name(call, tuple(kind for kind, _ in pairs)).split("/"))
        return ResourceId(self.scope(target), self.namespace, types, tuple(name for _, name in pairs))

    def scope(self, target: Target) -> str:
        if target.group is None or target.subscription is None:
            return target.scope
        group = self.azure.store.group(target.subscription, target.group)
        return group["id"] if group else target.scope

    async def _one(self, call: Call, resource: ResourceId) -> Answer:
        kind = self.kind(call, resource)
        methods = {
            "GET": kind.get,
            "HEAD": kind.head,
            "PUT": kind.put,
            "PATCH": kind.patch,
            "DELETE": kind.delete,
        }
        if call.method not in methods:
            raise wrapped(
                405, "MethodNotAllowed", f"The http method '{call.method}' is not supported for a resource collection."
            )
        return await methods[call.method](call, resource)

    def _many(self, call: Call, target: Target) -> Answer:
        rest = target.rest
        types = rest[::2]
        name = self.type_name(call, types)
        if call.method != "GET":
            raise wrapped(405, "MethodNotAllowed", f"The http method '{call.method}' is not supported for '{name}'.")
        listing = self._kinds[name.lower()]
        if len(rest) == 1 and target.group is None:
            return listing.listed(call, f"{target.key}/")
        inside = "".join(f"/{part}" for part in rest)
        return listing.listed(call, f"{target.key}/providers/{self.namespace}{inside}/".lower())
