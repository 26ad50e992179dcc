"""What BinderHub's chart is told: its own part, and what JupyterHub's part needs for it. Pure; secrets are references.

Source: the chart's guide, "Set up BinderHub" and "Enabling Authentication". Nodes pull with the same name and password with which
the builders push: the pull secret of JupyterHub's chart, which is put into every pod of a user.
"""

from typing import Any

from shared import references
from shared.hubs.chart import values as chart
from shared.hubs.spec import binder, defaults, registries
from shared.hubs.spec.model import Hub

CLIENT = "service-binderhub"
"""As what BinderHub asks JupyterHub who somebody is; JupyterHub wants such names to begin with service-."""


def jupyterhub(hub: Hub, page: str | None, server: str | None) -> dict[str, Any]:
    """For JupyterHub's chart, below what the user says. page: the page's URL, where it is known. server: the registry's name."""
    registry = hub.registry
    values: dict[str, Any] = {}
    if registry and "imagePullSecret" not in binder.inner(hub):
        values["imagePullSecret"] = {
            "create": True,
            "automaticReferenceInjection": True,
            "registry": registries.server(registry, server),
            "username": registries.username(registry),
            "password": registries.password(registry),
        }
    return chart.merge(values, _login(page)) if binder.logs_in(hub) else values


def _login(page: str | None) -> dict[str, Any]:
    """People log in at JupyterHub, come back to the page, and their servers know whose they are."""
    service: dict[str, Any] = {"oauth_client_id": CLIENT, "oauth_no_confirm": True}
    service |= {"oauth_redirect_uri": f"{page}oauth_callback"} if page else {}
    return {
        "cull": {"users": False},  # the chart deletes users with their servers: right for those that are made up
        "hub": {
            "config": {"BinderSpawner": {"auth_enabled": True}, "JupyterHub": {"redirect_to_server": False}},
            "services": {"binder": service},
            "loadRoles": {"user": {"scopes": ["self", "access:services!service=binder"]}},
        },
        "singleuser": {"cmd": "jupyterhub-singleuser"},  # the chart starts a server that asks nobody who he is
    }


def outer(hub: Hub, inner: dict[str, Any], hub_url: str | None, server: str | None) -> dict[str, Any]:
    """The whole: the user's own values over ours, and JupyterHub's part in its place. hub_url: None while nobody knows it."""
    theirs = {key: references.in_values(value) for key, value in hub.values.items() if key != binder.INNER}
    return chart.merge(theirs, _ours(hub, hub_url, server), at="values") | {binder.INNER: inner}


def _ours(hub: Hub, hub_url: str | None, server: str | None) -> dict[str, Any]:
    registry = hub.registry or registries.AzureRegistry()
    name = registries.server(registry, server)
    main: dict[str, Any] = {
        "use_registry": True,
        "image_prefix": registries.image_prefix(registry, hub.name, server),
        "auth_enabled": binder.logs_in(hub),
        "hub_url": hub_url or "",  # with logins the chart does not render without a text here
    }
    config: dict[str, Any] = {"BinderHub": main}
    if token_url := registries.token_url(registry, server):
        config["DockerRegistry"] = {"token_url": token_url}
    values: dict[str, Any] = {
        "imageBuilderType": defaults.IMAGE_BUILDER,
        "registry": {
            "url": name if name == registries.DOCKER_HUB else f"https://{name}",
            "username": registries.username(registry),
            "password": registries.password(registry),
        },
        "config": config,
    }
    if label := binder.label(hub):
        values["service"] = {"annotations": {chart.DNS_LABEL: label}}
    return values
