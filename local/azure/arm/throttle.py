"""Token buckets of ARM and of AKS, on virtual time: sizes and refills as Microsoft documents them."""

import math
import re
from dataclasses import dataclass

from local.azure.arm.ids import Target
from local.azure.arm.wire import Call, flat, wrapped
from local.world import World


@dataclass(frozen=True)
class Bucket:
    size: float
    refill: float
    """Tokens a second of Azure's; the local cloud's speed multiplies it, as operations and so polls are that much denser."""


_ARM = {"reads": Bucket(250, 25), "writes": Bucket(200, 10), "deletes": Bucket(200, 10)}
_PER_MINUTE = 1 / 60
_AKS = {
    "ListManagedClustersBySubscription": Bucket(500, 1),
    "ListManagedClustersByResourceGroup": Bucket(60, 1),
    "PutManagedClusterHandler.PUT": Bucket(20, _PER_MINUTE),
    "PutAgentPoolHandler.PUT": Bucket(20, _PER_MINUTE),
    "GetManagedClusterHandler.GET": Bucket(60, 1),
    "GetOperationStatusHandler.GET": Bucket(200, 2),
    "Other": Bucket(60, 1),
}


class Throttle:
    """Levels are kept in memory: a restart of the local cloud fills the buckets, as moving to another ARM instance does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._levels: dict[tuple[str, ...], tuple[float, float]] = {}

    def take(self, call: Call, target: Target) -> dict[str, str]:
        """Headers with what remains. Raises Refusal (429) when a bucket is empty; nothing is then taken from others."""
        if self._world.speed <= 0:
            return {}
        subscription = target.subscription or ""
        verb = _verb(call.method)
        left = self._draw(("arm", subscription, str(call.claims.get("oid")), verb), _ARM[verb])
        if left < 0:
            wait = _wait(left, _ARM[verb].refill * self._world.speed)
            message = (
                f"Number of requests for subscription '{subscription}' and operation '{call.method}' exceeded the "
                f"backend storage limit. Please try again after '{wait}' seconds."
            )
            raise wrapped(429, "TooManyRequests", message, headers={"Retry-After": str(wait)})
        if (target.namespace or "").lower() == "microsoft.containerservice":
            self._take_aks(call, target, subscription)
        return {f"x-ms-ratelimit-remaining-subscription-{verb}": str(int(left))}

    def _take_aks(self, call: Call, target: Target, subscription: str) -> None:
        name = _aks_operation(call.method, target)
        place = target.key if name == "ListManagedClustersByResourceGroup" else ""
        left = self._draw(("aks", subscription, name, place), _AKS[name])
        if left >= 0:
            return
        wait = _wait(left, _AKS[name].refill * self._world.speed)
        refusal = flat(
            429,
            "Throttled",
            f"The {name} request limit has been exceeded for SubID='{subscription}', please retry again in {wait} "
            "seconds. For more information, see https://aka.ms/aks/throttling",
        )
        refusal.answer.headers["Retry-After"] = str(wait)
        raise refusal

    def _draw(self, key: tuple[str, ...], bucket: Bucket) -> float:
        """Takes one token; what is left, negative when there was none (and none is taken)."""
        now = self._world.clock.seconds()
        level, since = self._levels.get(key, (bucket.size, now))
        level = min(bucket.size, level + max(0.0, now - since) * bucket.refill * self._world.speed)
        taken = level - 1
        self._levels[key] = (taken if taken >= 0 else level, now)
        return taken


def _wait(left: float, refill: float) -> int:
    return max(1, math.ceil(-left / refill))


def _verb(method: str) -> str:
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


def _aks_operation(method: str, target: Target) -> str:
    rest = "/".join(target.rest).lower()
    if method == "GET" and re.fullmatch(r"locations/[^/]+/(operations|operationresults)/[^/]+", rest):
        return "GetOperationStatusHandler.GET"
    if method == "GET" and rest == "managedclusters":
        return "ListManagedClustersByResourceGroup" if target.group else "ListManagedClustersBySubscription"
    if re.fullmatch(r"managedclusters/[^/]+", rest) and method in ("GET", "PUT"):
        return "GetManagedClusterHandler.GET" if method == "GET" else "PutManagedClusterHandler.PUT"
    if re.fullmatch(r"managedclusters/[^/]+/agentpools/[^/]+", rest) and method == "PUT":
        return "PutAgentPoolHandler.PUT"
    return "Other"
