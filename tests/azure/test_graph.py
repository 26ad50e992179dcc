"""Microsoft Graph over the wire."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shared.azure.credentials import TokenSource
from shared.azure.graph import Application, Directory
from shared.errors import PermanentError, TemporaryError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local
_numbers = count()


@pytest.fixture
def directory(services: Services, settings: Settings, identity: TokenSource) -> Iterator[Directory]:
    found = Directory(settings, identity)
    yield found
    for rest in (found._rest, found._login):
        rest.client.close()


@pytest.fixture
def tag() -> str:
    return f"hubkeeper:it's-{next(_numbers)}"


def ends(services: Services, days: int = 365) -> datetime:
    return services.world.clock.now().replace(microsecond=0) + timedelta(days=days)


def made(directory: Directory, tag: str) -> Application:
    return directory.ensure_application(f"of {tag}", "r5-sp", [tag])


def test_an_application_is_found_by_its_keys_and_by_its_tag(directory: Directory, tag: str) -> None:
    assert directory.applications(tag) == []
    assert directory.application(unique_name=f"of {tag}") is None
    assert directory.application(app_id="00000000-0000-0000-0000-000000000000") is None
    application = made(directory, tag)
    assert application.tags == (tag,)
    assert directory.application(app_id=application.app_id) == application
    assert directory.application(unique_name=f"of {tag}") == application
    assert directory.applications(tag) == [application]


def test_those_of_one_tag_are_listed_the_older_first(services: Services, directory: Directory, tag: str) -> None:
    first = directory.ensure_application(f"first of {tag}", "r5-sp", [tag])
    services.pass_time(10)
    second = directory.ensure_application(f"second of {tag}", "r5-sp", [tag])
    assert directory.applications(tag) == [first, second]


def test_an_application_is_made_once(services: Services, directory: Directory, tag: str) -> None:
    """Whether the answer was lost or the directory does not show it yet: the unique name decides."""
    services.fail(service="graph", method="PATCH", happens="lost")
    with pytest.raises(TemporaryError):
        made(directory, tag)
    application = made(directory, tag)
    assert made(directory, tag) == application
    assert directory.applications(tag) == [application]


def test_a_password_is_seen_once_and_listed_without_its_value(
    services: Services, directory: Directory, tag: str
) -> None:
    application = made(directory, tag)
    until = ends(services)
    password = directory.add_password(application.object_id, "hubkeeper", until)
    assert (password.ends, len(password.secret) > 20) == (until, True)
    listed = directory.application(app_id=application.app_id)
    assert listed is not None
    assert [(one.key_id, one.display_name, one.ends) for one in listed.passwords] == [
        (password.key_id, "hubkeeper", until)
    ]
    assert password.secret not in repr(listed)
    for _ in range(2):
        directory.remove_password(application.object_id, password.key_id)
    again = directory.application(app_id=application.app_id)
    assert again is not None
    assert again.passwords == ()


def test_a_service_principal_is_made_once(directory: Directory, tag: str) -> None:
    application = made(directory, tag)
    assert directory.service_principal(application.app_id) is None
    principal = directory.create_service_principal(application.app_id)
    assert directory.create_service_principal(application.app_id) == principal
    assert directory.service_principal(application.app_id) == principal
    assert principal not in (application.app_id, application.object_id)


def test_what_is_deleted_is_gone_for_good(services: Services, directory: Directory, tag: str) -> None:
    before = services.do(services.world.resources)
    application = made(directory, tag)
    directory.create_service_principal(application.app_id)
    directory.delete_application(application.object_id, None)
    directory.delete_application(application.object_id, None)
    left = [row for row in services.do(services.world.resources) if row not in before]
    assert [row["kind"] for row in left if row["kind"] != "Microsoft.Graph/deletedItems"] == []
    assert application.object_id not in [row["id"] for row in left]


def test_what_replicates_is_a_passing_trouble(services: Services, directory: Directory, tag: str) -> None:
    services.do(lambda: setattr(services.world, "speed", 1))
    application = made(directory, tag)
    with pytest.raises(TemporaryError) as again:
        made(directory, tag)
    with pytest.raises(TemporaryError) as password:
        directory.add_password(application.object_id, "p", ends(services))
    with pytest.raises(TemporaryError) as principal:
        directory.create_service_principal(application.app_id)
    assert again.value.retry_after
    assert password.value.retry_after
    assert principal.value.retry_after
    services.pass_time(30)
    directory.create_service_principal(application.app_id)


def test_a_fresh_password_is_tried_until_it_is_known(
    services: Services, directory: Directory, settings: Settings, tag: str
) -> None:
    application = made(directory, tag)
    directory.create_service_principal(application.app_id)
    services.do(lambda: setattr(services.world, "speed", 1))
    password = directory.add_password(application.object_id, "p", ends(services))
    with pytest.raises(TemporaryError) as caught:
        directory.try_secret(settings.tenant_id, application.app_id, password.secret)
    assert caught.value.code == "AADSTS7000215"
    assert password.secret not in str(caught.value)
    with pytest.raises(PermanentError):
        directory.try_secret(settings.tenant_id, application.app_id, password.secret, fresh=False)
    services.pass_time(30)
    directory.try_secret(settings.tenant_id, application.app_id, password.secret)


def test_an_expired_password_is_refused_for_good(
    services: Services, directory: Directory, settings: Settings, tag: str
) -> None:
    application = made(directory, tag)
    directory.create_service_principal(application.app_id)
    password = directory.add_password(application.object_id, "p", ends(services, 1))
    services.pass_time(2 * 86400)
    with pytest.raises(PermanentError) as caught:
        directory.try_secret(settings.tenant_id, application.app_id, password.secret)
    assert caught.value.code == "AADSTS7000222"


def test_throttling_is_told_as_it_is(services: Services, directory: Directory, tag: str) -> None:
    body = {"error": {"code": "TooManyRequests", "message": "slow down"}}
    services.fail(service="graph", status=429, headers={"Retry-After": "3"}, body=body)
    with pytest.raises(TemporaryError) as caught:
        made(directory, tag)
    assert (caught.value.code, caught.value.retry_after) == ("TooManyRequests", 3.0)


@pytest.mark.parametrize(
    ("granted", "may"),
    [(["Application.ReadWrite.OwnedBy"], True), (["Application.Read.All"], False), ([], False)],
)
def test_the_own_permissions_are_read_before_they_are_needed(
    services: Services, directory: Directory, tag: str, granted: list[str], may: bool
) -> None:
    services.configure(graph={"permissions": granted})
    assert directory.can_manage_applications() is may
    if not may:
        with pytest.raises(PermanentError) as caught:
            made(directory, tag)
        assert caught.value.code == "Authorization_RequestDenied"


def test_times_are_in_utc(services: Services, directory: Directory, tag: str) -> None:
    until = ends(services)
    assert directory.add_password(made(directory, tag).object_id, "p", until).ends.tzinfo == UTC
