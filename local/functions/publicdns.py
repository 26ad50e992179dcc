"""Public names that Azure gives, LABEL.REGION.cloudapp.azure.com, resolved in the host's process to this copy's addresses.

In Azure they are in the public DNS. Here the process's resolver stands in for it, so that the app needs not know.
"""

import json
import socket
import urllib.request
from collections.abc import Callable
from typing import Any

_ZONE = ".cloudapp.azure.com"

type Lookup = Callable[[str], str | None]


def in_resources(control: str) -> Lookup:
    """A lookup in the listing of the control endpoint at this address, as it is at the time."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def find(name: str) -> str | None:
        with opener.open(f"{control}/resources", timeout=5) as response:
            rows = json.load(response)
        found = [row["ipAddress"] for row in rows if row.get("dnsSettings", {}).get("fqdn", "").lower() == name]
        return found[0] if found else None

    return find


def install(lookup: Lookup) -> None:
    """Every name lookup of this process goes through here from now on."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode("ascii") if isinstance(host, bytes) else host
        if not isinstance(name, str) or not name.lower().rstrip(".").endswith(_ZONE):
            return original(host, *rest, **named)
        try:
            address = lookup(name.lower().rstrip("."))
        except OSError as error:
            raise socket.gaierror(socket.EAI_AGAIN, f"{name}: the local cloud does not answer") from error
        if address is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return original(address, *rest, **named)

    socket.getaddrinfo = getaddrinfo
