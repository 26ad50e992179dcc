"""The front that has a certificate by itself: in the local cloud from its own authority, not from Let's Encrypt."""

import dataclasses
import re
import secrets
from pathlib import Path

from local.kubernetes.runtime import PodContext, Process
from local.kubernetes.workloads import environment, probes
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.proxy import start_proxy
from local.server import Authority
from local.world import Document


class AutohttpsRuntime:
    """Traefik containers of the chart, replaced by the proxy program with a certificate for the hosts they name."""

    def __init__(self, authority: Authority, clock: Path | None = None) -> None:
        self._authority = authority
        self._clock = clock

    def handles(self, pod: Document, container: Document) -> bool:
        return environment.component(pod) == "autohttps" and container["name"] == "traefik"

    async def start(self, context: PodContext) -> Process:
        # The program's own control port is of no use here; a token nobody knows shuts it.
        shut = context.environment | {"CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32)}
        context = dataclasses.replace(context, environment=shut)
        root = Root(context)
        root.build()
        chain, key = self._authority.issue(*hosts(root.path("/etc/traefik")))
        ports = {name: probes.port_number(context.container, name) for name in ("http", "https")}
        options = [
            f"--ip={context.ip}",
            f"--port={ports['https']}",
            f"--redirect-port={ports['http']}",
            "--redirect-to=443",
            f"--ssl-cert={chain.resolve()}",
            f"--ssl-key={key.resolve()}",
            f"--api-ip={context.ip}",
            f"--default-target={root.translate(target(root.path('/etc/traefik')))}",
        ]
        return await start_proxy(context, root, options, self._clock)


def hosts(configuration: Path) -> list[str]:
    """The host names that Traefik's files of routes name; at least one."""
    found = re.findall(r"Host\(`([^`]+)`\)", _text(configuration))
    return list(dict.fromkeys(found)) or ["localhost"]


def target(configuration: Path) -> str:
    """Where Traefik's files of routes send what arrives, such as http://proxy-http:8000."""
    found = re.search(r"url: [\"']?(http://[^\s\"']+)", _text(configuration))
    return found[1] if found else "http://proxy-http:8000"


def _text(configuration: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(configuration.glob("*.yaml")))
