"""The front that has a certificate by itself: in the local cloud from its own authority, not from Let's Encrypt.

As there, a name that does not lead to a hub when the front starts gets none: the front then serves one that it has made for itself
and that nobody trusts, and does not ask again until it is started again.
"""

import dataclasses
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import trustme

from local.kubernetes.node.runtime import PodContext, Process
from local.kubernetes.workloads import environment, probes
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.proxy import start_proxy
from local.server import Authority
from local.world import Document


class AutohttpsRuntime:
    """Traefik containers of the chart, replaced by the proxy program with a certificate for the hosts they name."""

    def __init__(
        self, authority: Authority, clock: Path | None = None, leads: Callable[[str], bool] = lambda _: True
    ) -> None:
        """leads: whether a name leads to one of the copy's load balancers, where the challenge of HTTP-01 would arrive."""
        self._authority = authority
        self._clock = clock
        self._leads = leads

    def handles(self, pod: Document, container: Document) -> bool:
        return environment.component(pod) == "autohttps" and container["name"] == "traefik"

    async def start(self, context: PodContext) -> Process:
        # The program's own control port is of no use here; a token nobody knows shuts it.
        shut = context.environment | {"CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32)}
        context = dataclasses.replace(context, environment=shut)
        root = Root(context)
        root.build()
        names = hosts(root.path("/etc/traefik"))
        granted = all(self._leads(name) for name in names)
        chain, key = self._authority.issue(*names) if granted else made_for_itself(context.directory)
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


def made_for_itself(folder: Path) -> tuple[Path, Path]:
    """Traefik's default certificate: paths of the chain and of the key."""
    issued = trustme.CA().issue_cert("traefik.default")
    chain, key = folder / "default.pem", folder / "default.key"
    chain.write_bytes(issued.cert_chain_pems[0].bytes())
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)
    return chain, key


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
