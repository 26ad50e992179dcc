"""What another specification means for a hub that is there: what changes, how, and what that interrupts. Pure.

A request is a JSON merge patch (RFC 7396) on the specification. What it comes to is a plan: its changes in the order in which
they are made, or what stands against them. Which properties of a cluster stay as they were made: "PropertyChangeNotAllowed" in
AKS' reference, and the chart's own fixed names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.hubs.model import Hub


class How(StrEnum):
    """In the order in which a run makes them: what the release stands on comes before it."""

    KUBERNETES = "kubernetes upgrade"
    SCALE = "pool scale"
    AUTOSCALE = "pool autoscaling"
    TAGS = "tags"
    HELM = "helm upgrade"
    SCHEDULE = "schedule"
    RECORD = "record"
    """Nothing is done to the hub: its specification alone says something else."""


NO_RUN = frozenset({How.SCHEDULE, How.RECORD})


@dataclass(frozen=True)
class Change:
    """One field that becomes another. interruption: a sentence for people; "none" when nobody notices."""

    field: str
    before: Any
    after: Any
    how: How
    interruption: str
    disruptive: bool = False
    """Whether users' servers end by it."""

    def wire(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "from": self.before,
            "to": self.after,
            "how": self.how.value,
            "interruption": self.interruption,
        }


@dataclass(frozen=True)
class Refusal:
    """A field that cannot be changed, why, and the way around."""

    code: str
    field: str
    message: str
    advice: str


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def has(self, *hows: How) -> bool:
        return any(change.how in hows for change in self.changes)

    @property
    def needs_run(self) -> bool:
        return any(change.how not in NO_RUN for change in self.changes)

    @property
    def disruptive(self) -> bool:
        return any(change.disruptive for change in self.changes)

    def wire(self) -> list[dict[str, Any]]:
        return [change.wire() for change in self.changes]


@dataclass(frozen=True)
class Versions:
    """What Azure says of the cluster's Kubernetes. offers: of each version that may be run, those it can go to."""

    current: str
    offers: Mapping[str, Sequence[str]]


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are joined, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def plan(old: Hub, new: Hub, versions: Versions | None) -> Plan:
    """versions: None when the cluster's Kubernetes is not to be changed, or not known."""
    before, after = _leaves(old.wire()), _leaves(new.wire())
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for field in sorted(before.keys() | after.keys()):
        if before.get(field, _ABSENT) != after.get(field, _ABSENT):  # null in `values` is not the same as nothing
            found = _classified(field, before.get(field), after.get(field), old, new, versions)
            changes += [item for item in found if isinstance(item, Change)]
            refusals += [item for item in found if isinstance(item, Refusal)]
    order = list(How)
    changes.sort(key=lambda change: order.index(change.how))
    return Plan(tuple(changes), tuple(dict.fromkeys(refusals)))


def _leaves(spec: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Every value that is no object, by its dotted path; the schedule is one value."""
    found: dict[str, Any] = {}
    for name, value in spec.items():
        path = f"{at}.{name}" if at else name
        if isinstance(value, Mapping) and path not in _WHOLE:
            found |= _leaves(value, path)
        else:
            found[path] = value
    return found


_WHOLE = ("schedule", "cluster.autoscale")
_ABSENT = object()


def _classified(
    field: str, before: Any, after: Any, old: Hub, new: Hub, versions: Versions | None
) -> list[Change | Refusal]:
    match field:
        case "cluster.kubernetesVersion":
            return list(_kubernetes(before, after, versions))
        case "cluster.nodeCount":
            return [_node_count(old, new)]
        case "cluster.autoscale":
            return [_autoscale(before, after, old, new)]
        case "schedule":
            return [Change(field, before, after, How.SCHEDULE, "none")]
        case "release.version" if after is None:
            return [Change(field, before, after, How.RECORD, "none: the chart stays at the version that is installed")]
    for prefix, how, interruption in _CHANGES:
        if _under(field, prefix):
            return [Change(field, before, after, how, interruption)]
    return [_fixed(field)]


def _under(field: str, prefix: str) -> bool:
    return field == prefix or field.startswith(f"{prefix}.")


_HUB_RESTARTS = "the hub restarts: no login page for about a minute; servers that run go on"

_CHANGES: tuple[tuple[str, How, str], ...] = (
    (
        "release.version",
        How.HELM,
        "hub and proxy restart: no pages for about a minute, open notebooks reconnect; servers that run go on",
    ),
    (
        "image",
        How.HELM,
        "the hub restarts for about a minute; a server that runs keeps its image until it is restarted",
    ),
    (
        "environment",
        How.HELM,
        "the hub restarts for about a minute; a server that runs keeps what it has until it is restarted",
    ),
    ("access", How.HELM, "the hub answers at another address once this is done; the old one ends"),
    ("auth", How.HELM, f"{_HUB_RESTARTS}; people log in in another way from then on"),
    ("values", How.HELM, _HUB_RESTARTS),
    ("tags", How.TAGS, "none"),
    ("cluster.dockerBridgeAddress", How.RECORD, "none: Azure has no such setting any more"),
)


# Nodes


def _node_count(old: Hub, new: Hub) -> Change | Refusal:
    before, after = old.cluster.node_count, new.cluster.node_count
    if old.cluster.autoscale and new.cluster.autoscale:
        return Refusal(
            "AutoscalerDecides",
            "cluster.nodeCount",
            "the cluster autoscaler decides how many nodes there are; AKS refuses a count beside it",
            "Change cluster.autoscale.min or max instead, or set cluster.autoscale to null in the same request.",
        )
    return _scaled("cluster.nodeCount", before, after, How.SCALE, fewer=after < before)


def _autoscale(before: Any, after: Any, old: Hub, new: Hub) -> Change:
    """Switched off, the pool goes to nodeCount; with a lower max the autoscaler removes what is above it."""
    was, becomes = old.cluster.autoscale, new.cluster.autoscale
    most = becomes.max if becomes else new.cluster.node_count
    return _scaled("cluster.autoscale", before, after, How.AUTOSCALE, fewer=was is not None and most < was.max)


def _scaled(field: str, before: Any, after: Any, how: How, *, fewer: bool) -> Change:
    interruption = (
        "nodes may be removed, and the servers on them end: their users are warned first" if fewer else "none"
    )
    return Change(field, before, after, how, interruption, disruptive=fewer)


# Kubernetes


class NotOfferedError(Exception):
    """There is no way to the version. `advice` says what there is."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


def version_key(version: str) -> tuple[int, ...]:
    """Sorts "1.9.3" before "1.35.2"."""
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("."))


def kubernetes_path(wanted: str, versions: Versions) -> list[str]:
    """The versions on the way from the current one, one minor at a time; empty when it is there. Raises NotOfferedError.

    wanted: "1.36" (any patch of it will do; the newest is taken when the minor changes) or "1.36.1".
    """
    goal, at, path = version_key(wanted), versions.current, list[str]()
    while version_key(at)[: len(goal)] != goal:
        if version_key(at)[: len(goal)] > goal:
            raise NotOfferedError(
                f"The cluster runs Kubernetes {versions.current}; AKS cannot go back to {wanted}",
                "Leave cluster.kubernetesVersion as it is, or make a new hub with the older version and move.",
            )
        at = _next(at, goal, versions, wanted)
        path.append(at)
    return path


def _next(at: str, goal: tuple[int, ...], versions: Versions, wanted: str) -> str:
    offered = [version for version in versions.offers.get(at, ()) if version in versions.offers]
    here = version_key(at)
    minor = here[:2] if here[:2] == goal[:2] else (here[0], here[1] + 1)
    fitting = [version for version in offered if version_key(version)[:2] == minor]
    if minor == goal[:2]:
        fitting = [version for version in fitting if version_key(version)[: len(goal)] == goal]
    if not fitting:
        listed = ", ".join(sorted(offered, key=version_key)) or "nothing newer"
        raise NotOfferedError(
            f"AKS offers no way from Kubernetes {at} to {wanted}; from there it offers {listed}",
            "Set cluster.kubernetesVersion to one of them (GET /api/locations/{location}/versions lists what there is).",
        )
    return max(fitting, key=version_key)


def _kubernetes(before: Any, after: Any, versions: Versions | None) -> Iterator[Change | Refusal]:
    """One change for each version on the way."""
    field = "cluster.kubernetesVersion"
    try:
        path = kubernetes_path(after, versions) if after and versions else []
    except NotOfferedError as error:
        yield Refusal("KubernetesVersionNotOffered", field, str(error), error.advice)
        return
    if not path:
        yield Change(field, before, after, How.RECORD, "none: the cluster stays at the version that it runs")
    at = versions.current if versions else ""
    for version in path:
        interruption = (
            "control plane first, then the nodes one after the other: servers end, their users are warned first; "
            "no hub while its node is replaced"
        )
        yield Change(field, at, version, How.KUBERNETES, interruption, disruptive=True)
        at = version


# What stays as it was made


_ANEW = (
    "Make a second hub with POST /api/hubs and DELETE this one when it is no longer needed; "
    "keepHomes=true keeps the users' volumes as snapshots."
)

_FIXED: tuple[tuple[str, str, str], ...] = (
    ("name", "a hub keeps its name", _ANEW),
    ("flavor", "a hub keeps its flavor", _ANEW),
    ("location", "Azure cannot move a cluster to another region", _ANEW),
    ("resourceGroup", "Azure cannot move a cluster to another resource group", _ANEW),
    (
        "network",
        "Azure cannot move a cluster to another network or subnet, or change the subnet's range under it",
        _ANEW,
    ),
    (
        "identity",
        "Hubkeeper does not change a cluster's identity in place",
        "Leave identity as it is: Hubkeeper renews the password of a principal that it made by itself. For another identity: "
        + _ANEW,
    ),
    (
        "cluster.vmSize",
        "Azure cannot change the VM size of a node pool",
        "Change cluster.nodeCount for more or fewer nodes of this size. For another size: " + _ANEW,
    ),
    (
        "cluster.tier",
        "Hubkeeper does not change the cluster's tier in place",
        "az aks update --tier does, with the cluster's name and resource group from GET /api/hubs/{name}.",
    ),
    (
        "cluster.sshPublicKey",
        "Hubkeeper does not change the nodes' SSH key in place",
        "az aks update --ssh-key-value does; it makes every node anew.",
    ),
    ("cluster", "AKS keeps this as the cluster was made with it", _ANEW),
    (
        "release",
        "Helm knows a release by its name, namespace and chart",
        "Only release.version can change. For another name or namespace: " + _ANEW,
    ),
)


def _fixed(field: str) -> Refusal:
    reason, advice = next(
        ((reason, advice) for prefix, reason, advice in _FIXED if _under(field, prefix)),
        ("this cannot be changed on a hub that is there", _ANEW),
    )
    return Refusal("CannotChange", field, reason, advice)
