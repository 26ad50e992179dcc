"""How people reach a hub, and what the chart is told about it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared import names, references
from shared.errors import InvalidError
from shared.hubs.chart import authenticators, binder_values
from shared.hubs.chart import values as chart
from shared.hubs.chart.authenticators import OpenDoor
from shared.hubs.spec import binder, environment, https, logins
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import invalid
from shared.hubs.status.model import Status
from shared.problem import Problem, wrong
from shared.references import Reference

DNS_SUFFIX = "cloudapp.azure.com"
"""Of Azure's public cloud; enough where it is asked only whether values fit together."""
PUBLIC_SERVICE = "proxy-public"
PAGE_SERVICE = "binder"
TLS_SECRET = "hubkeeper-tls"  # noqa: S105 - the name of one
"""The Secret of the cluster that holds a hub's own certificate, followed by what tells one certificate from the next."""


@dataclass(frozen=True)
class Known:
    """What is known only when it has been made. Empty: the chart's values for asking whether they fit together."""

    address: str | None = None
    """IP address of JupyterHub."""
    page_address: str | None = None
    """The same of a BinderHub's page."""
    registry: str | None = None
    """Host name of a registry made in Azure."""

    @classmethod
    def of(cls, status: Status) -> "Known":
        return cls(status.addresses.hub, status.addresses.page, status.registry.server)


NOTHING = Known()


def deployments(hub: Hub) -> list[str]:
    """What must be available before the hub can answer; the chart's other workloads may lag."""
    front = ["autohttps"] if https.by_letsencrypt(hub.access, hub.values) else []
    return ["hub", "proxy", *front, *(["binder"] if hub.binder else [])]


def label_host(hub: Hub, dns_suffix: str) -> str | None:
    """The name that Azure gives, if it was asked for one."""
    return _given(hub, hub.access.dns_label, dns_suffix)


def _given(hub: Hub, label: str | None, dns_suffix: str) -> str | None:
    return f"{label}.{hub.location}.{dns_suffix}" if label else None


def host(hub: Hub, dns_suffix: str) -> str | None:
    """JupyterHub's name in the DNS, known before it is made; None when it has its address alone."""
    return next(iter(https.own_hosts(hub.access, hub.values)), None) or label_host(hub, dns_suffix)


def must_resolve(hub: Hub, dns_suffix: str) -> tuple[str, ...]:
    """The names that must lead to the load balancer before people, or Let's Encrypt, can reach the hub by them."""
    own, label = https.own_hosts(hub.access, hub.values), label_host(hub, dns_suffix)
    return own or ((label,) if label and https.by_letsencrypt(hub.access, hub.values) else ())


def certificate(hub: Hub) -> str | None:
    """Which of the hub's secrets holds its own certificate."""
    given = hub.access.https.certificate if hub.access.https else None
    return given.name if given else None


@dataclass(frozen=True)
class Reach:
    """Where a hub answers. None of a URL: Azure has still to give the address that would be in it."""

    host: str | None
    """JupyterHub's name in the DNS; None when it has its address alone."""
    hub: str | None
    """JupyterHub's URL: its pages and its API."""
    page: str | None
    """URL of a BinderHub's page, where people name a repository; None of a JupyterHub."""
    opened: str | None
    """The URL that people open: of a BinderHub its page."""
    callback: str | None
    """Where an OAuth provider must send people back to, as it has to be registered there; None without a provider."""


def reach(hub: Hub, dns_suffix: str, known: Known = NOTHING) -> Reach:
    """known: what has been made. The hub's names are known before anything is."""
    scheme = "https" if https.secure(hub.access, hub.values) else "http"
    base = binder.at(binder.inner(hub), "hub").get("baseUrl")
    name = host(hub, dns_suffix)
    hub_url = _url(scheme, name or known.address, base)
    page = _page_url(hub, dns_suffix, known.page_address) if hub.binder else None
    opened = page if hub.binder else hub_url
    return Reach(name, hub_url, page, opened, _callback(hub, _url(scheme, name, base)))


def _page_url(hub: Hub, dns_suffix: str, address: str | None) -> str | None:
    base = binder.at(hub.values, "config", "BinderHub").get("base_url")
    return _url("http", _given(hub, binder.label(hub), dns_suffix) or address, base)


def _url(scheme: str, place: str | None, base: Any) -> str | None:
    path = str("/" if base is None else base).strip("/")
    return f"{scheme}://{place}/{path}".rstrip("/") + "/" if place else None


def _callback(hub: Hub, named: str | None) -> str | None:
    """named: JupyterHub's URL by its name. An address is no place to send people to: it may be another one tomorrow."""
    if not isinstance(hub.auth, logins.Provider):
        return None
    own = binder.at(binder.inner(hub), "hub", "config", hub.auth.section).get("oauth_callback_url")
    return str(own) if own else named and f"{named}hub/oauth_callback"


def shared_password(hub: Hub) -> bool:
    """Whether the hub gets a generated password: the chart's own default would let anyone in."""
    return hub.auth == "shared-password" or (hub.auth is None and not authenticators.existing(binder.inner(hub)))


_TWO_LOGINS = "{place}.hub chooses an authenticator, too; leave one of them out"


def problems(hub: Hub) -> list[Problem]:
    """What keeps the chart from being told: values that contradict each other, or another login than was asked for."""
    try:
        return list(_login_problems(hub))
    except InvalidError as error:
        return list(error.problems)


def _login_problems(hub: Hub) -> Iterator[Problem]:
    """Another login than was asked for, or one that lets everybody in and was not asked for in so many words.

    Raises InvalidError when the values contradict each other.
    """
    place = binder.place(hub)
    if hub.auth == "shared-password" and authenticators.existing(binder.inner(hub)):
        yield wrong("auth", _TWO_LOGINS.format(place=place))
    elif door := open_door(hub, values(hub)):
        yield wrong(f"values.{door.key}", f"{door.why}. {ASK_FOR_IT}", OPEN)


OPEN = "OpenToEverybody"
"""Code of a hub into which everybody would get without having been asked in."""
ASK_FOR_IT = (
    'If everybody is to get in, leave it out and write auth: "none"; '
    "if not, leave it out for a shared password, or set auth"
)


def open_door(hub: Hub, chart_values: Mapping[str, Any]) -> OpenDoor | None:
    """What lets everybody in with these values of the chart, unless the specification asks for it. Its key is below `values`."""
    if hub.auth == "none":
        return None
    if hub.binder:
        return authenticators.open_binder(chart_values)
    return authenticators.open_door(chart_values)


def values(
    hub: Hub, dns_suffix: str = DNS_SUFFIX, tls_secret: str = TLS_SECRET, known: Known = NOTHING
) -> dict[str, Any]:
    """The chart's values, with a Reference in the place of each secret. Raises InvalidError when they contradict each other.

    tls_secret: of the cluster, with the hub's own certificate, when it has one.
    """
    theirs, place = references.in_values(binder.inner(hub)), binder.place(hub)
    if isinstance(hub.auth, logins.Provider) and authenticators.existing(theirs):
        raise invalid([wrong("auth", _TWO_LOGINS.format(place=place))])
    ours = environment.values(hub.environment) if hub.environment else {}
    if twice := environment.said_twice(hub.environment, theirs, place) if hub.environment else []:
        raise invalid(wrong(field, f"{where} says it, too; leave one of them out") for field, where in twice)
    where = reach(hub, dns_suffix, known)
    if hub.binder:
        ours = chart.merge(ours, binder_values.jupyterhub(hub, where.page, known.registry))
    try:
        made = chart.chart_values(
            image=str(hub.image) if hub.image else None,
            dns_label=hub.access.dns_label,
            https=_https(hub, where.host, tls_secret),
            auth=_auth(hub, where.callback),
            user_values=chart.merge(theirs, ours, at="values"),
        )
    except chart.ValuesError as error:
        raise invalid([_moved(error, place)]) from None
    if not hub.binder:
        return made
    try:
        return binder_values.outer(hub, made, where.hub, known.registry)
    except chart.ValuesError as error:
        raise invalid([wrong(error.path, str(error))]) from None


def _https(hub: Hub, name: str | None, tls_secret: str) -> chart.Https | None:
    """None leaves it to `values`."""
    given = hub.access.https
    if given is None or name is None:
        return None
    hosts: Sequence[str] = [name]
    if given.letsencrypt:
        asked = given.letsencrypt
        return chart.Https(hosts, email=asked.email, acme_server=asked.acme_server or "")
    return chart.Https(hosts, "secret", secret=tls_secret)


def _moved(error: chart.ValuesError, place: str) -> Problem:
    """The same complaint about the values where they stand in the specification."""
    return wrong(error.path.replace("values", place, 1), str(error).replace("values", place, 1))


def _auth(hub: Hub, callback: str | None) -> dict[str, Any] | None:
    """hub.config for the chosen way to log in; None leaves it to `values`."""
    if isinstance(hub.auth, logins.Provider):
        return logins.config(hub.auth, callback)
    if authenticators.existing(binder.inner(hub)):
        return None
    if shared_password(hub):
        return chart.shared_password(Reference(names.SHARED_PASSWORD, own=True))
    if hub.auth == "none":
        return chart.made_up_users() if hub.binder else chart.open_to_all()
    return None
