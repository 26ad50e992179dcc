"""Azure Kubernetes Service: clusters, their pools, versions and credentials."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shared.azure.credentials import TokenSource
from shared.azure.operations import Operation, Progress, begun, poll
from shared.azure.rest import TIMEOUTS, Answer, Json, Rest, policies, run
from shared.errors import NotFoundError
from shared.settings import Settings

SYSTEM = "AKS"
API = "2026-08-01"
"""The version of every call about clusters and pools, so that a cluster reads the same wherever it comes from."""


@dataclass(frozen=True)
class Pool:
    """A node pool. count is 0 while it is stopped, and at first while it starts."""

    name: str
    count: int
    vm_size: str
    mode: str
    version: str | None
    min: int | None
    max: int | None
    autoscaling: bool
    state: str
    power: str | None
    max_pods: int | None
    image: str | None = None
    """The node image that its nodes are made of, such as "AKSUbuntu-2404gen2containerd-202611.06.0"."""


@dataclass(frozen=True)
class Cluster:
    """A managed cluster.

    state: provisioningState ("Succeeded", "Failed", "Creating", "Starting"...); power: "Running" or "Stopped". Neither
    tells alone: a stopped cluster is Succeeded and Stopped, a start that failed is Failed and Running.
    version: as asked for, maybe only a minor; current_version: what runs. client_id: of its service principal, "msi"
    with a managed identity. body: everything Azure says, for a change that must send it back whole.
    """

    id: str
    name: str
    location: str
    state: str
    power: str | None
    version: str | None
    current_version: str | None
    fqdn: str | None
    node_resource_group: str | None
    client_id: str | None
    identity_type: str | None
    pools: tuple[Pool, ...]
    tags: dict[str, str]
    etag: str | None
    body: Json = field(repr=False)


@dataclass(frozen=True)
class Version:
    """A patch version that AKS offers in a region. default: of its default minor. lts_only: needs the Premium tier."""

    version: str
    minor: str
    preview: bool
    default: bool
    upgrades: tuple[str, ...]
    lts_only: bool = False


class Clusters:
    """Waits for nothing: what takes long is begun, and `progress` looks at it once.

    AKS takes a put of an existing name for a change: whoever means to make a new cluster looks first.
    """

    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._settings = settings
        self._credential = credential
        self._rest = Rest(SYSTEM, settings.arm_endpoint, lambda: self._sdk)

    @cached_property
    def _sdk(self) -> Any:
        from azure.mgmt.containerservice import ContainerServiceClient

        endpoint = self._settings.arm_endpoint
        return ContainerServiceClient(
            self._credential,
            self._settings.subscription_id,
            api_version=API,
            base_url=endpoint,
            policies=policies(self._credential, endpoint),
            **TIMEOUTS,
        )

    @property
    def _clusters(self) -> Any:
        return self._sdk.managed_clusters

    @property
    def _pools(self) -> Any:
        return self._sdk.agent_pools

    def get(self, group: str, name: str) -> Cluster | None:
        try:
            return read_cluster(run(SYSTEM, self._clusters.get, group, name).document)
        except NotFoundError:
            return None

    def list_all(self) -> list[Cluster]:
        """All clusters of the subscription, by one paged listing.

        Not through the SDK, which would make models of thousands of clusters that nobody looks at.
        """
        path = f"/subscriptions/{self._settings.subscription_id}/providers/Microsoft.ContainerService/managedClusters"
        return [read_cluster(item) for item in self._rest.pages(path, {"api-version": API})]

    def put(self, group: str, name: str, body: Json, *, if_match: str | None = None) -> Operation:
        """Begins to make the cluster, or to change it into what the body says. ConflictError: etag out of date."""
        headers = {"If-Match": if_match} if if_match else {}
        return _going_on(run(SYSTEM, self._clusters.begin_create_or_update, group, name, body, headers=headers))

    def delete(self, group: str, name: str) -> Operation | None:
        """Begins to delete the cluster; None when it is gone already, or was never there."""
        return _unless_gone(self._clusters.begin_delete, group, name)

    def start(self, group: str, name: str) -> Operation | None:
        """Begins to start the cluster; None: nothing to do. AKS may refuse it for one that runs: look at `power` first."""
        return begun(run(SYSTEM, self._clusters.begin_start, group, name))

    def stop(self, group: str, name: str) -> Operation | None:
        """Begins to stop the cluster; None: nothing to do. AKS may refuse it for a stopped one: look at `power` first."""
        return begun(run(SYSTEM, self._clusters.begin_stop, group, name))

    def reset_service_principal(self, group: str, name: str, client_id: str, secret: str) -> Operation | None:
        """Gives a running cluster a new password, or a new service principal. Its nodes are renewed one by one."""
        body = {"clientId": client_id, "secret": secret}
        return begun(run(SYSTEM, self._clusters.begin_reset_service_principal_profile, group, name, body))

    def put_pool(self, group: str, name: str, pool: str, body: Json, *, if_match: str | None = None) -> Operation:
        headers = {"If-Match": if_match} if if_match else {}
        return _going_on(run(SYSTEM, self._pools.begin_create_or_update, group, name, pool, body, headers=headers))

    def delete_pool(self, group: str, name: str, pool: str) -> Operation | None:
        """Begins to delete the pool; None when it is gone already."""
        return _unless_gone(self._pools.begin_delete, group, name, pool)

    def latest_image(self, group: str, name: str, pool: str) -> str | None:
        """The newest node image for the pool; None when AKS does not say."""
        properties = run(SYSTEM, self._pools.get_upgrade_profile, group, name, pool).document.get("properties") or {}
        latest: str | None = properties.get("latestNodeImageVersion")
        return latest

    def renew_image(self, group: str, name: str, pool: str) -> Operation | None:
        """Makes the pool's nodes anew, one after the other, of the newest image. AKS leaves nodes that have it alone."""
        return begun(run(SYSTEM, self._pools.begin_upgrade_node_image_version, group, name, pool))

    def admin_kubeconfig(self, group: str, name: str) -> str:
        """YAML with a key that may do everything. A secret: keep it out of logs and of the engine."""
        from base64 import b64decode

        document = run(SYSTEM, self._clusters.list_cluster_admin_credentials, group, name).document
        return b64decode(document["kubeconfigs"][0]["value"]).decode()

    def versions(self, location: str) -> list[Version]:
        """Versions that AKS offers in the region, the newest first."""
        return read_versions(run(SYSTEM, self._clusters.list_kubernetes_versions, location).document)

    def upgrades(self, group: str, name: str) -> list[str]:
        """Versions that the control plane can go to from where it is, previews left out, the oldest first."""
        document = run(SYSTEM, self._clusters.get_upgrade_profile, group, name).document
        offered = document["properties"]["controlPlaneProfile"].get("upgrades") or []
        found = [item["kubernetesVersion"] for item in offered if not item.get("isPreview")]
        return sorted(found, key=version_key)

    def progress(self, operation: Operation) -> Progress:
        """One look at an operation. Raises as operations.poll."""
        return poll(self._rest, operation)


def _going_on(answer: Answer) -> Operation:
    """A put answered without an operation was done at once: one that is found ended at the first look."""
    return begun(answer) or Operation(None, None)


def _unless_gone(begin: Callable[..., Any], *names: str) -> Operation | None:
    try:
        return begun(run(SYSTEM, begin, *names))
    except NotFoundError:
        return None


def read_cluster(document: Json) -> Cluster:
    properties = document["properties"]
    return Cluster(
        id=document["id"],
        name=document["name"],
        location=document["location"],
        state=properties.get("provisioningState") or "",
        power=_power(properties),
        version=properties.get("kubernetesVersion"),
        current_version=properties.get("currentKubernetesVersion"),
        fqdn=properties.get("fqdn") or properties.get("privateFQDN"),
        node_resource_group=properties.get("nodeResourceGroup"),
        client_id=(properties.get("servicePrincipalProfile") or {}).get("clientId"),
        identity_type=(document.get("identity") or {}).get("type"),
        pools=tuple(read_pool(item) for item in properties.get("agentPoolProfiles") or []),
        tags=document.get("tags") or {},
        etag=document.get("eTag") or document.get("etag"),
        body=document,
    )


def read_pool(profile: Json) -> Pool:
    """A pool from a cluster's `agentPoolProfiles`."""
    return Pool(
        name=profile["name"],
        count=profile.get("count") or 0,
        vm_size=profile.get("vmSize") or "",
        mode=profile.get("mode") or "User",
        version=profile.get("currentOrchestratorVersion") or profile.get("orchestratorVersion"),
        min=profile.get("minCount"),
        max=profile.get("maxCount"),
        autoscaling=bool(profile.get("enableAutoScaling")),
        state=profile.get("provisioningState") or "",
        power=_power(profile),
        max_pods=profile.get("maxPods"),
        image=profile.get("nodeImageVersion"),
    )


def _power(properties: Json) -> str | None:
    code = (properties.get("powerState") or {}).get("code")
    return None if code is None else str(code)


def read_versions(document: Json) -> list[Version]:
    found = [version for minor in document.get("values") or [] for version in _patches(minor)]
    return sorted(found, key=lambda version: version_key(version.version), reverse=True)


def _patches(minor: Json) -> list[Version]:
    plans = (minor.get("capabilities") or {}).get("supportPlan")
    return [
        Version(
            version=patch,
            minor=minor["version"],
            preview=bool(minor.get("isPreview")),
            default=bool(minor.get("isDefault")),
            upgrades=tuple(sorted((offer or {}).get("upgrades") or (), key=version_key)),
            lts_only=plans == ["AKSLongTermSupport"],
        )
        for patch, offer in (minor.get("patchVersions") or {}).items()
    ]


def version_key(version: str) -> tuple[int, ...]:
    """Sorts "1.9.3" before "1.35.2"."""
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("."))
