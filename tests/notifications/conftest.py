"""The product's services in this process, on the local cloud, with a clock that the test moves."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from shared.azure.tables import Row
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud, Host
from tests.notifications.receiver import Receiver, receiving

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CREDENTIAL = "T024BE7LD-a-credential-in-the-path"
"""Of the receiver's address."""
KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
NAMES = {"HUBKEEPER_WEBHOOK": "webhook-url", "HUBKEEPER_WEBHOOK_KEY": "webhook-key"}


@dataclass
class Clock:
    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


type Make = Callable[..., Services]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Services as another host of the same app has them. Keywords are further settings, by variable."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:

        def services(**variables: str) -> Services:
            made = Services(Settings.from_environ(cloud.environment | NAMES | variables), clock)
            stack.callback(close, made)
            return made

        yield services


def close(services: Services) -> None:
    """What in the product lives as long as the process."""
    if "tables" in services.__dict__:
        services.tables._service.close()
    if "secrets" in services.__dict__:
        services.secrets._client.close()
    if "credential" in services.__dict__:
        services.credential._actual.close()  # type: ignore[attr-defined]  # the SDK's, inside ours


@pytest.fixture
def receiver(cloud: Cloud) -> Iterator[Receiver]:
    with receiving(cloud.state / "tls") as found:
        yield found


@pytest.fixture
def services(cloud: Cloud, make: Make, receiver: Receiver) -> Iterator[Services]:
    """With the receiver in Key Vault, and nothing that waits.

    No functions host runs: its timer would try what waits too, by the cloud's clock and without this receiver.
    """
    Host(cloud.copy).stop()
    made = make()
    put(made, "webhook-url", f"https://localhost:{receiver.port}/services/{CREDENTIAL}\n")
    put(made, "webhook-key", KEY)
    yield made
    for row in outbox(made):
        made.tables.table("outbox").delete(row.partition, row.key)


def put(services: Services, name: str, value: str) -> None:
    services.secrets.set(name, value, expires=None, tags={}, content_type="text/plain")


def outbox(services: Services) -> list[Row]:
    return list(services.tables.table("outbox").query())


@pytest.fixture
def hub() -> str:
    """A name that no other test uses."""
    return f"r-{secrets.token_hex(4)}"
