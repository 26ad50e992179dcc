"""The public DNS, as far as this copy has a part in it, for the host's process: names that Azure gives, and its DNS zones.

In Azure they are in the public DNS. Here the process's resolver stands in for it, so that the app needs not know. A name of
neither is left to the system's resolver.
"""

import ipaddress
import json
import socket
from collections.abc import Callable
from typing import Any

from local.loopback import OPENER
from local.publicnames import resolved

type Lookup = Callable[[str], list[str] | None]
"""Addresses of a name, in lower case and without a dot at its end; none when it does not exist; None when others know."""


def in_resources(control: str) -> Lookup:
    """A lookup in the listing of the control endpoint at this address, as it is at the time."""

    def find(name: str) -> list[str] | None:
        with OPENER.open(f"{control}/resources", timeout=5) as response:
            return resolved(name, json.load(response))

    return find


def install(lookup: Lookup) -> None:
    """Every name lookup of this process goes through here from now on."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode("ascii") if isinstance(host, bytes) else host
        if not isinstance(name, str) or not _is_public(name):
            return original(host, *rest, **named)
        try:
            addresses = lookup(name.lower().rstrip("."))
        except OSError as error:
            raise socket.gaierror(socket.EAI_AGAIN, f"{name}: the local cloud does not answer") from error
        if addresses is None:
            return original(host, *rest, **named)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [answer for address in addresses for answer in original(address, *rest, **named)]

    socket.getaddrinfo = getaddrinfo


def _is_public(name: str) -> bool:
    """Whether it is a name at all, and one that the DNS is asked for."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name.rstrip(".")
    return False
