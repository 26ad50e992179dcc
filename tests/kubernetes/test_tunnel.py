"""HTTP through a forwarded port: framing, failures, and that a token is never sent where it can be read."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from websocket import ABNF, WebSocketConnectionClosedException, WebSocketTimeoutException

from shared.errors import NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.kubernetes.jupyterhub import JupyterHub
from shared.kubernetes.tunnel import Stream, Tunnel, to_hub
from tests.kubernetes.relay import Forwarding, tunnel_to

TOKEN = "tok-en-of-the-service"
PORT = b"\x91\x1f"
"""8081 in two bytes, the low one first."""
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n" + b'{"version":"5"}'


class Wire:
    """A WebSocket that says what a test wants: data of messages, a close (None), or an exception."""

    def __init__(self, *says: bytes | Exception | None, refuses: Exception | None = None) -> None:
        self._says = list(says)
        self._refuses = refuses
        self.sent = b""
        self.closed = 0
        self.limits: list[float | None] = []

    def settimeout(self, seconds: float | None) -> None:
        self.limits.append(seconds)

    def send_binary(self, data: bytes) -> None:
        if self._refuses:
            raise self._refuses
        assert data[:1] == b"\0"
        self.sent += data[1:]

    def recv_data(self) -> tuple[int, bytes]:
        said = self._says.pop(0)
        if isinstance(said, Exception):
            raise said
        return (ABNF.OPCODE_CLOSE, b"\x03\xe8") if said is None else (ABNF.OPCODE_BINARY, said)

    def close(self, timeout: float) -> None:
        assert timeout == 0

    def shutdown(self) -> None:
        self.closed += 1


class Cluster:
    def __init__(self, wire: Wire | OutsideError) -> None:
        self._wire = wire
        self.asked: list[tuple[str, str]] = []

    def websocket(self, path: str, protocol: str) -> Wire:
        self.asked.append((path, protocol))
        if isinstance(self._wire, OutsideError):
            raise self._wire
        return self._wire


def stream(*says: bytes | Exception | None) -> Stream:
    wire: Any = Wire(*says)
    return Stream(wire)


def hub_over(wire: Wire | OutsideError, url: str = "http://20.1.2.3/") -> JupyterHub:
    cluster: Any = Cluster(wire)
    return JupyterHub(url, TOKEN, Tunnel(cluster, "jhub", "hub-1", 8081))


@pytest.mark.parametrize(
    ("says", "read"),
    [
        ((b"\0" + PORT, b"\1" + PORT, b"\0abc", None), b"abc"),
        ((b"\1" + PORT, b"\0" + PORT, b"\0a", b"\0bc", None), b"abc"),
        ((b"\0" + PORT, b"\0abc", b"\1" + PORT, None), b"abc"),
        ((b"\0" + PORT, b"\1" + PORT, b"", b"\0", b"\1", b"\0abc", None), b"abc"),
        ((b"\0" + PORT, b"\1" + PORT, b"\0" + b"x" * 100_000, None), b"x" * 100_000),
        ((b"\0" + PORT, b"\1" + PORT, b"\2abc", b"\2abc", None), b""),
        ((None,), b""),
    ],
    ids=["one", "pieces", "error-channel-later", "empty-ones", "large", "a-channel-nobody-asked-for", "nothing"],
)
def test_data_is_what_follows_the_ports(says: tuple[bytes | None, ...], read: bytes) -> None:
    assert stream(*says).makefile("rb").read() == read


def test_what_the_far_end_says_on_the_error_channel_is_raised() -> None:
    with pytest.raises(TemporaryError, match="connection refused") as caught:
        stream(b"\0" + PORT, b"\1" + PORT, b"\1dial tcp4 127.0.0.1:8081: connect: connection refused").makefile().read()
    assert caught.value.code == "PortForwardFailed"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WebSocketConnectionClosedException("lost"), ConnectionError),
        (WebSocketTimeoutException("late"), TimeoutError),
    ],
)
def test_a_tunnel_that_breaks_is_as_a_socket_that_breaks(error: Exception, kind: type[OSError]) -> None:
    with pytest.raises(kind, match="the port forward broke"):
        stream(error).makefile().read()
    wire: Any = Wire(refuses=error)
    with pytest.raises(kind):
        Stream(wire).sendall(b"abc")


def test_a_request_and_its_answer_go_through_one_connection_that_is_closed() -> None:
    wire = Wire(b"\0" + PORT, b"\1" + PORT, *(b"\0" + ANSWER[place : place + 1] for place in range(len(ANSWER))))
    cluster: Any = Cluster(wire)
    hub = JupyterHub("http://20.1.2.3/team-a/", TOKEN, Tunnel(cluster, "a/b", "hub-1", 8081))
    assert hub.version() == "5"
    assert cluster.asked == [("/api/v1/namespaces/a%2Fb/pods/hub-1/portforward?ports=8081", "v4.channel.k8s.io")]
    head = wire.sent.decode().split("\r\n")
    assert head[0] == "GET /team-a/hub/api/ HTTP/1.1"
    assert {f"Authorization: token {TOKEN}", "Host: hub-1:8081"} <= set(head)
    assert wire.closed == 1
    assert 20.0 in wire.limits


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        pytest.param(Wire(None), "Remote end closed connection", id="closed before the answer"),
        pytest.param(
            Wire(b"\0" + PORT, b"\0HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", None),
            "IncompleteRead",
            id="cut short",
        ),
        pytest.param(Wire(WebSocketTimeoutException("late")), "late", id="no answer"),
        pytest.param(Wire(WebSocketConnectionClosedException("lost")), "lost", id="lost"),
        pytest.param(Wire(refuses=WebSocketConnectionClosedException("lost")), "lost", id="lost before the request"),
        pytest.param(Wire(b"\1" + PORT, b"\1nobody listens"), "nobody listens", id="nothing listens"),
        pytest.param(NotFoundError("Kubernetes", "NotFound", 'pods "hub-1" not found'), "not found", id="pod gone"),
        pytest.param(TemporaryError("Kubernetes", "NoAnswer", "refused"), "refused", id="API server away"),
    ],
)
def test_every_failure_of_the_tunnel_is_temporary(wire: Wire | OutsideError, words: str) -> None:
    with pytest.raises(TemporaryError, match=words) as caught:
        hub_over(wire).users()
    assert TOKEN not in f"{caught.value!r} {caught.value}"
    if isinstance(wire, Wire):
        assert wire.closed == 1


def test_what_we_may_not_do_stays_permanent() -> None:
    with pytest.raises(PermanentError, match="Forbidden"):
        hub_over(PermanentError("Kubernetes", "Forbidden", "pods is forbidden", status=403)).users()


def pod(name: str, ready: str = "True", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


class Pods:
    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = list(pods)

    def list(self, path: str, labels: str) -> list[dict[str, Any]]:
        assert (path, labels) == ("/api/v1/namespaces/jhub/pods", "component=hub,release=r5")
        return self.pods


def test_the_hub_is_the_pod_that_is_ready_and_stays() -> None:
    cluster: Any = Pods(pod("old", deletionTimestamp="2026-11-23T08:00:00Z"), pod("new", "False"), pod("hub-2"))
    assert to_hub(cluster, "jhub", "r5").origin == "http://hub-2:8081"
    for none in (Pods(), Pods(pod("a", "False")), Pods({"metadata": {"name": "pending"}})):
        cluster = none
        with pytest.raises(TemporaryError, match="no pod of the hub is ready"):
            to_hub(cluster, "jhub", "r5")


# Where the token goes


OPERATIONS: dict[str, Callable[[JupyterHub], object]] = {
    "version": lambda hub: hub.version(),
    "info": lambda hub: hub.info(),
    "users": lambda hub: hub.users(),
    "active users": lambda hub: hub.users(active_only=True),
    "user": lambda hub: hub.user("ada"),
    "stop_server": lambda hub: hub.stop_server("ada"),
    "stop_server of a name": lambda hub: hub.stop_server("ada", "gpu"),
    "start_server": lambda hub: hub.start_server("ada"),
    "create_user": lambda hub: hub.create_user("ada"),
    "delete_user": lambda hub: hub.delete_user("ada"),
}
WITHOUT_TOKEN: dict[str, Callable[[JupyterHub], object]] = {
    "healthy": lambda hub: hub.healthy(),
    "trouble": lambda hub: hub.trouble(),
    "lets_in": lambda hub: getattr(hub, "lets_in", lambda *_: None)("ada", "guess"),
}


def test_the_table_has_every_operation() -> None:
    every = {name for name in vars(JupyterHub) if not name.startswith("_")}
    assert every <= {name.split()[0] for name in OPERATIONS} | {"users"} | WITHOUT_TOKEN.keys()


class Listener(ThreadingHTTPServer):
    """Hears everything that is said to it, and answers it as any hub would."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/team-a/"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.heard.append(f"{self.command} {self.path}\n{self.headers}\n{body!r}")
        data = json.dumps({"version": "5", "name": "ada", "items": [], "_pagination": {}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def listener() -> Iterator[Callable[[], Listener]]:
    opened: list[Listener] = []

    def opening() -> Listener:
        server = Listener()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        opened.append(server)
        return server

    yield opening
    for server in opened:
        server.shutdown()
        server.server_close()


@pytest.mark.local
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_token_goes_through_the_tunnel_and_nothing_else_is_said_in_public(
    listener: Callable[[], Listener], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even to the proxy that the environment names."""
    public, hub, proxy = listener(), listener(), listener()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    OPERATIONS[operation](JupyterHub(public.url, TOKEN, tunnel_to(hub.url)))
    assert public.heard == proxy.heard == []
    assert len(hub.heard) == 1
    assert "/team-a/hub/api/" in hub.heard[0]
    assert f"token {TOKEN}" in hub.heard[0]


@pytest.mark.local
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_without_tunnel_the_token_is_not_sent_over_http(
    listener: Callable[[], Listener], operation: str, scheme: str
) -> None:
    public = listener()
    with pytest.raises(PermanentError) as caught:
        OPERATIONS[operation](JupyterHub(public.url.replace("http", scheme), TOKEN))
    assert caught.value.code == "TokenNotSent"
    assert TOKEN not in str(caught.value)
    assert public.heard == []


@pytest.mark.local
@pytest.mark.parametrize("operation", WITHOUT_TOKEN)
def test_what_needs_no_token_is_asked_in_public_without_it(
    listener: Callable[[], Listener], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    public, hub = listener(), listener()
    WITHOUT_TOKEN[operation](JupyterHub(public.url, TOKEN, tunnel_to(hub.url)))
    assert public.heard
    assert not any(TOKEN in said or "Authorization" in said for said in public.heard)
    assert hub.heard == []


@pytest.mark.local
def test_each_call_has_a_connection_of_its_own_and_leaves_none_open(listener: Callable[[], Listener]) -> None:
    hub = listener()
    cluster: Any = Forwarding()
    client = JupyterHub("http://20.1.2.3/", TOKEN, Tunnel(cluster, "jhub", "hub-1", hub.server_address[1]))
    client.version()
    client.users()
    assert [relay.closed for relay in cluster.relays] == [True, True]
