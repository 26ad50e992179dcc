"""How a hub's API is reached: over https in public, else through the cluster, and with how many questions."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import NotFoundError, TemporaryError
from shared.hubs.inventory.people import hub_client
from shared.hubs.status.parts import Urls
from shared.kubernetes.tunnel import Tunnel
from tests.fakes import adapters
from tests.given import Place


class Asked(adapters.Kubernetes):
    """Notes what it was asked. ready: whether the hub's pod is."""

    def __init__(self, held: str | None = "token", *, ready: bool = True) -> None:
        super().__init__(held)
        self.ready = ready
        self.asked: list[str] = []

    def find(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        return super().find(path)

    def list(self, path: str, labels: str) -> list[dict[str, Any]]:
        self.asked.append(path)
        return super().list(path, labels) if self.ready else []


SECRET, PODS = "/api/v1/namespaces/jhub/secrets/hub", "/api/v1/namespaces/jhub/pods"


class Made:
    """What the services were asked for."""

    def __init__(self) -> None:
        self.hubs: list[tuple[str, str | None, Tunnel | None]] = []

    def __call__(self, url: str, token: str | None = None, tunnel: Tunnel | None = None) -> "Made":
        self.hubs.append((url, token, tunnel))
        return self


@pytest.fixture
def clusters() -> Iterator[adapters.Clusters]:
    made = adapters.Clusters()
    yield made
    assert made.calls["credentials"] == 1


def client(clusters: adapters.Clusters, kubernetes: Asked, url: str) -> Made:
    made = Made()
    place = Place(adapters={"clusters": clusters, "kubernetes": kubernetes, "jupyterhub": made})
    hub_client(place.services, place.ready(parts=[Urls(url)]))
    return made


def test_over_https_the_public_address_is_asked(clusters: adapters.Clusters) -> None:
    kubernetes = Asked()
    made = client(clusters, kubernetes, "https://r5.example/")
    assert made.hubs == [("https://r5.example/", "token", None)]
    assert kubernetes.asked == [SECRET]


@pytest.mark.parametrize("url", ["http://20.1.2.3/", "HTTPS://r5.example/", "//r5.example/"])
def test_any_other_hub_is_asked_through_the_cluster(clusters: adapters.Clusters, url: str) -> None:
    """The credentials that found the token find the pod: one question more."""
    kubernetes = Asked()
    ((_, token, tunnel),) = client(clusters, kubernetes, url).hubs
    assert token == "token"
    assert tunnel is not None
    assert tunnel.origin == "http://hub-1:8081"
    assert kubernetes.asked == [SECRET, PODS]


def test_a_hub_whose_pod_is_not_ready_is_asked_later(clusters: adapters.Clusters) -> None:
    with pytest.raises(TemporaryError, match="HubNotReady"):
        client(clusters, Asked(ready=False), "http://20.1.2.3/")


def test_a_hub_without_token_cannot_be_asked(clusters: adapters.Clusters) -> None:
    with pytest.raises(NotFoundError, match="TokenNotFound"):
        client(clusters, Asked(None), "http://20.1.2.3/")
