"""Loopback addresses of one copy: every pod, load balancer and service has its own, across all clusters."""

from typing import Literal

from local.world import World

type Purpose = Literal["balancer", "pod", "service"]

_THIRD: dict[Purpose, range] = {"balancer": range(1), "pod": range(1, 200), "service": range(200, 255)}
_LAST = range(4, 255)


class Addresses:
    """Addresses by owner. They are kept in the world, so that an owner has the same one after a restart."""

    def __init__(self, world: World) -> None:
        self._network = world.ports.network
        self._table = world.table("kubernetes-addresses")
        self._held: dict[str, str] = {owner: row["ip"] for owner, row in self._table.items()}
        self._next: dict[Purpose, int] = {}

    def of(self, owner: str, purpose: Purpose) -> str:
        """The owner's address, a new one if it has none. Raises LookupError when none is free."""
        key = f"{purpose}|{owner}"
        if key not in self._held:
            ip = self._free(purpose)
            self._held[key] = ip
            self._table[key] = {"ip": ip}
        return self._held[key]

    def _free(self, purpose: Purpose) -> str:
        """The first free address after the last one given: a freed address rests before it is used again."""
        taken, thirds = set(self._held.values()), _THIRD[purpose]
        total, start = len(thirds) * len(_LAST), self._next.get(purpose, 0)
        for step in range(total):
            third, last = divmod((start + step) % total, len(_LAST))
            ip = f"{self._network}.{thirds[third]}.{_LAST[last]}"
            if ip not in taken:
                self._next[purpose] = start + step + 1
                return ip
        raise LookupError(f"no free {purpose} address in {self._network}.0.0/16")

    def release(self, owner: str, purpose: Purpose) -> None:
        key = f"{purpose}|{owner}"
        if self._held.pop(key, None) is not None:
            del self._table[key]

    def release_all(self, cluster: str) -> None:
        """Gives back everything that owners of a cluster hold: their names begin with it."""
        for key in [key for key in self._held if key.partition("|")[2].startswith(f"{cluster}|")]:
            del self._held[key]
            del self._table[key]
