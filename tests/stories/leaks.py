"""Looks for secrets in everything that the product and its engine write, and in command lines."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.clock import SystemClock
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud

FOLDERS = ("azurite", "logs", "functions")
"""What the product and its engine write: tables, blobs and queues; logs; the host's own state."""


@contextmanager
def arguments_of_processes() -> Iterator[set[str]]:
    """Every command line that runs while the block does."""
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(0.05)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def secrets_of(cloud: Cloud, hub: str) -> dict[str, str]:
    """Name and value of everything of the hub's in Key Vault."""
    settings = Settings.from_environ(cloud.environment)
    vault = Services(settings, SystemClock()).secrets
    names = [secret.name for secret in vault.names({"hubkeeper-hub": hub})]
    found = {name: vault.get(name) for name in names}
    return {name: secret.value for name, secret in found.items() if secret}


def forms(secret: str) -> list[bytes]:
    """As it is, as in JSON, and as in a Kubernetes Secret. Of a key the middle, which no line break cuts."""
    text = max(secret.splitlines(), key=len) if "\n" in secret else secret
    return [text.encode(), json.dumps(text)[1:-1].encode(), base64.b64encode(text.encode())]


def holding(folder: Path, secret: str) -> list[str]:
    """Files below the folder in which the secret stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(form in _contents(path) for form in forms(secret))]


def _contents(path: Path) -> bytes:
    """Nothing of a file that has been put in another one's place meanwhile, which is looked at as well."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
