"""The hub's REST API, against a server that answers as JupyterHub does."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from shared.errors import NotFoundError, PermanentError, TemporaryError
from shared.kubernetes.jupyterhub import JupyterHub
from tests.kubernetes.relay import hub_behind

pytestmark = pytest.mark.local


class FakeHub(ThreadingHTTPServer):
    """Answers by (method, path); users are paged as JupyterHub pages them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[tuple[str, str], tuple[int, object]] = {}
        self.users: list[dict[str, Any]] = []
        self.seen: list[tuple[str, str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def page(self, query: dict[str, list[str]], accept: str) -> object:
        users = [user for user in self.users if "state" not in query or user["servers"]]
        if accept != "application/jupyterhub-pagination+json":
            return users[:200]
        offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), 200)
        after = {"offset": offset + limit, "limit": limit, "url": "http://hub.internal:8081/wrong"}
        return {
            "items": users[offset : offset + limit],
            "_pagination": {"total": len(users), "next": after if offset + limit < len(users) else None},
        }


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        self.server.seen.append((self.command, self.path, self.headers.get("authorization")))
        status, body = self.server.answers.get((self.command, parts.path), (404, {"message": "none"}))
        if parts.path == "/hub/api/users" and self.command == "GET":
            status, body = 200, self.server.page(parse_qs(parts.query), self.headers["accept"])
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    with FakeHub() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def hub(fake: FakeHub) -> JupyterHub:
    return hub_behind(fake.url, "tok-en")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (302, False), (404, False)])
def test_only_200_is_healthy(fake: FakeHub, hub: JupyterHub, status: int, healthy: bool) -> None:
    fake.answers["GET", "/hub/health"] = (status, b"")
    assert hub.healthy() is healthy


def test_a_hub_that_cannot_be_reached_is_not_healthy() -> None:
    assert not JupyterHub("http://127.0.0.1:1", None).healthy()
    assert not JupyterHub("http://no-such-host.invalid", None).healthy()


def test_every_user_is_listed_however_many_there_are(fake: FakeHub, hub: JupyterHub) -> None:
    fake.users = [{"name": f"u{number}", "servers": {}} for number in range(450)]
    assert [user.name for user in hub.users()] == [f"u{number}" for number in range(450)]
    assert [path for _, path, _ in fake.seen] == [
        f"/hub/api/users?limit=200&offset={offset}" for offset in (0, 200, 400)
    ]


def test_a_users_server_is_read_with_its_times(fake: FakeHub, hub: JupyterHub) -> None:
    server = {"ready": True, "pending": None, "url": "/user/ada/", "started": "2026-11-22T05:00:00.123456Z"}
    fake.users = [
        {"name": "ada", "admin": True, "last_activity": "2026-11-22T06:00:00Z", "servers": {"": server}},
        {"name": "bob", "last_activity": None, "servers": {}},
    ]
    (ada,) = hub.users(active_only=True)
    assert ada.admin
    assert ada.last_activity is not None
    assert ada.last_activity.isoformat() == "2026-11-22T06:00:00+00:00"
    assert ada.servers[0].ready
    assert ada.servers[0].started is not None
    assert ada.servers[0].last_activity is None
    assert [user.name for user in hub.users()] == ["ada", "bob"]


@pytest.mark.parametrize(("status", "done"), [(204, True), (202, False), (404, True)])
def test_stopping_says_whether_it_is_done(fake: FakeHub, hub: JupyterHub, status: int, done: bool) -> None:
    fake.answers["DELETE", "/hub/api/users/ada/server"] = (status, b"")
    assert hub.stop_server("ada") is done


def test_a_named_server_and_odd_names_are_quoted(fake: FakeHub, hub: JupyterHub) -> None:
    fake.answers["DELETE", "/hub/api/users/ada%2Fx%20y%40z/servers/gpu%3F"] = (204, b"")
    assert hub.stop_server("ada/x y@z", "gpu?")


@pytest.mark.parametrize(
    ("status", "message", "running"),
    [(201, "", True), (202, "", False), (400, "ada is already running", True), (400, "ada is pending stop", False)],
)
def test_starting_says_whether_it_runs(
    fake: FakeHub, hub: JupyterHub, status: int, message: str, running: bool
) -> None:
    fake.answers["POST", "/hub/api/users/ada/server"] = (status, {"message": message})
    assert hub.start_server("ada") is running


def test_starting_for_an_unknown_user_is_not_found(hub: JupyterHub) -> None:
    with pytest.raises(NotFoundError):
        hub.start_server("nobody")


def test_making_and_removing_a_user_twice_is_the_same_as_once(fake: FakeHub, hub: JupyterHub) -> None:
    fake.answers["POST", "/hub/api/users/probe"] = (409, {"message": "User probe already exists"})
    hub.create_user("probe")
    hub.delete_user("probe")
    assert hub.user("probe") is None


def test_a_base_url_is_honoured(fake: FakeHub) -> None:
    fake.answers["GET", "/teaching/hub/api/"] = (200, {"version": "5.5.0"})
    assert JupyterHub(fake.url + "/teaching/", None).version() == "5.5.0"


def test_the_token_goes_in_a_header_and_nowhere_else(
    fake: FakeHub, hub: JupyterHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ~/.netrc with the same host does not replace it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    fake.answers["GET", "/hub/api/info"] = (200, {"version": "5.5.0"})
    assert hub.info()["version"] == "5.5.0"
    assert fake.seen[0][2] == "token tok-en"
    assert "tok-en" not in repr(hub) + fake.seen[0][1]


def test_the_token_does_not_follow_a_redirect(fake: FakeHub, hub: JupyterHub) -> None:
    fake.answers["GET", "/hub/api/info"] = (302, b"")
    with pytest.raises(PermanentError) as caught:
        hub.info()
    assert caught.value.status == 302
    assert len(fake.seen) == 1


def test_a_proxys_page_is_temporary(fake: FakeHub, hub: JupyterHub) -> None:
    fake.answers["GET", "/hub/api/info"] = (200, b"<html>")
    with pytest.raises(TemporaryError):
        hub.info()
    fake.answers["GET", "/hub/api/info"] = (503, b"<html>")
    with pytest.raises(TemporaryError):
        hub.info()


def test_no_answer_is_temporary() -> None:
    with pytest.raises(TemporaryError, match="Connection refused"):
        JupyterHub("https://127.0.0.1:1", "tok-en").users()


@pytest.mark.parametrize("name", ["127.0.0.1", "hub.example.org"])
def test_over_https_a_hub_serves_with_a_trusted_certificate_for_its_name_alone(
    fake: FakeHub, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.answers["GET", "/hub/health"] = (200, b"")
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    fake.socket = context.wrap_socket(fake.socket, server_side=True)
    found = JupyterHub(fake.url.replace("http:", "https:"), None)
    assert "self-signed" in found.trouble() or "local issuer" in found.trouble()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert found.healthy() is (name == "127.0.0.1"), found.trouble()
    assert found.healthy() or "not valid for '127.0.0.1'" in found.trouble()


def test_what_is_wrong_with_a_hub_is_told(fake: FakeHub, hub: JupyterHub) -> None:
    fake.answers["GET", "/hub/health"] = (503, b"")
    assert hub.trouble() == "it answers 503"
    assert "refused" in JupyterHub("http://127.0.0.1:1", None).trouble()
