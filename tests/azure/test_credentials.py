"""Which credential is used where, and how its failures are told."""

from dataclasses import replace

import pytest

from shared.azure.credentials import TokenSource, credential
from shared.azure.graph import Directory
from shared.errors import OutsideError, PermanentError, TemporaryError
from shared.settings import Settings
from tests.azure.conftest import Services, close

SOME = Settings(subscription_id="s", tenant_id="t", key_vault_url="https://v")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"IDENTITY_ENDPOINT": "http://x"}, "ManagedIdentityCredential"),
        ({"IDENTITY_ENDPOINT": "http://x", "AZURE_TOKEN_CREDENTIALS": "prod"}, "DefaultAzureCredential"),
        ({}, "DefaultAzureCredential"),
    ],
)
def test_in_azure_it_is_the_managed_identity_alone(environ: dict[str, str], expected: str) -> None:
    found = credential(SOME, environ)
    assert type(found._actual).__name__ == expected  # type: ignore[attr-defined]  # the choice is its only decision
    close(found)


def refusal(settings: Settings, source: TokenSource) -> OutsideError:
    directory = Directory(settings, source)
    with pytest.raises(OutsideError) as caught:
        directory.applications("any")
    directory._rest.client.close()
    return caught.value


@pytest.mark.local
def test_the_managed_identity_gives_tokens_for_every_service(
    services: Services, settings: Settings, identity: TokenSource
) -> None:
    for endpoint in (settings.arm_endpoint, settings.graph_endpoint, settings.key_vault_url):
        assert identity.get_token(f"{endpoint}/.default").token


@pytest.mark.local
@pytest.mark.parametrize(
    "fault",
    [
        {"happens": "reset"},
        {"status": 500, "body": {"statusCode": 500, "message": "again later"}},
        {"status": 429, "body": {"statusCode": 429, "message": "slow down"}},
    ],
    ids=["reset", "500", "429"],
)
def test_an_identity_endpoint_in_trouble_is_a_passing_trouble(
    services: Services, settings: Settings, identity: TokenSource, fault: dict[str, object]
) -> None:
    services.fail(service="identity", **fault)
    error = refusal(settings, identity)
    assert isinstance(error, TemporaryError), error
    assert error.system == "Microsoft Entra ID"


@pytest.mark.local
def test_an_identity_that_does_not_exist_is_a_lasting_one(services: Services, settings: Settings) -> None:
    nobody = replace(settings, client_id="00000000-0000-0000-0000-000000000000")
    source = credential(nobody)
    assert type(refusal(nobody, source)) is PermanentError
    close(source)
