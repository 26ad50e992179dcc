"""A hub owns the resources that carry its tag. A name in a specification owns nothing.

A cluster is looked for by the id in the hub's record, which was written when the cluster was seen with the tag; and the tag is
looked at each time, for somebody else may have made another cluster of that name since.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.errors import MissingError, NotFoundError
from shared.hubs.spec import defaults
from shared.hubs.store import HubRecord
from shared.problem import Problem
from shared.services import Services

if TYPE_CHECKING:
    from shared.azure.aks import Cluster

NO_CLUSTER = "ClusterNotFound"


def owner(tags: Mapping[str, str] | None) -> str | None:
    """The hub whose tag a resource carries. Azure compares tag names without case."""
    return {key.lower(): value for key, value in (tags or {}).items()}.get(defaults.OWNER_TAG)


def owned(tags: Mapping[str, str] | None, hub: str) -> bool:
    return owner(tags) == hub


def application_mark(hub: str, subscription: str) -> str:
    """What marks an application of the directory as this hub's: unique in the tenant, for directories span subscriptions."""
    return f"{defaults.OWNER_TAG}:{subscription}:{hub}"


def application_key(hub: str, subscription: str) -> str:
    """The unique name under which Graph makes the application once, however often it is asked to."""
    return application_mark(hub, subscription).replace(":", "-")


def own(hub: HubRecord, found: "Cluster | None") -> "Cluster | None":
    """The cluster that Azure shows under the name of the hub's, if it is the hub's own; else None."""
    if found is None or not owned(found.tags, hub.name):
        return None
    recorded = hub.status.cluster.id
    return found if recorded is None or recorded.lower() == found.id.lower() else None


def cluster(services: Services, hub: HubRecord) -> "Cluster":
    """The hub's cluster as it is now. Raises NotFoundError with code NO_CLUSTER when it has none."""
    spec = hub.spec
    found = own(hub, services.clusters.get(spec.resource_group, spec.cluster.name))
    if found is None:
        raise _none(hub)
    return found


def kubeconfig(services: Services, hub: HubRecord, *, fresh: bool = False) -> str:
    """Admin credentials of the hub's cluster. Raises NotFoundError with code NO_CLUSTER when it has none.

    Whose the cluster is, the listing tells that all share and that is some seconds old, so that hundreds of runs do not ask AKS for
    single clusters; a cluster that was made a moment ago is not in it yet. fresh: AKS is asked.
    """
    spec = hub.spec
    listed = None if fresh else services.cluster_listing.get(hub.cluster_id(services.settings.subscription_id))
    if own(hub, listed or services.clusters.get(spec.resource_group, spec.cluster.name)) is None:
        raise _none(hub)
    return services.clusters.admin_kubeconfig(spec.resource_group, spec.cluster.name)


def _none(hub: HubRecord) -> NotFoundError:
    from shared.azure.aks import SYSTEM

    return NotFoundError(
        SYSTEM,
        NO_CLUSTER,
        f"Hub {hub.name} has no cluster: none named {hub.spec.cluster.name} in {hub.spec.resource_group} is its own. Was it "
        "deleted by hand?",
    )


def no_cluster(hub: HubRecord) -> MissingError:
    """What a request that needs the cluster is refused with."""
    return MissingError(
        Problem(
            "NoCluster",
            f"Hub {hub.name} has no cluster of its own: it is not made yet, or it was deleted outside Hubkeeper.",
            f"GET /api/hubs/{hub.name} shows how far the hub is.",
        )
    )
