"""Problems that block other nodes or another identity of an existing cluster: the checks only read."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from shared import names
from shared.azure.aks import Cluster
from shared.checks import owners, preflight
from shared.errors import PermanentError
from shared.hubs import ownership
from shared.hubs.network_role import allowed, subnet_id
from shared.hubs.patch.nodes import becomes_managed, keeps_pool, left_over, new_pool
from shared.hubs.patch.planning import Change, How, Plan
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import RetiredIdentity
from shared.hubs.store import HubRecord
from shared.problem import Problem, caution
from shared.resources import bodies, scale_rules
from shared.resources.cluster import extra_pools, first_nodes, identity_exists, keepers, no_newer_image, pool_exists
from shared.services import Services

if TYPE_CHECKING:
    from shared.azure.compute import VmSize

LEAST_CPUS, LEAST_MEMORY = 2, 4
"""The least that AKS wants of the machines of a system pool: vCPUs, GiB ("Use system node pools")."""


def named(services: Services, hub: HubRecord, wanted: Hub, *, given: bool) -> Hub:
    """The wanted specification, with the name of its pool. given: whether the request itself says it.

    Nodes that only have to let go of the principal stay in their pool where AKS has a newer image for them, or where another
    Kubernetes replaces them anyway.
    """
    old = hub.spec
    if given or wanted.cluster.node_pool != old.cluster.node_pool:
        return wanted
    if keeps_pool(old, wanted) and not becomes_managed(old, wanted):
        return wanted
    found = ownership.own(hub, services.clusters.get(old.resource_group, old.cluster.name))
    if found is None or (keeps_pool(old, wanted) and _renewed_in_place(services, old, wanted, found)):
        return wanted
    name = _begun_before(hub, wanted, found) or names.next_pool(old.cluster.node_pool, [p.name for p in found.pools])
    return wanted.model_copy(update={"cluster": wanted.cluster.model_copy(update={"node_pool": name})})


def _renewed_in_place(services: Services, old: Hub, wanted: Hub, found: Cluster) -> bool:
    if old.cluster.kubernetes_version != wanted.cluster.kubernetes_version:
        return True
    pool = next((pool for pool in found.pools if pool.name == old.cluster.node_pool), None)
    if pool is None or pool.image is None:
        return True
    return services.clusters.latest_image(old.resource_group, old.cluster.name, pool.name) not in (None, pool.image)


def _begun_before(hub: HubRecord, wanted: Hub, found: Cluster) -> str | None:
    """A pool of what is wanted that a change which did not end has made: it goes on with that one."""
    begun = extra_pools(hub.status, hub.spec)
    cluster = wanted.cluster
    fitting = [p.name for p in found.pools if (p.vm_size, p.max_pods) == (cluster.vm_size, cluster.max_pods)]
    return next((name for name in begun if name in fitting), None)


def unfinished(services: Services, hub: HubRecord, wanted: Hub, cluster: Cluster) -> list[Change]:
    """The leftovers of an earlier change that this one finishes, as far as it can now."""
    found = [left_over(pool, wanted) for pool in extra_pools(hub.status, hub.spec) if pool != wanted.cluster.node_pool]
    retired = hub.status.retired.identity
    if retired and _can_let_go(services, hub, wanted, cluster, retired):
        interruption = (
            "an earlier change gave the cluster its identity and did not end: nodes with the old one are replaced, so "
            "servers end; then it is deleted"
        )
        name = wanted.identity.name
        found.append(Change("identity.name", retired.name, name, How.IDENTITY, interruption, disruptive=True))
    return found


def _can_let_go(services: Services, hub: HubRecord, wanted: Hub, cluster: Cluster, retired: RetiredIdentity) -> bool:
    old = hub.spec
    if old.cluster.kubernetes_version != wanted.cluster.kubernetes_version:
        return True
    leaving = [*extra_pools(hub.status, old), *([old.cluster.node_pool] if new_pool(old, wanted) else [])]
    images = {pool.name: pool.image for pool in cluster.pools}
    return all(
        services.clusters.latest_image(old.resource_group, old.cluster.name, pool) not in (None, images[pool])
        for pool in keepers(cluster, retired, leaving)
    )


def findings(services: Services, hub: HubRecord, wanted: Hub, made: Plan, cluster: Cluster) -> Iterator[Problem]:
    old = hub.spec
    if new_pool(old, wanted):
        yield from _pool(services, hub, wanted, cluster)
    if becomes_managed(old, wanted):
        yield from _identity(services, hub, wanted, made, cluster)
    if wanted.cluster.autoscale and made.has(How.AUTOSCALE, How.REPLACE):
        yield from _autoscaling(services, old, wanted)


# Another pool


def _pool(services: Services, hub: HubRecord, wanted: Hub, cluster: Cluster) -> Iterator[Problem]:
    name = wanted.cluster.node_pool
    there = next((pool for pool in cluster.pools if pool.name == name), None)
    if there is not None and name not in extra_pools(hub.status, hub.spec):
        yield Problem("PoolExists", *pool_exists(hub.spec, name), "cluster.nodePool")
        return
    count = first_nodes(hub.spec, wanted, cluster)
    yield from _addresses(services, wanted, cluster, count)
    size = services.quotas.sku(wanted.location, wanted.cluster.vm_size)
    if size is None or size.restrictions:
        advice = f"Choose another cluster.vmSize (az vm list-skus --location {wanted.location})."
        message = f"{wanted.cluster.vm_size} is not offered to the subscription in {wanted.location}."
        yield Problem("SkuNotAvailable", message, advice, "cluster.vmSize")
        return
    yield from _machine(services, hub.spec, wanted, size)
    if cluster.power == "Running":
        shortage = preflight.room(services, wanted, size, max(count - (there.count if there else 0), 0)).findings
        other = (
            "ask again in a week: where AKS has a newer node image, nodes are renewed one by one in their pool"
            if keeps_pool(hub.spec, wanted)
            else "choose a size of another family, or fewer nodes first"
        )
        advice = (
            "Ask for more (Azure portal, Quotas, Compute): the old nodes and the new ones are there side by side for a while. "
            f"Or {other}."
        )
        yield from (replace(item, advice=advice, field="cluster.vmSize") for item in shortage)


def _machine(services: Services, old: Hub, wanted: Hub, size: "VmSize") -> Iterator[Problem]:
    """Checks AKS' demands on machines, and that they take the disks of the existing user volumes."""
    name, field = wanted.cluster.vm_size, "cluster.vmSize"
    if size.vcpus < LEAST_CPUS or size.memory < LEAST_MEMORY:
        message = f"{name} has {size.vcpus} vCPUs and {size.memory:g} GiB; AKS wants at least {LEAST_CPUS} and {LEAST_MEMORY}."
        yield Problem("SizeTooSmall", message, "Choose a larger cluster.vmSize.", field)
    disks = services.quotas.disks(old.cluster.node_resource_group)
    premium = [disk.name for disk in disks if disk.sku.lower().startswith("premium")]
    if premium and not size.premium:
        message = (
            f"{name} takes no premium disks, and {len(premium)} volumes of the hub are such: {', '.join(premium[:3])}."
        )
        yield Problem("DisksRefused", message, "Choose a size with an s in its name, as Standard_D4s_v5.", field)
    attached = sum(disk.attached for disk in disks)
    nodes = wanted.cluster.autoscale.max if wanted.cluster.autoscale else wanted.cluster.node_count
    if size.max_data_disks * nodes < max(attached, 1):
        message = f"{nodes} x {name} take {size.max_data_disks * nodes} disks; {attached} are attached (user volumes)."
        yield Problem("DisksRefused", message, "Choose a size that takes more data disks, or more nodes.", field)
    present = services.quotas.sku(old.location, old.cluster.vm_size)
    if present and present.architecture != size.architecture:
        message = f"{name} has {size.architecture} processors, the nodes now {present.architecture}: images must be built for them."
        yield caution("OtherProcessors", message, "Check that image, and the images in values, are.", field)


def _addresses(services: Services, wanted: Hub, cluster: Cluster, count: int) -> Iterator[Problem]:
    """The subnet's addresses, as AKS counts them: each possible node, one for upgrades, all their pods; for both pools."""
    bounds = wanted.cluster.autoscale
    most = max(count, bounds.max if bounds else 0)
    needed = (most + 1) * (wanted.cluster.max_pods + 1)
    for pool in cluster.pools:
        if pool.name != wanted.cluster.node_pool:
            needed += (max(pool.count, pool.max or 0) + 1) * ((pool.max_pods or wanted.cluster.max_pods) + 1)
    subscription = services.settings.subscription_id
    network = services.networks.network(names.network_id(subscription, wanted.resource_group, wanted.network.name))
    subnets = {name.lower(): prefixes for name, prefixes in network.subnets.items()} if network else {}
    ranges = [IPv4Network(prefix) for prefix in subnets.get(wanted.network.subnet.lower(), ()) if ":" not in prefix]
    free = sum(each.num_addresses - 5 for each in ranges)
    if ranges and needed > free:
        message = f"{wanted.network.subnet} has {free} addresses; both pools of nodes side by side, with their pods, take {needed}."
        advice = (
            "Have fewer nodes first (cluster.nodeCount or autoscale.max). Only another hub (POST /api/hubs) can have "
            "a larger subnet."
        )
        yield Problem("SubnetTooSmall", message, advice, "cluster.vmSize")


# A managed identity


def _identity(services: Services, hub: HubRecord, wanted: Hub, made: Plan, cluster: Cluster) -> Iterator[Problem]:
    old, subscription = hub.spec, services.settings.subscription_id
    found = services.arm.get(
        names.identity_id(subscription, old.resource_group, wanted.identity.name), bodies.IDENTITY_API
    )
    if found is not None and not ownership.owned(found.get("tags"), old.name):
        said = identity_exists(wanted.identity.name, old.resource_group)
        yield Problem("IdentityExists", *said, "identity.name")
    if not allowed(hub, subnet_id(old, subscription)):
        yield from owners.network_owner(services, old).findings
    if made.has(How.KUBERNETES):
        return
    leaving = {*extra_pools(hub.status, old), *([old.cluster.node_pool] if new_pool(old, wanted) else [])}
    for pool in cluster.pools:
        if pool.name in leaving or pool.image is None:
            continue
        if services.clusters.latest_image(old.resource_group, old.cluster.name, pool.name) in (None, pool.image):
            yield Problem("NodesKeepPrincipal", *no_newer_image(pool.name), "identity.type")


# What decides how many nodes there are


def _autoscaling(services: Services, old: Hub, wanted: Hub) -> Iterator[Problem]:
    """Somebody else's rules on the scale set block AKS' autoscaler, and against rules of ours: Azure takes one setting."""
    group = old.cluster.node_resource_group
    scale_set = services.quotas.scale_set(group, old.cluster.node_pool)
    if scale_set is None or new_pool(old, wanted):
        return
    try:
        there = scale_rules.settings_in(services.arm, names.group_id(services.settings.subscription_id, group))
    except PermanentError as refusal:
        message = f"Hubkeeper cannot tell if the scale set has rules of its own ({refusal.code})."
        advice = "Give Hubkeeper's identity the role Reader on the subscription, or go on."
        yield caution("NotChecked", message, advice)
        return
    if others := scale_rules.foreign(there, old.name, scale_set):
        why = (
            "Microsoft asks to leave these alone where AKS' autoscaler is on: each would undo what the other does"
            if wanted.cluster.aks_autoscale
            else "Azure takes one setting for a scale set"
        )
        message = f"The scale set of {old.cluster.node_pool} has rules that Hubkeeper did not make ({', '.join(others)}). {why}."
        advice = f"Delete them first: az monitor autoscale delete --resource-group {group} --name {others[0]}."
        yield Problem("ScaleSetRules", message, advice, "cluster.autoscale")
