"""The app's HTTP functions without a host: asked directly, on tables in memory and stand-ins for the adapters.

The tables are as strict about keys as Azure's, so that what must not reach them shows.
"""

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

import azure.functions as func

from shared.azure.aks import Cluster
from shared.azure.keyvault import Secret
from shared.azure.tables import SYSTEM, Row
from shared.errors import PermanentError
from shared.services import Services
from tests.fakes.adapters import Clusters
from tests.fakes.memory import MemoryTable, MemoryTables
from tests.given import Clock, EngineClient, Place

NOT_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Source: "Understanding the Table service data model" (learn.microsoft.com), which gives a key 1 KiB, too."""


class StrictTable(MemoryTable):
    def get(self, partition: str, key: str) -> Row | None:
        _check(partition, key)
        return super().get(partition, key)

    def query(self, partition: str | None = None, *more: Any, **options: Any) -> Iterator[Row]:
        _check(partition or "")
        return super().query(partition, *more, **options)


class StrictTables(MemoryTables):
    def table(self, name: str) -> MemoryTable:
        return self._made.setdefault(name, StrictTable(self.calls))


def _check(*keys: str) -> None:
    if any(NOT_IN_KEYS.search(key) or len(key) > 512 for key in keys):
        raise PermanentError(SYSTEM, "OutOfRangeInput", "a key is out of range", status=400)


@dataclass
class Vault:
    """Key Vault, by the names that it was asked for."""

    kept: dict[str, Secret] = field(default_factory=dict)

    def get(self, name: str) -> Secret | None:
        return self.kept.get(name.lower())

    def names(self, tags: Mapping[str, str]) -> list[Secret]:
        return [secret for secret in self.kept.values() if tags.items() <= secret.tags.items()]

    def set(self, name: str, value: str, *, tags: dict[str, str], **_: Any) -> None:
        assert re.fullmatch(r"[0-9A-Za-z-]{1,127}", name)
        self.kept[name.lower()] = Secret(name, value, "1", None, tags)

    def delete(self, name: str) -> None:
        assert re.fullmatch(r"[0-9A-Za-z-]{1,127}", name)
        self.kept.pop(name.lower(), None)

    def purge(self, name: str) -> None: ...


class NoClusters(Clusters):
    """AKS without a cluster, whatever is asked for; r5's, when its state is set."""

    def get(self, group: str, name: str) -> Cluster | None:
        return super().get(group, name) if name == "r5" else None


@dataclass(frozen=True)
class Route:
    """A function with an HTTP trigger, once for each of its methods. `call`: with a request, and a client if it takes one."""

    name: str
    method: str
    path: str
    admin: bool
    call: Callable[..., Any]

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)


@cache
def routes() -> list[Route]:
    """All that function_app registers."""
    import function_app

    found = []
    for function in function_app.app.get_functions():
        trigger: Any = function.get_trigger()
        if trigger.type == "httpTrigger":
            user_function = function.get_user_function()
            call = getattr(user_function, "client_function", user_function)
            admin = trigger.auth_level is func.AuthLevel.ADMIN
            found += [
                Route(str(function.get_function_name()), getattr(method, "value", method), trigger.route, admin, call)
                for method in trigger.methods
            ]
    return found


def route(method: str, path: str) -> Route:
    return next(each for each in routes() if (each.method, each.path) == (method, path))


class App:
    """The app of a place. `adapters` of the place stand in for those that a test's requests use."""

    def __init__(self) -> None:
        self.vault = Vault()
        self.clusters = NoClusters(state=None)
        self.place = Place(
            Clock(),
            StrictTables(),
            EngineClient(),
            {"secrets": self.vault, "clusters": self.clusters},
        )

    def ask(
        self, method: str, path: str, body: Any = b"", query: Mapping[str, str] | None = None, **parameters: str
    ) -> func.HttpResponse:
        """path: as it is registered, its parameters by name; those that are not given are r5's."""
        asked = route(method, path)
        given = {name: parameters.get(name, KNOWN.get(name, "")) for name in asked.parameters}
        request = func.HttpRequest(
            method,
            f"https://app.example/api/{path}",
            params=dict(query or {}),
            route_params=given,
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
        takes_client = "client" in inspect.signature(asked.call).parameters
        with self._serving():
            found = asked.call(request, client=self.place.client) if takes_client else asked.call(request)
            answer: func.HttpResponse = asyncio.run(found) if inspect.iscoroutine(found) else found
            return answer

    @contextmanager
    def _serving(self) -> Iterator[Services]:
        made = self.place.services
        with patch("shared.services.services", return_value=made):
            yield made


KNOWN = {"name": "r5", "id": "r5-12345678901234abcdef", "key": "token", "location": "westus"}


def said(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())
