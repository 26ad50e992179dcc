"""The parts of a hub's status (shared.hubs.status), by what they are about. None is "not known", or "there is none"."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

type Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Part:
    """One column of a hub's row."""


# What it is made of


@dataclass(frozen=True)
class Cluster(Part):
    """kubernetes: the version that it runs; before it is made, the one that it will run."""

    id: str | None = None
    fqdn: str | None = None
    """Of its API server. A hub without one has never had a cluster."""
    kubernetes: str | None = None


@dataclass(frozen=True)
class NodePools(Part):
    """extra: pools that were made for the hub, also the one that it has. The others are to be removed."""

    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class SshKey(Part):
    """public: the line of the key pair that was made for the nodes."""

    public: str | None = None


@dataclass(frozen=True)
class Registry(Part):
    """server: host name of the registry that was made for a BinderHub's images."""

    server: str | None = None


# The cluster's identity


@dataclass(frozen=True)
class Identity(Part):
    """A service principal (client_id) or a managed identity (managed_id, a resource id).

    application_id: object id of the application that was made for the hub.
    """

    application_id: str | None = None
    client_id: str | None = None
    managed_id: str | None = None
    principal_id: str | None = None


@dataclass(frozen=True)
class Role(Part):
    """assignment: id of the role assignment on the network that was made for the identity; None when it had the role already."""

    assignment: str | None = None


@dataclass(frozen=True)
class NextIdentity(Part):
    """The managed identity that the cluster is going to have, with the id of the role assignment that was made for it."""

    managed_id: str | None = None
    principal_id: str | None = None
    role_assignment: str | None = None


@dataclass(frozen=True)
class PoolImage:
    """Which node image and which Kubernetes a pool's nodes have."""

    pool: str
    image: str | None
    version: str | None


@dataclass(frozen=True)
class RetiredIdentity:
    """A service principal that the cluster no longer has, with all that is to go with it. brought: its owner keeps it.

    nodes: as they were when the cluster got its new identity. A pool that still looks so keeps the principal.
    """

    name: str
    existing: bool
    client_id: str | None = None
    application_id: str | None = None
    principal_id: str | None = None
    role_assignment: str | None = None
    nodes: tuple[PoolImage, ...] = ()


@dataclass(frozen=True)
class Retired(Part):
    identity: RetiredIdentity | None = None


@dataclass(frozen=True)
class Password(Part):
    """Of the service principal that was made for the hub. Passwords are named by their key ids; none is here itself."""

    key: str | None = None
    """The one that the cluster uses."""
    expires: Moment | None = None
    proven: str | None = None
    """The one with which a login has succeeded."""
    unsettled: bool = False
    """The directory may hold more than the one that the cluster uses: a rotation has begun and not ended."""
    asked: str | None = None
    """One that the cluster was asked to take. It may use it by now."""
    rotate_for: str | None = None
    """The run that replaces it."""


@dataclass(frozen=True)
class NetworkPermission:
    """An admin's word that the identity may use a subnet that was not made for the hub."""

    subnet: str
    by: str
    at: Moment


@dataclass(frozen=True)
class Network(Part):
    permission: NetworkPermission | None = None


# How people reach it


@dataclass(frozen=True)
class Addresses(Part):
    """IP addresses of the load balancers: JupyterHub's, and that of a BinderHub's page."""

    hub: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class Urls(Part):
    """Where it answered last. hub: JupyterHub's, whose API is there. page: a BinderHub's own."""

    hub: str | None = None
    page: str | None = None

    @property
    def opened(self) -> str | None:
        """What people open."""
        return self.page or self.hub


@dataclass(frozen=True)
class Usable(Part):
    """since: when the hub began to answer after it was made or started."""

    since: Moment | None = None


@dataclass(frozen=True)
class ResolvedName:
    """hosts: names that resolve to the address, and to nothing else, since then."""

    hosts: tuple[str, ...]
    address: str
    since: Moment


@dataclass(frozen=True)
class Dns(Part):
    """records: ids of the record sets that were made for the hub."""

    records: tuple[str, ...] = ()
    resolved: ResolvedName | None = None


@dataclass(frozen=True)
class Certificate:
    """The hub's own. key: of the hub's secret; version: Key Vault's; secret: the Secret of the cluster that holds it."""

    key: str
    version: str
    secret: str
    ends: Moment


@dataclass(frozen=True)
class Tls(Part):
    """certificate: the one in use. secrets: the cluster may hold Secrets with certificates, this one or earlier ones."""

    certificate: Certificate | None = None
    secrets: bool = False


@dataclass(frozen=True)
class WithdrawnService:
    name: str
    type: str
    """The one that it had, which gave it a public address."""


@dataclass(frozen=True)
class Withdrawn(Part):
    """Services whose public address was taken away, since the hub let everybody in."""

    services: tuple[WithdrawnService, ...] = ()


# The chart


@dataclass(frozen=True)
class Release(Part):
    """chart: the version that is installed; before that, the one that will be. revision: helm's."""

    chart: str | None = None
    revision: int | None = None
    linked: Addresses | None = None
    """The addresses that the installed chart was told, where it has to be told any."""


@dataclass(frozen=True)
class Candidate(Part):
    """Where the hub answers while an upgrade tries it; empty at any other time."""

    addresses: Addresses = Addresses()
    urls: Urls = Urls()


@dataclass(frozen=True)
class Upgrade(Part):
    """What the steps of an upgrade have found out for those after them."""

    run: str = ""
    """Whose notes these are; another run begins anew."""
    path: tuple[str, ...] = ()
    """Kubernetes versions to go through."""
    chart: str | None = None
    disruptive: bool = False
    """Servers of users may end."""
    renewed: bool = False
    """All nodes are replaced."""
    identity: bool = False
    """The cluster gets another identity."""
    woken: bool = False
    """The cluster was off and goes back to sleep."""
    good: int | None = None
    """The revision to go back to."""
    nodes: tuple[PoolImage, ...] = ()
    """As they were when the cluster was given its identity."""
    certificate_known: bool = False
    certificate: Certificate | None = None
    """The one that the new release uses, once `certificate_known`."""
    installed_by: str | None = None
    """The orchestration that has installed `revision`."""
    revision: int | None = None
    told_before: Addresses | None = None
    """What the good revision was told (Release.linked)."""


# What was told or decided


@dataclass(frozen=True)
class PowerFailure:
    """Runs of one kind in a row that did not do what they were for.

    kind: start or stop. count: runs; 0 while the first of them still tries. first, last: when they failed.
    """

    kind: str
    count: int
    first: Moment
    last: Moment
    cancelled: bool = False
    """The last one was cancelled by somebody: it is left alone as long as after a failure, and nobody is told."""


@dataclass(frozen=True)
class Failures(Part):
    """power: starts or stops that fail now."""

    power: PowerFailure | None = None


@dataclass(frozen=True)
class Decided(Part):
    """The tick's last decision: on, off or "as it is", and why."""

    state: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class StopWarning(Part):
    """until: the planned stop of which users were warned."""

    until: Moment | None = None


@dataclass(frozen=True)
class UpkeepWarning:
    code: str
    at: Moment


@dataclass(frozen=True)
class UpkeepWarnings(Part):
    """What the nightly upkeep has warned of, each with the last time."""

    told: tuple[UpkeepWarning, ...] = ()

    def last(self, code: str) -> datetime | None:
        return next((each.at for each in self.told if each.code == code), None)

    def with_told(self, code: str, at: datetime) -> "UpkeepWarnings":
        return UpkeepWarnings((*(each for each in self.told if each.code != code), UpkeepWarning(code, at)))


# A teardown: what it sets out to delete, each written before it is deleted, for the receipt


@dataclass(frozen=True)
class Homes(Part):
    """Users' volumes of which copies are kept: the claims, and the resource group that has the copies."""

    claims: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True)
class DeletedRecords(Part):
    """ids: of DNS record sets."""

    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeletedCluster(Part):
    id: str | None = None
    node_group: str | None = None


@dataclass(frozen=True)
class DeletedRoles(Part):
    """ids: of role assignments."""

    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeletedIdentity(Part):
    """application: as it is named in the receipt."""

    managed_id: str | None = None
    application: str | None = None


@dataclass(frozen=True)
class DeletedNetwork(Part):
    id: str | None = None


@dataclass(frozen=True)
class DeletedRegistry(Part):
    id: str | None = None


@dataclass(frozen=True)
class DeletedGroup(Part):
    id: str | None = None


@dataclass(frozen=True)
class DeletedSecrets(Part):
    """names: in the vault. unpurged: those that stay in its recycle bin."""

    names: tuple[str, ...] = ()
    unpurged: tuple[str, ...] = ()
