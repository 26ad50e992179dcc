"""Any JSON in any place of a hub is a hub or the caller's fault, and never an internal error."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.checks.upgrade import Examined
from shared.hubs.inventory import listing
from shared.hubs.inventory.listing import Seen
from shared.hubs.patch import planning
from shared.hubs.spec.model import Hub
from tests.app import App, said
from tests.given import OFFICE

EXAMPLES = settings().max_examples
"""Of the profile in tests/conftest.py."""
FINE = frozenset({200, 202, 400, 409, 413})

EVERYTHING: dict[str, Any] = {
    "name": "r6",
    "flavor": "jupyterhub",
    "location": "westus",
    "resourceGroup": "group",
    "tags": {"cost": "1"},
    "network": {"name": "net", "subnet": "sub", "addressPrefix": "10.0.0.0/8", "subnetPrefix": "10.240.0.0/16"},
    "identity": {"type": "service-principal", "name": "sp", "clientId": "app", "secret": "secret://principal"},
    "cluster": {
        "name": "aks",
        "kubernetesVersion": "1.35",
        "nodeCount": 3,
        "vmSize": "Standard_D2s_v3",
        "nodePool": "pool1",
        "maxPods": 30,
        "autoscale": {"mode": "cluster-autoscaler", "min": 1, "max": 6},
        "nodeResourceGroup": "nodes",
        "networkPolicy": "calico",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIp": "10.0.0.10",
        "tier": "Free",
        "adminUsername": "azureuser",
        "sshPublicKey": "ssh-rsa AAAA",
    },
    "release": {"name": "jhub", "namespace": "jhub", "chart": "jupyterhub", "version": "4.3.5"},
    "image": "quay.io/jupyter/base-notebook:2026-01-01",
    "environment": {
        "packages": ["matplotlib>=3"],
        "conda": ["r-base"],
        "cpu": {"guarantee": 0.5, "limit": 2},
        "profiles": [
            {"name": "small", "memory": {"limit": "2G"}, "cpu": {"limit": 1}, "image": "a/b:1", "default": True}
        ],
    },
    "values": {
        "hub": {
            "config": {"KubeSpawner": {"x": 1}},
            "extraEnv": [{"name": "A", "value": "secret://a"}],
            "extraConfig": {"one": "c.A.b = 1"},
            "resources": {"requests": {"cpu": "200m"}},
            "db": {"pvc": {"storage": "1Gi"}},
        },
        "singleuser": {
            "memory": {"guarantee": "1G"},
            "storage": {"capacity": "10Gi"},
            "extraFiles": {"a": {"stringData": "x"}},
        },
        "proxy": {"https": {"enabled": False}, "service": {"annotations": {"a": "b"}}},
    },
    "auth": {
        "type": "github",
        "clientId": "id",
        "clientSecret": "secret://github",
        "organizations": ["lab"],
        "admins": ["ada"],
    },
    "access": {
        "dnsLabel": "our-lab",
        "host": "hub.example.org",
        "https": {"letsencrypt": {"email": "ada@example.org"}},
    },
    "schedule": {
        **OFFICE,
        "holidays": {"country": "US", "subdivision": "WA"},
        "off": [{"from": "2026-12-24", "to": "2026-12-31"}],
        "on": [{"date": "2026-12-12", "from": "09:00", "to": "13:00"}],
        "stopWhenIdle": 60,
        "warnMinutes": 15,
    },
}
BINDER: dict[str, Any] = {
    "name": "r6",
    "flavor": "binderhub",
    "registry": {"type": "docker-hub", "username": "lab", "password": "secret://docker", "imagePrefix": "lab/r6-"},
    "access": {"dnsLabel": "our-lab", "binderLabel": "our-binder"},
    "auth": "none",
    "values": {
        "config": {"BinderHub": {"use_registry": True}},
        "resources": {"limits": {"memory": "1Gi"}},
        "jupyterhub": {
            "hub": {"config": {"BinderSpawner": {"auth_enabled": False}}},
            "singleuser": {"cpu": {"limit": 1}},
        },
    },
}

type Path = tuple[str | int, ...]


def paths(document: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in it, and one more in each object and list."""
    yield at
    parts: list[tuple[Any, Any]] = list(document.items()) if isinstance(document, dict) else []
    parts = list(enumerate(document)) if isinstance(document, list) else parts
    for key, value in parts:
        yield from paths(value, (*at, key))
    if isinstance(document, dict):
        yield (*at, "unheardOf")


def put(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed = deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


ODD_TEXTS = [
    *(
        "",
        "\0",
        "\ud800",
        "secret://",
        "secret://a--b",
        "Secret://a",
        " secret://a",
        "secret://shared-password",
        "secret://" + "a" * 99,
    ),
    *(
        "9" * 400,
        "9" * 400 + "G",
        "1e400",
        "nan",
        "-1",
        "1Gi",
        "..",
        "/",
        "{",
        "{}",
        "%",
        "'",
        '"',
        "\n",
        "a\nb",
        "\x85",
        "٣",
        "\U0001f600",
    ),
    *(
        "10.0.0.0/33",
        "::/0",
        "0.0.0.0/0",
        "10.0.0.10/8",
        "https://",
        "https://[",
        "http://a:b@c",
        "2026-02-30",
        "9999-12-31",
        "24:00",
        "UTC+1",
    ),
]
ODD_NUMBERS: list[Any] = [
    0,
    -1,
    2**31,
    2**53,
    2**63 - 1,
    2**63,
    10**400,
    1e308,
    -1e308,
    float("inf"),
    5e-324,
    0.1,
    -0.0,
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
    st.integers(),
    st.text(max_size=20).filter(lambda text: "Infinity" not in text),
)
KEYS = st.one_of(
    st.sampled_from(["name", "type", "value", "requests", "limits", "config", "\0", "", "a.b", "memory"]),
    st.text(max_size=5),
)
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8
)
PLACES = st.one_of(
    st.tuples(st.just(json.dumps(EVERYTHING)), st.sampled_from(list(paths(EVERYTHING)))),
    st.tuples(st.just(json.dumps(BINDER)), st.sampled_from(list(paths(BINDER)))),
)


def raw(body: Any) -> bytes:
    """With numbers that JSON can write and Python cannot."""
    return json.dumps(body).replace("Infinity", "1e400").encode()


@pytest.mark.parametrize("body", [EVERYTHING, BINDER], ids=["jupyterhub", "binderhub"])
def test_with_everything_as_it_should_be_it_is_a_hub(body: dict[str, Any]) -> None:
    answer = App().ask("POST", "hubs", body)
    assert (answer.status_code, said(answer).get("errors")) == (202, None)


@given(PLACES, ANY_JSON)
@settings(max_examples=6 * EXAMPLES)
def test_any_json_in_any_place_makes_a_hub_or_is_refused(where: tuple[str, Path], value: Any) -> None:
    app, (document, path) = App(), where
    answer = app.ask("POST", "hubs", raw(put(json.loads(document), path, value)))
    assert answer.status_code in FINE, answer.get_body()
    if answer.status_code == 400:
        assert all(set(error) == {"field", "code", "message", "advice", "severity"} for error in said(answer)["errors"])
    if answer.status_code == 202:
        looked_at(app, said(answer)["run"]["hub"])


def looked_at(app: App, name: str) -> None:
    """What was taken is shown, too."""
    for path in ("hubs/{name}", "hubs/{name}/schedule", "hubs/{name}/calendar"):
        assert app.ask("GET", path, name=name).status_code == 200
    told = listing.shown(app.place.hub(name), Seen([], [], [], {}, None))
    assert json.dumps(told, allow_nan=False)


def examined(_: object, hub: Any, wanted: Hub) -> Examined:
    """Without a look at Azure."""
    return Examined(planning.plan(hub.spec, wanted, None))


@given(st.sampled_from([path for path in paths(EVERYTHING) if path]), ANY_JSON)
@settings(max_examples=4 * EXAMPLES)
def test_any_json_in_any_place_of_a_patch_changes_a_hub_or_is_refused(path: Path, value: Any) -> None:
    app = App()
    app.place.ready("r6", **{key: part for key, part in EVERYTHING.items() if key != "name"})
    patched: Any = value
    for key in reversed(path):
        patched = {key: patched} if isinstance(key, str) else [patched]
    with (
        patch("shared.lifecycle.upgrade.command.examine", examined),
        patch("shared.lifecycle.upgrade.command.named", lambda services, hub, wanted, given: wanted),
    ):
        answer = app.ask("PATCH", "hubs/{name}", raw(patched), name="r6")
    assert answer.status_code in FINE, answer.get_body()


@given(ANY_JSON)
def test_any_json_is_a_secret_or_none(value: Any) -> None:
    assert App().ask("PUT", "hubs/{name}/secrets/{key}", raw({"value": value})).status_code in (204, 400)


@given(st.sampled_from(["start", "stop", "stop/force", "postpone", "pause", "schedule"]), ANY_JSON)
@settings(max_examples=2 * EXAMPLES)
def test_any_json_asks_for_power_or_is_refused(action: str, value: Any) -> None:
    app = App()
    app.place.ready(schedule=OFFICE)
    app.clusters.state = "Succeeded"
    method = "PUT" if action == "schedule" else "POST"
    for body in (value, *({name: value} for name in ("for", "until", "reason", "minutes", "timezone", "windows"))):
        assert app.ask(method, f"hubs/{{name}}/{action}", raw(body)).status_code in FINE
