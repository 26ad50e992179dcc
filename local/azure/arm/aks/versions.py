"""Data: the Kubernetes versions that AKS offers, as of November 2026, and the upgrades between them.

Minor versions, support dates and the default (the second newest) follow AKS's published calendar: 1.33 is left with
long-term support only, 1.34 to 1.36 are generally available, 1.37 is a preview. Patch numbers are examples.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_COMMUNITY = "KubernetesOfficial"
_LONG_TERM = "AKSLongTermSupport"


@dataclass(frozen=True)
class Minor:
    name: str
    patches: tuple[str, ...]
    plans: tuple[str, ...] = (_COMMUNITY, _LONG_TERM)
    preview: bool = False
    default: bool = False


MINORS = (
    Minor("1.33", ("1.33.8", "1.33.10"), plans=(_LONG_TERM,)),
    Minor("1.34", ("1.34.6", "1.34.8")),
    Minor("1.35", ("1.35.3", "1.35.5"), default=True),
    Minor("1.36", ("1.36.1", "1.36.3")),
    Minor("1.37", ("1.37.0",), plans=(_COMMUNITY,), preview=True),
)


def node_image(seconds: float) -> str:
    """The newest node image at this moment (seconds since 1970, UTC). AKS brings one out about every week, named by its date."""
    today = datetime.fromtimestamp(seconds, UTC)
    monday = today - timedelta(days=today.weekday())
    return f"AKSUbuntu-2404gen2containerd-{monday:%Y%m.%d}.0"


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def minor_of(version: str) -> Minor | None:
    return next((minor for minor in MINORS if minor.name == ".".join(version.split(".")[:2])), None)


def resolve(asked: str) -> str | None:
    """The patch version meant by `asked`: empty for the default, a minor for its newest patch. None: not offered."""
    if not asked:
        return next(minor for minor in MINORS if minor.default).patches[-1]
    minor = minor_of(asked)
    if minor is None:
        return None
    if asked == minor.name:
        return minor.patches[-1]
    return asked if asked in minor.patches else None


def long_term_only(version: str) -> bool:
    minor = minor_of(version)
    return minor is not None and _COMMUNITY not in minor.plans


def upgrades(version: str) -> list[tuple[str, bool]]:
    """What a cluster on `version` can go to, oldest first: later patches, and the next minor; True marks a preview."""
    current = number(version)
    return [
        (patch, minor.preview)
        for minor in MINORS
        for patch in minor.patches
        if number(patch) > current and number(patch)[1] <= current[1] + 1
    ]


def listing() -> list[dict[str, Any]]:
    """The body of `kubernetesVersions`."""
    return [
        {
            "version": minor.name,
            "capabilities": {"supportPlan": list(minor.plans)},
            **({"isDefault": True} if minor.default else {}),
            **({"isPreview": True} if minor.preview else {}),
            "patchVersions": {
                patch: {"upgrades": [target for target, _ in upgrades(patch)]} for patch in minor.patches
            },
        }
        for minor in MINORS
    ]
