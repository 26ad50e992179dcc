"""The adapters over the wire: Azurite, and the local cloud's services in a thread and on ports of their own."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local import names
from local.azure.arm.app import Arm
from local.azure.directory import Directory
from local.azure.graph import Graph
from local.azure.identity import Identity, identity_header
from local.azure.keyvault import KeyVault
from local.azure.tokens import Tokens
from local.faults import CallLog, Fault, Faults
from local.ports import Ports
from local.server import Authority, Gate, serving
from local.world import World
from shared.azure.credentials import TokenSource, credential
from shared.settings import Settings
from tests.cloud import free_ports

ROOT = Path(__file__).parents[2]
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Public: the same in every Azurite."""


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    with free_ports(15_000) as found:
        yield found


@pytest.fixture(scope="session")
def settings(ports: Ports) -> Settings:
    here = f"http://127.0.0.1:{ports.tables}/devstoreaccount1"
    return Settings(
        subscription_id=names.SUBSCRIPTION,
        tenant_id=names.TENANT,
        key_vault_url=f"https://127.0.0.1:{ports.keyvault}",
        key_vault_verify=False,
        arm_endpoint=f"https://127.0.0.1:{ports.arm}",
        graph_endpoint=f"https://127.0.0.1:{ports.graph}",
        login_endpoint=f"https://127.0.0.1:{ports.graph}",
        tables_connection=f"AccountName=devstoreaccount1;AccountKey={AZURITE_KEY};TableEndpoint={here};",
    )


@pytest.fixture(scope="session")
def azurite(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    command = [
        str(ROOT / ".venv/bin/node"),
        str(ROOT / "node_modules/azurite/dist/src/table/main.js"),
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--inMemoryPersistence",
        "--silent",
        "--tablePort",
        str(ports.tables),
    ]
    folder = tmp_path_factory.mktemp("azurite")
    # A session of its own: the wheel's `node` is a script that starts the real one, and both are to end.
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            wait_for_port(ports.tables)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


@dataclass
class Services:
    """The running services. What touches the world runs on the services' own loop: see `do`."""

    world: World
    faults: Faults
    log: CallLog
    loop: asyncio.AbstractEventLoop

    def do[T](self, act: Callable[[], T]) -> T:
        async def on_loop() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(on_loop(), self.loop).result(10)

    def fail(self, **fault: Any) -> None:
        self.do(lambda: self.faults.add(Fault(**fault)))

    def configure(self, **subscription: Any) -> None:
        """Sets documents of `world.table("subscription")`."""
        self.do(lambda: self.world.table("subscription").update(subscription))

    def pass_time(self, seconds: float) -> None:
        self.do(lambda: self.world.clock.advance(timedelta(seconds=seconds)))


@pytest.fixture(scope="session")
def running_services(ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("services")
    started: list[Services] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        world = World(folder, ports)
        world.speed = 0
        faults, log = Faults(), CallLog()
        async with contextlib.AsyncExitStack() as stack:
            servers = []
            for app, service, port, tls in parts(world, stack):
                chain = Authority(folder / "tls").issue("127.0.0.1", "localhost") if tls else None
                gate = Gate(app, service, world.clock, faults, log)
                servers.append(await stack.enter_async_context(serving(gate, port, tls=chain)))
            started.append(Services(world, faults, log, asyncio.get_running_loop()))
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)
            for connection in [one for server in servers for one in server.server_state.connections]:
                connection.transport.abort()  # those that a client keeps open
        world.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="local cloud")
    thread.start()
    try:
        assert ready.wait(20)
        with pytest.MonkeyPatch.context() as patch:
            header = started[0].do(lambda: identity_header(started[0].world))
            patch.setenv("REQUESTS_CA_BUNDLE", str(folder / "tls" / "ca.pem"))
            patch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{ports.identity}/msi/token")
            patch.setenv("IDENTITY_HEADER", header)
            patch.delenv("AZURE_TOKEN_CREDENTIALS", raising=False)
            yield started[0]
    finally:
        stop.set()
        thread.join(10)


class NoKubernetes:
    """Stands for the clusters' insides, which the adapters to Azure do not look into."""

    async def ensure(self, key: str, **wanted: Any) -> None: ...

    async def stop(self, key: str) -> None: ...

    async def delete(self, key: str) -> None: ...

    def kubeconfig(self, key: str, *, admin: bool, resource_group: str) -> str:
        return (
            f"apiVersion: v1\nkind: Config\ncurrent-context: {key.rsplit('/', 1)[-1]}-{'admin' if admin else 'user'}\n"
        )

    def public_addresses(self, key: str) -> list[dict[str, Any]]:
        return [{"name": "kubernetes-a1", "ip": "127.0.0.9", "dnsLabel": "taken"}]

    def volumes(self, key: str) -> list[dict[str, Any]]:
        return []


def parts(world: World, stack: contextlib.AsyncExitStack) -> list[tuple[Any, str, int, bool]]:
    """App, name, port, and whether it is behind TLS."""
    ports = world.ports
    tokens, directory = Tokens(world), Directory(world)
    arm = Arm(world, directory, NoKubernetes(), tokens)
    stack.push_async_callback(arm.close)
    return [
        (arm.app, "arm", ports.arm, True),
        (Graph(world, directory, tokens).app, "graph", ports.graph, True),
        (KeyVault(world, tokens).app, "keyvault", ports.keyvault, True),
        (Identity(world, tokens).app, "identity", ports.identity, False),
    ]


@pytest.fixture
def services(running_services: Services) -> Iterator[Services]:
    """The running services without faults of other tests, at infinite speed."""
    running_services.do(running_services.faults.clear)
    running_services.do(running_services.log.clear)
    yield running_services
    running_services.do(lambda: setattr(running_services.world, "speed", 0))
    running_services.do(running_services.world.table("subscription").clear)


@pytest.fixture
def identity(running_services: Services, settings: Settings) -> Iterator[TokenSource]:
    found = credential(settings)
    yield found
    close(found)


def close(source: TokenSource) -> None:
    source._actual.close()  # type: ignore[attr-defined]  # in the product it lives as long as the process
