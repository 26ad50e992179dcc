"""Small stand-ins for the adapters that the steps of power use. Each is what a test says, and notes what it was told."""

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from shared import names
from shared.azure.aks import Cluster
from shared.azure.graph import Application, NewPassword, Password
from shared.azure.keyvault import Secret, SecretInfo
from shared.azure.operations import Operation, Progress
from shared.errors import OutsideError, PermanentError
from shared.hubs.chart import values as chart_values
from shared.hubs.spec.defaults import OWNER_TAG
from shared.kubernetes.jupyterhub import HubUser, Server
from shared.kubernetes.tunnel import Tunnel
from tests.given import SUBSCRIPTION

RUNNING = Progress("running", "InProgress", None, None)
SUCCEEDED = Progress("succeeded", "Succeeded", None, None)


def failed(error: OutsideError | None = None) -> Progress:
    return Progress("failed", "Failed", None, error)  # type: ignore[arg-type]  # one of the two kinds


def cluster(name: str, state: str, power: str) -> Cluster:
    identity = names.cluster_id(SUBSCRIPTION, f"{name}-rg", name)
    nothing: Any = None
    fields = dict.fromkeys(["version", "current_version", "fqdn", "node_resource_group", "client_id"], nothing)
    return Cluster(
        id=identity.upper(),  # Azure's own spelling varies
        name=name,
        location="westus",
        state=state,
        power=power,
        identity_type=None,
        pools=(),
        tags={OWNER_TAG: name},
        etag=None,
        body={},
        **fields,
    )


@dataclass
class Clusters:
    """AKS with the cluster r5. state None: there is none. `refuses`: what the next start or stop is answered with."""

    state: str | None = "Succeeded"
    power: str = "Running"
    retry_after: float | None = 30.0
    refuses: OutsideError | None = None
    calls: Counter[str] = field(default_factory=Counter)
    given: list[str] = field(default_factory=list)
    at_once: bool = False
    """Starts and stops are done when they are answered: there is no operation."""
    no_reset: OutsideError | None = None
    """What the next password is refused with."""

    def get(self, group: str, name: str) -> Cluster | None:
        assert (group, name) == ("r5-rg", "r5")
        self.calls["get"] += 1
        return self._now()

    def list_all(self) -> list[Cluster]:
        self.calls["list"] += 1
        found = self._now()
        return [found] if found else []

    def _now(self) -> Cluster | None:
        return cluster("r5", self.state, self.power) if self.state is not None else None

    def start(self, group: str, name: str) -> Operation | None:
        return self._begin("start", "Starting", "Running")

    def stop(self, group: str, name: str) -> Operation | None:
        return self._begin("stop", "Stopping", "Running")

    def _begin(self, call: str, state: str, power: str) -> Operation | None:
        self.calls[call] += 1
        if self.refuses:
            raise self.refuses
        self.state, self.power = state, power
        return None if self.at_once else Operation(f"https://arm/{call}", None, self.retry_after)

    def reset_service_principal(self, group: str, name: str, client_id: str, secret: str) -> Operation | None:
        self.calls["reset"] += 1
        refused, self.no_reset = self.no_reset, None
        if self.power == "Stopped":
            refused = PermanentError("AKS", "OperationNotAllowed", "Power State(Stopped)", status=400)
        if refused:
            raise refused
        self.given.append(secret)
        return None if self.at_once else Operation(None, "https://arm/reset", self.retry_after)

    def admin_kubeconfig(self, group: str, name: str) -> str:
        self.calls["credentials"] += 1
        if self.refuses:
            raise self.refuses
        return "kubeconfig"


@dataclass
class Arm:
    """`says`: what a look at any operation finds."""

    says: Progress | OutsideError = RUNNING
    looks: int = 0

    def progress(self, operation: Operation) -> Progress:
        self.looks += 1
        if isinstance(self.says, OutsideError):
            raise self.says
        return self.says


HUB_POD = {"metadata": {"name": "hub-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


class Kubernetes:
    """A cluster with the chart's Secret, or without."""

    def __init__(self, held: str | None = "token") -> None:
        self._token = held

    def __call__(self, kubeconfig: str) -> Self:
        assert kubeconfig == "kubeconfig"
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def find(self, path: str) -> dict[str, Any] | None:
        assert path == "/api/v1/namespaces/jhub/secrets/hub"
        token = base64.b64encode((self._token or "").encode()).decode()
        return {"data": {chart_values.TOKEN_KEY: token}} if self._token else None

    def list(self, path: str, labels: str) -> list[dict[str, Any]]:
        assert (path, labels) == ("/api/v1/namespaces/jhub/pods", "component=hub,release=jhub")
        return [HUB_POD]


@dataclass
class JupyterHub:
    """A hub with its users. `error`: it does not answer. `stubborn`: servers that do not end at once."""

    listed: list[HubUser] = field(default_factory=list)
    open: bool = False
    """Whether a stranger gets in."""
    error: OutsideError | None = None
    stubborn: set[str] = field(default_factory=set)
    stopped: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, url: str, token: str | None = None, tunnel: Tunnel | None = None) -> Self:
        assert (url, token) in (("http://r5.example/", "token"), ("http://r5.example/", None))
        assert (tunnel is None) is (token is None)
        return self

    def lets_in(self, name: str, password: str) -> bool:
        if self.error:
            raise self.error
        return self.open

    def users(self, *, active_only: bool = False) -> list[HubUser]:
        if self.error:
            raise self.error
        return [user for user in self.listed if user.servers or not active_only]

    def stop_server(self, user: str, server: str) -> bool:
        self.stopped.append((user, server))
        return user not in self.stubborn


def user(name: str, *activity: datetime | None) -> HubUser:
    """With a server for each last activity."""
    servers = [Server(f"server{n}", True, None, moment, None, "") for n, moment in enumerate(activity)]
    return HubUser(name, False, None, servers)


@dataclass
class Directory:
    """The application of r5. `cut`: the next password is made, and the answer is lost."""

    passwords: dict[str, Password] = field(default_factory=dict)
    cut: OutsideError | None = None
    known: bool = True

    def application(self, *, app_id: str) -> Application | None:
        assert app_id == "app"
        return Application("object", app_id, "r5-sp", (), tuple(self.passwords.values())) if self.known else None

    def add_password(self, object_id: str, label: str, ends: datetime) -> NewPassword:
        key = f"key{len(self.passwords) + 1}"
        while key in self.passwords:
            key += "x"
        self.passwords[key] = Password(key, label, ends)
        if self.cut:
            cut, self.cut = self.cut, None
            raise cut
        return NewPassword(key, f"secret of {key}", ends)

    def try_secret(self, tenant: str, client_id: str, secret: str) -> None:
        """Works when the password is there and `cut` is not set."""
        assert client_id == "app"
        if self.cut:
            cut, self.cut = self.cut, None
            raise cut
        assert secret.removeprefix("secret of ") in self.passwords

    def remove_password(self, object_id: str, key_id: str) -> None:
        assert object_id == "object"
        del self.passwords[key_id]


@dataclass
class Secrets:
    kept: dict[str, Secret] = field(default_factory=dict)
    error: OutsideError | None = None
    earlier: list[Secret] = field(default_factory=list)
    """Versions that others have taken the place of."""

    def get(self, name: str) -> Secret | None:
        return self.kept.get(name)

    def names(self, tags: Mapping[str, str] | None = None) -> list[SecretInfo]:
        found = [SecretInfo(each.name, each.expires, each.tags, True) for each in self.kept.values()]
        return [each for each in found if (tags or {}).items() <= each.tags.items()]

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    def purge(self, name: str) -> None: ...

    def version_with(self, name: str, tags: Mapping[str, str]) -> Secret | None:
        versions = [*self.earlier, *self.kept.values()]
        return next((each for each in versions if each.name == name and tags.items() <= each.tags.items()), None)

    def set(self, name: str, value: str, *, expires: datetime | None, tags: dict[str, str], content_type: str) -> None:
        if self.error:
            raise self.error
        self.earlier += [self.kept[name]] if name in self.kept else []
        self.kept[name] = Secret(name, value, "1", expires, tags)
