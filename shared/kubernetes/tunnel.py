"""HTTP to a port of a pod, through a port forward of the cluster's API server: TLS all the way, nothing in public.

The service proxy (`.../services/hub:8081/proxy/`) would be less work, but the API server removes the Authorization header
of what it has authenticated (kubernetes/kubernetes#38775), and JupyterHub takes its token from that header alone.

The protocol is spoken here, over websocket-client, which comes with the official client. The client's own
`stream.portforward` wants certificates as files while it connects and the generated CoreV1Api (0.6 s to import), has no
time limits, and moves the bytes in a thread whose failures nobody sees.
"""

import io
from typing import TYPE_CHECKING

from shared.errors import NotFoundError, TemporaryError
from shared.kubernetes.client import Json, Kubernetes
from shared.kubernetes.errors import KUBERNETES
from shared.kubernetes.paths import resource

if TYPE_CHECKING:
    from collections.abc import Buffer

    from requests.adapters import HTTPAdapter
    from websocket import WebSocket

HUB_PORT = 8081
"""Where the hub listens in every release of the chart."""
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
"""Channels of the only port; a message's first byte."""


class Tunnel:
    """The way to one port of one pod. Each request makes a connection of its own and closes it."""

    def __init__(self, cluster: Kubernetes, namespace: str, pod: str, port: int) -> None:
        self._cluster = cluster
        self._pod, self._port = pod, port
        self._path = f"{resource('pods', namespace, pod)}/portforward?ports={port}"
        self.origin = f"http://{pod}:{port}"
        """The beginning of URLs through it: a name that leads nowhere without it."""

    def __repr__(self) -> str:
        return f"Tunnel({self.origin!r})"

    def connect(self) -> "Stream":
        """Raises OutsideError; TemporaryError when the pod is gone: its successor is found by whoever makes a new tunnel."""
        try:
            return Stream(self._cluster.websocket(self._path, _PROTOCOL))
        except NotFoundError as error:
            raise TemporaryError(KUBERNETES, "PodGone", error.message) from None

    def adapter(self) -> "HTTPAdapter":
        """To mount in a session of `requests`; whatever the address of a request is, it goes through the tunnel."""
        from requests.adapters import HTTPAdapter
        from urllib3 import HTTPConnectionPool
        from urllib3.connection import HTTPConnection

        tunnel = self

        class Connection(HTTPConnection):
            def _new_conn(self) -> "Stream":  # type: ignore[override]  # of a socket it has what is used
                return tunnel.connect()

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        class Adapter(HTTPAdapter):
            def __init__(self) -> None:
                super().__init__()
                self._pool = Pool(tunnel._pod, tunnel._port)

            def get_connection_with_tls_context(self, *_: object, **__: object) -> HTTPConnectionPool:
                return self._pool  # never a proxy of the environment's

            def close(self) -> None:
                self._pool.close()
                super().close()

        return Adapter()


class Stream:
    """A forwarded connection: as much of a socket as an HTTP client needs, for one request and its answer."""

    def __init__(self, websocket: "WebSocket") -> None:
        self._websocket = websocket
        self._left = b""
        self._opened: set[int] = set()
        self._users = 1
        self._closed = False
        self._ended = False

    def settimeout(self, seconds: float | None) -> None:
        self._websocket.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        """Raises OSError."""
        from websocket import WebSocketException

        try:
            self._websocket.send_binary(bytes([_DATA]) + data)
        except WebSocketException as error:
            raise _broken(error) from None

    def makefile(self, *_: object) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """The connection stays for a file made of it that is still open, as a socket's does."""
        if not self._closed:
            self._closed = True
            self.release()

    def release(self) -> None:
        self._users -= 1
        if not self._users:
            # It says goodbye, and waits for no answer; after the other side's goodbye it does nothing.
            self._websocket.close(timeout=0)
            self._websocket.shutdown()  # type: ignore[no-untyped-call]  # theirs

    def read(self, size: int) -> bytes:
        """Empty at the end. Raises OSError when the tunnel breaks, TemporaryError when its far end cannot reach the port."""
        self._left = self._left or self._next()
        data, self._left = self._left[:size], self._left[size:]
        return data

    def _next(self) -> bytes:
        """The next data; empty at the end."""
        while (message := self._message()) is not None:
            channel, data = message[0], message[1:]
            if channel not in self._opened:  # its first message says the port
                self._opened.add(channel)
            elif channel == _ERROR and data:
                raise TemporaryError(KUBERNETES, "PortForwardFailed", data.decode(errors="replace"))
            elif channel == _DATA and data:
                return data
        return b""

    def _message(self) -> bytes | None:
        """The next message with its channel; None at the end."""
        from websocket import ABNF, WebSocketException

        try:
            while not self._ended:
                kind, data = self._websocket.recv_data()
                if kind == ABNF.OPCODE_CLOSE:
                    self._ended = True
                elif data:
                    return bytes(data)
        except WebSocketException as error:
            raise _broken(error) from None
        return None


class _Reader(io.RawIOBase):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.release()
        super().close()


def _broken(error: Exception) -> OSError:
    from websocket import WebSocketTimeoutException

    kind = TimeoutError if isinstance(error, WebSocketTimeoutException) else ConnectionError
    return kind(f"the port forward broke: {error}")


def to_hub(cluster: Kubernetes, namespace: str, release: str) -> Tunnel:
    """A tunnel to the hub of a release. Raises TemporaryError while its pod is not ready."""
    found = cluster.list(resource("pods", namespace), labels=f"component=hub,release={release}")
    ready = [pod["metadata"]["name"] for pod in found if _serves(pod)]
    if not ready:
        raise TemporaryError(KUBERNETES, "HubNotReady", f"no pod of the hub is ready in the namespace {namespace}")
    return Tunnel(cluster, namespace, ready[0], HUB_PORT)


def _serves(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")
