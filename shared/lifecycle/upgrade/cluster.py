"""An upgrade's step on the cluster itself: its tier, and Kubernetes with its nodes."""

from dataclasses import replace

from shared.azure.aks import Cluster
from shared.hubs.patch.planning import version_key
from shared.lifecycle.upgrade import notes
from shared.resources import scale_rules
from shared.resources.cluster import Json, adopt, at_work, cluster_there, pool_body, with_cluster
from shared.runs.context import StepContext, begun, watching
from shared.runs.model import Outcome, done


def upgrade_cluster(context: StepContext) -> Outcome:
    """The tier; then one minor version after the other, of each the control plane first: its pools may lag but not lead."""
    old, new = context.spec.cluster, notes.wanted(context).cluster
    if (old.kubernetes_version, old.tier) == (new.kubernetes_version, new.tier):
        return done("Kubernetes stays as it is.")
    if outcome := watching(context, "Changing the cluster"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    if outcome := _tier(context, found, new.tier):
        return outcome
    if old.kubernetes_version == new.kubernetes_version:
        return done(f"The cluster has the tier {new.tier}.")
    if outcome := _next_move(context, found, notes.noted(context).path):
        return outcome
    context.record(replace(context.status.cluster, kubernetes=found.current_version))
    adopt(context, lambda spec: with_cluster(spec, kubernetes_version=new.kubernetes_version))
    return done(f"The cluster runs Kubernetes {found.current_version}.")


def _tier(context: StepContext, found: Cluster, tier: str) -> Outcome | None:
    spec = context.spec
    if spec.cluster.tier == tier:
        return None
    sku = found.body.get("sku") or {}
    if sku.get("tier") == tier:
        adopt(context, lambda current: with_cluster(current, tier=tier))
        return None
    body = {**found.body, "sku": {"name": "Base", **sku, "tier": tier}}
    operation = context.services.clusters.put(spec.resource_group, spec.cluster.name, body)
    return begun(operation, f"Changing the tier to {tier}")


def _next_move(context: StepContext, found: Cluster, path: tuple[str, ...]) -> Outcome | None:
    """None at the end of the path."""
    spec, clusters, current = context.spec, context.services.clusters, str(found.current_version)
    if current in path and (behind := lagging(found)):
        scale_rules.suspend(context)
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
