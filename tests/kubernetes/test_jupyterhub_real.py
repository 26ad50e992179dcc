"""The hub's REST API against a real JupyterHub with a real proxy: what the small server of test_jupyterhub.py imitates."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.errors import NotFoundError, PermanentError
from shared.hubs.chart.values import SCOPES, SERVICE
from shared.kubernetes.jupyterhub import HubUser, JupyterHub
from tests.kubernetes.relay import hub_behind

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
TOKEN = secrets.token_hex(32)
USERS = 205  # more than JupyterHub lists in one answer

CONFIG = """
import os
c.JupyterHub.bind_url = os.environ["BIND"]
c.JupyterHub.hub_bind_url = os.environ["HUB"]
c.ConfigurableHTTPProxy.api_url = os.environ["PROXY"]
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.environ["PWD"] + "/homes/{{username}}"
c.Spawner.ip = "127.0.0.1"
c.Spawner.args = ["--allow-root"]
c.Authenticator.allowed_users = {{f"u{{number}}" for number in range({users})}}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.services = [
    {{"name": "{service}", "api_token": os.environ["TOKEN"]}},
    {{"name": "gate", "api_token": os.environ["TOKEN"][::-1]}},
]
c.JupyterHub.load_roles = [
    {{"name": "{service}", "scopes": {scopes}, "services": ["{service}"]}},
    {{"name": "gate", "scopes": {scopes} + ["admin:users"], "services": ["gate"]}},
]
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hub")
    text = CONFIG.format(users=USERS, service=SERVICE, scopes=list(SCOPES))
    (folder / "jupyterhub_config.py").write_text(text)
    address = f"http://127.0.0.1:{_free()}/base"
    environ = {
        "PATH": f"{ROOT}/.venv/bin:{ROOT}/node_modules/.bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "PWD": str(folder),
        "TOKEN": TOKEN,
        "BIND": address,
        "HUB": f"http://127.0.0.1:{_free()}",
        "PROXY": f"http://127.0.0.1:{_free()}",
    }
    with (folder / "log").open("wb") as log:
        hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(JupyterHub(address, None).healthy, 60)
        yield address
    finally:
        hub.terminate()
        hub.wait(30)


def test_a_hub_says_what_it_is(url: str) -> None:
    hub = hub_behind(url, TOKEN)
    assert hub.version() == hub.info()["version"]


def test_more_users_than_fit_an_answer_are_listed(url: str) -> None:
    names = {user.name for user in hub_behind(url, TOKEN).users()}
    assert names == {f"u{number}" for number in range(USERS)}


def test_a_server_is_started_seen_and_stopped(url: str) -> None:
    hub = hub_behind(url, TOKEN)
    assert hub.users(active_only=True) == []
    _wait(lambda: hub.start_server("u7"), 60)
    assert hub.start_server("u7")
    (user,) = hub.users(active_only=True)
    assert user.name == "u7"
    _is_running(user)
    alone = hub.user("u7")
    assert alone is not None
    _is_running(alone)
    _wait(lambda: hub.stop_server("u7"), 60)
    assert hub.stop_server("u7")
    assert hub.users(active_only=True) == []


def test_a_server_that_never_was_counts_as_stopped(url: str) -> None:
    hub = hub_behind(url, TOKEN)
    assert hub.stop_server("nobody")
    assert hub.stop_server("u1", "never")
    assert hub.user("nobody") is None
    with pytest.raises(NotFoundError):
        hub.start_server("nobody")


def test_our_scopes_do_not_make_users(url: str) -> None:
    with pytest.raises(PermanentError) as caught:
        hub_behind(url, TOKEN).create_user("probe")
    assert caught.value.status in (403, 404)


def test_a_test_user_needs_one_scope_more(url: str) -> None:
    hub = hub_behind(url, TOKEN[::-1])
    hub.create_user("probe-1")
    hub.create_user("probe-1")
    assert hub.user("probe-1") is not None
    hub.delete_user("probe-1")
    hub.delete_user("probe-1")
    assert hub.user("probe-1") is None


def test_a_wrong_token_is_refused(url: str) -> None:
    with pytest.raises(PermanentError) as caught:
        hub_behind(url, "x" * 64).users()
    assert caught.value.status == 403


def _is_running(user: HubUser) -> None:
    (server,) = user.servers
    assert server.ready
    assert server.pending is None
    assert server.started is not None
    assert server.started.utcoffset() is not None
    assert server.url.endswith("/user/u7/")


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
