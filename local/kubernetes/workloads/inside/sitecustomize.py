"""Puts the programs of a pod into the local cloud: Python imports this file first wherever PYTHONPATH names its folder.

The clock: the few functions are replaced by which JupyterHub, its servers and its culler date what people do. Whether
somebody is active is then a question about the same clock as the schedules; timeouts and retries stay on real time.
The service account: the Kubernetes client looks for it at one fixed path, which a pod has here at another place.
"""

import importlib.abc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

CLOCK = "LOCAL_CLOCK"
"""The environment variable with the path of the clock's file; local/clock.py describes what is in it."""

ACCOUNT = "LOCAL_SERVICE_ACCOUNT"
"""The environment variable with the folder of the pod's token and certificate."""


def utcnow(*, with_tz: bool = True) -> datetime:
    """Virtual time; real time when nobody has set the clock yet."""
    real = time.time()  # noqa: TID251 - here virtual time is made from real time
    try:
        setting = json.loads(Path(os.environ[CLOCK]).read_text())
        seconds = setting["base"] + (real - setting["real"]) * setting["rate"]
    except FileNotFoundError:
        seconds = real
    now = datetime.fromtimestamp(seconds, UTC)
    return now if with_tz else now.replace(tzinfo=None)


def dated(module: ModuleType) -> None:
    """For modules whose function `utcnow` everything else in their packages uses."""
    if CLOCK in os.environ:
        module.__dict__["utcnow"] = utcnow


def accounted(module: ModuleType) -> None:
    if ACCOUNT in os.environ:
        module.__dict__["SERVICE_TOKEN_FILENAME"] = f"{os.environ[ACCOUNT]}/token"
        module.__dict__["SERVICE_CERT_FILENAME"] = f"{os.environ[ACCOUNT]}/ca.crt"


CHANGED: dict[str, Callable[[ModuleType], None]] = {
    "jupyterhub.utils": dated,
    "jupyter_server._tz": dated,
    "jupyterhub_idle_culler": dated,
    "kubernetes_asyncio.config.incluster_config": accounted,
}


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules to be changed as they are found anyway; they are changed as soon as they are loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in CHANGED else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            CHANGED[name](module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign] # this one loader's, of this one module
        return spec


sys.meta_path.insert(0, Finder())
