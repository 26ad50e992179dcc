"""How people reach a hub, and what the chart is told about it. Pure."""

from typing import Any

from shared import names
from shared.hubs import environment, logins
from shared.hubs.model import Hub
from shared.hubs.part import REFERENCE
from shared.hubs.validation import FieldError, InvalidError
from shared.kubernetes import values as chart

DNS_SUFFIX = "cloudapp.azure.com"
"""Of Azure's public cloud; enough where it is asked only whether values fit together."""
PUBLIC_SERVICE = "proxy-public"
DEPLOYMENTS = ("hub", "proxy")
"""What must be available before the hub can answer; the chart's other workloads may lag."""


def host(hub: Hub, dns_suffix: str) -> str | None:
    """The hub's name in the DNS, known before it is made; None when it has its address alone."""
    return f"{hub.access.dns_label}.{hub.location}.{dns_suffix}" if hub.access.dns_label else None


def url(hub: Hub, address: str, dns_suffix: str) -> str:
    base = str(_object(hub.values, "hub").get("baseUrl", "/")).strip("/")
    return f"http://{host(hub, dns_suffix) or address}/{base}".rstrip("/") + "/"


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


def values(hub: Hub, dns_suffix: str = DNS_SUFFIX) -> dict[str, Any]:
    """The chart's values, with secrets as references. Raises InvalidError when they contradict each other."""
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
            https=None,
            auth=_auth(hub, dns_suffix),
            user_values=chart.merge(hub.values, ours, at="values"),
        )
    except chart.ValuesError as error:
        raise InvalidError([FieldError(error.path, str(error))]) from None


def _auth(hub: Hub, dns_suffix: str) -> dict[str, Any] | None:
    """hub.config for the chosen way to log in; None leaves it to `values`."""
    if isinstance(hub.auth, logins.Provider):
        return logins.config(hub.auth, callback_url(hub, dns_suffix))
    if shared_password(hub):
        return chart.shared_password(REFERENCE + names.SHARED_PASSWORD)
    return chart.open_to_all() if hub.auth == "none" else None
