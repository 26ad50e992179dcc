"""What another specification means for a hub that is there: what changes, how, and what that interrupts. Pure.

A request is a JSON merge patch (RFC 7396) on the specification. What it comes to is a plan: its changes in the order in which
they are made, or what stands against them. Which properties of a cluster stay as they were made: "PropertyChangeNotAllowed" in
AKS' reference, and the chart's own fixed names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.hubs.patch import address, nodes
from shared.hubs.patch.fixed import fixed
from shared.hubs.patch.plan import Change, How, Plan
from shared.hubs.spec.model import Hub
from shared.problem import Problem

__all__ = ["Change", "How", "NotOfferedError", "Plan", "Versions", "kubernetes_path", "merge_patch", "plan"]


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
    refusals: list[Problem] = []
    for field in sorted(before.keys() | after.keys()):
        if before.get(field, _ABSENT) != after.get(field, _ABSENT):  # null in `values` is not the same as nothing
            found = _classified(field, before.get(field), after.get(field), old, new, versions)
            changes += [item for item in found if isinstance(item, Change)]
            refusals += [item for item in found if isinstance(item, Problem)]
    return Plan((), tuple(dict.fromkeys(refusals))).joined(changes)


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


_WHOLE = ("schedule", "cluster.autoscale", "access.https", "access.dnsZone")
_ABSENT = object()


def _classified(
    field: str, before: Any, after: Any, old: Hub, new: Hub, versions: Versions | None
) -> list[Change | Problem]:
    match field:
        case "cluster.kubernetesVersion":
            return list(_kubernetes(before, after, versions))
        case "schedule":
            return [Change(field, before, after, How.SCHEDULE, "none")]
        case "release.version" if after is None:
            return [Change(field, before, after, How.RECORD, "none: the chart stays at the version that is installed")]
    if about_nodes := nodes.classified(field, before, after, old, new):
        return about_nodes
    if about_address := address.classified(field, before, after, old, new):
        return [about_address]
    for prefix, how, interruption in _CHANGES:
        if _under(field, prefix):
            return [Change(field, before, after, how, interruption)]
    return [fixed(field)]


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
    ("auth", How.HELM, f"{_HUB_RESTARTS}; people log in in another way from then on"),
    ("values", How.HELM, _HUB_RESTARTS),
    ("cluster.tier", How.TIER, "none; Standard and Premium cost by the hour from then on"),
    *(
        (f"registry.{field}", How.HELM, "the page restarts; images in another place than before are built anew")
        for field in ("username", "password", "imagePrefix", "tokenUrl")
    ),
    ("tags", How.TAGS, "none"),
    ("cluster.dockerBridgeAddress", How.RECORD, "none: Azure has no such setting any more"),
)


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
                "Leave cluster.kubernetesVersion as it is. Only another hub (POST /api/hubs) can have the older version.",
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


def _kubernetes(before: Any, after: Any, versions: Versions | None) -> Iterator[Change | Problem]:
    """One change for each version on the way."""
    field = "cluster.kubernetesVersion"
    try:
        path = kubernetes_path(after, versions) if after and versions else []
    except NotOfferedError as error:
        yield Problem("KubernetesVersionNotOffered", str(error), error.advice, field=field)
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


def another_flavor(old: Hub, patch: Mapping[str, Any]) -> Problem | None:
    """Of a patch that would make something else of a hub: told before anything is said of how its other fields fit to that."""
    asked = (patch["flavor"] or "jupyterhub") if "flavor" in patch else old.flavor
    return fixed("flavor") if asked != old.flavor else None
