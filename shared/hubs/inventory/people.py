"""Who uses a hub, asked of the hub itself."""

from typing import TYPE_CHECKING, Any

from shared.clock import wire_time
from shared.errors import NotFoundError
from shared.hubs import ownership
from shared.hubs.chart import values as chart_values
from shared.hubs.store import HubRecord
from shared.kubernetes import tunnel, workloads
from shared.kubernetes.errors import JUPYTERHUB
from shared.services import Services

if TYPE_CHECKING:
    from shared.kubernetes.jupyterhub import HubUser, JupyterHub, Server

SECRET = "hub"  # noqa: S105 - the name of the chart's Secret


def hub_client(services: Services, hub: HubRecord) -> "JupyterHub":
    """JupyterHub's API with the token that the chart made. Raises OutsideError.

    Where people open the hub over https, so do we. The token of any other is not for the public network: it goes through
    the cluster's API server, over TLS.
    """
    spec = hub.spec
    url = hub.status.urls.hub
    if url is None:
        raise NotFoundError(JUPYTERHUB, "UrlNotKnown", f"Hub {hub.name} has not answered at any address yet.")
    kubeconfig = ownership.kubeconfig(services, hub)
    with services.kubernetes(kubeconfig) as kubernetes:
        secret = workloads.secret(kubernetes, spec.release.namespace, SECRET) or {}
        token = secret.get(chart_values.TOKEN_KEY)
        if token is None:
            raise NotFoundError(
                JUPYTERHUB, "TokenNotFound", f"Secret {SECRET} of {spec.release.namespace} has no service token."
            )
        secure = url.startswith("https://")
        way = None if secure else tunnel.to_hub(kubernetes, spec.release.namespace, spec.release.name)
    return services.jupyterhub(url, token.decode(), way)


def shown(users: "list[HubUser]", url: str) -> dict[str, Any]:
    """Those with a server first, each group by name. url: of the hub; a server's address begins with its origin."""
    ordered = sorted(users, key=lambda user: (not user.servers, user.name))
    return {
        "loggedIn": sum(bool(user.servers) for user in users),
        "users": [
            {
                "name": user.name,
                "admin": user.admin,
                "lastActivity": wire_time(user.last_activity),
                "servers": [_server(server, url) for server in user.servers],
            }
            for user in ordered
        ],
    }


def _server(server: "Server", url: str) -> dict[str, Any]:
    from urllib.parse import urljoin

    return {
        "name": server.name,
        "ready": server.ready,
        "pending": server.pending,
        "started": wire_time(server.started),
        "lastActivity": wire_time(server.last_activity),
        "url": urljoin(url, server.url),
    }
