"""What changed in the JupyterHub chart from release to release so that values written for an older one no longer work. Pure.

Source: the chart's changelog and its upgrade guides ("Upgrading from 1 to 2", "2 to 3", "3 to 4"; changelog 4.3.0).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.problem import Problem

type Values = Mapping[str, Any]

_ABSENT = object()


@dataclass(frozen=True)
class Removed:
    """A key that the chart no longer takes from release `since` on."""

    since: tuple[int, int]
    key: str
    instead: str


REMOVED = (
    Removed((1, 0), "auth", "write it under hub.config, by class names (hub.config.JupyterHub.authenticator_class)"),
    Removed((1, 0), "hub.extraConfigMap", "write it under custom"),
    Removed((1, 0), "hub.uid", "write hub.containerSecurityContext.runAsUser"),
    Removed((1, 0), "proxy.pdb", "write proxy.chp.pdb"),
    Removed((1, 0), "proxy.networkPolicy", "write proxy.chp.networkPolicy"),
    Removed((1, 0), "proxy.containerSecurityContext", "write proxy.chp.containerSecurityContext"),
    Removed(
        (1, 0),
        "singleuser.cloudMetadata.enabled",
        "write singleuser.cloudMetadata.blockWithIptables, the opposite of it",
    ),
    Removed((2, 0), "rbac.enabled", "write rbac.create, and serviceAccount.create for each part"),
    Removed((2, 0), "hub.fsGid", "write hub.podSecurityContext.fsGroup"),
)


def _broken(field: str, message: str) -> Problem:
    """field: where in the specification ("values.hub.uid"). message: what is wrong and what to write instead."""
    return Problem("BreakingChange", message, _CHANGE_IT, field)


_CHANGE_IT = "Change what is named here in the same request, and ask again; nothing was changed."


def troubles(values: Values, installed: str, wanted: str, offered: Sequence[str]) -> list[Problem]:
    """What stands against taking the release from chart `installed` to `wanted` with these values.

    offered: the repository's versions, to name the next step by. Empty when nothing does.
    """
    before, after = numbers(installed), numbers(wanted)
    if after[0] < before[0]:
        return [_broken("release.version", _NO_WAY_BACK.format(installed=installed, wanted=wanted))]
    if after[0] > before[0] + 1:
        return [_broken("release.version", _one_by_one(before[0] + 1, installed, wanted, offered))]
    crossed = (item for item in REMOVED if before < item.since <= after)
    found = [
        _broken(f"values.{item.key}", f"the chart has no such key since {_written(item.since)}: {item.instead}")
        for item in crossed
        if _at(values, item.key) is not _ABSENT
    ]
    for since, check in _CHECKS:
        if before < since <= after:
            found += check(values)
    return found


@dataclass(frozen=True)
class Holder:
    """A version of a chart that holds JupyterHub's, as BinderHub's does. inner: which version of that; empty: not known."""

    version: str
    inner: str


def held_troubles(
    values: Values, place: str, installed: Holder, wanted: Holder, offered: Sequence[Holder]
) -> list[Problem]:
    """The same for a chart that holds JupyterHub's. values: JupyterHub's part of them, at `place` ("values.jupyterhub").

    Its own versions say nothing of what changed. Nothing is found when it is not known what they hold: see `unknown`.
    """
    if unknown(installed, wanted):
        return []
    before, after = numbers(installed.inner), numbers(wanted.inner)
    holds = f"it holds JupyterHub's chart {wanted.inner}"
    if after[0] < before[0]:
        message = f"{holds}; {_NO_WAY_BACK.format(installed=installed.inner, wanted=wanted.inner)}"
        return [_broken("release.version", message)]
    if after[0] > before[0] + 1:
        step = next((each.version for each in offered if each.inner and numbers(each.inner)[0] == before[0] + 1), None)
        way = f"set {step} first" if step else f"set one first that holds {before[0] + 1}.x"
        message = f"{holds}, which has to go one major release at a time from {installed.inner}: {way}"
        return [_broken("release.version", message)]
    found = troubles(values, installed.inner, wanted.inner, [])
    return [replace(trouble, field=trouble.field.replace("values", place, 1)) for trouble in found]


def unknown(installed: Holder, wanted: Holder) -> bool:
    """Whether it cannot be said what changed between two such versions."""
    return not (_readable(installed.inner) and _readable(wanted.inner))


def _readable(version: str) -> bool:
    return re.match(r"v?\d+\.\d+", version) is not None


def numbers(version: str) -> tuple[int, int]:
    """Major and minor."""
    major, minor = version.removeprefix("v").split(".")[:2]
    return int(major), int(minor)


_NO_WAY_BACK = (
    "chart {wanted} is a major release older than the installed {installed}, and JupyterHub's database cannot go back: "
    "only another hub can have it (POST /api/hubs with another name)"
)


def _one_by_one(major: int, installed: str, wanted: str, offered: Sequence[str]) -> str:
    step = next((version for version in offered if numbers(version)[0] == major and "-" not in version), f"{major}.x")
    return f"from {installed} to {wanted} the chart has to go one major release at a time: set {step} first"


def _written(since: tuple[int, int]) -> str:
    return f"{since[0]}.{since[1]}.0"


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return _ABSENT
        values = values[part]
    return values


def _object(values: Values, key: str) -> Mapping[str, Any]:
    found = _at(values, key)
    return found if isinstance(found, Mapping) else {}


def _admin_services(values: Values) -> Iterator[Problem]:
    for name, service in _object(values, "hub.services").items():
        if isinstance(service, Mapping) and service.get("admin"):
            yield _broken(
                f"values.hub.services.{name}.admin",
                "JupyterHub has no admin services since chart 2.0.0: give it a role in hub.loadRoles with the scopes it uses",
            )


_ALLOWING = ("allow", "allowed", "admin_users")


def _nobody_allowed(values: Values) -> Iterator[Problem]:
    """Since OAuthenticator 16 nobody may log in whom no setting allows."""
    config = _object(values, "hub.config")
    chosen = str(_object(config, "JupyterHub").get("authenticator_class", ""))
    classes = [name for name in config if name.endswith("OAuthenticator")]
    if not classes and "oauth" not in chosen.lower() and chosen not in _OAUTH:
        return
    settings = {key for name in (*classes, "Authenticator", "OAuthenticator") for key in _object(config, name)}
    if not any(key.startswith(_ALLOWING) for key in settings):
        yield _broken(
            "values.hub.config",
            "nobody could log in any more: since chart 3.0.0 an OAuth login lets in only whom allow_all, allowed_users, "
            "admin_users or a list of the provider's own (such as GitHubOAuthenticator.allowed_organizations) names: set one",
        )


_OAUTH = frozenset({"github", "gitlab", "google", "azuread", "auth0", "cilogon", "globus", "bitbucket", "okpy"})


def _unallowed(values: Values) -> Iterator[Problem]:
    """Since JupyterHub 5 that holds for every authenticator but the dummy one."""
    config = _object(values, "hub.config")
    chosen = str(_object(config, "JupyterHub").get("authenticator_class", "dummy"))
    settings = {key for name in config if name.endswith("Authenticator") for key in _object(config, name)}
    if (
        "dummy" not in chosen.lower()
        and chosen != "shared-password"
        and not any(key.startswith(_ALLOWING) for key in settings)
    ):
        yield _broken(
            "values.hub.config",
            "nobody could log in any more: since chart 4.0.0 every authenticator lets in only whom allow_all, allowed_users or "
            "admin_users names: set one of them under hub.config.Authenticator",
        )


def _lower_case_sections(values: Values) -> Iterator[Problem]:
    for name in _object(values, "hub.config"):
        if not name[:1].isupper():
            yield _broken(
                f"values.hub.config.{name}",
                "since chart 4.3.0 the hub does not start with a section that is no class name; such names start with an "
                "upper-case letter (what belongs to the chart, like loadRoles, goes under hub)",
            )


type Check = Callable[[Values], Iterator[Problem]]

_CHECKS: tuple[tuple[tuple[int, int], Check], ...] = (
    ((2, 0), _admin_services),
    ((3, 0), _nobody_allowed),
    ((4, 0), _unallowed),
    ((4, 3), _lower_case_sections),
)
