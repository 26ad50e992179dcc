"""The storage emulator: how Azurite is started here."""

import sys
from pathlib import Path

from local.ports import Ports

ROOT = Path(__file__).resolve().parent.parent
_SCRIPT = ROOT / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def command(state: Path, ports: Ports) -> list[str]:
    """The process, as an argv; its data is kept under the state folder.

    The SDKs ask for newer API versions than Azurite knows, hence skipApiVersionCheck. Not `--loose`: what Azurite
    cannot do is to fail here, and not to be left out silently.
    """
    data = state.resolve() / "azurite"
    data.mkdir(parents=True, exist_ok=True)
    node = str(Path(sys.executable).parent / "node")
    options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", str(data)]
    listen = {"blob": ports.blobs, "queue": ports.queues, "table": ports.tables}
    for service, port in listen.items():
        options += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    return [node, str(_SCRIPT), *options]
