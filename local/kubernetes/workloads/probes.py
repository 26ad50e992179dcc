"""Readiness as the kubelet finds it out: an HTTP GET on the pod's address, or an open port."""

import asyncio
import ssl
from typing import Any

from local.world import Document

TIMEOUT = 2.0
"""Real seconds that one look may take."""


async def is_ready(ip: str, container: Document) -> bool:
    """Whether the container's readiness probe passes; without one, whether its first port is open."""
    probe: Document = container.get("readinessProbe") or {}
    try:
        async with asyncio.timeout(TIMEOUT):
            if "httpGet" in probe:
                return await _answers(ip, container, probe["httpGet"])
            port = (probe.get("tcpSocket") or {}).get("port")
            return await _open(ip, port_number(container, port))
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return False


def port_number(container: Document, port: Any) -> int:
    """The number of a port given by name or number; of the first port when none is given. Raises ValueError."""
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or []:
        if port in (None, declared.get("name")):
            return int(declared["containerPort"])
    raise ValueError(port)


async def _answers(ip: str, container: Document, get: Document) -> bool:
    context = ssl._create_unverified_context() if get.get("scheme") == "HTTPS" else None  # noqa: S323 - as the kubelet does
    reader, writer = await asyncio.open_connection(ip, port_number(container, get["port"]), ssl=context)
    try:
        writer.write(f"GET {get.get('path', '/')} HTTP/1.0\r\nHost: {ip}\r\n\r\n".encode())
        status = (await reader.readuntil(b"\n")).split()
        return 200 <= int(status[1]) < 400
    finally:
        writer.close()


async def _open(ip: str, port: int) -> bool:
    _, writer = await asyncio.open_connection(ip, port)
    writer.close()
    return True
