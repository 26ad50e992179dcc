"""BinderHub: not the program itself, which needs a Docker to build with, but one that reads its configuration and answers."""

import sys
from pathlib import Path

from local.kubernetes.node.runtime import PodContext, Process
from local.kubernetes.workloads import environment, probes
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.process import SupervisedProcess
from local.world import Document

DOCKER = "/root/.docker"
"""Where the chart mounts the login to the registry."""


class BinderRuntime:
    """The container `binder` of BinderHub's pod; `clock` is the file of the local cloud's clock."""

    def __init__(self, clock: Path | None = None) -> None:
        self._clock = clock

    def handles(self, pod: Document, container: Document) -> bool:
        return environment.component(pod) == "binder" and container["name"] == "binder"

    async def start(self, context: PodContext) -> Process:
        root = Root(context)
        root.build()
        port = probes.port_number(context.container, "binder")
        own = ["--docker", str(root.path(DOCKER)), "--ip", context.ip, "--port", str(port)]
        return await SupervisedProcess.start(
            [sys.executable, str(environment.INSIDE / "binder.py"), *environment.expanded(context, root), *own],
            environment=environment.variables(context, root, root.path("/home/jovyan"), self._clock),
            folder=root.folder,
            log=context.directory / f"{context.container['name']}.log",
            probe=lambda: probes.is_ready(context.ip, context.container),
        )
