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
    """The virtual network. An existing one is used as it is and never deleted. See "What a name owns"."""

    name: Annotated[str, follows(names.NETWORK)] = ""
    """Its name in the hub's resource group."""
    subnet: Annotated[str, follows(names.SUBNET)] = ""
    """The subnet of the nodes; with the azure network plugin, of the pods too."""
    address_prefix: str = defaults.ADDRESS_PREFIX
    """The network's addresses in CIDR notation, if Hubkeeper creates it."""
    subnet_prefix: str = defaults.SUBNET_PREFIX
    """The subnet's addresses, within those of the network. Every node takes one address, and one more for each of its
    `maxPods`."""


class Identity(Part):
    """The cluster's identity in Azure: Hubkeeper creates one, or uses an existing service principal."""

    type: Literal["service-principal", "managed"] = "service-principal"
    """service-principal: an application with a password, which expires after a year and which Hubkeeper renews. managed: a
    user-assigned managed identity, which has no password."""
    name: str = ""
    """The name under which Hubkeeper creates the service principal or managed identity."""
    client_id: str | None = None
    """The client id of an existing service principal. Default: Hubkeeper creates one."""
    secret: SecretReference | None = None
    """The password of the existing service principal: `secret://KEY`, one of the hub's secrets (PUT
    /api/hubs/{name}/secrets/{key})."""

    @property
    def existing(self) -> bool:
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
    """Automatic scaling between two numbers of nodes."""

    mode: Annotated[Literal["cluster-autoscaler", "vmss-cpu"], BeforeValidator(_not_both)] = "cluster-autoscaler"
    """cluster-autoscaler: AKS adds a node when a pod finds no room, and removes one that is hardly used. vmss-cpu: the
    second tutorial's autoscale rules on the scale set add a node when the average CPU load of 10 minutes is above 70 %, and
    remove one below 5 %; Microsoft does not support such rules on AKS nodes."""
    min: int = Field(ge=1, le=1000)
    """The fewest nodes."""
    max: int = Field(ge=1, le=1000)
    """The most nodes."""

    @property
    def by_rules(self) -> bool:
        """Whether rules on the scale set do it, and not AKS."""
        return self.mode == "vmss-cpu"


class Cluster(Part):
    """The AKS cluster."""

    name: Annotated[str, follows(names.CLUSTER)] = ""
    """Its name in the hub's resource group."""
    kubernetes_version: str | None = Field(default=None, pattern=r"^1\.\d{1,2}(\.\d{1,3})?$")
    """"1.35" (its newest patch) or "1.35.2". Default: AKS' default."""
    node_count: int = Field(default=defaults.NODE_COUNT, ge=1, le=1000)
    """The number of nodes; with `autoscale`, the number at the start."""
    vm_size: Annotated[str, follows(names.VM_SIZE)] = defaults.VM_SIZE
    """The size of every node, as Azure lists it. To change it, PATCH creates another node pool and deletes the old one."""
    node_pool: Annotated[str, follows(names.NODE_POOL)] = defaults.NODE_POOL
    """The name of the node pool. A pool that replaces it gets the next number, unless you name it here."""
    max_pods: int = Field(default=defaults.MAX_PODS, ge=10, le=250)
    """The most pods on a node. A user's server is one pod; Azure and the hub run some of their own."""
    autoscale: Autoscale | None = None
    """Adds and removes nodes on demand. Default: `nodeCount` nodes, always."""
    node_resource_group: Annotated[str, follows(names.NODE_RESOURCE_GROUP)] = ""
    """The resource group of the machines, disks and load balancer. AKS creates it, and deletes it with the cluster."""
    network_plugin: Literal["azure"] = defaults.NETWORK_PLUGIN
    """azure: pods have addresses of the subnet."""
    network_policy: Literal["azure", "calico", "cilium", "none"] = defaults.NETWORK_POLICY
    """The engine that enforces the chart's network policies, which keep users' pods apart from everything else."""
    service_cidr: str = defaults.SERVICE_CIDR
    """The addresses of the cluster's services in CIDR notation, outside the subnet."""
    dns_service_ip: str = defaults.DNS_SERVICE_IP
    """The address of the cluster's DNS service, within `serviceCidr`."""
    docker_bridge_address: str | None = None
    """Accepted because both tutorials pass it, and ignored with a warning: Azure no longer has this setting."""
    tier: Literal["Free", "Standard", "Premium"] = "Free"
    """The tier of the control plane. Standard and Premium cost by the hour and have an uptime guarantee."""
    admin_username: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = defaults.ADMIN_USERNAME
    """The user that may log in to the nodes with the SSH key."""
    ssh_public_key: str | None = None
    """Your own public key. Default: Hubkeeper creates a key pair and keeps the private key in Key Vault."""

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
    """The release's name, as `helm list` shows it."""
    namespace: Annotated[str, follows(names.NAMESPACE)] = defaults.NAMESPACE
    """The namespace of the release. Hubkeeper creates it."""
    chart: Literal["jupyterhub", "binderhub"] = defaults.CHART
    """Follows from the hub's flavor. It comes from the chart repository of the deployment (HUBKEEPER_CHART_REPOSITORY)."""
    version: str | None = Field(default=None, pattern=r"^\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?$")
    """The chart's exact version. Default: the newest stable one when the hub is created. BinderHub's chart has no stable
    versions: there it is the newest of all."""


class Hub(Part):
    """The specification of a hub."""

    name: Annotated[str, follows(names.HUB)]
    """The hub's name in the API, and in the names of its Azure resources."""
    flavor: Literal["jupyterhub", "binderhub"] = "jupyterhub"
    """What is installed. jupyterhub: people start servers of an image. binderhub: people name a repository, its image is built, and
    a server of it starts (docs/binderhub.md)."""
    location: Annotated[str, follows(names.LOCATION)] = ""
    """The Azure region. Default: the deployment's (HUBKEEPER_LOCATION)."""
    resource_group: Annotated[str, follows(names.RESOURCE_GROUP)] = ""
    """The resource group. An existing one is used and never deleted; otherwise Hubkeeper creates it, and deletes it with the
    hub."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Azure tags on every resource of the hub, besides the one that marks it as this hub's."""
    network: Network = Field(default_factory=Network)
    """The virtual network."""
    identity: Identity = Field(default_factory=Identity)
    """The cluster's identity in Azure. A string is short for the type alone: "managed"."""
    cluster: Cluster = Field(default_factory=Cluster)
    """The AKS cluster."""
    release: Release = Field(default_factory=Release)
    """The Helm release of the chart."""
    registry: Registry = None
    """The registry of a BinderHub's images. Default: an Azure registry that is created for it."""
    image: Image | None = None
    """The image of users' servers. Default: the chart's. A BinderHub has none: it builds images from repositories."""
    environment: Environment | None = None
    """The packages, memory, CPU and storage of users' servers."""
    values: dict[str, Any] = Field(default_factory=dict)
    """The chart's own config.yaml; in BinderHub's, JupyterHub's is under `jupyterhub`. A string "secret://NAME" is filled
    from Key Vault when the chart is installed."""
    auth: Login = None
    """The login. none: an open hub, which lets anyone in with any password, as in the tutorials; a BinderHub that anyone may
    use. An object: GitHub, Microsoft Entra or another OAuth provider. Default: the authenticator in `values`; without one, a
    shared password that is generated for the hub."""
    access: Access = Field(default_factory=Access)
    """How people reach the hub."""
    schedule: Schedule | None = None
    """The hours in which the cluster is on. Default: around the clock."""

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
