"""Users' servers: real JupyterLab, at home in the folder of the user's claim."""

import os
import sys
from pathlib import Path

from local.kubernetes.node.runtime import PodContext, Process
from local.kubernetes.workloads import environment, hooks, probes
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.process import SupervisedProcess
from local.world import Document

HOME = "/home/jovyan"
ACTIVITY_INTERVAL = 10
"""Real seconds between two reports of activity to the hub (300 in JupyterHub): virtual time may run fast."""


class SingleuserRuntime:
    """The `notebook` containers that KubeSpawner makes, whatever image they name.

    `clock` is the file of the local cloud's clock.
    """

    def __init__(self, clock: Path | None = None) -> None:
        self._clock = clock

    def handles(self, pod: Document, container: Document) -> bool:
        return environment.component(pod) == "singleuser-server" and container["name"] == "notebook"

    async def start(self, context: PodContext) -> Process:
        root = Root(context)
        root.build()
        home = root.path(HOME).resolve()
        variables = environment.variables(context, root, home, self._clock)
        variables["JUPYTERHUB_ACTIVITY_INTERVAL"] = str(ACTIVITY_INTERVAL)
        log = context.directory / f"{context.container['name']}.log"
        process = await SupervisedProcess.start(
            [sys.executable, "-m", "jupyterhub.singleuser", *_options(context, root)],
            environment=variables,
            folder=home,
            log=log,
            probe=lambda: probes.is_ready(context.ip, context.container),
        )
        await hooks.post_start(context, root, variables, log)
        return process


def _options(context: PodContext, root: Root) -> list[str]:
    """What follows the name of the program; images have start scripts of many names, so that one is not looked at."""
    options = environment.expanded(context, root)[1:]
    return [*options, "--allow-root"] if os.geteuid() == 0 else options
