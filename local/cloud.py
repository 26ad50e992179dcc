"""The local cloud's one process: Azure, Kubernetes, prices, charts and the control endpoint on one event loop."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from local.azure.directory import Directory
from local.azure.graph import Graph
from local.azure.identity import Identity
from local.azure.keyvault import KeyVault
from local.azure.prices import Prices
from local.azure.tokens import Tokens
from local.control import Control
from local.faults import CallLog, Faults
from local.ports import Ports
from local.server import Authority, Gate, serving
from local.world import World

_SETTLE = 0.03
"""Real seconds between two looks at what the passing of time has changed."""
_LOG = logging.getLogger(__name__)

type Settle = Callable[[], Awaitable[None]]


async def run(state: Path, offset: int) -> None:
    """Serves everything until it is cancelled, told to by the control endpoint, or gets SIGTERM or SIGINT.

    `state` keeps the world, the certificates (tls/) and the log (cloud.log). Raises OSError when a port is taken.
    """
    stopping = asyncio.Event()
    with _logging_to(state), _signals(stopping):
        world = World(state, Ports(offset))
        try:
            async with _everything(world, stopping.set) as settles:
                settling = asyncio.create_task(_settle(settles))
                try:
                    await stopping.wait()
                finally:
                    settling.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await settling
        finally:
            world.close()


@contextlib.asynccontextmanager
async def _everything(world: World, stop: Callable[[], None]) -> AsyncIterator[list[Settle]]:
    """All parts, built and serving; the control endpoint last, so that who sees it answer finds the others there."""
    from local.azure.arm.app import Arm
    from local.charts.repository import Charts
    from local.kubernetes.clusters import Clusters

    faults, log = Faults(), CallLog()
    authority = Authority(world.state / "tls")
    tls = authority.issue("127.0.0.1", "localhost")

    def gate(app: ASGIApp, service: str) -> ASGIApp:
        return Gate(app, service, world.clock, faults, log)

    directory, tokens = Directory(world), Tokens(world)
    clusters = Clusters(world, authority, gate)
    arm = Arm(world, directory, clusters, tokens)
    clusters.refusal = arm.balancer_refusal
    secured: dict[str, tuple[ASGIApp, int]] = {
        Arm.service: (arm.app, world.ports.arm),
        Graph.service: (Graph(world, directory, tokens).app, world.ports.graph),
        KeyVault.service: (KeyVault(world, tokens).app, world.ports.keyvault),
        Prices.service: (Prices(world).app, world.ports.prices),
    }
    plain: dict[str, tuple[ASGIApp, int]] = {
        Identity.service: (Identity(world, tokens).app, world.ports.identity),
        Charts.service: (Charts(world).app, world.ports.charts),
    }
    servers: list[uvicorn.Server] = []
    async with contextlib.AsyncExitStack() as stack:
        await clusters.open()
        stack.push_async_callback(clusters.close)
        stack.push_async_callback(arm.close)
        for service, (app, port) in secured.items():
            servers.append(await stack.enter_async_context(serving(gate(app, service), port, tls=tls)))
        for service, (app, port) in plain.items():
            servers.append(await stack.enter_async_context(serving(gate(app, service), port)))
        control = Control(world, faults, log, stop).app
        servers.append(await stack.enter_async_context(serving(control, world.ports.control)))
        try:
            yield [arm.settle, clusters.settle]
        finally:
            for server in servers:  # told together, they end together
                server.should_exit = True


async def _settle(settles: list[Settle]) -> None:
    """Lets time take effect, for ever; a part that fails is tried again, and its failure is written down once."""
    failures = ["" for _ in settles]
    while True:
        for number, settle in enumerate(settles):
            try:
                await settle()
            except Exception as error:
                if repr(error) != failures[number]:
                    _LOG.exception("settling failed")
                failures[number] = repr(error)
            else:
                failures[number] = ""
        await asyncio.sleep(_SETTLE)


@contextlib.contextmanager
def _logging_to(state: Path) -> Iterator[None]:
    """Everything that the local cloud's modules log goes to STATE/cloud.log."""
    state.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(state / "cloud.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("local")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
