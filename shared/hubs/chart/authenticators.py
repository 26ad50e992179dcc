"""Tells which configurations of JupyterHub let everybody in. Pure; judges the values that a release has, defaults included.

Sources: jupyterhub.auth (DummyAuthenticator takes any password while it has none), tmpauthenticator (a user for everybody who
comes), firstuseauthenticator (whoever comes first chooses the password), nativeauthenticator (open_signup), BinderHub's guide
("Enabling Authentication"). An authenticator that is not known here, or made in Python, shows by trying.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.hubs.spec.binder import INNER, OPEN, at
from shared.hubs.spec.hub_python import assignments, chooses_authenticator, snippets

type Values = Mapping[str, Any]

CHART_DEFAULT = "dummy"
"""The authenticator of the JupyterHub chart when nothing is said."""


@dataclass(frozen=True)
class OpenDoor:
    """key: what opens it, below the chart's values. why: the rest of a sentence about that key."""

    key: str
    why: str


def existing(values: Values) -> bool:
    """True when the values choose who may log in: a class, a password for the chart's own authenticator, or a class in Python."""
    config = at(values, "hub", "config")
    return bool(
        at(config, "JupyterHub").get("authenticator_class")
        or at(config, "DummyAuthenticator").get("password")
        or any(chooses_authenticator(snippet.code) for snippet in snippets(values))
    )


def open_door(values: Values) -> OpenDoor | None:
    """The setting that lets everybody in; None when none is known. values: of JupyterHub's chart."""
    config = configuration(values)
    chosen = at(config, "JupyterHub").get("authenticator_class") or CHART_DEFAULT
    rule = _RULES.get(_name(chosen)) if isinstance(chosen, str) else None
    return rule(config) if rule else None


def open_binder(values: Values) -> OpenDoor | None:
    """The same for a BinderHub whose people are to log in. values: of BinderHub's chart."""
    hub = at(values, INNER)
    config = configuration(hub)
    if at(config, "JupyterHub").get("authenticator_class") == OPEN:
        return OpenDoor(f"{INNER}.{_CLASS}", "lets everybody in who finds the address")
    if not at(values, "config", "BinderHub").get("auth_enabled"):
        return OpenDoor("config.BinderHub.auth_enabled", "is not on, so that everybody can build and launch")
    if not at(config, "BinderSpawner").get("auth_enabled"):
        return OpenDoor(
            f"{INNER}.hub.config.BinderSpawner.auth_enabled", "is not on, so that servers ask nobody who he is"
        )
    door = open_door(hub)
    return OpenDoor(f"{INNER}.{door.key}", door.why) if door else None


def configuration(values: Values) -> dict[str, dict[str, Any]]:
    """hub.config with what Python plainly assigns over it, section by section."""
    config = {
        section: dict(traits) for section, traits in at(values, "hub", "config").items() if isinstance(traits, Mapping)
    }
    for snippet in snippets(values):
        for assigned in assignments(snippet.code):
            config.setdefault(assigned.section, {})[assigned.trait] = assigned.value
    return config


_CLASS = "hub.config.JupyterHub.authenticator_class"


def _dummy(config: Values) -> OpenDoor | None:
    if _trait(config, "DummyAuthenticator", "password"):
        return None
    return OpenDoor(_CLASS, "dummy without DummyAuthenticator.password lets in anybody with any password")


def _tmp(config: Values) -> OpenDoor | None:  # noqa: ARG001 - nothing of its configuration closes it
    return OpenDoor(_CLASS, "tmpauthenticator makes a user for everybody who comes")


def _first_use(config: Values) -> OpenDoor | None:
    if _trait(config, "FirstUseAuthenticator", "create_users") is False or _listed(config, "FirstUseAuthenticator"):
        return None
    return OpenDoor(_CLASS, "firstuseauthenticator lets whoever comes first choose a name and its password")


def _native(config: Values) -> OpenDoor | None:
    if not _trait(config, "NativeAuthenticator", "open_signup") or _listed(config, "NativeAuthenticator"):
        return None
    return OpenDoor("hub.config.NativeAuthenticator.open_signup", "lets everybody sign up and in")


_RULES: dict[str, Callable[[Values], OpenDoor | None]] = {
    "dummy": _dummy,
    "dummyauthenticator": _dummy,
    "tmp": _tmp,
    "tmpauthenticator": _tmp,
    "firstuse": _first_use,
    "firstuseauthenticator": _first_use,
    "native": _native,
    "nativeauthenticator": _native,
}
"""By the name that JupyterHub registers, or that of the class."""


def _name(chosen: str) -> str:
    """JupyterHub takes a registered name in any case, or the dotted path of a class."""
    return chosen.rpartition(".")[2].rpartition(":")[2].strip().casefold()


def _trait(config: Values, section: str, trait: str) -> Any:
    """The value that traitlets uses: a class's own setting counts before that of the class it is made from."""
    for each in (section, "Authenticator"):
        if trait in at(config, each):
            return at(config, each)[trait]
    return None


def _listed(config: Values, section: str) -> bool:
    """True when only people who are named may come in."""
    return bool(_trait(config, section, "allowed_users")) and not _trait(config, section, "allow_all")
