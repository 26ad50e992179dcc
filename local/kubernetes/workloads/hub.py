"""The hub: a real JupyterHub, configured by the chart's own files."""

import sys
from pathlib import Path

from local.kubernetes.node.runtime import PodContext, Process
from local.kubernetes.workloads import environment, probes
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.process import SupervisedProcess
from local.world import Document

NAMES = "/usr/local/etc/jupyterhub/config"
"""Where the charts mount the full names of their objects."""

ACTIVITY_INTERVAL = 5
"""Real seconds between two questions to the proxy about who is active: short, since virtual time may run fast."""


class HubRuntime:
    """Containers of the hub's pod that run the command `jupyterhub`; `clock` is the file of the local cloud's clock."""

    def __init__(self, clock: Path | None = None) -> None:
        self._clock = clock

    def handles(self, pod: Document, container: Document) -> bool:
        words = [*(container.get("command") or []), *(container.get("args") or [])]
        return environment.component(pod) == "hub" and words[:1] == ["jupyterhub"]

    async def start(self, context: PodContext) -> Process:
        root = Root(context)
        root.build()
        return await SupervisedProcess.start(
            [sys.executable, "-m", "jupyterhub", *environment.expanded(context, root)[1:], *_options(context, root)],
            environment=environment.variables(context, root, root.path("/home/jovyan"), self._clock),
            folder=root.path("/srv/jupyterhub"),
            log=context.directory / f"{context.container['name']}.log",
            probe=lambda: probes.is_ready(context.ip, context.container),
        )


def _options(context: PodContext, root: Root) -> list[str]:
    """Options, stronger than the configuration file: addresses in the place of names that only a cluster knows."""
    port = probes.port_number(context.container, None)
    return [
        f"--JupyterHub.hub_bind_url=http://{context.ip}:{port}",
        f"--JupyterHub.hub_connect_url=http://{_service(context, root, 'hub')}",
        f"--ConfigurableHTTPProxy.api_url=http://{_service(context, root, 'proxy-api')}",
        f"--JupyterHub.last_activity_interval={ACTIVITY_INTERVAL}",
    ]


def _service(context: PodContext, root: Root, name: str) -> str:
    """Address and port of one of the chart's services, whatever it is called in full."""
    file = root.path(NAMES) / name
    full = file.read_text() if file.is_file() else name
    variable = full.upper().replace("-", "_")
    return f"{context.environment[f'{variable}_SERVICE_HOST']}:{context.environment[f'{variable}_SERVICE_PORT']}"
