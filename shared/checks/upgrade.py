"""The changes of a hub and the problems that block them: read before anything is touched."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.azure.aks import Cluster
from shared.checks import access as preflight_access
from shared.checks import nodes, preflight
from shared.checks.free_names import dns_label
from shared.errors import PermanentError
from shared.hubs import ownership
from shared.hubs.chart import access
from shared.hubs.patch import chart as chart_changes
from shared.hubs.patch.address import PROXY_RESTARTS
from shared.hubs.patch.nodes import new_pool
from shared.hubs.patch.planning import Change, How, NotOfferedError, Plan, Versions, kubernetes_path, plan
from shared.hubs.spec import binder
from shared.hubs.spec.model import Hub
from shared.hubs.status.model import required
from shared.hubs.store import HubRecord
from shared.problem import Problem, caution
from shared.resources import own_certificate
from shared.resources.cluster import extra_pools
from shared.runs.advice import no_cluster
from shared.services import Services

if TYPE_CHECKING:
    from shared.kubernetes.charts import ChartVersion


@dataclass(frozen=True)
class Examined:
    """plan: the changes in their order. against: what a run would fail at. path: Kubernetes versions to go through.

    chart: the version that the release will have.
    """

    plan: Plan
    against: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    chart: str = ""


def examine(services: Services, hub: HubRecord, wanted: Hub) -> Examined:
    """Raises what the adapters do when the questions cannot be answered at all."""
    old, chart = hub.spec, wanted.release.version or _installed(hub)
    renewed = _renewed(services, hub, wanted)
    unfinished = extra_pools(hub.status, old) or hub.status.retired.identity
    if plan(old, wanted, None) == Plan() and not renewed and not unfinished:
        return Examined(Plan(), chart=chart)
    cluster = ownership.own(hub, services.clusters.get(old.resource_group, old.cluster.name))
    if cluster is None or cluster.current_version is None:
        message = f"no cluster {old.cluster.name} in {old.resource_group} is this hub's; was it deleted by hand?"
        gone = Problem("ClusterNotFound", message, no_cluster(old), "cluster.name")
        return Examined(plan(old, wanted, None), against=(gone,), chart=chart)
    versions = _versions(services, old, cluster) if _kubernetes_differs(old, wanted) else None
    made = plan(old, wanted, versions)
    if made.refusals:
        return Examined(made, against=made.refusals, chart=chart)
    made = made.joined((*nodes.unfinished(services, hub, wanted, cluster), *renewed))
    path = _path(wanted, versions)
    found = [*_findings(services, hub, wanted, made, cluster, path[-1] if path else cluster.current_version)]
    return Examined(
        made,
        against=tuple(problem for problem in found if problem.refuses),
        warnings=tuple(f"{problem.message} {problem.advice}" for problem in found if not problem.refuses),
        path=path,
        chart=chart,
    )


def _installed(hub: HubRecord) -> str:
    return required(hub.status.release.chart, "version of the chart")


def _renewed(services: Services, hub: HubRecord, wanted: Hub) -> tuple[Change, ...]:
    """Another certificate under the name that the specification has had all along."""
    present, key = hub.status.tls.certificate, access.certificate(wanted)
    if not present or key != present.key or access.certificate(hub.spec) != key:
        return ()
    stored = own_certificate.version(services, wanted)
    if stored is None or stored == present.version:
        return ()
    before, after = f"version {present.version}, until {present.ends.isoformat()}", f"version {stored}"
    return (Change("access.https.certificate", before, after, How.HELM, f"the certificate changes. {PROXY_RESTARTS}"),)


def _kubernetes_differs(old: Hub, wanted: Hub) -> bool:
    return old.cluster.kubernetes_version != wanted.cluster.kubernetes_version


def _versions(services: Services, hub: Hub, cluster: Cluster) -> Versions:
    """Generally available versions only, and from the cluster's own one what Azure says of this cluster."""
    current = str(cluster.current_version)
    listed = services.clusters.versions(hub.location)
    offers = {version.version: version.upgrades for version in listed if not version.preview and not version.lts_only}
    offers[current] = tuple(services.clusters.upgrades(hub.resource_group, hub.cluster.name))
    return Versions(current, offers)


def _path(wanted: Hub, versions: Versions | None) -> tuple[str, ...]:
    goal = wanted.cluster.kubernetes_version
    try:
        return tuple(kubernetes_path(goal, versions)) if versions and goal else ()
    except NotOfferedError:  # a plan with such a goal has been refused before
        return ()


def _findings(
    services: Services, hub: HubRecord, wanted: Hub, made: Plan, cluster: Cluster, kubernetes: str
) -> Iterator[Problem]:
    if made.has(How.HELM, How.KUBERNETES):
        yield from _chart(services, hub, wanted, kubernetes)
        yield from preflight.secrets(services, wanted).findings
    if wanted.access != hub.spec.access:
        yield from dns_label(services, wanted).findings
    if any(change.field.startswith(("access.", "values.proxy.https")) for change in made.changes):
        yield from preflight_access.dns_zone(services, wanted).findings
        yield from preflight_access.host_name(services, wanted, hub.status.addresses.hub).findings
        yield from preflight_access.certificate(services, wanted).findings
    if made.has(How.SCALE, How.AUTOSCALE, How.KUBERNETES, How.IDENTITY) and not new_pool(hub.spec, wanted):
        yield from _quota(services, wanted, cluster, surge=1 if made.has(How.KUBERNETES, How.IDENTITY) else 0)
    yield from nodes.findings(services, hub, wanted, made, cluster)


def _chart(services: Services, hub: HubRecord, wanted: Hub, kubernetes: str) -> Iterator[Problem]:
    """The chart exists, nothing that it dropped is used, and it accepts the values on that Kubernetes."""
    installed = _installed(hub)
    target = wanted.release.version or installed
    if target != installed:
        missing = preflight.chart_version(services, wanted).findings
        yield from missing
        if missing:
            return
        offered = services.helm.chart_versions(services.settings.chart_repository, wanted.release.chart)
        broken = _broken(wanted, installed, target, offered)
        if wanted.binder and chart_changes.unknown(*(_holder(version, offered) for version in (installed, target))):
            yield _unchecked(installed, target)
        yield from broken
        if broken:
            return
    yield from preflight.values_refused(services, wanted, kubernetes_version=kubernetes, chart_version=target)


def _broken(wanted: Hub, installed: str, target: str, offered: "list[ChartVersion]") -> list[Problem]:
    """A BinderHub's values are written for the JupyterHub chart inside its own."""
    if not wanted.binder:
        return chart_changes.troubles(wanted.values, installed, target, [chart.version for chart in offered])
    before, after = _holder(installed, offered), _holder(target, offered)
    holders = [_holder(chart.version, offered) for chart in offered]
    return chart_changes.held_troubles(binder.inner(wanted), binder.place(wanted), before, after, holders)


def _holder(version: str, offered: "list[ChartVersion]") -> chart_changes.Holder:
    held = next((chart.dependencies for chart in offered if chart.version == version), {})
    return chart_changes.Holder(version, held.get(binder.INNER, ""))


def _unchecked(installed: str, target: str) -> Problem:
    return caution(
        "NotChecked",
        f"The chart repository does not say which JupyterHub the charts {installed} and {target} hold: whether a key of the values "
        "was dropped between them is not checked.",
        "Read JupyterHub's upgrade guides, or go on: the new chart refuses keys that it does not know, and the run tries the hub.",
        "release.version",
    )


def _quota(services: Services, wanted: Hub, cluster: Cluster, *, surge: int) -> list[Problem]:
    """For the nodes that come in addition; where all are replaced there is one more for a while."""
    present = sum(pool.count for pool in cluster.pools if pool.name.lower() == wanted.cluster.node_pool.lower())
    most = wanted.cluster.autoscale.max if wanted.cluster.autoscale else wanted.cluster.node_count
    more = max(most - present, 0) + surge
    if cluster.power != "Running" or more == 0:  # a stopped cluster shows no nodes; its start finds out
        return []
    try:
        size = services.quotas.sku(wanted.location, wanted.cluster.vm_size)
        return list(preflight.room(services, wanted, size, more).findings) if size else []
    except PermanentError as refusal:
        advice = "Give Hubkeeper's identity the role Reader on the subscription, or go on: Azure finds out by itself."
        return [caution("NotChecked", f"The quota of vCPUs is not known ({refusal.code}).", advice)]
