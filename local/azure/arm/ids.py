"""Resource ids: taken apart whatever their letter case, put together in Azure's."""

from dataclasses import dataclass
from itertools import batched

from local.azure.arm.wire import wrapped


@dataclass(frozen=True)
class Target:
    """What a path speaks about: a subscription or group, and what of a provider's there.

    `scope` is the path before the last `/providers/` (of an extension such as a role assignment: the resource it is on),
    `rest` what follows the provider's namespace.
    """

    subscription: str | None
    group: str | None
    scope: str
    namespace: str | None
    rest: tuple[str, ...]

    @property
    def key(self) -> str:
        """The scope in lower case: the key of the group or resource in the store."""
        return self.scope.lower()


def parse(path: str) -> Target:
    """Takes a request's path apart. Raises Refusal when it is none of ARM's."""
    segments = [segment for segment in path.split("/") if segment]
    words = [segment.lower() for segment in segments]
    subscription = segments[1] if words[:1] == ["subscriptions"] and len(words) > 1 else None
    group = segments[3] if subscription and words[2:3] == ["resourcegroups"] and len(words) > 3 else None
    if "providers" not in words:
        return Target(subscription, group, "/" + "/".join(segments), None, tuple(segments[4 if group else 2 :]))
    last = len(words) - 1 - words[::-1].index("providers")
    if last == len(words) - 1 or (subscription and not group and last == 2 and len(words) <= 5 and _is_admin(words)):
        return Target(subscription, group, "/" + "/".join(segments[:last]), None, tuple(segments[last:]))
    scope = "/" + "/".join(segments[:last]) if last else ""
    return Target(subscription, group, scope, segments[last + 1], tuple(segments[last + 2 :]))


def _is_admin(words: list[str]) -> bool:
    """`/subscriptions/s/providers/NS` and `.../register` speak about the provider, not about its resources."""
    return len(words) == 4 or words[4] in ("register", "unregister", "providerpermissions")


@dataclass(frozen=True)
class ResourceId:
    """A resource inside a group (or, for extensions, on `scope`). `types` and `names` have the same length."""

    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        return "/".join((self.namespace, *self.types))

    @property
    def id(self) -> str:
        pairs = "/".join(f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.scope}/providers/{self.namespace}/{pairs}"

    @property
    def key(self) -> str:
        return self.id.lower()

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def group(self) -> str:
        """Name of the resource group, empty when it is in none."""
        parts = self.scope.split("/")
        return parts[4] if len(parts) > 4 else ""

    @property
    def parent(self) -> "ResourceId":
        return ResourceId(self.scope, self.namespace, self.types[:-1], self.names[:-1])


def resource_id(text: str) -> ResourceId:
    """An id out of a request's body. Raises Refusal (400 LinkedInvalidPropertyId) when it is none."""
    target = parse(text) if text.startswith("/") else None
    if target is None or target.namespace is None or len(target.rest) < 2 or len(target.rest) % 2:
        message = (
            f"Property id '{text}' is invalid. Expect fully qualified resource Id that start with '/subscriptions/"
        )
        raise wrapped(
            400,
            "LinkedInvalidPropertyId",
            message + "{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        )
    pairs = list(batched(target.rest, 2, strict=True))
    return ResourceId(
        target.scope, target.namespace, tuple(kind for kind, _ in pairs), tuple(name for _, name in pairs)
    )
