"""What a hub is: the specification that a person writes, with every default filled in.

`{"name": "r5"}` is complete. On the wire the fields are camelCase; unknown ones are refused. Rules that span fields are in
shared.hubs.spec.validation, which also words the problems.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from shared import names
from shared.hubs.spec import defaults
from shared.hubs.spec.environment import Environment
from shared.hubs.spec.https import Access
from shared.hubs.spec.image import Image
from shared.hubs.spec.logins import Login
from shared.hubs.spec.part import Part, SecretReference, follows
from shared.hubs.spec.registries import AzureRegistry, Registry
from shared.schedules.model import Schedule


class Network(Part):
    """The virtual network; one that exists already is used as it is and never deleted. See "What a name owns"."""

    name: Annotated[str, follows(names.NETWORK)] = ""
    """In the hub's resource group."""
    subnet: Annotated[str, follows(names.SUBNET)] = ""
    """Where the nodes get their addresses, and with the azure network plugin the pods too."""
    address_prefix: str = defaults.ADDRESS_PREFIX
    """The network's addresses, in CIDR notation; of a network that is made, not of one that exists."""
    subnet_prefix: str = defaults.SUBNET_PREFIX
    """The subnet's, inside those. Every node takes one address and one more for each of its `maxPods`."""


class Identity(Part):
    """Who the cluster is to Azure: something that Hubkeeper makes, or a service principal that is brought along."""

    type: Literal["service-principal", "managed"] = "service-principal"
    """service-principal: an application with a password, which ends after a year and is renewed by Hubkeeper. managed: a
    user-assigned managed identity; it has no password that could end."""
    name: str = ""
    """As what it is made."""
    client_id: str | None = None
    """Of a service principal brought along; none: one is made."""
    secret: SecretReference | None = None
    """Where its password is: `secret://KEY`, one of the hub's secrets (PUT /api/hubs/{name}/secrets/{key})."""

    @property
    def brought(self) -> bool:
        return self.client_id is not None


ONE_AUTOSCALER = (
    "is one of cluster-autoscaler and vmss-cpu, never both: AKS' autoscaler sets the number of machines in the scale set by the "
    "pods that wait, rules on the scale set by its processors, and each would undo what the other does. Microsoft asks to leave "
    "the scale set's own autoscaling alone where AKS' autoscaler is on"
)
"""Source: "Use the cluster autoscaler in AKS" and its overview (learn.microsoft.com, azure/aks/cluster-autoscaler)."""


def _not_both(value: Any) -> Any:
    """Both at once, in whatever way it is written, gets the reason and not a list of words."""
    words = value if isinstance(value, str) else " ".join(map(str, value)) if isinstance(value, list) else ""
    if words.strip().lower() == "both" or ("cluster-autoscaler" in words and "vmss-cpu" in words):
        raise ValueError(ONE_AUTOSCALER)
    return value


class Autoscale(Part):
    """Nodes come and go by themselves, between two bounds."""

    mode: Annotated[Literal["cluster-autoscaler", "vmss-cpu"], BeforeValidator(_not_both)] = "cluster-autoscaler"
    """cluster-autoscaler: AKS' own. A node comes when a pod finds no room, and goes when it is hardly used. vmss-cpu: the second
    tutorial's rules on the machines' scale set. A node comes when the processors were busier than 70 % in the average of 10
    minutes, and goes when they were below 5 %; Microsoft does not support such rules on AKS' machines."""
    min: int = Field(ge=1, le=1000)
    """Nodes that are there when nobody works."""
    max: int = Field(ge=1, le=1000)
    """Nodes at most."""

    @property
    def by_rules(self) -> bool:
        """Whether rules on the scale set do it, and not AKS."""
        return self.mode == "vmss-cpu"


class Cluster(Part):
    """The AKS cluster."""

    name: Annotated[str, follows(names.CLUSTER)] = ""
    """In the hub's resource group."""
    kubernetes_version: str | None = Field(default=None, pattern=r"^1\.\d{1,2}(\.\d{1,3})?$")
    """As "1.35" (its newest patch) or "1.35.2"; none: what AKS installs by default."""
    node_count: int = Field(default=defaults.NODE_COUNT, ge=1, le=1000)
    """Nodes; with `autoscale`, those that it begins with."""
    vm_size: Annotated[str, follows(names.VM_SIZE)] = defaults.VM_SIZE
    """Of every node, as Azure lists it. Another one means another pool of nodes (PATCH makes it, and removes the old one)."""
    node_pool: Annotated[str, follows(names.NODE_POOL)] = defaults.NODE_POOL
    """What the pool of nodes is called. A pool that replaces it gets the next number, unless it is given a name here."""
    max_pods: int = Field(default=defaults.MAX_PODS, ge=10, le=250)
    """Pods a node at most. A user's server is one; Azure and the hub have some of their own."""
    autoscale: Autoscale | None = None
    """Adds and removes nodes as they are needed; none: `nodeCount` stays as it is."""
    node_resource_group: Annotated[str, follows(names.NODE_RESOURCE_GROUP)] = ""
    """Where AKS keeps machines, disks and load balancer. AKS makes this group, and removes it with the cluster."""
    network_plugin: Literal["azure"] = defaults.NETWORK_PLUGIN
    """azure: pods have addresses of the subnet. none: you bring a network plugin of your own."""
    network_policy: Literal["azure", "calico", "cilium", "none"] = defaults.NETWORK_POLICY
    """What enforces the chart's network policies, which keep users' pods away from what is not theirs."""
    service_cidr: str = defaults.SERVICE_CIDR
    """Addresses of the cluster's services, in CIDR notation; outside the subnet."""
    dns_service_ip: str = defaults.DNS_SERVICE_IP
    """The name service's, inside `serviceCidr`."""
    docker_bridge_address: str | None = None
    """Accepted because both tutorials pass it; Azure dropped the setting, so it is left out with a warning."""
    tier: Literal["Free", "Standard", "Premium"] = "Free"
    """Of the control plane. Standard and Premium cost by the hour and come with a promised uptime."""
    admin_username: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = defaults.ADMIN_USERNAME
    """Who may log in to the nodes with the SSH key."""
    ssh_public_key: str | None = None
    """A key of your own; none: a pair is made, the private half goes to Key Vault."""

    @property
    def aks_autoscale(self) -> Autoscale | None:
        """Bounds of AKS' own autoscaler; None when it is off."""
        return self.autoscale if self.autoscale and not self.autoscale.by_rules else None

    @property
    def rules(self) -> Autoscale | None:
        """Bounds of the rules on the scale set; None when there are none."""
        return self.autoscale if self.autoscale and self.autoscale.by_rules else None


class Release(Part):
    """The Helm release of the chart."""

    name: Annotated[str, follows(names.RELEASE)] = defaults.RELEASE
    """What `helm list` shows."""
    namespace: Annotated[str, follows(names.NAMESPACE)] = defaults.NAMESPACE
    """Where in the cluster it is; made for it."""
    chart: Literal["jupyterhub", "binderhub"] = defaults.CHART
    """Follows from the hub's flavor. Of the chart repository that the deployment names (HUBKEEPER_CHART_REPOSITORY)."""
    version: str | None = Field(default=None, pattern=r"^\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?$")
    """The chart's exact version; none: the newest stable one in the repository when the hub is made. BinderHub's chart has no
    stable ones: then the newest of all."""


class Hub(Part):
    """What a person writes to have a hub."""

    name: Annotated[str, follows(names.HUB)]
    """What it is called in the API, and in the names of what is made for it."""
    flavor: Literal["jupyterhub", "binderhub"] = "jupyterhub"
    """What is installed. jupyterhub: people start servers of an image. binderhub: people name a repository, its image is built, and
    a server of it starts (docs/binderhub.md)."""
    location: Annotated[str, follows(names.LOCATION)] = ""
    """An Azure region; none: the deployment's own default (HUBKEEPER_LOCATION)."""
    resource_group: Annotated[str, follows(names.RESOURCE_GROUP)] = ""
    """One that exists is used and never deleted; one that does not is made, and goes with the hub."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Azure tags on everything that is made, besides the one that marks it as this hub's."""
    network: Network = Field(default_factory=Network)
    """The virtual network."""
    identity: Identity = Field(default_factory=Identity)
    """Who the cluster is to Azure. A string stands for its type alone: "managed"."""
    cluster: Cluster = Field(default_factory=Cluster)
    """The AKS cluster."""
    release: Release = Field(default_factory=Release)
    """The Helm release of the chart."""
    registry: Registry = None
    """Of a BinderHub: where it keeps the images that it builds; not given: an Azure registry that is made for it."""
    image: Image | None = None
    """What users' servers run; none: the chart's own image. Not of a BinderHub, whose images are built from repositories."""
    environment: Environment | None = None
    """What users find when their server starts."""
    values: dict[str, Any] = Field(default_factory=dict)
    """The chart's own config.yaml; BinderHub's has JupyterHub's under `jupyterhub`. A string "secret://NAME" in it is filled from
    Key Vault when the chart is installed."""
    auth: Login = None
    """none: the tutorials' open hub, which lets anyone in with any password; a BinderHub that anyone may use. An object: GitHub,
    Microsoft Entra or another OAuth provider. Not given: the authenticator in `values`, or, when there is none, one shared password
    made for the hub."""
    access: Access = Field(default_factory=Access)
    """How people reach the hub."""
    schedule: Schedule | None = None
    """When the cluster is on; none: around the clock."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("identity"), str):
            value = {**value, "identity": {"type": value["identity"]}}
        release = value.get("release", {})
        if value.get("flavor") == "binderhub" and isinstance(release, dict) and "chart" not in release:
            value = {**value, "release": {**release, "chart": "binderhub"}}
        return value

    @property
    def binder(self) -> bool:
        """Whether it is a BinderHub: JupyterHub with a page before it that builds images."""
        return self.flavor == "binderhub"

    def resolved(self, location: str, deployment: str = "") -> Self:
        """The same hub with every derived name written out, so that later defaults do not move what exists.

        deployment: what tells this deployment from all others, such as its subscription.
        """
        group = self.resource_group or f"{self.name}-rg"
        region = self.location or location
        cluster = self.cluster.name or self.name
        identity_name = self.identity.name or (
            f"{self.name}-id" if self.identity.type == "managed" else f"{self.name}-sp"
        )
        return self.model_copy(
            update={
                "location": region,
                "resource_group": group,
                "network": self.network.model_copy(
                    update={
                        "name": self.network.name or f"{self.name}-vnet",
                        "subnet": self.network.subnet or f"{self.name}-subnet",
                    }
                ),
                "identity": self.identity.model_copy(update={"name": identity_name}),
                "registry": self._registry(deployment),
                "cluster": self.cluster.model_copy(
                    update={
                        "name": cluster,
                        "node_resource_group": self.cluster.node_resource_group
                        or names.node_resource_group(group, cluster, region),
                    }
                ),
            }
        )

    def _registry(self, deployment: str) -> Registry:
        registry = self.registry or (AzureRegistry() if self.binder else None)
        if not isinstance(registry, AzureRegistry) or registry.name:
            return registry
        return registry.model_copy(update={"name": names.registry(self.name, deployment)})

    def wire(self) -> dict[str, Any]:
        """As JSON, in the form of the API."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
