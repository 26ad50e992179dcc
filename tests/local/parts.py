"""Serves parts of the local cloud from a thread, so that the official clients can be pointed at them."""

import asyncio
import atexit
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

from starlette.types import ASGIApp

from local.server import Authority, serving
from local.world import World
from tests.cloud import free_ports

_UNTIL_EXIT = ExitStack()
PORTS = _UNTIL_EXIT.enter_context(free_ports(14_000))
"""Of this process, whose tests run one after the other."""
atexit.register(_UNTIL_EXIT.close)


@contextmanager
def served(world: World, tls: Mapping[int, ASGIApp], plain: Mapping[int, ASGIApp]) -> Iterator[Path]:
    """Apps by port. Yields the path of the certificate authority that clients must trust."""
    authority = Authority(world.state / "tls")
    issued = authority.issue("127.0.0.1")
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    failures: list[BaseException] = []

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(serving(app, port, tls=issued)) for port, app in tls.items()]
            servers += [await stack.enter_async_context(serving(app, port)) for port, app in plain.items()]
            started.set()
            await stop.wait()
            for connection in [one for server in servers for one in server.server_state.connections]:
                connection.transport.abort()  # the key vault client leaves its connection open

    def work() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as failure:  # noqa: BLE001 - handed to the test below
            failures.append(failure)
        finally:
            started.set()

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    try:
        if failures:
            raise failures[0]
        yield authority.certificate
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
