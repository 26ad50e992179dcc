"""An upgrade's steps in Azure: Kubernetes, the pool's nodes, and the tags. Each looks at what is there and does what is missing."""

from collections.abc import Callable
from typing import Any

from shared import names
from shared.azure.aks import Cluster
from shared.azure.network import API as NETWORK_API
from shared.errors import PermanentError
from shared.hubs.changes import version_key
from shared.hubs.model import Hub
from shared.hubs.store import HubStore
from shared.runs import bodies
from shared.runs.model import Outcome, done, waiting
from shared.runs.steps import upgrade
from shared.runs.steps.context import StepContext, begun, poll_delay, watching

CLUSTER_API = "2025-10-01"

type Json = dict[str, Any]


def adopt(context: StepContext, change: Callable[[Hub], Hub]) -> None:
    """Part of what was wanted is true of the hub from now on."""
    HubStore(context.services.tables).adopt(context.spec.name, change)


def _cluster(context: StepContext) -> Cluster:
    spec = context.spec
    found = context.services.clusters.get(spec.resource_group, spec.cluster.name)
    if found is None:
        raise PermanentError(
            "AKS", "ClusterNotFound", f"There is no cluster {spec.cluster.name} in {spec.resource_group}."
        )
    return found


_SETTLED = ("succeeded", "failed", "canceled")


def _at_work(context: StepContext, cluster: Cluster) -> Outcome | None:
    if cluster.state.lower() in _SETTLED:
        return None
    return waiting(poll_delay(context.elapsed), f"The cluster is {cluster.state.lower()}.")


# Kubernetes


def cluster(context: StepContext) -> Outcome:
    """One minor version after the other; of each, the control plane first and then its pools, which may lag but not lead."""
    new = upgrade.wanted(context).cluster.kubernetes_version
    if context.spec.cluster.kubernetes_version == new:
        return done("Kubernetes stays as it is.")
    if outcome := watching(context, "Upgrading Kubernetes"):
        return outcome
    found = _cluster(context)
    if outcome := _at_work(context, found):
        return outcome
    if outcome := _next_move(context, found, upgrade.noted(context).get("path", [])):
        return outcome
    context.remember(kubernetes_version=found.current_version)
    adopt(context, lambda spec: _with_cluster(spec, kubernetes_version=new))
    return done(f"The cluster runs Kubernetes {found.current_version}.")


def _next_move(context: StepContext, found: Cluster, path: list[str]) -> Outcome | None:
    """None when the end of the path is reached."""
    spec, clusters, current = context.spec, context.services.clusters, str(found.current_version)
    if current in path and (behind := lagging(found)):
        body = pool_body(found, behind, {"orchestratorVersion": current})
        operation = clusters.put_pool(spec.resource_group, spec.cluster.name, behind, body)
        return begun(operation, f"Upgrading the nodes to Kubernetes {current}")
    following = next((version for version in path if version_key(version) > version_key(current)), None)
    if following is None:
        return None
    operation = clusters.put(spec.resource_group, spec.cluster.name, control_plane_body(found, following))
    return begun(operation, f"Upgrading the control plane to Kubernetes {following}")


def lagging(found: Cluster) -> str | None:
    """A pool whose nodes run an older version than the control plane."""
    current = version_key(str(found.current_version))
    return next((pool.name for pool in found.pools if pool.version and version_key(pool.version) < current), None)


def control_plane_body(found: Cluster, version: str) -> Json:
    """Everything as Azure says that it is, pools and their versions included, but for the control plane's version."""
    return {**found.body, "properties": {**found.body["properties"], "kubernetesVersion": version}}


_READ_ONLY = ("name", "provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag", "status")


def pool_body(found: Cluster, pool: str, change: Json) -> Json:
    """The pool as it is, with these properties instead; None takes one away."""
    profile = _profile(found, pool)
    kept = {name: value for name, value in profile.items() if name not in _READ_ONLY}
    merged = {name: value for name, value in {**kept, **change}.items() if value is not None}
    return {"properties": merged}


def _profile(found: Cluster, pool: str) -> Json:
    for profile in found.body["properties"].get("agentPoolProfiles") or []:
        if str(profile["name"]).lower() == pool.lower():
            return dict(profile)
    raise PermanentError("AKS", "PoolNotFound", f"The cluster {found.name} has no node pool {pool}.")


def _with_cluster(spec: Hub, **fields: Any) -> Hub:
    return spec.model_copy(update={"cluster": spec.cluster.model_copy(update=fields)})


# Nodes


def pool(context: StepContext) -> Outcome:
    """Number of nodes, autoscaling with its bounds, and the tags of the machines."""
    old, new = context.spec, upgrade.wanted(context)
    if _nodes(old) == _nodes(new) and old.tags == new.tags:
        return done("The nodes stay as they are.")
    if outcome := watching(context, "Changing the nodes"):
        return outcome
    found = _cluster(context)
    if outcome := _at_work(context, found):
        return outcome
    name = new.cluster.node_pool
    profile = _profile(found, name)
    change = pool_change(old, new, profile)
    if any(profile.get(key) != value for key, value in change.items()):
        body = pool_body(found, name, change)
        operation = context.services.clusters.put_pool(old.resource_group, old.cluster.name, name, body)
        return begun(operation, "Changing the nodes")
    adopt(
        context,
        lambda spec: _with_cluster(spec, node_count=new.cluster.node_count, autoscale=new.cluster.autoscale),
    )
    return done(f"{profile.get('count')} nodes" + (", autoscaling." if new.cluster.autoscale else "."))


def _nodes(hub: Hub) -> tuple[Any, ...]:
    return hub.cluster.node_count, hub.cluster.autoscale


def pool_change(old: Hub, new: Hub, profile: Json) -> Json:
    """What the pool's profile is to say. Pure.

    While the autoscaler stays on, the count is its own, within the bounds; else it is the specification's.
    """
    bounds, count = new.cluster.autoscale, new.cluster.node_count
    if bounds and (old.cluster.autoscale or _nodes(old) == _nodes(new)):
        count = min(max(int(profile.get("count") or count), bounds.min), bounds.max)
    return {
        "count": count,
        "enableAutoScaling": bounds is not None,
        "minCount": bounds.min if bounds else None,
        "maxCount": bounds.max if bounds else None,
        "tags": merged_tags(profile.get("tags") or {}, old, new),
    }


# Tags


def merged_tags(present: dict[str, str], old: Hub, new: Hub) -> dict[str, str]:
    """The hub's tags anew; those that others put there, such as a policy, stay. Azure compares names without case."""
    ours = {name.lower() for name in (*bodies.tags(old), *bodies.tags(new))}
    return {name: value for name, value in present.items() if name.lower() not in ours} | bodies.tags(new)


def tags(context: StepContext) -> Outcome:
    """Of the group, the network and the cluster, where they carry the hub's ownership tag."""
    old, new = context.spec, upgrade.wanted(context)
    if old.tags == new.tags:
        return done("The tags stay as they are.")
    if outcome := watching(context, "Changing the tags"):
        return outcome
    _tag_group(context, old, new)
    for resource_id, api in _tagged(context):
        found = context.services.arm.get(resource_id, api)
        present = (found or {}).get("tags") or {}
        wanted = merged_tags(present, old, new)
        if not bodies.owned(present, old.name) or present == wanted:
            continue
        operation = context.services.arm.patch(resource_id, api, {"tags": wanted})[1]
        if operation:
            return begun(operation, "Changing the tags")
    adopt(context, lambda spec: spec.model_copy(update={"tags": new.tags}))
    return done("The tags are changed on what was made for the hub.")


def _tag_group(context: StepContext, old: Hub, new: Hub) -> None:
    found = context.services.arm.group(old.resource_group)
    if found and bodies.owned(found.tags, old.name) and found.tags != merged_tags(found.tags, old, new):
        context.services.arm.put_group(found.name, found.location, merged_tags(found.tags, old, new))


def _tagged(context: StepContext) -> list[tuple[str, str]]:
    spec = context.spec
    found = [
        (names.network_id(context.subscription, spec.resource_group, spec.network.name), NETWORK_API),
        (context.hub.cluster_id(context.subscription), CLUSTER_API),
    ]
    if spec.identity.type == "managed":
        found.append(
            (names.identity_id(context.subscription, spec.resource_group, spec.identity.name), bodies.IDENTITY_API)
        )
    return found
