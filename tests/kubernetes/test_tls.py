"""Certificates in the cluster, and the front that asks for them."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import ConflictError
from shared.kubernetes import tls

NOW = datetime(2026, 11, 26, 4, tzinfo=UTC)
SECRETS = "/api/v1/namespaces/jhub/secrets"


@dataclass
class Cluster:
    """Objects by path. `late`: a creation that was thought lost has happened."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    late: bool = False

    def find(self, path: str) -> dict[str, Any] | None:
        return None if self.late else self.objects.get(path)

    def create(self, path: str, body: dict[str, Any]) -> None:
        key = f"{path}/{body['metadata']['name']}"
        if key in self.objects:
            raise ConflictError("Kubernetes", "AlreadyExists", "it exists")
        self.objects[key] = body

    def list(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        found = [item for key, item in self.objects.items() if key.startswith(f"{path}/")]
        name, _, value = labels.partition("=")
        return [item for item in found if not labels or item["metadata"].get("labels", {}).get(name) == value]

    def delete(self, path: str) -> bool:
        return self.objects.pop(path, None) is not None


def made(*names: str) -> Any:
    cluster: Any = Cluster()
    for name in names:
        tls.ensure_secret(cluster, "jhub", name, "chain", "key")
    return cluster


def test_a_certificate_is_a_secret_of_kubernetes_own_type() -> None:
    found = made("tls-1").objects[f"{SECRETS}/tls-1"]
    assert found["type"] == "kubernetes.io/tls"
    assert {name: base64.b64decode(value) for name, value in found["data"].items()} == {
        "tls.crt": b"chain",
        "tls.key": b"key",
    }


@pytest.mark.parametrize("late", [False, True])
def test_made_twice_it_is_there_once(late: bool) -> None:
    cluster = made("tls-1")
    cluster.late = late
    tls.ensure_secret(cluster, "jhub", "tls-1", "chain", "key")
    assert list(cluster.objects) == [f"{SECRETS}/tls-1"]


def test_removed_are_our_certificates_but_the_one_in_use() -> None:
    cluster = made("tls-1", "tls-2")
    cluster.objects[f"{SECRETS}/theirs"] = {"type": "kubernetes.io/tls", "metadata": {"name": "theirs"}}
    cluster.objects[f"{SECRETS}/hub"] = {
        "type": "Opaque",
        "metadata": {"name": "hub", "labels": {tls.OWNER: "hubkeeper"}},
    }
    assert tls.remove_secrets(cluster, "jhub", "tls-2") == 1
    assert {key.rpartition("/")[2] for key in cluster.objects} == {"tls-2", "theirs", "hub"}
    assert tls.remove_secrets(cluster, "jhub", None) == 1


def pod(name: str, component: str, seconds_ago: float) -> dict[str, Any]:
    started = (NOW - timedelta(seconds=seconds_ago)).isoformat()
    metadata = {"name": name, "namespace": "jhub", "labels": {"component": component}}
    return {"metadata": metadata, "status": {"startTime": started}}


def test_asked_again_are_fronts_that_began_before_the_name_led_here_and_have_had_their_time() -> None:
    cluster: Any = Cluster()
    for name, component, ago in (("old", "autohttps", 100), ("young", "autohttps", 20), ("hub", "hub", 100)):
        cluster.objects[f"/api/v1/namespaces/jhub/pods/{name}"] = pod(name, component, ago)
    assert tls.ask_again(cluster, "jhub", NOW - timedelta(seconds=200), 30, NOW) == []
    assert tls.ask_again(cluster, "jhub", NOW, 30, NOW) == ["old"]
    assert {key.rpartition("/")[2] for key in cluster.objects} == {"young", "hub"}
