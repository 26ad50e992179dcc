"""The client against a small TLS server that answers as an API server does."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.kubernetes.client import Kubernetes

pytestmark = pytest.mark.local


class FakeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, ca: trustme.CA) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers: dict[tuple[str, str], tuple[int, object]] = {}
        self.seen: list[dict[str, Any]] = []
        self.location = ""


class _Handler(BaseHTTPRequestHandler):
    server: FakeApi

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        certificate = self.connection.getpeercert()
        self.server.seen.append(
            {
                "call": f"{self.command} {self.path}",
                "authorization": self.headers.get("authorization"),
                "type": self.headers.get("content-type"),
                "body": json.loads(body) if body else None,
                "certificate": bool(certificate),
            }
        )
        missing = {"reason": "NotFound", "message": f"{self.path} not found"}
        status, answer = self.server.answers.get((self.command, self.path), (404, missing))
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        if self.server.location:
            self.send_header("location", self.server.location)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def api(ca: trustme.CA) -> Iterator[FakeApi]:
    with FakeApi(ca) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def kubeconfig(api: FakeApi, ca: trustme.CA, user: dict[str, Any] | None = None, **cluster: Any) -> str:
    encoded = base64.b64encode(ca.cert_pem.bytes()).decode()
    server = f"https://127.0.0.1:{api.server_address[1]}"
    document = {
        "current-context": "r5",
        "contexts": [{"name": "other", "context": {}}, {"name": "r5", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": encoded} | cluster}],
        "users": [{"name": "u", "user": {"token": "tok-en"} if user is None else user}],
    }
    return yaml.safe_dump(document)


def certificate(ca: trustme.CA) -> dict[str, Any]:
    """A user who has one in the place of a token."""
    issued = ca.issue_cert("someone@example.org")
    return {
        "client-certificate-data": base64.b64encode(issued.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(issued.private_key_pem.bytes()).decode(),
    }


@pytest.fixture
def cluster(api: FakeApi, ca: trustme.CA) -> Iterator[Kubernetes]:
    with Kubernetes(kubeconfig(api, ca)) as cluster:
        yield cluster


def test_objects_are_read_with_the_token(api: FakeApi, cluster: Kubernetes) -> None:
    api.answers["GET", "/api/v1/nodes/a"] = (200, {"kind": "Node"})
    assert cluster.get("/api/v1/nodes/a") == {"kind": "Node"}
    assert api.seen[0]["authorization"] == "Bearer tok-en"
    assert "tok-en" not in repr(cluster)


def test_what_is_not_there_is_found_to_be_none(cluster: Kubernetes) -> None:
    assert cluster.find("/api/v1/namespaces/none") is None
    with pytest.raises(NotFoundError):
        cluster.get("/api/v1/namespaces/none")


def test_lists_are_read_page_by_page(api: FakeApi, cluster: Kubernetes) -> None:
    first = {"items": [{"n": 1}], "metadata": {"continue": "a/b="}}
    api.answers["GET", "/api/v1/pods?limit=500&labelSelector=a%3Db"] = (200, first)
    second: dict[str, Any] = {"items": None, "metadata": {}}
    api.answers["GET", "/api/v1/pods?limit=500&labelSelector=a%3Db&continue=a%2Fb%3D"] = (200, second)
    assert cluster.list("/api/v1/pods", labels="a=b") == [{"n": 1}]


def test_bodies_are_json_and_patches_say_so(api: FakeApi, cluster: Kubernetes) -> None:
    api.answers["POST", "/x"] = (201, {})
    api.answers["PATCH", "/x"] = (200, {})
    cluster.create("/x", {"ä": [1]})
    cluster.patch("/x", {"labels": {"a": None}})
    assert [(call["type"], call["body"]) for call in api.seen] == [
        ("application/json", {"ä": [1]}),
        ("application/merge-patch+json", {"labels": {"a": None}}),
    ]


def test_deleting_says_whether_there_was_anything(api: FakeApi, cluster: Kubernetes) -> None:
    api.answers["DELETE", "/x?propagationPolicy=Background"] = (200, {})
    assert cluster.delete("/x")
    assert not cluster.delete("/y")


def test_refusals_carry_kubernetes_own_words(api: FakeApi, cluster: Kubernetes) -> None:
    api.answers["POST", "/x"] = (409, {"kind": "Status", "reason": "AlreadyExists", "message": 'x "a" already exists'})
    with pytest.raises(ConflictError, match="Kubernetes: AlreadyExists"):
        cluster.create("/x", {})


def test_a_failing_server_is_asked_once(api: FakeApi, cluster: Kubernetes) -> None:
    """Retries belong to the run, which can wait as long as it was told to."""
    api.answers["GET", "/x"] = (503, b"<html>")
    with pytest.raises(TemporaryError):
        cluster.get("/x")
    assert len(api.seen) == 1


def test_a_redirect_is_not_followed(api: FakeApi, cluster: Kubernetes) -> None:
    """The token is for this server alone."""
    api.answers["GET", "/x"] = (302, {})
    api.location = "/y"
    with pytest.raises(OutsideError, match="302"):
        cluster.get("/x")
    assert [call["call"] for call in api.seen] == ["GET /x"]


def test_the_official_classes_work_over_the_same_pool(api: FakeApi, ca: trustme.CA) -> None:
    from kubernetes.client import CoreV1Api

    from shared.kubernetes.transport import official_client

    context = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
    client = official_client(f"https://127.0.0.1:{api.server_address[1]}", context)
    api.answers["GET", "/api/v1/namespaces/jhub"] = (200, {"kind": "Namespace", "metadata": {"name": "jhub"}})
    found = CoreV1Api(client).read_namespace("jhub").to_dict()
    assert found["metadata"]["name"] == "jhub"
    client.close()  # type: ignore[no-untyped-call]  # the client's own lack


def test_the_environments_proxy_is_asked_unless_it_excepts_the_server(
    api: FakeApi, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Kubernetes(kubeconfig(api, ca)) as cluster, pytest.raises(TemporaryError, match="refused"):
        cluster.get("/x")
    assert api.seen == []
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Kubernetes(kubeconfig(api, ca)) as cluster:
        assert cluster.find("/x") is None


def test_a_page_in_place_of_json_is_temporary(api: FakeApi, cluster: Kubernetes) -> None:
    api.answers["GET", "/x"] = (200, b"<html>")
    with pytest.raises(TemporaryError):
        cluster.get("/x")


def test_no_answer_is_temporary(api: FakeApi, ca: trustme.CA) -> None:
    with (
        Kubernetes(kubeconfig(api, ca, server="https://127.0.0.1:1")) as cluster,
        pytest.raises(TemporaryError, match="Connection refused"),
    ):
        cluster.get("/x")


def test_a_server_of_another_authority_is_not_spoken_to(api: FakeApi) -> None:
    with Kubernetes(kubeconfig(api, trustme.CA())) as cluster, pytest.raises(TemporaryError, match="CERTIFICATE"):
        cluster.get("/x")
    assert api.seen == []


def test_a_client_certificate_is_presented_and_leaves_no_file(
    api: FakeApi, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Kubernetes(kubeconfig(api, ca, certificate(ca))) as cluster:
        assert cluster.find("/x") is None
        assert list(tmp_path.iterdir()) == []
    assert api.seen[0]["certificate"]
    assert api.seen[0]["authorization"] is None


def test_a_closed_connection_can_be_used_again(api: FakeApi, cluster: Kubernetes) -> None:
    assert cluster.find("/x") is None
    cluster.close()
    assert cluster.find("/x") is None


# WebSockets; one that is opened is to be seen in test_over_the_wire.py


@pytest.mark.parametrize(
    ("status", "kind"), [(403, PermanentError), (404, NotFoundError), (503, TemporaryError), (302, TemporaryError)]
)
def test_a_websocket_that_is_refused_is_refused_in_kubernetes_own_words(
    api: FakeApi, cluster: Kubernetes, status: int, kind: type[Exception]
) -> None:
    """A redirect is not followed: the token is for this server alone."""
    api.answers["GET", "/x?a=1"] = (status, {"reason": "Because", "message": "it is so"})
    with pytest.raises(kind) as caught:
        cluster.websocket("/x?a=1", "v4.channel.k8s.io")
    assert ("it is so" in str(caught.value)) is (status != 302)
    assert "tok-en" not in str(caught.value)
    assert [(call["call"], call["authorization"]) for call in api.seen] == [("GET /x?a=1", "Bearer tok-en")]


def test_a_websocket_is_opened_with_the_client_certificate_and_leaves_no_file(
    api: FakeApi, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Kubernetes(kubeconfig(api, ca, certificate(ca))) as cluster, pytest.raises(NotFoundError):
        cluster.websocket("/x", "v4.channel.k8s.io")
    assert list(tmp_path.iterdir()) == []
    assert api.seen[0]["certificate"]


def test_a_websocket_is_not_opened_to_a_server_of_another_authority(api: FakeApi) -> None:
    cluster = Kubernetes(kubeconfig(api, trustme.CA()))
    with pytest.raises(TemporaryError, match="CERTIFICATE"):
        cluster.websocket("/x", "v4.channel.k8s.io")
    assert api.seen == []


def test_a_websocket_to_nobody_is_temporary(api: FakeApi, ca: trustme.CA) -> None:
    cluster = Kubernetes(kubeconfig(api, ca, server="https://127.0.0.1:1"))
    with pytest.raises(TemporaryError, match="refused"):
        cluster.websocket("/x", "v4.channel.k8s.io")


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "{}", "[1]", "a: [", "{current-context: a, contexts: [], clusters: [], users: []}"],
)
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(PermanentError, match="not a kubeconfig"):
        Kubernetes(text)


@pytest.mark.parametrize(
    ("user", "cluster", "words"),
    [
        pytest.param({"exec": {"command": "kubelogin"}}, {}, "kubelogin", id="a program to run"),
        pytest.param({}, {"insecure-skip-tls-verify": True}, "not verified", id="unverified"),
        pytest.param({}, {"server": "http://127.0.0.1"}, "not verified", id="plain"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_safely_is_refused(
    api: FakeApi, ca: trustme.CA, user: dict[str, Any], cluster: dict[str, Any], words: str
) -> None:
    with pytest.raises(PermanentError, match=words):
        Kubernetes(kubeconfig(api, ca, user or None, **cluster))


@pytest.mark.parametrize("data", ["!!!", base64.b64encode(b"no certificate").decode()])
def test_broken_certificates_are_refused(api: FakeApi, ca: trustme.CA, data: str) -> None:
    user = {"client-certificate-data": data, "client-key-data": data}
    with Kubernetes(kubeconfig(api, ca, user)) as cluster, pytest.raises(PermanentError, match="cannot be used"):
        cluster.get("/x")
    authority: dict[str, Any] = {"certificate-authority-data": data}
    broken = kubeconfig(api, ca, **authority)
    with Kubernetes(broken) as cluster, pytest.raises(PermanentError, match="cannot be used"):
        cluster.get("/x")
