"""A person's server, as JupyterHub and the cluster know it."""

import base64
from pathlib import Path

from tests.cloud import Answer, call, wait_until
from tests.jupyterhub import log_in
from tests.stories.conftest import tool


def server_of(name: str, url: str, credentials: Path) -> str:
    """Logs a person in, starts the server, and says which pod that is."""
    assert log_in(url.rstrip("/"), name, "any").endswith("/hub/home")
    assert asked(url, credentials, "POST", f"users/{name}/server").status in (201, 202)

    def ready() -> bool:
        return bool(asked(url, credentials, "GET", f"users/{name}").json["servers"].get("", {}).get("ready"))

    wait_until(ready, 60, "the person's server")
    return server(credentials, name)


def asked(url: str, credentials: Path, method: str, path: str) -> Answer:
    """What the hub's API answers Hubkeeper's own token."""
    key = "{.data.hub\\.services\\.hubkeeper\\.apiToken}"
    encoded = tool(credentials, "kubectl", "get", "secret", "hub", "-n", "jhub", "-o", f"jsonpath={key}")
    return call(
        method, f"{url}hub/api/{path}", headers={"authorization": f"token {base64.b64decode(encoded).decode()}"}
    )


def server(credentials: Path, name: str) -> str:
    """The pod of a person's server: who it is, and since when it has run without a restart."""
    fields = "{.metadata.uid} {.status.startTime} {.status.containerStatuses[0].restartCount} {.status.phase}"
    return tool(credentials, "kubectl", "get", "pod", f"jupyter-{name}", "-n", "jhub", "-o", f"jsonpath={fields}")
