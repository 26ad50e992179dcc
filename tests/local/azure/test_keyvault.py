"""The emulated key vault, by the official client over TLS, with the emulated managed identity."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from local import names
from local.azure.identity import Identity, identity_header
from local.azure.keyvault import KeyVault
from local.azure.tokens import Tokens
from local.world import World
from tests.local.parts import PORTS, served

pytestmark = pytest.mark.local
START = datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    world = World(tmp_path_factory.mktemp("vault"), PORTS)
    tokens = Tokens(world)
    apps = {PORTS.keyvault: KeyVault(world, tokens).app}
    with served(world, apps, {PORTS.identity: Identity(world, tokens).app}) as authority:
        yield world, authority
    world.close()


@pytest.fixture
def world(service: tuple[World, Path]) -> World:
    """With an empty vault, a clock that stands at START, and no delays."""
    world = service[0]
    for name in ("keyvault.secrets", "keyvault.deleted", "keyvault.purged"):
        world.table(name).clear()
    world.clock.set(START, 0)
    world.speed = 0
    return world


@pytest.fixture
def client(service: tuple[World, Path], world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretClient]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(service[1]))
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{PORTS.identity}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", identity_header(world))
    url = f"https://127.0.0.1:{PORTS.keyvault}"
    options: dict[str, Any] = {"verify_challenge_resource": False, "retry_total": 0}
    with ManagedIdentityCredential() as credential, SecretClient(url, credential, **options) as client:
        yield client


def test_a_secret_comes_back_with_everything_said_about_it(client: SecretClient) -> None:
    expires = START + timedelta(days=365)
    client.set_secret("r5-sp", "s3cret", content_type="text/plain", tags={"hub": "r5"}, expires_on=expires)
    secret = client.get_secret("r5-sp")
    assert secret.value == "s3cret"
    assert secret.properties.content_type == "text/plain"
    assert secret.properties.tags == {"hub": "r5"}
    assert secret.properties.expires_on == expires
    assert secret.properties.created_on == START
    assert secret.properties.enabled is True
    assert secret.properties.recovery_level == "Recoverable+Purgeable"
    assert secret.properties.recoverable_days == 90


def test_setting_again_makes_a_version_and_keeps_the_old_one(client: SecretClient) -> None:
    first = client.set_secret("key", "one").properties.version
    second = client.set_secret("key", "two").properties.version
    assert client.get_secret("key").value == "two"
    assert client.get_secret("KEY", first).value == "one"
    assert {item.version for item in client.list_properties_of_secret_versions("key")} == {first, second}


def test_metadata_changes_without_a_new_version(client: SecretClient, world: World) -> None:
    before = client.set_secret("key", "one", tags={"a": "b"})
    world.clock.advance(timedelta(minutes=5))
    client.update_secret_properties("key", content_type="password")
    after = client.get_secret("key").properties
    assert (after.version, after.content_type, after.tags) == (before.properties.version, "password", {"a": "b"})
    assert after.updated_on == START + timedelta(minutes=5)


def test_a_disabled_secret_is_not_given_out_and_an_expired_one_is(client: SecretClient) -> None:
    client.set_secret("old", "x", expires_on=START - timedelta(days=1))
    assert client.get_secret("old").value == "x"
    client.update_secret_properties("old", enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("old")
    assert refused.value.status_code == 403
    assert "SecretDisabled" in str(refused.value.response.text() if refused.value.response else "")


def test_listings_come_in_pages_and_without_values(client: SecretClient) -> None:
    for number in range(60):
        client.set_secret(f"s{number:02}", f"value-{number}")
    pages = [[item.name for item in page] for page in client.list_properties_of_secrets().by_page()]
    assert [len(page) for page in pages] == [25, 25, 10]
    assert [name for page in pages for name in page] == [f"s{number:02}" for number in range(60)]


def test_a_deleted_secret_appears_among_the_deleted_after_a_while(client: SecretClient, world: World) -> None:
    world.speed = 1
    client.set_secret("key", "one")
    client.begin_delete_secret("key")
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("key")
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_secret("key")
    assert list(client.list_deleted_secrets()) == []
    with pytest.raises(ResourceExistsError) as taken:
        client.set_secret("key", "two")
    assert "ObjectIsBeingDeleted" in str(taken.value)
    world.clock.advance(timedelta(seconds=10))
    deleted = client.get_deleted_secret("key")
    assert deleted.deleted_date == START
    assert deleted.scheduled_purge_date == START + timedelta(days=90)
    assert [item.name for item in client.list_deleted_secrets()] == ["key"]


def test_the_clients_own_poller_sees_the_deletion_end(client: SecretClient) -> None:
    client.set_secret("key", "one")
    poller = client.begin_delete_secret("key")
    poller.wait(timeout=5)
    assert poller.done()


def test_a_deleted_name_is_taken_until_it_is_recovered_or_purged(client: SecretClient) -> None:
    client.set_secret("key", "one")
    client.begin_delete_secret("key").wait()
    with pytest.raises(ResourceExistsError) as taken:
        client.set_secret("key", "two")
    assert "ObjectIsDeletedButRecoverable" in str(taken.value)
    client.begin_recover_deleted_secret("key").wait()
    assert client.get_secret("key").value == "one"
    client.begin_delete_secret("key").wait()
    client.purge_deleted_secret("key")
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_secret("key")
    client.set_secret("key", "three")
    assert len(list(client.list_properties_of_secret_versions("key"))) == 1


def test_a_purged_name_is_free_only_after_a_while(client: SecretClient, world: World) -> None:
    client.set_secret("key", "one")
    client.begin_delete_secret("key").wait()
    world.speed = 1
    client.purge_deleted_secret("key")
    with pytest.raises(ResourceExistsError):
        client.set_secret("key", "two")
    world.clock.advance(timedelta(seconds=10))
    client.set_secret("key", "two")


def test_deleted_secrets_are_gone_after_their_retention(client: SecretClient, world: World) -> None:
    client.set_secret("key", "one")
    client.begin_delete_secret("key").wait()
    world.clock.advance(timedelta(days=91))
    assert list(client.list_deleted_secrets()) == []


def test_a_live_secret_cannot_be_recovered(client: SecretClient) -> None:
    client.set_secret("key", "one")
    with pytest.raises(HttpResponseError) as refused:
        client.begin_recover_deleted_secret("key")
    assert refused.value.status_code == 400
    assert "RequestNotAllowedOnNonDeletedObject" in str(refused.value)


@pytest.mark.parametrize("name", ["a_b", "a.b", "x" * 128])
def test_names_outside_the_rules_are_refused(client: SecretClient, name: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.set_secret(name, "x")
    assert refused.value.status_code == 400
    assert "BadParameter" in str(refused.value)


def test_a_value_over_25_kb_is_refused_and_one_of_25_kb_is_not(client: SecretClient) -> None:
    client.set_secret("big", "x" * 25_600)
    with pytest.raises(HttpResponseError) as refused:
        client.set_secret("big", "x" * 25_601)
    assert refused.value.status_code == 400
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"value": 5},
        {"value": "x", "attributes": "none"},
        {"value": "x", "attributes": {"exp": "2027"}},
        {"value": "x", "attributes": {"enabled": 1}},
        {"value": "x", "attributes": {"nbf": 20, "exp": 10}},
        {"value": "x", "tags": {"a": 1}},
        {"value": "x", "tags": {str(number): "" for number in range(16)}},
        {"value": "x", "contentType": "t" * 256},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(service: tuple[World, Path], world: World, body: Any) -> None:
    token, _ = Tokens(world).issue("https://vault.azure.net", oid=names.CALLER_OBJECT, appid=names.CALLER_APP)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(service[1])
        url = f"https://127.0.0.1:{PORTS.keyvault}/secrets/x?api-version=7.4"
        answer = session.put(url, json=body, headers={"authorization": f"Bearer {token}"}, timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


def test_an_unknown_secret_is_not_found(client: SecretClient) -> None:
    with pytest.raises(ResourceNotFoundError) as missing:
        client.get_secret("nothing")
    assert "SecretNotFound" in str(missing.value)


def test_a_call_without_a_token_is_told_where_to_get_one(service: tuple[World, Path], world: World) -> None:
    answer = requests.get(f"https://127.0.0.1:{PORTS.keyvault}/secrets/x", verify=str(service[1]), timeout=5)
    assert answer.status_code == 401
    assert 'resource="https://vault.azure.net"' in answer.headers["www-authenticate"]
    assert answer.json()["error"]["code"] == "Unauthorized"


def test_tokens_for_other_services_or_principals_are_refused(service: tuple[World, Path], world: World) -> None:
    tokens = Tokens(world)
    url = f"https://127.0.0.1:{PORTS.keyvault}/secrets/x?api-version=7.4"
    for resource, oid, status in (
        ("https://management.azure.com", names.CALLER_OBJECT, 401),
        ("https://vault.azure.net", "somebody-else", 403),
    ):
        token, _ = tokens.issue(resource, oid=oid, appid="app")
        answer = requests.get(url, headers={"authorization": f"Bearer {token}"}, verify=str(service[1]), timeout=5)
        assert answer.status_code == status


def test_the_listing_shows_secrets_but_not_their_values(client: SecretClient, world: World) -> None:
    client.set_secret("live", "hidden-1")
    client.set_secret("gone", "hidden-2")
    client.begin_delete_secret("gone").wait()
    rows = [row for row in world.resources() if "vaults" in row["kind"]]
    assert [(row["kind"], row["id"]) for row in rows] == [
        ("Microsoft.KeyVault/vaults/deletedSecrets", "gone"),
        ("Microsoft.KeyVault/vaults/secrets", "live"),
    ]
    assert "hidden" not in str(rows)
