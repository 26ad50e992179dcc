"""What runs in BinderHub's pod here: its configuration is read and checked as the program itself does it, and its page answers.

Builds need Docker, so that nothing is built: the page says so. What is there is what others rely on: the versions, the health,
which asks JupyterHub, and the way to JupyterHub's login.
"""

import argparse
import base64
import binascii
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader


class WrongConfigurationError(Exception):
    """BinderHub does not start so."""


def checked(config: Config, docker: Path) -> Config:
    """The configuration, if BinderHub can work with it. docker: the folder of Docker's config.json."""
    main = config.BinderHub
    if not main.get("hub_url"):
        raise WrongConfigurationError("BinderHub.hub_url is not set: nobody knows where JupyterHub is")
    if not main.get("build_docker_host"):
        raise WrongConfigurationError("there is no Docker to build with: the node has none (imageBuilderType)")
    if main.get("use_registry", True):
        host = str(main.get("image_prefix", "")).partition("/")[0]
        if not logged_in(docker / "config.json", host):
            raise WrongConfigurationError(f"config.json has no login to the registry of {main.get('image_prefix')!r}")
    return config


def logged_in(file: Path, host: str) -> bool:
    """Whether there is a name and a password for the registry; one without a dot is an account of Docker Hub."""
    auths = json.loads(file.read_text()).get("auths", {}) if file.is_file() else {}
    wanted = {host, f"https://{host}"} if "." in host else {"https://index.docker.io/v1/"}
    encoded = next((entry.get("auth", "") for key, entry in auths.items() if key in wanted), "")
    try:
        name, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return bool(name and password)


class Page(RequestHandler):
    def get(self) -> None:
        main = self.settings["config"].BinderHub
        if main.get("auth_enabled"):
            asked = {
                "client_id": os.environ["JUPYTERHUB_CLIENT_ID"],
                "redirect_uri": os.environ["JUPYTERHUB_OAUTH_CALLBACK_URL"],
                "response_type": "code",
            }
            self.redirect(f"{main.hub_url.rstrip('/')}/hub/api/oauth2/authorize?{urlencode(asked)}")
            return
        self.write("<h1>BinderHub</h1><p>Of the local cloud, which builds no images.</p>")


class Versions(RequestHandler):
    def get(self) -> None:
        self.write({"binderhub": "local", "builder_info": {"build_image": "none"}})


class Health(RequestHandler):
    async def get(self) -> None:
        """JupyterHub is asked at its service: a pod here does not know the names that Azure publishes."""
        place = f"{os.environ['PROXY_PUBLIC_SERVICE_HOST']}:{os.environ['PROXY_PUBLIC_SERVICE_PORT']}"
        base = os.environ.get("JUPYTERHUB_BASE_URL", "/").rstrip("/")
        try:
            await AsyncHTTPClient().fetch(f"http://{place}{base}/hub/api/health", request_timeout=3)
            well = True
        except (HTTPClientError, OSError):
            well = False
        checks = [{"service": "Docker registry", "ok": True}, {"service": "JupyterHub API", "ok": well}]
        self.set_status(200 if well else 503)
        self.write({"ok": well, "checks": checks})


def main() -> int:
    arguments = argparse.ArgumentParser()
    for name in ("config", "docker", "ip"):
        arguments.add_argument(f"--{name}", required=True)
    arguments.add_argument("--port", type=int, required=True)
    given = arguments.parse_args()
    try:
        config: Any = checked(PyFileConfigLoader(given.config).load_config(), Path(given.docker))
    except WrongConfigurationError as error:
        print(f"BinderHub does not start: {error}", file=sys.stderr)
        return 1
    base = "/" + str(config.BinderHub.get("base_url", "/")).strip("/")
    routes = [(base.rstrip("/") + path, handler) for path, handler in ((r"/", Page), (r"/versions", Versions))]
    Application([*routes, (base.rstrip("/") + r"/health", Health)], config=config).listen(given.port, given.ip)
    IOLoop.current().start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
