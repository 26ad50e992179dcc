"""A reference names only people's secrets, and stands only where a secret belongs: every field that holds a text, tried."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from pydantic import ValidationError

from shared import names
from shared.azure.keyvault import Secret
from shared.errors import InvalidError, NotFoundError
from shared.hubs import vault
from shared.hubs.chart import access
from shared.hubs.chart import values as chart
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse
from shared.services import Services

GITHUB = {"type": "github", "clientId": "id", "clientSecret": "secret://github", "organizations": ["our-lab"]}
ENTRA = {
    "type": "entra",
    "clientId": "id",
    "clientSecret": "secret://entra",
    "tenantId": "example.org",
    "users": ["ada"],
    "admins": ["a"],
}
OAUTH = {
    "type": "oauth",
    "clientId": "id",
    "clientSecret": "secret://oauth",
    "authorizeUrl": "https://login.example.org/authorize",
    "tokenUrl": "https://login.example.org/token",
    "userdataUrl": "https://login.example.org/user",
    "usernameClaim": "email",
    "scope": ["openid"],
    "loginService": "Our lab",
    "users": ["ada"],
}
ZONE = {"name": "example.org", "resourceGroup": "names", "subscription": "other"}
LETSENCRYPT = {"email": "ada@example.org", "acmeServer": "https://acme.example.org/directory"}
SCHEDULE = {
    "timezone": "Europe/Berlin",
    "windows": [{"days": ["mon"], "from": "08:00", "to": "18:00"}],
    "holidays": {"country": "US", "subdivision": "WA"},
    "off": [{"from": "2026-12-24", "to": "2026-12-31"}],
    "on": [{"date": "2026-12-12", "from": "09:00", "to": "13:00"}],
    "pause": {"until": "2026-12-01T08:00:00Z", "reason": "a break"},
}
FULL = {
    "name": "r5",
    "flavor": "jupyterhub",
    "location": "westus2",
    "resourceGroup": "group",
    "tags": {"course": "stat"},
    "network": {"name": "net", "subnet": "sub", "addressPrefix": "10.0.0.0/8", "subnetPrefix": "10.240.0.0/16"},
    "identity": {"type": "service-principal", "name": "p", "clientId": "id", "secret": "secret://password"},
    "cluster": {
        "name": "c",
        "kubernetesVersion": "1.35",
        "vmSize": "Standard_D2s_v3",
        "nodePool": "pool",
        "nodeResourceGroup": "nodes",
        "networkPlugin": "azure",
        "networkPolicy": "azure",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIp": "10.0.0.10",
        "dockerBridgeAddress": "172.17.0.1/16",
        "tier": "Free",
        "adminUsername": "azureuser",
        "sshPublicKey": "ssh-ed25519 AAAA",
        "autoscale": {"mode": "cluster-autoscaler", "min": 1, "max": 3},
    },
    "release": {"name": "rel", "namespace": "space", "chart": "jupyterhub", "version": "4.2.0"},
    "image": {"name": "jupyter/base-notebook", "tag": "2026-01-05"},
    "environment": {
        "packages": ["numpy"],
        "conda": ["r-base"],
        "memory": {"guarantee": "512M", "limit": "1G"},
        "storage": "10Gi",
        "profiles": [
            {
                "name": "Large",
                "description": "More of it",
                "image": {"name": "jupyter/r-notebook", "tag": "1"},
                "memory": {"guarantee": "1G", "limit": "2G"},
            }
        ],
    },
    "values": {"hub": {"extraEnv": {"A": "b", "C": [{"name": "D", "value": "e"}]}}},
    "auth": GITHUB,
    "access": {"dnsLabel": "label", "host": "hub.example.org", "dnsZone": ZONE, "https": {"letsencrypt": LETSENCRYPT}},
    "schedule": SCHEDULE,
}
BINDER = {"name": "r5", "flavor": "binderhub", "access": {"dnsLabel": "label", "binderLabel": "page"}}
BODIES: dict[str, dict[str, Any]] = {
    "everything": FULL,
    "entra": FULL | {"auth": ENTRA},
    "oauth": FULL | {"auth": OAUTH},
    "certificate": FULL | {"access": {"host": "hub.example.org", "https": {"certificate": "secret://pem"}}},
    "password": FULL | {"auth": "shared-password", "identity": "managed"},
    "acr": BINDER | {"registry": {"type": "acr", "name": "OurLab", "sku": "Basic"}},
    "docker-hub": BINDER
    | {"registry": {"type": "docker-hub", "username": "ourlab", "password": "secret://d", "imagePrefix": "ourlab/x-"}},
    "other": BINDER
    | {
        "registry": {
            "type": "other",
            "server": "registry.example.org",
            "username": "bot",
            "password": "secret://bot",
            "imagePrefix": "registry.example.org/x/",
            "tokenUrl": "https://registry.example.org/token",
        }
    },
}
SECRET_FIELDS = {"auth.clientSecret", "identity.secret", "registry.password", "access.https.certificate"}
SPELLINGS = (str.lower, str.upper, str.title)

type Path = tuple[str | int, ...]


def texts(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where the texts are."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, (*path, key))


def replaced(body: dict[str, Any], path: Path, text: str) -> dict[str, Any]:
    made = copy.deepcopy(body)
    place: Any = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = text
    return made


def dotted(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))


def places() -> Iterator[Any]:
    """Each field once, in the first body that has it."""
    seen: set[str] = set()
    for body in BODIES.values():
        for path in texts(body):
            if dotted(path) not in seen:
                seen.add(dotted(path))
                yield pytest.param(body, path, id=dotted(path))


PLACES = list(places())


def test_the_bodies_are_hubs_and_hold_every_field_that_holds_a_text() -> None:
    for body in BODIES.values():
        parse(body, "westus")
    tried = {dotted(path) for body in BODIES.values() for path in texts(body)}
    assert {place for place in schema_texts(Hub.model_json_schema(by_alias=True)) if place not in tried} == set()


def schema_texts(schema: dict[str, Any]) -> Iterator[str]:
    """Every field of a hub that can hold a text, in the dotted form of a path."""

    def walk(node: dict[str, Any], place: str) -> Iterator[str]:
        node = {**schema["$defs"][node["$ref"].rpartition("/")[2]], **node} if "$ref" in node else node
        for variant in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            yield from walk(variant, place)
        if node.get("type") == "string":
            yield place
        for inner in (node.get("items"), *node.get("prefixItems", ())):
            if isinstance(inner, dict):
                yield from walk(inner, place)
        for name, inner in node.get("properties", {}).items():
            yield from walk(inner, f"{place}.{name}".strip("."))

    return walk(schema, "")


@pytest.mark.parametrize(("body", "path"), PLACES)
def test_no_field_takes_a_reference_to_a_secret_of_hubkeepers_own(body: dict[str, Any], path: Path) -> None:
    for key in names.OWN_SECRETS:
        for spelled in SPELLINGS:
            with pytest.raises(InvalidError):
                parse(replaced(body, path, f"secret://{spelled(key)}"), "westus")


@pytest.mark.parametrize(("body", "path"), PLACES)
def test_only_fields_that_are_secret_take_a_reference_at_all(body: dict[str, Any], path: Path) -> None:
    made = replaced(body, path, "secret://ours")
    if dotted(path) in SECRET_FIELDS or path[0] == "values":
        parse(made, "westus")
        return
    with pytest.raises(InvalidError) as caught:
        parse(made, "westus")
    assert any(item.field.startswith(str(path[0])) for item in caught.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "secret://",
        "secret://a b",
        "secret://a/b",
        f"secret://{'x' * 128}",
        "secret://-",
        "secret://a--b",
        "secret://own--a",
        "SECRET://ours",
        " secret://ours",
        "secret://ours ",
        "secret://ours\n",
        "secret://s\u00e9cret",
    ],
)
def test_an_odd_reference_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse({"name": "r5", "values": {"hub": {"extraEnv": [{"name": "A", "value": text}]}}}, "westus")
    assert [item.field for item in caught.value.problems] == ["values.hub.extraEnv[0].value"]


LEAK, THEIRS, OURS = "a-secret-of-hubkeepers-own", "a-secret-of-peoples", "put-there-by-hubkeeper"


@dataclass
class Vault:
    """Key Vault with every secret of Hubkeeper's own, under its old name and its new one. Names have no case."""

    asked: list[str] = field(default_factory=list)

    def get(self, name: str) -> Secret | None:
        self.asked.append(name)
        key = name.casefold().removeprefix("r5--").removeprefix("own--")
        value = LEAK if key in names.OWN_SECRETS else THEIRS
        return Secret(name, value, "1", None, {})


@dataclass
class Adapters:
    secrets: Vault = field(default_factory=Vault)


@pytest.mark.parametrize(("body", "path"), PLACES)
def test_what_was_stored_before_it_was_refused_is_not_filled_either(body: dict[str, Any], path: Path) -> None:
    services = cast("Services", Adapters())

    def lookup(reference: Any) -> str:
        if reference.own:
            return OURS
        found = vault.resolved(services, "r5", reference)
        if found is None:
            raise KeyError(reference.name)
        return found.value

    for key in (names.SSH_KEY, names.SSH_KEY.title()):
        try:
            hub = Hub.model_validate(replaced(body, path, f"secret://{key}")).resolved("westus")
            filled = json.dumps(chart.fill(access.values(hub), lookup))
        except (ValidationError, InvalidError, NotFoundError):
            continue
        assert LEAK not in filled


@pytest.mark.parametrize("key", sorted(names.OWN_SECRETS))
@pytest.mark.parametrize("spelled", SPELLINGS)
def test_the_vault_gives_people_nothing_of_hubkeepers_own(key: str, spelled: Any) -> None:
    adapters = Adapters()
    assert vault.theirs(cast("Services", adapters), "r5", spelled(key)) is None
    assert vault.theirs(cast("Services", adapters), "r5", f"own--{spelled(key)}") is None
    assert adapters.secrets.asked == []
    with pytest.raises(ValueError, match=r"own|hyphens"):
        names.vault_name("r5", spelled(key))


@pytest.mark.parametrize(
    "said",
    [
        {"hub": {"extraEnv": {"CLIENT_SECRET": "hunter2"}}},
        {"hub": {"extraEnv": [{"name": "CLIENT_SECRET", "value": "hunter2"}]}},
        {"hub": {"extraContainers": [{"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}]}},
        {"singleuser": {"extraEnv": {"OPENAI_API_KEY": "hunter2"}}},
        {"hub": {"extraEnv": {"JUPYTERHUB_CRYPT_KEY": "hunter2"}}},
        {"hub": {"config": {"CryptKeeper": {"keys": ["hunter2"]}}}},
        {"hub": {"extraConfig": {"login": 'c.GitHubOAuthenticator.client_secret = "hunter2"'}}},
        {"hub": {"extraConfig": {"env": 'import os\nos.environ["API_TOKEN"] = "hunter2"'}}},
        {"hub": {"extraConfig": {"db": 'c.JupyterHub.db_url = "postgresql://ada:hunter2@db.example.org/hub"'}}},
        {"hub": {"extraConfig": {"broken": 'this is (no python\npassword = "hunter2"'}}},
        {
            "hub": {
                "extraFiles": {
                    "x": {
                        "mountPath": "/usr/local/etc/jupyterhub/jupyterhub_config.d/x.py",
                        "stringData": 'c.X.client_secret = "hunter2"',
                    }
                }
            }
        },
    ],
)
def test_a_secret_of_peoples_is_not_stored_with_the_hub_wherever_it_stands(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as caught:
        parse({"name": "r5", "values": said}, "westus")
    assert "hunter2" not in str(caught.value)
    assert all("Key Vault" in item.message for item in caught.value.problems)


@pytest.mark.parametrize(
    "said",
    [
        {"hub": {"extraEnv": {"CLIENT_SECRET": "secret://ours"}}},
        {"hub": {"extraEnv": [{"name": "CLIENT_SECRET", "value": "secret://ours"}]}},
        {"hub": {"extraEnv": {"CLIENT_SECRET": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}}}}},
        {"hub": {"extraConfig": {"login": 'c.GitHubOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]'}}},
        {"hub": {"extraConfig": {"login": 'c.GitHubOAuthenticator.client_secret = ""'}}},
        {"hub": {"extraEnv": [{"name": "PATH_OF_KEY", "value": "/srv/key"}]}},
    ],
)
def test_what_holds_no_secret_itself_is_accepted(said: dict[str, Any]) -> None:
    parse({"name": "r5", "values": said}, "westus")
