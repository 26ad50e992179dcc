"""Key Vault over the wire."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from shared.azure.credentials import TokenSource
from shared.azure.keyvault import Secrets
from shared.errors import OutsideError, PermanentError, TemporaryError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local
EXPIRES = datetime(2027, 11, 22, 12, 0, tzinfo=UTC)
_numbers = count()


@pytest.fixture
def secrets(services: Services, settings: Settings, identity: TokenSource) -> Iterator[Secrets]:
    found = Secrets(settings, identity)
    yield found
    found._client.close()


@pytest.fixture
def name() -> str:
    return f"r5-password-{next(_numbers)}"


def write(secrets: Secrets, name: str, value: str = "hunter2", **tags: str) -> str:
    return secrets.set(name, value, expires=EXPIRES, tags=tags, content_type="text/plain")


def test_a_secret_is_read_as_it_was_written(secrets: Secrets, name: str) -> None:
    assert secrets.get(name) is None
    version = write(secrets, name, hub="r5")
    found = secrets.get(name)
    assert found is not None
    assert (found.name, found.value, found.version) == (name, "hunter2", version)
    assert (found.expires, found.tags) == (EXPIRES, {"hub": "r5"})
    assert write(secrets, name, "other") != version


def test_an_earlier_version_is_found_by_its_tags(secrets: Secrets, name: str) -> None:
    assert secrets.version_with(name, {"keyId": "1"}) is None
    versions = [write(secrets, name, f"value {number}", keyId=str(number), hub="r5") for number in range(30)]
    for number in (0, 17, 29):
        found = secrets.version_with(name, {"keyId": str(number)})
        assert found is not None
        assert (found.value, found.version, found.tags["hub"]) == (f"value {number}", versions[number], "r5")
    assert secrets.version_with(name, {"keyId": "30"}) is None


def test_a_secret_may_never_expire(secrets: Secrets, name: str) -> None:
    secrets.set(name, "v", expires=None, tags={}, content_type="text/plain")
    found = secrets.get(name)
    assert found is not None
    assert found.expires is None


def test_listings_choose_by_tags_and_show_no_value(secrets: Secrets) -> None:
    ours = [f"listed-{n}" for n in range(30)]
    for each in ours:
        write(secrets, each, hub="listed", kind="password")
    write(secrets, "listed-other", hub="other")
    found = secrets.names({"hub": "listed"})
    assert sorted(info.name for info in found) == sorted(ours)
    assert found[0].expires == EXPIRES
    assert found[0].enabled
    assert secrets.names({"hub": "listed", "kind": "key"}) == []
    assert "listed-other" in [info.name for info in secrets.names()]
    assert "hunter2" not in repr(found)


def test_a_secret_is_deleted_and_purged_as_often_as_one_likes(services: Services, secrets: Secrets, name: str) -> None:
    before = services.do(services.world.resources)
    secrets.purge(name)
    secrets.delete(name)
    write(secrets, name)
    for _ in range(2):
        secrets.delete(name)
    assert secrets.get(name) is None
    assert secrets.deleted_names() == [name]
    for _ in range(2):
        secrets.purge(name)
    assert secrets.deleted_names() == []
    assert services.do(services.world.resources) == before


def test_the_name_of_a_deleted_secret_is_used_again(services: Services, secrets: Secrets, name: str) -> None:
    write(secrets, name, "old")
    secrets.delete(name)
    write(secrets, name, "new")
    found = secrets.get(name)
    assert found is not None
    assert found.value == "new"
    assert secrets.deleted_names() == []


def test_a_name_that_takes_time_to_be_free_is_a_passing_trouble(
    services: Services, secrets: Secrets, name: str
) -> None:
    write(secrets, name, "old")
    services.do(lambda: setattr(services.world, "speed", 1))
    secrets.delete(name)
    with pytest.raises(TemporaryError):
        secrets.purge(name)
    with pytest.raises(TemporaryError):
        write(secrets, name, "new")
    services.pass_time(10)
    with pytest.raises(TemporaryError):
        write(secrets, name, "new")
    services.pass_time(10)
    write(secrets, name, "new")
    secrets.delete(name)


def test_where_purging_is_forbidden_the_secret_is_recovered(services: Services, secrets: Secrets, name: str) -> None:
    write(secrets, name, "old")
    secrets.delete(name)
    body = {"error": {"code": "Forbidden", "message": "no", "innererror": {"code": "ForbiddenByRbac"}}}
    services.fail(service="keyvault", method="DELETE", path="/deletedsecrets/", status=403, body=body)
    write(secrets, name, "new")
    found = secrets.get(name)
    assert found is not None
    assert found.value == "new"


def test_a_refusal_names_its_reason(services: Services, secrets: Secrets, name: str) -> None:
    body = {"error": {"code": "Forbidden", "message": "no", "innererror": {"code": "ForbiddenByFirewall"}}}
    services.fail(service="keyvault", method="PUT", status=403, body=body)
    with pytest.raises(PermanentError) as caught:
        write(secrets, name)
    assert caught.value.code == "ForbiddenByFirewall"


@pytest.mark.parametrize("happens", ["reset", "lost"])
def test_no_failure_repeats_the_value(services: Services, secrets: Secrets, name: str, happens: str) -> None:
    write(secrets, name)
    services.fail(service="keyvault", method="PUT", happens=happens)
    with pytest.raises(TemporaryError) as caught:
        write(secrets, name, "s3cr3t-value")
    shown: OutsideError | BaseException | None = caught.value
    while shown is not None:
        assert "s3cr3t-value" not in f"{shown!s} {shown!r}"
        shown = shown.__cause__ or shown.__context__
