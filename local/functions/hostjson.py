"""What host.json settles, with the Functions host's own defaults (https://learn.microsoft.com/azure/azure-functions/functions-host-json)."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class HostSettings:
    route_prefix: str = "api"
    timeout: float | None = 1800.0
    """Real seconds a function may take (functionTimeout); None: no limit."""
    max_activities: int = 10
    """maxConcurrentActivityFunctions."""
    max_orchestrators: int = 10
    hub_name: str = "TestHubName"
    log_levels: dict[str, str] = field(default_factory=dict)
    """Levels by category: `default`, `Function`, `Function.NAME`, `Function.NAME.User`."""


def read(folder: Path) -> HostSettings:
    """Of the app in this folder. Raises ValueError when host.json is not what the host would accept."""
    path = folder / "host.json"
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"version": "2.0"}
    if document.get("version") != "2.0":
        raise ValueError(f'{path}: "version" must be "2.0"')
    extensions = document.get("extensions", {})
    durable = extensions.get("durableTask", {})
    each_processor = 10 * (os.cpu_count() or 1)
    return HostSettings(
        route_prefix=extensions.get("http", {}).get("routePrefix", "api"),
        timeout=timespan(str(document.get("functionTimeout", "00:30:00"))),
        max_activities=int(durable.get("maxConcurrentActivityFunctions", each_processor)),
        max_orchestrators=int(durable.get("maxConcurrentOrchestratorFunctions", each_processor)),
        hub_name=str(durable.get("hubName", "TestHubName")),
        log_levels=dict(document.get("logging", {}).get("logLevel", {})),
    )


def timespan(text: str) -> float | None:
    """Seconds of a .NET TimeSpan, `[d.]hh:mm:ss`; None for -1, which means unlimited. Raises ValueError."""
    if text == "-1":
        return None
    found = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})", text)
    if found is None:
        raise ValueError(f"functionTimeout {text!r} is neither -1 nor hh:mm:ss")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
