"""What the product puts into the values of the JupyterHub chart. Pure; secrets are references until `fill`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared import references
from shared.errors import NotFoundError
from shared.references import Reference

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


class ValuesError(ValueError):
    """These values cannot be used. path: where, like "values.proxy.https.hosts"."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"{path}: {message}")


@dataclass(frozen=True)
class Https:
    """An own host name over TLS. `secret`: of a TLS Secret that exists; `manual`: key and certificate themselves."""

    hosts: Sequence[str]
    type: Literal["letsencrypt", "manual", "secret", "offload"] = "letsencrypt"
    email: str = ""
    """Of the account with Let's Encrypt; the chart insists on one."""
    acme_server: str = ""
    """Another ACME directory than Let's Encrypt's own, such as its staging one."""
    secret: str = ""
    key: str | Reference = ""
    certificate: str | Reference = ""


def shared_password(reference: Reference) -> dict[str, Any]:
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
    auth: hub.config of the authenticator; None leaves it to the user's values.
    Raises ValuesError when the result would be refused or would quietly serve something else than asked for.
    """
    defaults = merge(_defaults(), _image(image, user_values))
    if auth:
        defaults = merge({"hub": {"config": dict(auth)}}, defaults)
    values = _imposed(_needs(dns_label, https, scopes), merge(user_values, defaults, at="values"), "values")
    _check_https(values)
    return values


def merge(user_values: Mapping[str, Any], ours: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Objects are joined key by key; all else of `user_values` replaces ours, except for what says nothing.

    Null and empty texts, lists and objects say nothing: they take nothing of ours away. A null where ours has nothing goes on to
    helm, for which it takes the chart's own default away.
    at: where the values stand. Given, an object and something else may not replace each other: a mistake of the user's must not be
    merged away. Raises ValuesError.
    """
    merged = dict(ours)
    for key, value in user_values.items():
        old = ours.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = merge(value, old, f"{at}.{key}" if at else "")
        elif key in ours and _says_nothing(value):
            continue
        elif at and old is not None and isinstance(value, Mapping) is not isinstance(old, Mapping):
            raise ValuesError(f"{at}.{key}", "must be an object" if isinstance(old, Mapping) else "must be no object")
        else:
            merged[key] = value
    return merged


def _says_nothing(value: Any) -> bool:
    return value is None or value in ("", [], (), {})


def _imposed(needs: Mapping[str, Any], values: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The values with what the product needs over them. Raises ValuesError where something else stands in an object's place."""
    merged = dict(values)
    for key, value in needs.items():
        old = values.get(key)
        if not isinstance(value, Mapping):
            merged[key] = value
        elif old is None or isinstance(old, Mapping):
            merged[key] = _imposed(value, old or {}, f"{at}.{key}")
        else:
            raise ValuesError(f"{at}.{key}", "must be an object")
    return merged


def secret_references(values: Mapping[str, Any]) -> list[Reference]:
    """All references, each once, by name."""
    return sorted({reference for _, reference in references.found(values)}, key=lambda each: (each.name, each.own))


def fill(values: Mapping[str, Any], lookup: Callable[[Reference], str]) -> dict[str, Any]:
    """The values with every reference replaced by its secret.

    lookup raises KeyError or NotFoundError for an unknown name. Raises NotFoundError naming secret and place.
    """

    def look_up(reference: Reference, path: str) -> str:
        try:
            return lookup(reference)
        except (KeyError, NotFoundError) as error:
            raise NotFoundError(
                references.VAULT, "SecretNotFound", f"{path} names the secret {reference.name}, which is not there"
            ) from error

    filled: dict[str, Any] = references.filled(values, look_up)
    return filled


def _defaults() -> dict[str, Any]:
    """What the product wants, though its users may say otherwise in so many words.

    Some repeats the chart's own defaults: a null or an empty section would take those away, and cannot take ours.
    """
    policy = {"networkPolicy": {"enabled": True}}
    return {
        # A hook would make helm wait until every node has the image; nodes pull it in the background all the same.
        "prePuller": {"hook": {"enabled": False}},
        # The chart's default deletes the home disk with the user.
        "hub": {"config": {"KubeSpawner": {"delete_pvc": False}}, **policy},
        "proxy": {"chp": policy, "traefik": policy},
        # The metadata server hands the nodes' identity to who asks.
        "singleuser": {"cloudMetadata": {"blockWithIptables": True}, **policy},
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
