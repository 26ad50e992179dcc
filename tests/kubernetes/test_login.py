"""Whether a stranger gets in, tried on a real JupyterHub with a real proxy."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.errors import TemporaryError
from shared.kubernetes.jupyterhub import JupyterHub

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]

BASE = """
import os
c.JupyterHub.bind_url = os.environ["BIND"]
c.JupyterHub.hub_bind_url = os.environ["HUB"]
c.ConfigurableHTTPProxy.api_url = os.environ["PROXY"]
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.db_url = "sqlite://"
"""

ANYBODY = """
from jupyterhub.auth import Authenticator
class Anybody(Authenticator):
    async def authenticate(self, handler, data):
        return data["username"]
c.JupyterHub.authenticator_class = Anybody
c.Authenticator.allow_all = True
"""
VISITORS = """
from jupyterhub.auth import Authenticator
class Visitors(Authenticator):
    auto_login = True
    async def authenticate(self, handler, data):
        return "visitor"
    def login_url(self, base_url):
        return base_url + "visitors"
    def get_handlers(self, app):
        from jupyterhub.handlers import BaseHandler
        class Visit(BaseHandler):
            async def get(self):
                user = await self.login_user()
                self.redirect(self.get_next_url(user))
        return [("/visitors", Visit)]
c.JupyterHub.authenticator_class = Visitors
c.Authenticator.allow_all = True
"""
PROVIDER = """
from oauthenticator.generic import GenericOAuthenticator
c.JupyterHub.authenticator_class = GenericOAuthenticator
c.GenericOAuthenticator.client_id = "hub"
c.GenericOAuthenticator.client_secret = "made-up"
c.GenericOAuthenticator.authorize_url = "https://provider.example/authorize"
c.GenericOAuthenticator.token_url = "https://provider.example/token"
c.GenericOAuthenticator.userdata_url = "https://provider.example/user"
c.GenericOAuthenticator.allow_all = True
c.GenericOAuthenticator.auto_login = True
"""

PASSWORD = "made-up-for-everybody"

OPEN = {
    "dummy": 'c.JupyterHub.authenticator_class = "dummy"',
    "made-in-python": ANYBODY,
    "a-user-for-everybody-who-comes": VISITORS,
}
CLOSED = {
    "shared-password": f"""
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "{PASSWORD}"
c.Authenticator.allow_all = True
""",
    "a-provider": PROVIDER,
}


@contextmanager
def running(folder: Path, configuration: str) -> Iterator[str]:
    """The public address of a hub with this configuration."""
    (folder / "jupyterhub_config.py").write_text(BASE + configuration)
    address = f"http://127.0.0.1:{_free()}/base"
    environ = {
        "PATH": f"{ROOT}/.venv/bin:{ROOT}/node_modules/.bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "BIND": address,
        "HUB": f"http://127.0.0.1:{_free()}",
        "PROXY": f"http://127.0.0.1:{_free()}",
    }
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterhub"]
        hub = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not JupyterHub(address, None).healthy():
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            time.sleep(0.1)
        yield address
    finally:
        hub.terminate()
        hub.wait(30)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("configuration", OPEN.values(), ids=OPEN)
def test_a_stranger_gets_into_an_open_hub(tmp_path: Path, configuration: str) -> None:
    with running(tmp_path, configuration) as address:
        assert JupyterHub(address, None).lets_in("a-stranger", "made-up-1")


@pytest.mark.parametrize("configuration", CLOSED.values(), ids=CLOSED)
def test_a_stranger_does_not_get_into_a_closed_hub(tmp_path: Path, configuration: str) -> None:
    with running(tmp_path, configuration) as address:
        assert not JupyterHub(address, None).lets_in("a-stranger", "made-up-1")
        if PASSWORD in configuration:  # else the try above could have failed for another reason
            assert JupyterHub(address, None).lets_in("ada", PASSWORD)


def test_a_hub_that_does_not_answer_is_neither() -> None:
    with pytest.raises(TemporaryError):
        JupyterHub(f"http://127.0.0.1:{_free()}", None).lets_in("a-stranger", "made-up-1")
