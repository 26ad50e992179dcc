"""The critical path: how much longer a create takes than what Azure imposes, at the lengths that operations have in Azure.

Imposed is the longest chain of what only Azure can do: a new service principal gets round to AKS while the network is made, the
cluster is made, and once the chart's objects exist, their load balancer, volumes and pods come up until the hub answers. All of
it is read from the local cloud's own records and from the hub, never from the product's.

Virtual time runs at the pace of real time while the product works, so that its own seconds count as what they are; only in the
minutes in which nothing but the cluster's creation goes on does the clock run fast.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.azure.directory import LAG
from tests.bench.lab import Lab, lab
from tests.bench.rows import Row
from tests.cloud import call

LIMIT = 1.05
NAME = "bench"
FAST = 20.0
"""Virtual seconds a real one while only the cluster is being made."""
SLOW_AGAIN = 3.0
"""Virtual seconds before the cluster's end at which the clock goes back to the pace of real time."""
TIMEOUT = 300.0
"""Real seconds for each thing that is waited for."""

CREATE_FOR_RBAC = 11.0
CLI_POLL = 30.0
"""Recorded seconds: of the whole of `az ad sp create-for-rbac`; between the CLI's looks at a cluster."""


@dataclass(frozen=True)
class Imposed:
    """Seconds of virtual time."""

    network: float
    replication: float
    cluster: float
    hub: float
    """From the creation of the chart's objects until the hub answers."""

    @property
    def chain(self) -> float:
        return max(self.network, self.replication) + self.cluster + self.hub

    @property
    def seeds(self) -> float:
        """The tutorials' commands one after the other, without a person's time between them.

        Not counted either: the second or so that each of them takes to start. `az aks create` itself waits for the principal.
        """
        looks = -(-self.cluster // CLI_POLL) * CLI_POLL
        return self.network + max(CREATE_FOR_RBAC, self.replication) + looks + self.hub


def critical_path() -> list[Row]:
    with lab(speed=1) as place:
        asked, run_id = place.create(NAME)
        under_way = _operation(place, "cluster.create")
        _hurry(place, under_way["ends"] - SLOW_AGAIN)
        applied, answers = _hub(place)
        run = place.ended(run_id)
        network = _operation(place, "virtualnetworks.write", ended=True)
        cluster = _operation(place, "cluster.create", ended=True)
        replication = place.world.duration(LAG["clusters"])
    imposed = Imposed(_length(network), replication, _length(cluster), answers - applied)
    steps = {step.name: (_after(asked, step.started), _after(asked, step.ended)) for step in run.steps}
    took = max(ended for _, ended in steps.values())
    zero = asked.timestamp()
    moments = {
        "network": f"Azure: {network['started'] - zero:.1f} to {network['ended'] - zero:.1f} s",
        "cluster": f"Azure: {cluster['started'] - zero:.1f} to {cluster['ended'] - zero:.1f} s",
        "usable": f"Kubernetes: {applied - zero:.1f} to {answers - zero:.1f} s",
    }
    what = f"of {imposed.chain:.0f} s: principal known {replication:.0f}, cluster {imposed.cluster:.0f}, hub up {imposed.hub:.0f}"
    return [
        Row("critical_path", took, "s", took / imposed.chain, LIMIT, what),
        *[_step_row(name, *span, moments.get(name, "")) for name, span in steps.items()],
        Row(
            "seeds_in_sequence",
            imposed.seeds,
            "s",
            imposed.seeds / imposed.chain,
            note="the tutorials' commands in their order",
        ),
    ]


def _after(asked: datetime, moment: datetime | None) -> float:
    """Seconds. Every step of a run that has succeeded has both its times."""
    return (moment - asked).total_seconds() if moment else 0.0


def _step_row(name: str, begins: float, ends: float, moments: str) -> Row:
    return Row(f"critical_path.{name}", ends - begins, "s", note=f"{begins:.1f} to {ends:.1f} s  {moments}".rstrip())


def _operation(place: Lab, kind: str, *, ended: bool = False) -> dict[str, Any]:
    """The operation of that kind, once it has begun, or ended."""
    table = place.world.table(f"arm.operations.{'ended' if ended else 'open'}")
    return _awaited(lambda: next((row for row in table.values() if row["kind"] == kind), None), kind)


def _length(operation: dict[str, Any]) -> float:
    return float(operation["ended"] - operation["started"])


def _hurry(place: Lab, until: float) -> None:
    """Lets the clock run fast to `until` (virtual seconds since 1970)."""
    place.cloud.control.clock(rate=FAST)
    try:
        _awaited(lambda: place.clock.seconds() >= until, "the cluster")
    finally:
        place.cloud.control.clock(rate=1)


def _hub(place: Lab) -> tuple[float, float]:
    """When the chart's public service was created, and when the hub behind it first answered: virtual seconds since 1970."""
    applied = 0.0

    def address() -> str | None:
        nonlocal applied
        for key, document in place.world.table("kubernetes").items():
            if "|object|" in key and document["kind"] == "Service" and document["metadata"]["name"] == "proxy-public":
                applied = applied or place.clock.seconds()
                balancer = document["status"].get("loadBalancer") or {}
                return str(balancer["ingress"][0]["ip"]) if balancer.get("ingress") else None
        return None

    found = _awaited(address, "the load balancer")
    _awaited(lambda: _healthy(found), "the hub")
    return applied, place.clock.seconds()


def _healthy(address: str) -> bool:
    try:
        return call("GET", f"http://{address}/hub/health").status == 200
    except OSError:
        return False


def _awaited[T](probe: Callable[[], T | None], what: str) -> T:
    """The probe's first truthy result. Raises RuntimeError when there is none for a long time."""
    deadline = time.monotonic() + TIMEOUT
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {TIMEOUT:g} s in vain for {what}")
        time.sleep(0.1)
    return found
