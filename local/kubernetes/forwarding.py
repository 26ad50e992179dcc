"""Real TCP in front of services: what kube-proxy and Azure's load balancer do for packets, for connections."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass

type Address = tuple[str, int]
type Targets = Callable[[], list[Address]]

_CHUNK = 65536


@dataclass(frozen=True)
class Listener:
    """Connections to `address` go to one of what `targets` gives at that moment."""

    address: Address
    targets: Targets


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class _Forwarder:
    """One listening address."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self, address: Address) -> None:
        """Raises OSError when nothing can listen there."""
        self._server = await asyncio.start_server(self._accept, *address)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            await self._join(reader, writer)
        finally:
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Joins the connection to a pod; without one that answers, it is closed again."""
        targets = self.targets()
        start = next(self._turn)
        for place in range(len(targets)):
            try:
                inner = await asyncio.open_connection(*targets[(start + place) % len(targets)])
            except OSError:
                continue
            try:
                await asyncio.gather(_pump(reader, inner[1]), _pump(inner[0], writer))
            finally:
                inner[1].close()
            return

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)


class Forwarding:
    """All listening addresses of one cluster."""

    def __init__(self) -> None:
        self._open: dict[Address, _Forwarder] = {}
        self.refused: dict[Address, str] = {}
        """Addresses that nothing can listen on, and why."""

    async def follow(self, wanted: list[Listener]) -> None:
        """Opens and closes addresses until exactly the wanted ones are open, as far as the machine allows."""
        addresses = {one.address for one in wanted}
        for address in [address for address in self._open if address not in addresses]:
            await self._open.pop(address).close()
        self.refused = {address: why for address, why in self.refused.items() if address in addresses}
        for one in wanted:
            known = self._open.get(one.address)
            if known is not None:
                known.targets = one.targets
            elif one.address not in self.refused:
                await self._start(one)

    async def _start(self, wanted: Listener) -> None:
        forwarder = _Forwarder(wanted.targets)
        try:
            await forwarder.open(wanted.address)
        except OSError as error:
            host, port = wanted.address
            self.refused[wanted.address] = f"cannot listen on {host}:{port}: {error.strerror or error}"
        else:
            self._open[wanted.address] = forwarder

    async def close(self) -> None:
        await self.follow([])
