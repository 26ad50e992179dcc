"""How people reach a hub, and what the chart is told about it. Pure."""

from collections.abc import Sequence
from typing import Any

from shared import names
from shared.hubs import environment, https, logins
from shared.hubs.model import Hub
from shared.hubs.part import REFERENCE
from shared.hubs.validation import FieldError, InvalidError
from shared.kubernetes import values as chart

DNS_SUFFIX = "cloudapp.azure.com"
"""Of Azure's public cloud; enough where it is asked only whether values fit together."""
PUBLIC_SERVICE = "proxy-public"
TLS_SECRET = "hubkeeper-tls"  # noqa: S105 - the name of one
"""The Secret of the cluster that holds a hub's own certificate, followed by what tells one certificate from the next."""


def deployments(hub: Hub) -> list[str]:
    """What must be available before the hub can answer; the chart's other workloads may lag."""
    front = ["autohttps"] if https.by_letsencrypt(hub.access, hub.values) else []
    return ["hub", "proxy", *front]


def label_host(hub: Hub, dns_suffix: str) -> str | None:
    """The name that Azure gives, if it was asked for one."""
    return f"{hub.access.dns_label}.{hub.location}.{dns_suffix}" if hub.access.dns_label else None


def host(hub: Hub, dns_suffix: str) -> str | None:
    """The hub's name in the DNS, known before it is made; None when it has its address alone."""
    return next(iter(https.own_hosts(hub.access, hub.values)), None) or label_host(hub, dns_suffix)


def must_lead(hub: Hub, dns_suffix: str) -> tuple[str, ...]:
    """The names that must lead to the load balancer before people, or Let's Encrypt, can reach the hub by them."""
    own, label = https.own_hosts(hub.access, hub.values), label_host(hub, dns_suffix)
    return own or ((label,) if label and https.by_letsencrypt(hub.access, hub.values) else ())


def certificate(hub: Hub) -> str | None:
    """Which of the hub's secrets holds its own certificate."""
    given = hub.access.https.certificate if hub.access.https else None
    return given.removeprefix(REFERENCE) if given else None


def url(hub: Hub, address: str, dns_suffix: str) -> str:
    base = str(_object(hub.values, "hub").get("baseUrl", "/")).strip("/")
    scheme = "https" if https.secure(hub.access, hub.values) else "http"
    return f"{scheme}://{host(hub, dns_suffix) or address}/{base}".rstrip("/") + "/"


def shared_password(hub: Hub) -> bool:
    """Whether the hub gets a generated password: the chart's own default would let anyone in."""
    return hub.auth == "shared-password" or (hub.auth is None and not chart.brings_authenticator(hub.values))


def callback_url(hub: Hub, dns_suffix: str) -> str | None:
    """Where an OAuth provider must send people back to, as it has to be registered there; None without a provider."""
    if not isinstance(hub.auth, logins.Provider):
        return None
    own = _object(hub.values, "hub", "config", hub.auth.section).get("oauth_callback_url")
    return str(own) if own else f"{url(hub, '', dns_suffix)}hub/oauth_callback"


def _object(document: Any, *path: str) -> dict[str, Any]:
    """The object at this path; an empty one when something else is there."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def values(hub: Hub, dns_suffix: str = DNS_SUFFIX, tls_secret: str = TLS_SECRET) -> dict[str, Any]:
    """The chart's values, with secrets as references. Raises InvalidError when they contradict each other.

    tls_secret: of the cluster, with the hub's own certificate, when it has one.
    """
    if isinstance(hub.auth, logins.Provider) and chart.brings_authenticator(hub.values):
        raise InvalidError([FieldError("auth", "values.hub chooses an authenticator, too; leave one of them out")])
    ours = environment.values(hub.environment) if hub.environment else {}
    if twice := environment.said_twice(hub.environment, hub.values) if hub.environment else []:
        raise InvalidError(
            [FieldError(field, f"{place} says it, too; leave one of them out") for field, place in twice]
        )
    try:
        return chart.chart_values(
            image=str(hub.image) if hub.image else None,
            dns_label=hub.access.dns_label,
            https=_https(hub, dns_suffix, tls_secret),
            auth=_auth(hub, dns_suffix),
            user_values=chart.merge(hub.values, ours, at="values"),
        )
    except chart.ValuesError as error:
        raise InvalidError([FieldError(error.path, str(error))]) from None


def _https(hub: Hub, dns_suffix: str, tls_secret: str) -> chart.Https | None:
    """None leaves it to `values`."""
    name, given = host(hub, dns_suffix), hub.access.https
    if given is None or name is None:
        return None
    hosts: Sequence[str] = [name]
    if given.letsencrypt:
        asked = given.letsencrypt
        return chart.Https(hosts, email=asked.email, acme_server=asked.acme_server or "")
    return chart.Https(hosts, "secret", secret=tls_secret)


def _auth(hub: Hub, dns_suffix: str) -> dict[str, Any] | None:
    """hub.config for the chosen way to log in; None leaves it to `values`."""
    if isinstance(hub.auth, logins.Provider):
        return logins.config(hub.auth, callback_url(hub, dns_suffix))
    if shared_password(hub):
        return chart.shared_password(REFERENCE + names.SHARED_PASSWORD)
    return chart.open_to_all() if hub.auth == "none" else None
