"""Rows of earlier versions, which kept what is known of a hub as single facts: a column `fact_NAME` each, in JSON."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.hubs.status import parts
from shared.hubs.status.model import Status
from shared.hubs.status.parts import Addresses, Certificate, PoolImage, Urls

COLUMN = "fact_"

type Facts = Mapping[str, Any]


def read(values: Mapping[str, Any]) -> Status:
    """What the row's old columns say; an empty Status when it has none. Raises ValueError when one is no JSON."""
    facts = {name.removeprefix(COLUMN): json.loads(text) for name, text in values.items() if name.startswith(COLUMN)}
    if not facts:
        return Status()
    return Status().having(
        *_made(facts), *_identity(facts), *_reached(facts), *_release(facts), *_told(facts), *_deleted(facts)
    )


def _made(facts: Facts) -> list[parts.Part]:
    return [
        parts.Cluster(facts.get("cluster_id"), facts.get("fqdn"), facts.get("kubernetes_version")),
        parts.NodePools(_texts(facts.get("extra_pools"))),
        parts.SshKey(facts.get("ssh_public_key")),
        parts.Registry(facts.get("registry_server")),
    ]


def _identity(facts: Facts) -> list[parts.Part]:
    allowed = facts.get("network_role")
    return [
        parts.Identity(
            application_id=facts.get("application_id"),
            client_id=facts.get("client_id"),
            managed_id=facts.get("identity_id"),
            principal_id=facts.get("principal_id"),
        ),
        parts.Role(facts.get("role_assignment")),
        parts.NextIdentity(
            managed_id=facts.get("new_identity_id"),
            principal_id=facts.get("new_principal_id"),
            role_assignment=facts.get("new_role_assignment"),
        ),
        parts.Retired(_retired(facts.get("retired"))),
        parts.Password(
            key=facts.get("password_key"),
            expires=_moment(facts.get("password_expires")),
            proven=facts.get("password_proven"),
            unsettled=bool(facts.get("password_unsettled")),
            asked=facts.get("password_asked"),
            rotate_for=facts.get("rotate_for") or None,
        ),
        parts.Network(
            parts.NetworkPermission(allowed["subnet"], allowed["by"], datetime.fromisoformat(allowed["at"]))
            if allowed
            else None
        ),
    ]


def _retired(found: Facts | None) -> parts.RetiredIdentity | None:
    if not found:
        return None
    return parts.RetiredIdentity(
        name=found["name"],
        existing=found["brought"],
        client_id=found.get("client_id"),
        application_id=found.get("application_id"),
        principal_id=found.get("principal_id"),
        role_assignment=found.get("role_assignment"),
        nodes=_nodes(found.get("nodes")),
    )


def _nodes(found: Mapping[str, list[str | None]] | None) -> tuple[PoolImage, ...]:
    """{pool: [image, version]}."""
    return tuple(PoolImage(pool, image, version) for pool, (image, version) in (found or {}).items())


def _reached(facts: Facts) -> list[parts.Part]:
    leads, withdrawn = facts.get("leads"), facts.get("withdrawn") or {}
    resolved = (
        parts.ResolvedName(_texts(leads["hosts"]), leads["address"], datetime.fromisoformat(leads["since"]))
        if leads
        else None
    )
    return [
        _addresses(facts),
        _urls(facts),
        parts.Usable(_moment(facts.get("usable_since"))),
        parts.Dns(_texts(facts.get("dns_records")), resolved),
        parts.Tls(_certificate(facts.get("tls")), bool(facts.get("tls_used"))),
        parts.Withdrawn(tuple(parts.WithdrawnService(name, kind) for name, kind in withdrawn.items())),
    ]


def _addresses(found: Facts) -> Addresses:
    return Addresses(found.get("address"), found.get("binder_address"))


def _urls(found: Facts) -> Urls:
    return Urls(found.get("url"), found.get("binder_url"))


def _certificate(found: Facts | None) -> Certificate | None:
    if not found:
        return None
    return Certificate(found["key"], found["version"], found["secret"], datetime.fromisoformat(found["ends"]))


def _release(facts: Facts) -> list[parts.Part]:
    linked, candidate = facts.get("linked_to"), facts.get("candidate") or {}
    return [
        parts.Release(
            facts.get("chart_version"), facts.get("release_revision"), _addresses(linked) if linked else None
        ),
        parts.Candidate(_addresses(candidate), _urls(candidate)),
        _upgrade(facts.get("upgrade") or {}),
    ]


def _upgrade(found: Facts) -> parts.Upgrade:
    told = found.get("told_before")
    return parts.Upgrade(
        run=found.get("run", ""),
        path=_texts(found.get("path")),
        chart=found.get("chart"),
        disruptive=bool(found.get("disruptive")),
        renewed=bool(found.get("renewed")),
        identity=bool(found.get("identity")),
        woken=bool(found.get("woken")),
        good=found.get("good"),
        nodes=_nodes(found.get("nodes")),
        certificate_known="tls" in found,
        certificate=_certificate(found.get("tls")),
        installed_by=found.get("installed_by"),
        revision=found.get("revision"),
        told_before=_addresses(told) if told else None,
    )


def _told(facts: Facts) -> list[parts.Part]:
    failing, (state, reason) = facts.get("power_failing"), facts.get("decision") or (None, "")
    warned = facts.get("upkeep_warned") or {}
    return [
        parts.Failures(
            parts.PowerFailure(
                failing["kind"],
                failing["count"],
                datetime.fromisoformat(failing["first"]),
                datetime.fromisoformat(failing["last"]),
                cancelled=failing["cancelled"],
            )
            if failing
            else None
        ),
        parts.Decided(state, reason),
        parts.StopWarning(_moment(facts.get("warned_for"))),
        parts.UpkeepWarnings(
            tuple(
                parts.UpkeepWarning(_WARNING_CODES.get(code, code), datetime.fromisoformat(at))
                for code, at in warned.items()
            )
        ),
    ]


_WARNING_CODES = {
    "standstill": "Standstill",
    "password": "PasswordEnds",
    "certificate": "CertificateEnds",
    "open": "OpenToEverybody",
    "gone": "ClusterGone",
    "left-over": "LeftOver",
    "schedule": "UnreadableSchedule",
    "holidays": "HolidaysEnd",
    "version": "VersionRetires",
}
"""The codes of warnings that earlier versions had, each with today's."""


def _deleted(facts: Facts) -> list[parts.Part]:
    roles = (facts.get(name) for name in ("deleted_role", "deleted_new_role", "deleted_old_role"))
    return [
        parts.Homes(_texts(facts.get("homes_kept")), facts.get("homes_group")),
        parts.DeletedRecords(_texts(facts.get("records_removed"))),
        parts.DeletedCluster(facts.get("deleted_cluster"), facts.get("deleted_nodes")),
        parts.DeletedRoles(tuple(role for role in roles if role)),
        parts.DeletedIdentity(facts.get("deleted_identity"), facts.get("deleted_application")),
        parts.DeletedNetwork(facts.get("deleted_network")),
        parts.DeletedRegistry(facts.get("deleted_registry")),
        parts.DeletedGroup(facts.get("deleted_group")),
        parts.DeletedSecrets(_texts(facts.get("secrets_purged")), _texts(facts.get("secrets_unpurged"))),
    ]


def _texts(found: list[str] | None) -> tuple[str, ...]:
    return tuple(found or ())


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
