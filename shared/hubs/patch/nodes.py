"""What a change of a cluster's nodes, and of who it is to Azure, means for the people on it. Pure.

Sources: "Resize node pools", "Delete a node pool" and "Use a user-assigned managed identity" of the AKS documentation
(learn.microsoft.com/azure/aks): a pool keeps its size of machines and its number of pods, so another pool takes its place; a
cluster goes from a service principal to a managed identity and never back, and its nodes keep the principal until they are renewed.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from shared.hubs.patch.fixed import ANOTHER
from shared.hubs.patch.plan import Change, How
from shared.hubs.spec.model import Hub
from shared.problem import Problem

_SERVERS_END = (
    "servers end, their users are warned first; the hub is away for a minute or two while it moves to another node"
)


def classified(field: str, before: Any, after: Any, old: Hub, new: Hub) -> list[Change | Problem]:
    """Empty when the field is about something else."""
    match field:
        case "cluster.nodeCount":
            return [node_count(old, new)]
        case "cluster.autoscale":
            return [autoscale(before, after, old, new)]
        case "cluster.vmSize" | "cluster.maxPods":
            return [replacement(field, before, after, new)]
        case "cluster.nodePool":
            return [pool_name(old, new)]
        case "identity.type" | "identity.name" | "identity.clientId" | "identity.secret":
            return list(identity(field, before, after, old, new))
    return []


# How many


def node_count(old: Hub, new: Hub) -> Change | Problem:
    before, after = old.cluster.node_count, new.cluster.node_count
    if old.cluster.autoscale and new.cluster.autoscale:
        why = (
            "the rules on the scale set decide how many nodes there are"
            if new.cluster.rules
            else "the cluster autoscaler decides how many nodes there are; AKS refuses a count beside it"
        )
        return Problem(
            "AutoscalerDecides",
            why,
            "Change cluster.autoscale.min or max instead, or set cluster.autoscale to null in the same request.",
            field="cluster.nodeCount",
        )
    return _scaled("cluster.nodeCount", before, after, How.SCALE, fewer=after < before)


def autoscale(before: Any, after: Any, old: Hub, new: Hub) -> Change:
    """Switched off, the pool goes to nodeCount; with a lower max the autoscaler removes what is above it."""
    was, becomes = old.cluster.autoscale, new.cluster.autoscale
    most = becomes.max if becomes else new.cluster.node_count
    return _scaled("cluster.autoscale", before, after, How.AUTOSCALE, fewer=was is not None and most < was.max)


def _scaled(field: str, before: Any, after: Any, how: How, *, fewer: bool) -> Change:
    interruption = (
        "nodes may be removed, and the servers on them end: their users are warned first" if fewer else "none"
    )
    return Change(field, before, after, how, interruption, disruptive=fewer)


# Which


def new_pool(old: Hub, new: Hub) -> bool:
    """Whether the nodes that are wanted are another pool's."""
    return old.cluster.node_pool != new.cluster.node_pool


def keeps_pool(old: Hub, new: Hub) -> bool:
    """Whether the pool that is there can become what is wanted."""
    return (old.cluster.vm_size, old.cluster.max_pods) == (new.cluster.vm_size, new.cluster.max_pods)


def replacement(field: str, before: Any, after: Any, new: Hub) -> Change:
    interruption = (
        f"a second pool of nodes, {new.cluster.node_pool}, is made beside the old one; for a quarter of an hour both are there, "
        f"count against the quota of vCPUs and cost. Then the old one is emptied and removed: {_SERVERS_END}"
    )
    return Change(field, before, after, How.REPLACE, interruption, disruptive=True)


def pool_name(old: Hub, new: Hub) -> Change | Problem:
    """A pool's name is its own: another one is that of the pool which takes its place."""
    if keeps_pool(old, new) and not becomes_managed(old, new):
        return Problem(
            "CannotChange",
            "a pool of nodes keeps its name",
            "Leave cluster.nodePool as it is. Beside another cluster.vmSize it is the name of the pool that is made then.",
            field="cluster.nodePool",
        )
    found = replacement("cluster.nodePool", old.cluster.node_pool, new.cluster.node_pool, new)
    if keeps_pool(old, new):
        return replace(found, interruption=f"nodes keep the principal until they are made anew: {found.interruption}")
    return replace(found, interruption="what the pool that takes the old one's place is called")


def left_over(pool: str, new: Hub) -> Change:
    """A pool that a change before this one made or emptied, and that is still there."""
    interruption = f"{pool} is left over from a change that did not end; it is emptied and removed: {_SERVERS_END}"
    return Change("cluster.nodePool", pool, new.cluster.node_pool, How.REPLACE, interruption, disruptive=True)


# Who


def becomes_managed(old: Hub, new: Hub) -> bool:
    return old.identity.type == "service-principal" and new.identity.type == "managed"


def identity(field: str, before: Any, after: Any, old: Hub, new: Hub) -> Iterator[Change | Problem]:
    if becomes_managed(old, new):
        principal = (
            "the principal that was brought along stays" if old.identity.existing else "the principal is removed"
        )
        interruption = (
            f"the cluster takes the new identity in about two minutes, unnoticed; then its nodes are made anew, for they keep the "
            f"old one until then: {_SERVERS_END}. At the end {principal}"
        )
        said = interruption if field == "identity.type" else "comes with identity.type"
        yield Change(field, before, after, How.IDENTITY, said, disruptive=field == "identity.type")
    elif old.identity.type == "managed" and new.identity.type == "service-principal":
        yield Problem(
            "CannotChange",
            "AKS has no way back from a managed identity to a service principal",
            "Leave identity managed: it has no password that could end. " + ANOTHER,
            field=field,
        )
    else:
        yield Problem(
            "CannotChange",
            "Hubkeeper changes a cluster's identity in place from a service principal to a managed one, and in no other way",
            "Leave identity as it is: Hubkeeper renews the password of a principal that it made. identity managed has no password. "
            + ANOTHER,
            field=field,
        )
