"""How many users fit: the first tutorial's open question and its neighbours, each by name."""

from math import inf
from typing import NamedTuple

import pytest

from shared.hubs.inventory.capacity import (
    GIBIBYTE,
    LIMITS,
    NOTHING,
    Amounts,
    Limit,
    Room,
    fit,
    sentence,
    total,
    with_nodes,
)

D2S_V3 = Amounts(pods=30, memory=7.27 * GIBIBYTE, cpu=1.9, disks=4)
"""What AKS leaves of 2 cores and 8 GiB with 30 pods a node, and the data disks that the size takes."""
D8S_V3 = Amounts(pods=30, memory=31.3 * GIBIBYTE, cpu=7.82, disks=16)
SYSTEM = Amounts(pods=8, memory=0.5 * GIBIBYTE, cpu=0.35, disks=0)
"""Daemons and add-ons of AKS on one node."""
HUB = total([SYSTEM, Amounts(pods=4, memory=0.2 * GIBIBYTE, cpu=0.1, disks=1)])
"""The same and the hub itself, which keeps its database on a disk."""
USER = Amounts(pods=1, memory=GIBIBYTE, cpu=0, disks=1)
"""The chart's default: 1 GiB, no CPU, a home of its own."""


class Case(NamedTuple):
    rooms: list[Room]
    user: Amounts
    running: int
    users: int
    limit: Limit | None


SEED = [Room(D2S_V3, HUB), Room(D2S_V3, SYSTEM), Room(D2S_V3, SYSTEM)]

CASES = {
    "30 pods per node, 3 nodes: 90 users? no, 11, because a D2s_v3 takes 4 disks": Case(SEED, USER, 0, 11, "dataDisks"),
    "30 pods per node, 3 nodes, homes on a file share: 18 by memory": Case(
        SEED, USER._replace(disks=0), 0, 18, "memoryGuarantee"
    ),
    "30 pods per node, 3 nodes, no homes and no guarantee: 62 by pods": Case(
        SEED, Amounts(1, 0, 0, 0), 0, 62, "podsPerNode"
    ),
    "a guarantee of half a core binds before the disks": Case(SEED, USER._replace(cpu=0.5), 0, 8, "cpuGuarantee"),
    "19 times a tenth of a core is 1.9": Case([Room(D2S_V3, NOTHING)], Amounts(1, 0, 0.1, 0), 0, 19, "cpuGuarantee"),
    "larger machines: 16 disks each, memory 31": Case([Room(D8S_V3, HUB)], USER, 0, 15, "dataDisks"),
    "a tie names the first: 15 by memory, 15 by disks": Case(
        [Room(D8S_V3, HUB)], USER._replace(memory=2 * GIBIBYTE), 0, 15, "memoryGuarantee"
    ),
    "four gigabytes each": Case([Room(D8S_V3, HUB)], USER._replace(memory=4 * GIBIBYTE), 0, 7, "memoryGuarantee"),
    "who runs already counts as a user and leaves less": Case(
        [Room(D2S_V3, total([SYSTEM, USER, USER]))], USER, 2, 4, "dataDisks"
    ),
    "a node that is full gives nothing to another": Case(
        [Room(D2S_V3, total([SYSTEM, *[USER] * 4])), Room(D2S_V3, SYSTEM)], USER, 4, 8, "dataDisks"
    ),
    "a node that is overfull takes nobody away": Case([Room(D2S_V3, Amounts(40, 0, 0, 9))], USER, 5, 5, "podsPerNode"),
    "limits that bind on different nodes": Case(
        [Room(Amounts(30, 2 * GIBIBYTE, 2, 8), NOTHING), Room(Amounts(30, 8 * GIBIBYTE, 2, 1), NOTHING)],
        USER,
        0,
        3,
        "dataDisks",
    ),
    "a size whose disks are not known": Case([Room(D2S_V3._replace(disks=inf), SYSTEM)], USER, 0, 6, "memoryGuarantee"),
    "no node": Case([], USER, 0, 0, None),
    "the autoscaler's six nodes": Case(with_nodes(SEED, Room(D2S_V3, SYSTEM), 6), USER, 0, 23, "dataDisks"),
    "an autoscaler whose most is less than what is there": Case(
        with_nodes(SEED, Room(D2S_V3, SYSTEM), 2), USER, 0, 11, "dataDisks"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_capacity(name: str) -> None:
    case = CASES[name]
    found = fit(case.rooms, case.user, case.running)
    assert (found.users, found.limit) == (case.users, case.limit)
    assert found.more == case.users - case.running
    assert list(found.alone) == list(LIMITS)


def test_the_answer_says_what_each_limit_would_allow() -> None:
    assert sentence(fit(SEED, USER, 0)) == (
        "11 users fit on 3 nodes, 11 more than now; data disks per virtual machine run out first. "
        "By themselves pods per node 62, guaranteed memory 18 would fit."
    )
    assert sentence(fit([], USER, 0)) == "No node is ready: nobody fits."
