"""The emulated Resource Manager with small stand-ins for the parts it needs, and the official clients pointed at it."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import requests
from azure.core.credentials import AccessToken
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.resource.resources import ResourceManagementClient

from local import names
from local.azure.arm.app import Arm
from local.world import World
from tests.local.parts import PORTS, served

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
SUB = f"/subscriptions/{names.SUBSCRIPTION}"
SECRET = "a-secret-of-a-principal"


class Directory:
    """Knows the principals that a test names; `secrets`: app id -> (secret, verdict)."""

    def __init__(self) -> None:
        self.principals: dict[str, str] = {}
        self.verdicts: dict[str, Literal["ok", "invalid", "expired"]] = {}

    def service_principal(self, app_id: str) -> dict[str, Any] | None:
        return {"id": self.principals[app_id], "appId": app_id} if app_id in self.principals else None

    def principal_exists(self, object_id: str) -> bool:
        return object_id in self.principals.values()

    def check_secret(self, app_id: str, secret: str) -> Literal["ok", "invalid", "expired"]:
        return self.verdicts.get(app_id, "ok") if secret == SECRET else "invalid"


class Tokens:
    def check(self, authorization: str | None, audience: str) -> dict[str, Any]:
        if authorization != f"Bearer good for {audience}":
            raise PermissionError("the token has expired" if "old" in (authorization or "") else "no valid token")
        return {"oid": "caller", "appid": "app", "tid": names.TENANT, "aud": audience}


@dataclass
class ControlPlanes:
    calls: list[tuple[str, str]] = field(default_factory=list)
    running: dict[str, dict[str, Any]] = field(default_factory=dict)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    disks: list[dict[str, Any]] = field(default_factory=list)
    fails: bool = False
    real_seconds: float = 0.0

    async def ensure(self, key: str, **wanted: Any) -> None:
        self.calls.append(("ensure", key))
        await asyncio.sleep(self.real_seconds)
        if self.fails:
            raise RuntimeError("no process could be started")
        self.running[key] = wanted

    async def stop(self, key: str) -> None:
        self.calls.append(("stop", key))
        self.running.pop(key, None)

    async def delete(self, key: str) -> None:
        self.calls.append(("delete", key))
        self.running.pop(key, None)

    def kubeconfig(self, key: str, *, admin: bool, resource_group: str) -> str:
        return f"kubeconfig of {key} for {'an admin' if admin else 'a user'} in {resource_group}"

    def public_addresses(self, key: str) -> list[dict[str, Any]]:
        return self.addresses if key in self.running else []

    def volumes(self, key: str) -> list[dict[str, Any]]:
        return self.disks if key in self.running else []


class Credential:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("good for https://management.azure.com", 2**40)


class Lab:
    """One copy of the emulated ARM. `call` speaks plain HTTP, `resources` and `aks` are the official clients."""

    def __init__(self, world: World, authority: Path, parts: tuple[Directory, ControlPlanes]) -> None:
        self.world = world
        self.directory, self.clusters = parts
        self.refusal: Callable[[str], str | None] = lambda _: None
        self.base = f"https://127.0.0.1:{world.ports.arm}"
        self.session = requests.Session()
        self.session.trust_env = False  # a CA bundle of the machine would be taken instead of ours
        self.session.verify = str(authority)
        self.session.headers["Authorization"] = "Bearer good for https://management.azure.com"
        options: dict[str, Any] = {
            "base_url": self.base,
            "credential_scopes": ["https://management.azure.com/.default"],
            "connection_verify": str(authority),
            "polling_interval": 0,
            "retry_total": 0,
        }
        self.resources: Any = ResourceManagementClient(Credential(), names.SUBSCRIPTION, **options)
        self.aks: Any = ContainerServiceClient(  # its stubs know no bodies that are dictionaries
            Credential(), names.SUBSCRIPTION, **options
        )

    def call(
        self, method: str, path: str, body: Any = None, version: str | None = "2025-04-01", **options: Any
    ) -> requests.Response:
        """`path` below the subscription, unless it is a whole address."""
        url = path if path.startswith("https:") else f"{self.base}{SUB if not path.startswith('/sub') else ''}{path}"
        params = {"api-version": version} if version and "api-version=" not in url else {}
        return self.session.request(method, url, json=body, params=params | options.pop("params", {}), **options)

    def advance(self, seconds: float) -> None:
        self.world.clock.advance(timedelta(seconds=seconds))

    def set(self, name: str, **row: Any) -> None:
        self.world.table("subscription")[name] = row

    def group(self, name: str = "r5-rg", **more: Any) -> None:
        assert self.call("PUT", f"/resourcegroups/{name}", {"location": "westus"} | more).status_code in (200, 201)

    def network(self, group: str = "r5-rg") -> str:
        """Makes the seed's network; the id of its subnet."""
        path = f"{SUB}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/r5-vnet"
        subnet = {"name": "r5-subnet", "properties": {"addressPrefix": "10.240.0.0/16"}}
        space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}, "subnets": [subnet]}
        assert self.call("PUT", path, {"location": "westus", "properties": space}).status_code == 201
        self.advance(5)
        return f"{path}/subnets/r5-subnet"

    def principal(self) -> str:
        """A service principal that everybody knows: its app id."""
        app_id = str(uuid.uuid4())
        self.directory.principals[app_id] = str(uuid.uuid4())
        return app_id

    def cluster(self, **properties: Any) -> dict[str, Any]:
        """The body of the seed's cluster, with a managed identity unless a service principal is given."""
        pool = {"name": "nodepool1", "count": 3, "vmSize": "Standard_D2s_v3", "mode": "System"}
        body: dict[str, Any] = {"location": "westus", "properties": {"dnsPrefix": "r5", "agentPoolProfiles": [pool]}}
        body["properties"] |= properties
        if "servicePrincipalProfile" not in properties:
            body["identity"] = {"type": "SystemAssigned"}
        return body

    def made(self, **properties: Any) -> None:
        """A group with a cluster that runs."""
        self.group()
        assert self.call("PUT", CLUSTER, self.cluster(**properties)).status_code == 201
        self.advance(400)
        assert self.call("GET", CLUSTER).json()["properties"]["provisioningState"] == "Succeeded"


CLUSTER = f"{SUB}/resourceGroups/r5-rg/providers/Microsoft.ContainerService/managedClusters/r5"


@contextmanager
def lab(state: Path) -> Iterator[Lab]:
    """With a clock that stands at START, and operations as long as in Azure."""
    with closing(World(state, PORTS)) as world:
        world.clock.set(START, 0)
        parts = Directory(), ControlPlanes()
        arm = Arm(world, *parts, Tokens())
        with served(world, {world.ports.arm: arm.app}, {}) as authority:
            made = Lab(world, authority, parts)
            made.refusal = arm.balancer_refusal
            yield made
            made.session.close()
            made.resources.close()
            made.aks.close()
