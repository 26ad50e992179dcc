"""How many users a hub has room for, and what runs out first. Pure.

A user is one running server: a pod, its guaranteed memory and CPU, and the disk of its home. Every home is a managed disk, and a
virtual machine takes few of them: 4 for Standard_D2s_v3. That is why "30 pods per node, 3 nodes: 90 users" does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import Literal, NamedTuple

type Limit = Literal["podsPerNode", "memoryGuarantee", "cpuGuarantee", "dataDisks"]

LIMITS: tuple[Limit, ...] = ("podsPerNode", "memoryGuarantee", "cpuGuarantee", "dataDisks")
"""In the order of the fields of Amounts; of two that bind alike, the first is named."""

GIBIBYTE = 1024**3
_ROUNDING = 1e-9
"""Sums of cores are binary fractions: 1.9 has room for 19 times 0.1."""


class Amounts(NamedTuple):
    """What a node offers, what pods take, or what one user asks for. Memory in bytes, CPU in cores."""

    pods: float
    memory: float
    cpu: float
    disks: float


NOTHING = Amounts(0, 0, 0, 0)


class Room(NamedTuple):
    """One node: what it offers, and what is taken there. Disks offered may be unknown: inf; pods always have a bound."""

    offers: Amounts
    taken: Amounts


@dataclass(frozen=True)
class Fit:
    """users: altogether, those with a running server included; more: that fit beside them.

    limit: what runs out first; None when there is no node. alone: how many users each limit would let in if it were the only one;
    None where it sets no bound.
    """

    nodes: int
    users: int
    more: int
    limit: Limit | None
    alone: dict[Limit, int | None]


def total(amounts: Sequence[Amounts]) -> Amounts:
    return Amounts(*(sum(column) for column in zip(NOTHING, *amounts, strict=True)))


def fit(rooms: Sequence[Room], user: Amounts, running: int) -> Fit:
    """How many servers that ask for `user` fit beside what is there. running: users that `taken` counts already."""
    each = [_by_limit(room, user) for room in rooms]
    more = sum(min(fits) for fits in each)
    sums = [sum(column) for column in zip(*each, strict=True)] if each else [0.0 for _ in LIMITS]
    alone = {limit: None if count == inf else running + int(count) for limit, count in zip(LIMITS, sums, strict=True)}
    tightest = min(range(len(LIMITS)), key=sums.__getitem__)
    return Fit(len(rooms), running + int(more), int(more), LIMITS[tightest] if rooms else None, alone)


def _by_limit(room: Room, user: Amounts) -> list[float]:
    """For one node: how many users each limit lets in; inf for what they do not ask for."""
    free = [max(offered - taken, 0.0) for offered, taken in zip(room.offers, room.taken, strict=True)]
    return [
        inf if asked == 0 or left == inf else float(floor(left / asked + _ROUNDING))
        for left, asked in zip(free, user, strict=True)
    ]


def with_nodes(rooms: Sequence[Room], new: Room, most: int) -> list[Room]:
    """The rooms when the autoscaler has added nodes until there are `most`."""
    return [*rooms, *(new for _ in range(most - len(rooms)))]


ADVICE: dict[Limit, str] = {
    "podsPerNode": "A larger cluster.maxPods lets more in on machines of the same size; PATCH makes another pool of nodes with it.",
    "memoryGuarantee": "Guarantee less memory (environment.memory.guarantee), or choose a cluster.vmSize with more, or more nodes.",
    "cpuGuarantee": "Guarantee less CPU (environment.cpu.guarantee), or choose a cluster.vmSize with more cores, or more nodes.",
    "dataDisks": "Every home is a disk of its own: choose a cluster.vmSize that takes more data disks, more nodes, or homes on a "
    "shared file system (values.singleuser.storage).",
}

_NAMES: dict[Limit, str] = {
    "podsPerNode": "pods per node",
    "memoryGuarantee": "guaranteed memory",
    "cpuGuarantee": "guaranteed CPU",
    "dataDisks": "data disks per virtual machine",
}


def sentence(found: Fit) -> str:
    """The answer in words: how many, what binds, and what the others would allow."""
    if found.limit is None:
        return "No node is ready: nobody fits."
    others = [
        f"{_NAMES[limit]} {count}" for limit, count in found.alone.items() if limit != found.limit and count is not None
    ]
    beside = f" By themselves {', '.join(others)} would fit." if others else ""
    nodes = f"{found.nodes} node{'' if found.nodes == 1 else 's'}"
    return (
        f"{found.users} users fit on {nodes}, {found.more} more than now; {_NAMES[found.limit]} run out first.{beside}"
    )
