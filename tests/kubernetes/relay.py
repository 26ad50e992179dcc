"""A cluster whose only service is to forward ports to this machine: what stands in for an API server where none is tested."""

import socket
from typing import Any
from urllib.parse import urlsplit

from websocket import ABNF, WebSocketConnectionClosedException, WebSocketTimeoutException

from shared.kubernetes.jupyterhub import JupyterHub
from shared.kubernetes.tunnel import Tunnel


class Relay:
    """The client's end of a WebSocket that forwards one port, as the API server would serve it."""

    def __init__(self, port: int) -> None:
        self._pod = socket.create_connection(("127.0.0.1", port))
        told = port.to_bytes(2, "little")
        self._first = [b"\0" + told, b"\1" + told]
        self.closed = False

    def settimeout(self, seconds: float | None) -> None:
        self._pod.settimeout(seconds)

    def send_binary(self, data: bytes) -> None:
        assert data[0] == 0
        self._pod.sendall(data[1:])

    def recv_data(self) -> tuple[int, bytes]:
        if self._first:
            return ABNF.OPCODE_BINARY, self._first.pop(0)
        try:
            data = self._pod.recv(7)  # small, so that every answer comes in pieces
        except TimeoutError as error:
            raise WebSocketTimeoutException(str(error)) from None
        except OSError as error:
            raise WebSocketConnectionClosedException(str(error)) from None
        return (ABNF.OPCODE_BINARY, b"\0" + data) if data else (ABNF.OPCODE_CLOSE, b"")

    def close(self, timeout: float) -> None:
        """As the real one: after a close from the other side it does nothing."""

    def shutdown(self) -> None:
        self.closed = True
        self._pod.close()


class Forwarding:
    """The part of client.Kubernetes that a tunnel uses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.relays: list[Relay] = []

    def websocket(self, path: str, protocol: str) -> Any:
        self.asked.append((path, protocol))
        self.relays.append(Relay(int(path.rpartition("=")[2])))
        return self.relays[-1]


def tunnel_to(url: str) -> Tunnel:
    """Past whatever stands in front of it, to the port that the URL names."""
    cluster: Any = Forwarding()
    return Tunnel(cluster, "jhub", "hub-1", urlsplit(url).port or 80)


def hub_behind(url: str, token: str) -> JupyterHub:
    return JupyterHub(url, token, tunnel_to(url))
