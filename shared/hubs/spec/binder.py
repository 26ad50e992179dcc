"""What is different about a BinderHub, and what a specification of one may not say. Pure.

A BinderHub is a JupyterHub with a page before it: people name a repository there, an image is built of it and pushed to a registry,
and JupyterHub starts a server of that image. The chart holds JupyterHub's chart, whose values stand under `jupyterhub`.
Source: the chart's values.yaml and guide ("Enabling Authentication", "Set up BinderHub").
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.problem import Problem, wrong

INNER = "jupyterhub"
"""Where the values of JupyterHub's chart stand in those of BinderHub's."""
LABEL_SUFFIX = "-binder"
OPEN = "null"
"""The authenticator that lets people in as users who are made up for them."""


def inner(hub: Hub) -> Mapping[str, Any]:
    """The user's values for JupyterHub's chart."""
    return at(hub.values, INNER) if hub.binder else hub.values


def place(hub: Hub) -> str:
    """Where they stand in the specification."""
    return f"values.{INNER}" if hub.binder else "values"


def at(document: Any, *path: str) -> dict[str, Any]:
    """The object at this path; an empty one when something else is there."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return dict(document) if isinstance(document, Mapping) else {}


def label(hub: Hub) -> str | None:
    """The DNS label of the page; None when it has its address alone."""
    if not hub.binder:
        return None
    own = hub.access.binder_label
    return own or (f"{hub.access.dns_label}{LABEL_SUFFIX}" if hub.access.dns_label else None)


def logs_in(hub: Hub) -> bool:
    """Whether people log in before they build and launch."""
    return hub.auth != "none"


def own_hub_url(hub: Hub) -> str | None:
    """Where the user's values say that JupyterHub is: behind a host name of one's own."""
    found = at(hub.values, "config", "BinderHub").get("hub_url")
    return str(found) if found else None


def needs_addresses(hub: Hub) -> bool:
    """Whether the chart's values depend on an address that Azure gives after the first install.

    BinderHub sends people to JupyterHub, and JupyterHub sends them back after they have logged in.
    """
    unknown_hub = not hub.access.dns_label and not own_hub_url(hub)
    return hub.binder and (unknown_hub or (logs_in(hub) and label(hub) is None))


def problems(hub: Hub) -> Iterator[Problem]:
    if hub.release.chart != hub.flavor:
        yield wrong("release.chart", f"follows from flavor, and is {hub.flavor} for this one: leave it out")
    if not hub.binder:
        yield from _jupyterhub(hub)
        return
    yield from _users(hub)
    yield from _labels(hub)
    yield from _own_names(hub)
    yield from _values(hub)
    yield from _open_doors(hub)


def _jupyterhub(hub: Hub) -> Iterator[Problem]:
    if hub.registry is not None:
        yield wrong("registry", "a JupyterHub builds no images: leave registry out, or set flavor to binderhub")
    if hub.access.binder_label is not None:
        yield wrong("access.binderLabel", "is the name of a BinderHub's page: leave it out, or set flavor to binderhub")


_FROM_REPOSITORY = (
    "a BinderHub builds the image of each repository: write it into the repository (environment.yml, requirements.txt)"
)


def _users(hub: Hub) -> Iterator[Problem]:
    if hub.image is not None:
        yield wrong(
            "image", "a BinderHub builds the image of each repository, and has none of its own: leave image out"
        )
    if hub.environment is None:
        return
    for field in ("packages", "conda"):
        if getattr(hub.environment, field):
            yield wrong(f"environment.{field}", _FROM_REPOSITORY)
    if hub.environment.profiles:
        yield wrong(
            "environment.profiles", "people of a BinderHub choose a repository, not a profile: leave profiles out"
        )
    if hub.environment.storage:
        yield wrong(
            "environment.storage",
            "servers of a BinderHub have no homes: what is in them ends with them. Leave storage out",
        )


def _labels(hub: Hub) -> Iterator[Problem]:
    page = label(hub)
    if page and page == hub.access.dns_label:
        yield wrong("access.binderLabel", "must differ from dnsLabel: JupyterHub and the page have an address each")
    if page and len(page) > 63:
        yield wrong(
            "access.binderLabel",
            f"would be {page!r}, and a DNS label has at most 63 characters: set one that is shorter",
        )


_NO_HTTPS = (
    "is not supported for a BinderHub yet, whose page would stay at plain http: leave it out, and put something of yours that ends "
    "TLS before both addresses if need be"
)


def _own_names(hub: Hub) -> Iterator[Problem]:
    given = {"host": hub.access.host, "dnsZone": hub.access.dns_zone, "https": hub.access.https}
    for field, value in given.items():
        if value is not None:
            yield wrong(f"access.{field}", _NO_HTTPS)
    if at(inner(hub), "proxy", "https").get("enabled"):
        yield wrong(f"{place(hub)}.proxy.https.enabled", _NO_HTTPS)


_JUPYTERHUBS = ("hub", "proxy", "singleuser", "scheduling", "prePuller", "cull", "imagePullSecret", "imagePullSecrets")


def _values(hub: Hub) -> Iterator[Problem]:
    values = hub.values
    for key in _JUPYTERHUBS:
        if key in values:
            yield wrong(
                f"values.{key}", f"belongs to JupyterHub's chart: in BinderHub's it stands under values.{INNER}.{key}"
            )
    config = values.get("config")
    main = config.get("BinderHub") if isinstance(config, Mapping) else None
    for field, value in ((INNER, values.get(INNER)), ("config", config), ("config.BinderHub", main)):
        if value is not None and not isinstance(value, Mapping):
            yield wrong(f"values.{field}", "must be an object")
    if "registry" in values:
        yield wrong("values.registry", "is made from the hub's own field registry: say it there")
    if values.get("imageBuilderType") == "host":
        yield wrong(
            "values.imageBuilderType",
            "host builds with the node's Docker, which AKS' nodes do not have: leave it out (dind), or set pink",
        )
    if at(values, "config", "BinderHub").get("use_registry") is False:
        yield wrong(
            "values.config.BinderHub.use_registry",
            "without a registry an image is on the one node that built it, and servers on others do not start: leave it out",
        )


def _open_doors(hub: Hub) -> Iterator[Problem]:
    """Open to everybody is a BinderHub only when the specification says so in so many words."""
    chosen = at(inner(hub), "hub", "config", "JupyterHub").get("authenticator_class")
    where = f"values.{INNER}.hub.config"
    doors = {
        "values.config.BinderHub.auth_enabled": at(hub.values, "config", "BinderHub").get("auth_enabled"),
        f"{where}.BinderSpawner.auth_enabled": at(inner(hub), "hub", "config", "BinderSpawner").get("auth_enabled"),
    }
    if not logs_in(hub):
        if chosen not in (None, OPEN):
            yield wrong("auth", f"none lets everybody in, and {where} chooses an authenticator: leave one of them out")
        for field, value in doors.items():
            if value is True:
                yield wrong(field, 'asks people to log in, and auth "none" does not: leave one of them out')
        return
    if chosen == OPEN:
        yield wrong(
            f"{where}.JupyterHub.authenticator_class",
            'lets everybody in who finds the address; if that is meant, leave it out and write auth: "none"',
        )
    for field, value in doors.items():
        if value is False:
            yield wrong(field, 'opens the hub to everybody; if that is meant, leave it out and write auth: "none"')


def warnings(hub: Hub) -> list[str]:
    if not hub.binder:
        return []
    found = ["Servers of a BinderHub have no homes: what people do in them is gone when they end. Say so to them."]
    if hub.auth == "none":
        found.append(
            "auth is none: anyone who finds the address can have code of any repository built and run, at your cost. That is "
            "BinderHub's own default; leave auth out for a shared password, or name a provider."
        )
    if needs_addresses(hub):
        found.append(
            "Without access.dnsLabel the chart is installed twice, the second time with the addresses that Azure gave the first "
            "time; and a link to the hub names an address that ends with it."
        )
    if not isinstance(hub.registry, AzureRegistry):
        found.append("The images in a registry that is brought along stay there when the hub is torn down.")
    return found
