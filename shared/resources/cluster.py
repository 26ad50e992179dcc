"""Helpers that the upgrade's steps and checks share: the present cluster, bodies to send back, problems that block."""

from collections.abc import Callable
from typing import Any

from shared.azure import aks
from shared.azure.aks import Cluster
from shared.errors import PermanentError
from shared.hubs import ownership
from shared.hubs.spec.model import Hub
from shared.hubs.status.model import Status
from shared.hubs.status.parts import PoolImage, RetiredIdentity
from shared.hubs.store import HubStore
from shared.resources import bodies
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, waiting

type Json = dict[str, Any]


def adopt(context: StepContext, change: Callable[[Hub], Hub]) -> None:
    """Part of what was wanted is true of the hub from now on."""
    HubStore(context.services.tables).adopt(context.spec.name, change)


def with_cluster(spec: Hub, **fields: Any) -> Hub:
    return spec.model_copy(update={"cluster": spec.cluster.model_copy(update=fields)})


def cluster_there(context: StepContext) -> Cluster:
    return ownership.cluster(context.services, context.hub)


_SETTLED = ("succeeded", "failed", "canceled")


def at_work(context: StepContext, cluster: Cluster) -> Outcome | None:
    if cluster.state.lower() in _SETTLED:
        return None
    return waiting(poll_delay(context.elapsed), f"The cluster is {cluster.state.lower()}.")


_READ_ONLY = ("name", "provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag", "status")


def pool_body(found: Cluster, pool: str, change: Json) -> Json:
    """The pool as it is, with these properties instead; None takes one away."""
    kept = {name: value for name, value in profile_of(found, pool).items() if name not in _READ_ONLY}
    merged = {name: value for name, value in {**kept, **change}.items() if value is not None}
    return {"properties": merged}


def profile_of(found: Cluster, pool: str) -> Json:
    """Raises PermanentError when the cluster has no such pool."""
    profile = find_profile(found, pool)
    if profile is None:
        raise PermanentError(aks.SYSTEM, "PoolNotFound", f"The cluster {found.name} has no node pool {pool}.")
    return profile


def find_profile(found: Cluster, pool: str) -> Json | None:
    for profile in found.body["properties"].get("agentPoolProfiles") or []:
        if str(profile["name"]).lower() == pool.lower():
            return dict(profile)
    return None


def merged_tags(present: dict[str, str], old: Hub, new: Hub) -> dict[str, str]:
    """The hub's new tags; those that others put there, such as a policy, stay. Azure compares names without case."""
    ours = {name.lower() for name in (*bodies.tags(old), *bodies.tags(new))}
    return {name: value for name, value in present.items() if name.lower() not in ours} | bodies.tags(new)


# Pools and identities


def extra_pools(status: Status, hub: Hub) -> list[str]:
    """Pools that were made for the hub and are not the one that it has. Pure."""
    return [name for name in status.node_pools.extra if name != hub.cluster.node_pool]


def first_nodes(old: Hub, new: Hub, found: Cluster) -> int:
    """With autoscaling as many as there are now, within the bounds: everybody has to find room. Pure."""
    bounds = new.cluster.autoscale
    if bounds is None:
        return new.cluster.node_count
    now = next((pool.count for pool in found.pools if pool.name == old.cluster.node_pool), new.cluster.node_count)
    return min(max(now, bounds.min), bounds.max)


def pool_exists(hub: Hub, name: str) -> tuple[str, str]:
    return (
        f"The cluster {hub.cluster.name} has a pool {name} that was not created for this hub.",
        "Give the new pool another name: cluster.nodePool in the same request.",
    )


def identity_exists(name: str, group: str) -> tuple[str, str]:
    return (
        f"There is a managed identity {name} in {group} that was not created for this hub.",
        'Give the new one another name: {"identity": {"type": "managed", "name": "..."}}.',
    )


def application_exists(hub: str, client_id: str) -> tuple[str, str]:
    """Its maker may have a password of it, and would share every role that the hub's cluster is given."""
    advice = (
        "Choose another name for the hub, set identity to managed, or name an existing service principal (identity.clientId, "
        "identity.secret). "
        "A directory administrator can tell whose the application is."
    )
    return (
        f"The directory has an application ({client_id}) under the unique name of hub {hub} that is not this hub's.",
        advice,
    )


def no_newer_image(pool: str) -> tuple[str, str]:
    return (
        f"The nodes of {pool} have AKS' newest image: AKS does not replace them, and they keep the principal.",
        "AKS releases a newer image about every week: ask again then. Another Kubernetes version replaces them at once.",
    )


def pool_images(found: Cluster) -> tuple[PoolImage, ...]:
    return tuple(PoolImage(pool.name, pool.image, pool.version) for pool in found.pools)


def keepers(found: Cluster, retired: RetiredIdentity, leaving: list[str]) -> list[str]:
    """Pools whose nodes are the ones that were there when the cluster got its identity. Pure."""
    return [each.pool for each in pool_images(found) if each.pool not in leaving and each in retired.nodes]
