"""What the product puts into the values of the JupyterHub chart. Pure; secrets are references until `fill`.

A reference is a whole string "secret://NAME", NAME being a secret's name in Key Vault. A string that only contains one
is left as it is: filling parts of strings would need an escape, and the charts' values never need it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.errors import NotFoundError

SERVICE = "hubkeeper"
"""Our service in the hub. The chart makes its token and keeps it in Secret `hub` under TOKEN_KEY."""
TOKEN_KEY = f"hub.services.{SERVICE}.apiToken"
CHECK_USER = "hubkeeper-check"
"""Whose server is started and stopped to see whether an upgraded hub works."""
SCOPES = (
    "list:users",
    "read:users:activity",
    "read:servers",
    "delete:servers",
    "servers",
    "read:hub",
    f"admin:users!user={CHECK_USER}",
)
"""Enough to see who is active, to start and stop servers, and to make and remove the one user of ours."""
DNS_LABEL = "service.beta.kubernetes.io/azure-dns-label-name"

_REFERENCE = re.compile(r"secret://(?P<name>[0-9A-Za-z-]{1,127})")  # Key Vault's rule for names


class ValuesError(ValueError):
    """These values cannot be used. path: where, like "values.proxy.https.hosts"."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"{path}: {message}")


@dataclass(frozen=True)
class Https:
    """An own host name over TLS. `secret`: of a TLS Secret that exists; `manual`: references to key and certificate."""

    hosts: Sequence[str]
    type: Literal["letsencrypt", "manual", "secret", "offload"] = "letsencrypt"
    email: str = ""
    """Of the account with Let's Encrypt; the chart insists on one."""
    acme_server: str = ""
    """Another ACME directory than Let's Encrypt's own, such as its staging one."""
    secret: str = ""
    key: str = ""
    certificate: str = ""


def shared_password(reference: str) -> dict[str, Any]:
    """hub.config of a hub with one password for everyone. Without allow_all JupyterHub 5 lets nobody in."""
    return {
        "JupyterHub": {"authenticator_class": "shared-password"},
        "Authenticator": {"allow_all": True},
        "SharedPasswordAuthenticator": {"user_password": reference},
    }


def open_to_all() -> dict[str, Any]:
    """hub.config of the seeds' hub: any name, any password."""
    return {"JupyterHub": {"authenticator_class": "dummy"}, "DummyAuthenticator": {"allow_all": True}}


def made_up_users() -> dict[str, Any]:
    """hub.config of a BinderHub that is open to everybody: each launch is by a user who is made up for it."""
    return {"JupyterHub": {"authenticator_class": "null"}}


def chart_values(
    image: str | None,
    dns_label: str | None,
    https: Https | None,
    auth: Mapping[str, Any] | None,
    user_values: Mapping[str, Any],
    scopes: Sequence[str] = SCOPES,
) -> dict[str, Any]:
    """The values of a JupyterHub: our defaults, over them the user's, over these what the product cannot do without.

    image: of the users' servers, "name:tag"; the user's own singleuser.image.name beats it.
    auth: hub.config of the authenticator, used when the user's values bring none.
    Raises ValuesError when the result would be refused or would quietly serve something else than asked for.
    """
    defaults = merge(_defaults(), _image(image, user_values))
    if auth and not brings_authenticator(user_values):
        defaults = merge({"hub": {"config": dict(auth)}}, defaults)
    values = merge(_needs(dns_label, https, scopes), merge(user_values, defaults), at="values")
    _check_https(values)
    return values


def merge(user_values: Mapping[str, Any], ours: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Objects are joined key by key; all else of `user_values` replaces ours, null included (for helm: no default).

    at: where the values stand. Given, an object may not replace something else: the chart would refuse what was there,
    and a mistake of the user's must not be merged away. Raises ValuesError.
    """
    merged = dict(ours)
    for key, value in user_values.items():
        old = ours.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = merge(value, old, f"{at}.{key}" if at else "")
        elif at and isinstance(value, Mapping) and old is not None:
            raise ValuesError(f"{at}.{key}", "must be an object")
        else:
            merged[key] = value
    return merged


def brings_authenticator(values: Mapping[str, Any]) -> bool:
    """Whether the user configured who may log in: as a class, by configuring the chart's default, or in Python."""
    config = _at(values, "hub", "config")
    python = str(_at(values, "hub").get("extraConfig", ""))
    return (
        "authenticator_class" in _at(config, "JupyterHub")
        or "DummyAuthenticator" in config
        or "authenticator_class" in python
    )


def secret_names(values: Mapping[str, Any]) -> list[str]:
    """Of all references, each once, sorted."""
    return sorted({match["name"] for _, match in _references(values, "values")})


def fill(values: Mapping[str, Any], lookup: Callable[[str], str]) -> dict[str, Any]:
    """The values with every reference replaced by its secret.

    lookup raises KeyError or NotFoundError for an unknown name. Raises NotFoundError naming secret and place.
    """
    filled: dict[str, Any] = _filled(values, "values", lookup)
    return filled


def _defaults() -> dict[str, Any]:
    return {
        # A hook would make helm wait until every node has the image; nodes pull it in the background all the same.
        "prePuller": {"hook": {"enabled": False}},
        # The chart's default deletes the home disk with the user.
        "hub": {"config": {"KubeSpawner": {"delete_pvc": False}}},
    }


def _needs(dns_label: str | None, https: Https | None, scopes: Sequence[str]) -> dict[str, Any]:
    hub = {
        "services": {SERVICE: {}},
        "loadRoles": {SERVICE: {"scopes": list(scopes), "services": [SERVICE]}},
    }
    proxy: dict[str, Any] = {}
    if dns_label:
        proxy["service"] = {"annotations": {DNS_LABEL: dns_label}}
    if https:
        proxy["https"] = _https(https)
    return {"hub": hub} | ({"proxy": proxy} if proxy else {})


def _image(image: str | None, user_values: Mapping[str, Any]) -> dict[str, Any]:
    if not image or "name" in _at(user_values, "singleuser", "image"):  # our tag would not fit the user's image
        return {}
    name, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:  # a registry's port, not a tag
        name, tag = image, "latest"
    return {"singleuser": {"image": {"name": name, "tag": tag}}}


def _https(https: Https) -> dict[str, Any]:
    block: dict[str, Any] = {"enabled": True, "type": https.type, "hosts": list(https.hosts)}
    if https.type == "letsencrypt":
        block["letsencrypt"] = {"contactEmail": https.email}
        if https.acme_server:
            block["letsencrypt"]["acmeServer"] = https.acme_server
    elif https.type == "secret":
        block["secret"] = {"name": https.secret}
    elif https.type == "manual":
        block["manual"] = {"key": https.key, "cert": https.certificate}
    return block


def _check_https(values: Mapping[str, Any]) -> None:
    https = _at(values, "proxy", "https")
    if https.get("enabled") is not True or https.get("type") == "offload":
        return
    if not https.get("hosts"):
        raise ValuesError("values.proxy.https.hosts", "https without a host name would serve plain HTTP only")
    if https.get("type", "letsencrypt") == "letsencrypt" and not _at(https, "letsencrypt").get("contactEmail"):
        raise ValuesError("values.proxy.https.letsencrypt.contactEmail", "Let's Encrypt needs an address to write to")


def _at(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at this path, or an empty one."""
    for key in path:
        inner = values.get(key)
        values = inner if isinstance(inner, Mapping) else {}
    return values


def _references(value: object, path: str) -> Iterator[tuple[str, re.Match[str]]]:
    if isinstance(value, str):
        if match := _reference(value, path):
            yield path, match
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _references(item, f"{path}[{index}]")


def _reference(text: str, path: str) -> re.Match[str] | None:
    match = _REFERENCE.fullmatch(text)
    if match is None and text.startswith("secret://"):
        raise ValuesError(path, "a secret's name is 1 to 127 letters, digits and dashes")
    return match


def _filled(value: Any, path: str, lookup: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        match = _reference(value, path)
        return _look_up(match["name"], path, lookup) if match else value
    if isinstance(value, Mapping):
        return {key: _filled(item, f"{path}.{key}", lookup) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, f"{path}[{index}]", lookup) for index, item in enumerate(value)]
    return value


def _look_up(name: str, path: str, lookup: Callable[[str], str]) -> str:
    try:
        return lookup(name)
    except (KeyError, NotFoundError) as error:
        raise NotFoundError(
            "Key Vault", "SecretNotFound", f"{path} names the secret {name}, which is not there"
        ) from error
