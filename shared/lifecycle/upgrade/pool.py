"""Another pool of nodes in the place of the one that is there: for another size of machines, or because nodes keep an old identity.

The record says at any time what is: until the new nodes are ready the hub's pool is the old one; from then on it is the new one,
and the old one stands in the status (`node_pools.extra`) until it is gone. Whatever stands there is emptied and removed by the next
upgrade, whoever asks for it: nothing that costs is forgotten.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from shared.hubs.patch.nodes import new_pool as differs
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import NodePools
from shared.kubernetes import draining, workloads
from shared.lifecycle.upgrade import notes
from shared.lifecycle.upgrade.nodes import true_of_nodes
from shared.problem import Problem
from shared.resources import bodies, scale_rules
from shared.resources.cluster import (
    Json,
    adopt,
    at_work,
    cluster_there,
    extra_pools,
    find_profile,
    first_nodes,
    pool_exists,
    with_cluster,
)
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting

if TYPE_CHECKING:
    from shared.azure.aks import Cluster

DRAIN_TIMEOUT = 30 * 60.0
"""Seconds for the pods of one pool to leave: as long as AKS itself gives a node in an upgrade (its --drain-timeout)."""


def ensure_new_pool(context: StepContext) -> Outcome:
    """Makes it, waits until its nodes are ready, and lets nothing new begin on the old ones."""
    old, new = context.spec, notes.wanted(context)
    name = new.cluster.node_pool
    if not differs(old, new):
        return done("The node pool stays.")
    if outcome := watching(context, f"Creating the pool {name}"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    profile = find_profile(found, name)
    if profile is None or profile.get("provisioningState") in ("Failed", "Canceled"):
        return _make(context, found, new, profile)
    if name not in extra_pools(context.status, old):
        return failed("PoolExists", *pool_exists(old, name))
    if outcome := _not_ready(context, name, int(profile.get("count") or 1)):
        return outcome
    _take_over(context, new)
    return done(
        f"{name} has {profile.get('count')} nodes of {new.cluster.vm_size}; no new pod starts on {old.cluster.node_pool}."
    )


def _make(context: StepContext, found: "Cluster", new: Hub, profile: Json | None) -> Outcome:
    """Also once more, for one that came to a bad end: the same PUT goes on with it."""
    spec, name = context.spec, new.cluster.node_pool
    known = context.status.node_pools.extra
    if profile is not None and name not in known:
        return failed("PoolExists", *pool_exists(spec, name))
    context.record(NodePools((*(other for other in known if other != name), name)))  # before it is made
    scale_rules.suspend(context)
    body = bodies.pool(new, context.subscription)
    body |= {"count": first_nodes(spec, new, found), "orchestratorVersion": found.current_version}
    del body["name"]
    operation = context.services.clusters.put_pool(spec.resource_group, spec.cluster.name, name, {"properties": body})
    return begun(operation, f"Creating the pool {name}")


def _not_ready(context: StepContext, pool: str, count: int) -> Outcome | None:
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        ready = sum(node.ready for node in workloads.nodes(kubernetes) if node.pool == pool)
    if ready >= count:
        return None
    return waiting(poll_delay(context.elapsed), f"{ready} of {count} nodes of {pool} are ready.")


def _take_over(context: StepContext, new: Hub) -> None:
    """From here on the new pool is the hub's, and the old one a left-over."""
    old = context.spec
    leaving = [*extra_pools(context.status, new), old.cluster.node_pool]
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        draining.cordon(kubernetes, _nodes_of(workloads.nodes(kubernetes), leaving))
    context.record(NodePools((*dict.fromkeys(leaving), new.cluster.node_pool)))
    taken = {"node_pool": new.cluster.node_pool, "vm_size": new.cluster.vm_size, "max_pods": new.cluster.max_pods}
    adopt(context, lambda spec: with_cluster(spec, **taken, **true_of_nodes(spec, new)))


def _nodes_of(nodes: list[workloads.Node], pools: list[str]) -> list[str]:
    return sorted(node.name for node in nodes if node.pool in pools)


def delete_old_pool(context: StepContext) -> Outcome:
    """Empties and removes what is left over, one pool after the other."""
    leaving = extra_pools(context.status, context.spec)
    if not leaving:
        return done("There is no old pool to delete.")
    if outcome := watching(context, "Deleting the old pool"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    there = [name for name in leaving if find_profile(found, name) is not None]
    if not there:
        context.record(NodePools())
        return done(f"Deleted: {', '.join(leaving)}.")
    if outcome := _drained(context, there):
        return outcome
    spec = context.spec
    operation = context.services.clusters.delete_pool(spec.resource_group, spec.cluster.name, there[0])
    return begun(operation, f"Deleting the pool {there[0]}") if operation else waiting(1, f"Deleting {there[0]}.")


def _drained(context: StepContext, pools: list[str]) -> Outcome | None:
    """None when no pod is left there. All nodes are looked up again each time: the autoscaler may have added one."""
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        nodes = workloads.nodes(kubernetes)
        going = _nodes_of(nodes, pools)
        draining.cordon(kubernetes, [node.name for node in nodes if node.name in going and node.schedulable])
        staying = draining.evict(kubernetes, going)
    if not staying:
        return None
    since = context.checkpoint.get("draining") or context.now.isoformat()
    spent = (context.now - datetime.fromisoformat(since)).total_seconds()
    if spent < DRAIN_TIMEOUT:
        kept = next((f" {pod.name} is kept: {pod.why}." for pod in staying if pod.why), "")
        return waiting(poll_delay(spent), f"{len(staying)} pods are leaving {', '.join(pools)}.{kept}", draining=since)
    return Outcome("failed", _stuck(staying), fault=_fault(context, staying, pools))


def _stuck(staying: list[draining.Staying]) -> str:
    said = "; ".join(f"{pod.namespace}/{pod.name}{f' ({pod.why})' if pod.why else ''}" for pod in staying[:5])
    return f"{len(staying)} pods did not leave their node in {DRAIN_TIMEOUT / 60:.0f} minutes: {said}."


def _fault(context: StepContext, staying: list[draining.Staying], pools: list[str]) -> Problem:
    name = context.spec.name
    if any(pod.why for pod in staying):
        cause = "A disruption budget keeps a pod: give its workload another replica, or delete the budget"
    else:
        cause = "A pod does not end: delete it (kubectl delete pod --force), or what it waits for"
    return Problem(
        "PodsStay",
        f"{_stuck(staying)} The new nodes are in use; {', '.join(pools)} still exists, costs money, and takes no new pods.",
        f"{cause}; GET /api/hubs/{name}/kubeconfig with the admin key lets you look with kubectl. Then retry the run.",
    )
