"""What is known of a hub beside its specification: what was made for it, where it answers, what is under way. Nothing secret.

A Status is made of parts. Each part is one column of the hub's row, so that steps that run side by side never overwrite each
other's: a part has one writer, or writers that never run at the same time. A step that knows more of a part than before writes the
whole part: `context.record(replace(context.status.release, revision=3))`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from shared.hubs.status.parts import (
    Addresses,
    Candidate,
    Cluster,
    Decided,
    DeletedCluster,
    DeletedGroup,
    DeletedIdentity,
    DeletedNetwork,
    DeletedRecords,
    DeletedRegistry,
    DeletedRoles,
    DeletedSecrets,
    Dns,
    Failures,
    Homes,
    Identity,
    Network,
    NextIdentity,
    NodePools,
    Part,
    Password,
    Registry,
    Release,
    Retired,
    Role,
    SshKey,
    StopWarning,
    Tls,
    Upgrade,
    UpkeepWarnings,
    Urls,
    Usable,
    Withdrawn,
)

COLUMN = "status_"
"""Each part's column is its name in Status behind this."""


@dataclass(frozen=True)
class Status:
    cluster: Cluster = field(default_factory=Cluster)
    node_pools: NodePools = field(default_factory=NodePools)
    ssh_key: SshKey = field(default_factory=SshKey)
    registry: Registry = field(default_factory=Registry)
    identity: Identity = field(default_factory=Identity)
    role: Role = field(default_factory=Role)
    next_identity: NextIdentity = field(default_factory=NextIdentity)
    retired: Retired = field(default_factory=Retired)
    password: Password = field(default_factory=Password)
    network: Network = field(default_factory=Network)
    addresses: Addresses = field(default_factory=Addresses)
    urls: Urls = field(default_factory=Urls)
    usable: Usable = field(default_factory=Usable)
    dns: Dns = field(default_factory=Dns)
    tls: Tls = field(default_factory=Tls)
    withdrawn: Withdrawn = field(default_factory=Withdrawn)
    release: Release = field(default_factory=Release)
    candidate: Candidate = field(default_factory=Candidate)
    upgrade: Upgrade = field(default_factory=Upgrade)
    failures: Failures = field(default_factory=Failures)
    decided: Decided = field(default_factory=Decided)
    stop_warning: StopWarning = field(default_factory=StopWarning)
    upkeep_warnings: UpkeepWarnings = field(default_factory=UpkeepWarnings)
    homes: Homes = field(default_factory=Homes)
    deleted_records: DeletedRecords = field(default_factory=DeletedRecords)
    deleted_cluster: DeletedCluster = field(default_factory=DeletedCluster)
    deleted_roles: DeletedRoles = field(default_factory=DeletedRoles)
    deleted_identity: DeletedIdentity = field(default_factory=DeletedIdentity)
    deleted_network: DeletedNetwork = field(default_factory=DeletedNetwork)
    deleted_registry: DeletedRegistry = field(default_factory=DeletedRegistry)
    deleted_group: DeletedGroup = field(default_factory=DeletedGroup)
    deleted_secrets: DeletedSecrets = field(default_factory=DeletedSecrets)

    @property
    def deleted(self) -> tuple[str, ...]:
        """What a teardown has set out to delete, but for secrets: ids of Azure, and the application by its name."""
        single = (
            self.deleted_cluster.id,
            self.deleted_cluster.node_group,
            self.deleted_identity.managed_id,
            self.deleted_identity.application,
            self.deleted_network.id,
            self.deleted_registry.id,
            self.deleted_group.id,
        )
        return (*(each for each in single if each), *self.deleted_roles.ids, *self.deleted_records.ids)

    def having(self, *parts: Part) -> "Status":
        """The same with these parts instead."""
        changes: dict[str, Any] = {_NAMES[type(part)]: part for part in parts}
        return replace(self, **changes)


PARTS: Mapping[str, type[Part]] = get_type_hints(Status)
_NAMES = {part: name for name, part in PARTS.items()}


@cache
def _form(name: str) -> TypeAdapter[Part]:
    return TypeAdapter(PARTS[name])


def to_columns(parts: Iterable[Part]) -> dict[str, str]:
    """The parts as a row has them."""
    named = {_NAMES[type(part)]: part for part in parts}
    return {COLUMN + name: _form(name).dump_json(part).decode() for name, part in named.items()}


def from_columns(values: Mapping[str, Any], before: Status) -> Status:
    """The Status of a row. before: what its columns of earlier versions say, of parts that have no column yet.

    Raises ValueError when a part cannot be read.
    """
    texts = {name: values.get(COLUMN + name) for name in PARTS}
    return before.having(*(_form(name).validate_json(text) for name, text in texts.items() if text))


def required[T](value: T | None, name: str) -> T:
    """What an earlier step has found out. Raises KeyError: the plan's order guarantees that it is there."""
    if value is None:
        raise KeyError(name)
    return value
