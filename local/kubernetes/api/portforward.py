"""Port forwarding into a pod over one WebSocket, as the kubelet does it for sub-protocol v4.channel.k8s.io.

Each port asked for has two channels: data (0, 2, ...) both ways and error (1, 3, ...) towards the client. A message's
first byte is its channel. The first message of every channel says the port, in two bytes, the low one first.
The connection ends when the last of its ports has no connection into the pod any more.

`kubectl port-forward` speaks SPDY, inside a WebSocket or after an upgrade; neither is served.
"""

import asyncio
import contextlib
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope, Send

from local.kubernetes.objects.errors import ApiError, bad_request
from local.kubernetes.objects.store import meta
from local.world import Document

PROTOCOL = "v4.channel.k8s.io"
_CHUNK = 65536


def asked_ports(query: bytes) -> list[int]:
    """The ports that a request names: `ports=1,2` or `ports=1&ports=2`. Raises ApiError 400."""
    texts = parse_qs(query.decode(), keep_blank_values=True).get("ports", [])
    if not texts:
        raise bad_request('query parameter "ports" is required')
    return [_port(text, whole) for whole in texts for text in whole.split(",")]


def _port(text: str, whole: str) -> int:
    if not whole:
        raise bad_request('query parameter "ports" cannot be empty')
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise bad_request(f'unable to parse "{whole}" as a port: strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) < 1:
        raise bad_request(f'port "{text}" must be > 0')
    return int(text)


def agreed_protocol(offered: list[str]) -> str | None:
    """The sub-protocol to speak; None for a client that offers none, which speaks it too. Raises ApiError 403."""
    if not offered:
        return None
    if PROTOCOL not in offered:
        raise ApiError(403, "Forbidden", f"unable to upgrade websocket connection: none of {offered} is spoken here")
    return PROTOCOL


def address_of(pod: Document) -> str:
    """Where the pod's ports are. Raises ApiError while it has no place."""
    name, namespace = meta(pod)["name"], meta(pod)["namespace"]
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    if not pod["status"].get("podIP"):
        raise ApiError(500, "InternalError", f'pod not found ("{name}_{namespace}")')
    return str(pod["status"]["podIP"])


class Forward:
    """One client's connection to some ports of one pod; an ASGI app for it alone."""

    def __init__(self, name: str, address: str, ports: list[int], protocol: str | None) -> None:
        self._name = name
        self._address = address
        self._ports = ports
        self._protocol = protocol
        self._inward: list[asyncio.Future[asyncio.StreamWriter | None]] = []

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": self._protocol})
        with contextlib.suppress(OSError):  # the client is gone
            for place, port in enumerate(self._ports):
                for channel in (2 * place, 2 * place + 1):
                    await _say(send, channel, port.to_bytes(2, "little"))
            await self._serve(receive, send)
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, receive: Receive, send: Send) -> None:
        """Works until no port has a connection any more, or the client goes."""
        loop = asyncio.get_running_loop()
        self._inward = [loop.create_future() for _ in self._ports]
        outward = asyncio.gather(*(self._forward(place, port, send) for place, port in enumerate(self._ports)))
        inward = asyncio.create_task(self._take(receive))
        try:
            await asyncio.wait((outward, inward), return_when=asyncio.FIRST_COMPLETED)
        finally:
            outward.cancel()
            inward.cancel()
            await asyncio.gather(outward, inward, return_exceptions=True)

    async def _forward(self, place: int, port: int, send: Send) -> None:
        """What the pod says on one port, to the client; why it cannot be reached, on the error channel."""
        writer = None
        try:
            reader, writer = await asyncio.open_connection(self._address, port)
            self._inward[place].set_result(writer)
            while data := await reader.read(_CHUNK):
                await _say(send, 2 * place, data)
        except OSError as error:
            if writer is None:
                self._inward[place].set_result(None)
            with contextlib.suppress(OSError):
                await _say(send, 2 * place + 1, self._trouble(port, error).encode())
        finally:
            if writer is not None:
                writer.close()

    def _trouble(self, port: int, error: OSError) -> str:
        """In containerd's words."""
        why = "connect: connection refused" if isinstance(error, ConnectionRefusedError) else str(error.strerror)
        return (
            f"error forwarding port {port} to pod {self._name}, uid : failed to execute portforward in network namespace: "
            f'failed to connect to localhost:{port} inside namespace "{self._name}", '
            f"IPv4: dial tcp4 127.0.0.1:{port}: {why}"
        )

    async def _take(self, receive: Receive) -> None:
        """What the client says, to the pod. One that cannot take more holds up the other ports too, as it does there."""
        while (message := await receive())["type"] == "websocket.receive":
            data = _binary(message)
            place, error = divmod(data[0], 2) if data else (len(self._ports), 0)
            if error or place >= len(self._ports):
                continue
            writer = await asyncio.shield(self._inward[place])
            if writer is None or writer.is_closing():
                continue
            with contextlib.suppress(OSError):  # the pod has gone; its reader says so
                writer.write(data[1:])
                await writer.drain()


def _binary(message: Message) -> bytes:
    return message.get("bytes") or (message.get("text") or "").encode()


async def _say(send: Send, channel: int, data: bytes) -> None:
    await send({"type": "websocket.send", "bytes": bytes([channel]) + data})
