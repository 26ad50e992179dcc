"""The local cloud's process as a whole: what it serves, what it lists, how it starts again and ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.resource.resources import ResourceManagementClient

from local import cloud, names
from local.azure.identity import identity_header
from local.world import World
from tests.local.parts import PORTS

pytestmark = pytest.mark.local
CONTROL = f"http://127.0.0.1:{PORTS.control}"


@contextmanager
def running(state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m local cloud` until the block ends, at zero-length operations."""
    environment = {**os.environ, "STATE": str(state), "PORT_OFFSET": str(PORTS.offset)}
    with subprocess.Popen([sys.executable, "-m", "local", "cloud"], env=environment) as process:
        try:
            deadline = time.monotonic() + 30
            while not healthy():
                assert process.poll() is None, "the local cloud ended before it answered"
                assert time.monotonic() < deadline
                time.sleep(0.05)
            requests.put(f"{CONTROL}/speed", json={"factor": 0}, timeout=5)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def healthy() -> bool:
    try:
        return requests.get(f"{CONTROL}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


def resources() -> bytes:
    return requests.get(f"{CONTROL}/resources", timeout=5).content


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentityCredential]:
    world = World(tmp_path, PORTS)
    monkeypatch.setenv("IDENTITY_HEADER", identity_header(world))
    world.close()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{PORTS.identity}/msi/token")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "tls" / "ca.pem"))
    with ManagedIdentityCredential() as credential:
        yield credential


def vault(credential: ManagedIdentityCredential) -> SecretClient:
    return SecretClient(f"https://127.0.0.1:{PORTS.keyvault}", credential, verify_challenge_resource=False)


def test_every_part_answers_the_official_clients_and_a_restart_loses_nothing(
    tmp_path: Path, credential: ManagedIdentityCredential
) -> None:
    with running(tmp_path):
        empty = resources()
        arm = f"https://127.0.0.1:{PORTS.arm}"
        with ResourceManagementClient(
            credential, names.SUBSCRIPTION, base_url=arm, credential_scopes=["https://management.azure.com/.default"]
        ) as manager:
            manager.resource_groups.create_or_update("r5-rg", {"location": "westus"})
        with vault(credential) as client:
            client.set_secret("r5-sp", "hidden")
        full = resources()
        assert b"r5-rg" in full
        assert b"r5-sp" in full
        assert b"hidden" not in full
        charts = requests.get(f"http://127.0.0.1:{PORTS.charts}/index.yaml", timeout=5)
        assert "jupyterhub" in charts.text
        services = {call["service"] for call in requests.get(f"{CONTROL}/requests", timeout=5).json()}
        assert services == {"arm", "keyvault", "identity", "charts"}
    with running(tmp_path):
        assert resources() == full
        with (
            ResourceManagementClient(
                credential,
                names.SUBSCRIPTION,
                base_url=arm,
                credential_scopes=["https://management.azure.com/.default"],
            ) as manager,
            vault(credential) as client,
        ):
            assert client.get_secret("r5-sp").value == "hidden"
            manager.resource_groups.begin_delete("r5-rg").wait()
            client.begin_delete_secret("r5-sp").wait()
            client.purge_deleted_secret("r5-sp")
            with pytest.raises(ResourceNotFoundError):
                client.get_deleted_secret("r5-sp")
        assert resources() == empty
    assert (tmp_path / "cloud.log").read_text() == ""


def test_the_control_endpoint_ends_it(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        requests.post(f"{CONTROL}/shutdown", timeout=5)
        assert process.wait(10) == 0


def test_cancelling_ends_it_and_frees_the_ports(tmp_path: Path) -> None:
    async def twice() -> None:
        for _ in range(2):
            serving = asyncio.create_task(cloud.run(tmp_path, PORTS.offset))
            while not await asyncio.to_thread(healthy):
                assert not serving.done(), serving.exception()
                await asyncio.sleep(0.05)
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving

    asyncio.run(twice())


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", PORTS.graph)), pytest.raises(OSError, match=str(PORTS.graph)):
        asyncio.run(cloud.run(tmp_path, PORTS.offset))


def test_a_part_that_fails_to_settle_is_tried_again_and_its_failure_written_down_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    async def failing() -> None:
        calls.append("failing")
        raise LookupError("no such cluster")

    async def working() -> None:
        calls.append("working")

    async def for_a_while() -> None:
        settling = asyncio.create_task(cloud._settle([failing, working]))
        await asyncio.sleep(0.2)
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling

    asyncio.run(for_a_while())
    assert calls.count("failing") > 2
    assert calls.count("working") > 2
    assert [record.exc_text and "no such cluster" in record.exc_text for record in caplog.records] == [True]
