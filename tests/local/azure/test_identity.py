"""The emulated managed identity endpoint, by the official client, and the tokens it gives out."""

import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from local import names
from local.azure.identity import Identity, identity_header
from local.azure.tokens import LIFETIME, Tokens
from local.world import World
from tests.local.parts import PORTS, served

ENDPOINT = f"http://127.0.0.1:{PORTS.identity}/msi/token"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, PORTS)
    yield world
    world.close()


@pytest.fixture
def tokens(world: World) -> Tokens:
    return Tokens(world)


@pytest.fixture
def endpoint(world: World, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", ENDPOINT)
    monkeypatch.setenv("IDENTITY_HEADER", identity_header(world))
    with served(world, {}, {PORTS.identity: Identity(world, tokens).app}):
        yield


@pytest.mark.local
def test_the_official_client_gets_a_token_of_the_fixed_identity(endpoint: None, tokens: Tokens) -> None:
    with ManagedIdentityCredential() as credential:
        token = credential.get_token("https://management.azure.com/.default")
    claims = tokens.check(f"Bearer {token.token}", "https://management.azure.com")
    assert (claims["oid"], claims["appid"], claims["tid"]) == (names.CALLER_OBJECT, names.CALLER_APP, names.TENANT)
    assert token.expires_on == pytest.approx(time.time() + LIFETIME, abs=30)  # noqa: TID251 - clients use real time


@pytest.mark.local
def test_the_identity_may_be_asked_for_by_its_client_id_and_no_other(endpoint: None) -> None:
    with ManagedIdentityCredential(client_id=names.CALLER_APP) as credential:
        assert credential.get_token("https://vault.azure.net/.default").token
    with (
        ManagedIdentityCredential(client_id=names.TENANT) as credential,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        credential.get_token("https://vault.azure.net/.default")


@pytest.mark.local
@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        (None, {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}, 401),
        ("guess", {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}, 401),
        ("own", {"api-version": "2017-09-01", "resource": "https://vault.azure.net"}, 400),
        ("own", {"resource": "https://vault.azure.net"}, 400),
        ("own", {"api-version": "2019-08-01"}, 400),
        ("own", {"api-version": "2019-08-01", "resource": "https://example.org"}, 400),
        ("own", {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}, 200),
    ],
)
def test_only_whole_requests_with_the_header_are_answered(
    endpoint: None, world: World, header: str | None, query: dict[str, str], status: int
) -> None:
    value = identity_header(world) if header == "own" else header
    headers = {"X-IDENTITY-HEADER": value} if value else {}
    answer = requests.get(ENDPOINT, params=query, headers=headers, timeout=5)
    assert answer.status_code == status


def test_the_header_and_the_key_stay_through_a_restart(tmp_path: Path) -> None:
    first = World(tmp_path, PORTS)
    header, (token, _) = identity_header(first), Tokens(first).issue("https://vault.azure.net", oid="o", appid="a")
    first.close()
    second = World(tmp_path, PORTS)
    assert identity_header(second) == header
    assert Tokens(second).check(f"Bearer {token}", "https://vault.azure.net")["oid"] == "o"
    second.close()


def test_a_client_can_look_inside_a_token(tokens: Tokens) -> None:
    token, expires = tokens.issue("https://graph.microsoft.com", oid=names.CALLER_OBJECT, appid=names.CALLER_APP)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == "https://graph.microsoft.com"
    assert claims["exp"] == expires
    assert claims["roles"] == ["Application.ReadWrite.OwnedBy"]


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Bearer a.b.c", "Basic Zm9vOmJhcg==", "Bearer é.é.é"]
)
def test_what_is_no_token_is_refused(tokens: Tokens, authorization: str | None) -> None:
    with pytest.raises(PermissionError):
        tokens.check(authorization, "https://vault.azure.net")


def test_a_token_is_good_for_its_audience_alone(tokens: Tokens) -> None:
    token, _ = tokens.issue("https://management.azure.com/", oid="o", appid="a")
    for same in (
        "https://management.azure.com",
        "https://management.core.windows.net/",
        f"https://127.0.0.1:{PORTS.arm}",
    ):
        assert tokens.check(f"Bearer {token}", same)
    with pytest.raises(PermissionError, match="not for"):
        tokens.check(f"Bearer {token}", "https://vault.azure.net")


def test_a_changed_or_foreign_token_is_refused(tokens: Tokens, tmp_path: Path) -> None:
    token, _ = tokens.issue("https://vault.azure.net", oid="o", appid="a")
    head, _, signature = token.split(".")
    _, other, _ = tokens.issue("https://vault.azure.net", oid="p", appid="a")[0].split(".")
    with pytest.raises(PermissionError, match="signature"):
        tokens.check(f"Bearer {head}.{other}.{signature}", "https://vault.azure.net")
    world = World(tmp_path / "other", PORTS)
    foreign, _ = Tokens(world).issue("https://vault.azure.net", oid="o", appid="a")
    world.close()
    with pytest.raises(PermissionError, match="signature"):
        tokens.check(f"Bearer {foreign}", "https://vault.azure.net")
