"""Settings: what is read, what is refused, and that a refusal names variables and never shows what is in them."""

import pytest

from shared.settings import Settings, SettingsError

REQUIRED = {
    "AZURE_SUBSCRIPTION_ID": "s",
    "AZURE_TENANT_ID": "t",
    "KEY_VAULT_URL": "https://v.vault.azure.net",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
ADDRESS = "https://hooks.example.org/T0/B0/a-credential"


def problems(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(REQUIRED | variables)
    return caught.value.problems


def test_without_a_webhook_there_is_none() -> None:
    settings = Settings.from_environ(REQUIRED | {"HUBKEEPER_WEBHOOK": "", "HUBKEEPER_WEBHOOK_KEY": ""})
    assert (settings.webhook, settings.webhook_key) == (None, None)


def test_a_webhook_is_two_names_of_secrets() -> None:
    settings = Settings.from_environ(
        REQUIRED | {"HUBKEEPER_WEBHOOK": "webhook-url", "HUBKEEPER_WEBHOOK_KEY": "webhook-key"}
    )
    assert (settings.webhook, settings.webhook_key) == ("webhook-url", "webhook-key")


def test_one_of_the_two_is_not_enough() -> None:
    assert problems(HUBKEEPER_WEBHOOK="webhook-url") == ["HUBKEEPER_WEBHOOK_KEY is not set, the other of the two is"]
    assert problems(HUBKEEPER_WEBHOOK_KEY="webhook-key") == ["HUBKEEPER_WEBHOOK is not set, the other of the two is"]


def test_an_address_in_place_of_a_name_is_refused_and_not_repeated() -> None:
    found = problems(HUBKEEPER_WEBHOOK=ADDRESS, HUBKEEPER_WEBHOOK_KEY="a+key/in=base64")
    assert found == [
        "HUBKEEPER_WEBHOOK must be the name of a Key Vault secret, without two hyphens in a row, and not what the secret holds",
        "HUBKEEPER_WEBHOOK_KEY must be the name of a Key Vault secret, without two hyphens in a row, and not what the secret holds",
    ]


def test_the_defaults() -> None:
    """Azure's public cloud, and the first tutorial's region."""
    assert Settings.from_environ(REQUIRED) == Settings(
        subscription_id="s",
        tenant_id="t",
        key_vault_url="https://v.vault.azure.net",
        client_id=None,
        location="westus",
        tables_connection="UseDevelopmentStorage=true",
        tables_url=None,
        arm_endpoint="https://management.azure.com",
        graph_endpoint="https://graph.microsoft.com",
        login_endpoint="https://login.microsoftonline.com",
        key_vault_verify=True,
        dns_suffix="cloudapp.azure.com",
        chart_repository="https://hub.jupyter.org/helm-chart/",
        helm="helm",
        webhook=None,
        webhook_key=None,
    )


OPTIONAL = {
    "AZURE_CLIENT_ID": ("client_id", "c"),
    "HUBKEEPER_LOCATION": ("location", "eastus"),
    "HUBKEEPER_ARM_ENDPOINT": ("arm_endpoint", "https://management.usgovcloudapi.net"),
    "HUBKEEPER_GRAPH_ENDPOINT": ("graph_endpoint", "https://graph.microsoft.us"),
    "HUBKEEPER_LOGIN_ENDPOINT": ("login_endpoint", "https://login.microsoftonline.us"),
    "HUBKEEPER_DNS_SUFFIX": ("dns_suffix", "cloudapp.usgovcloudapi.net"),
    "HUBKEEPER_CHART_REPOSITORY": ("chart_repository", "http://charts.example.org/"),
    "HUBKEEPER_HELM": ("helm", "/opt/helm"),
}


@pytest.mark.parametrize("variable", OPTIONAL)
def test_each_optional_variable_sets_its_field(variable: str) -> None:
    field, value = OPTIONAL[variable]
    assert getattr(Settings.from_environ(REQUIRED | {variable: value}), field) == value


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    empty = dict.fromkeys([*OPTIONAL, "HUBKEEPER_KEY_VAULT_VERIFY"], "")
    assert Settings.from_environ(REQUIRED | empty) == Settings.from_environ(REQUIRED)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(
            {"KEY_VAULT_URL": "v", "HUBKEEPER_ARM_ENDPOINT": "http://a", "HUBKEEPER_KEY_VAULT_VERIFY": "maybe"}
        )
    assert caught.value.problems == [
        "AZURE_SUBSCRIPTION_ID is not set",
        "AZURE_TENANT_ID is not set",
        "HUBKEEPER_KEY_VAULT_VERIFY must be true or false",
        "AzureWebJobsStorage or AzureWebJobsStorage__tableServiceUri is not set",
        "KEY_VAULT_URL must be an https:// address",
        "HUBKEEPER_ARM_ENDPOINT must be an https:// address",
    ]
    assert str(caught.value) == "Hubkeeper is not configured: " + "; ".join(caught.value.problems)


def test_no_problem_shows_a_value() -> None:
    pasted = "s3cr3t-pasted-in-the-wrong-place"
    wrong = dict.fromkeys([*REQUIRED, *OPTIONAL, "HUBKEEPER_KEY_VAULT_VERIFY", "HUBKEEPER_WEBHOOK"], pasted)
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(wrong)
    assert len(caught.value.problems) == 6
    assert pasted not in str(caught.value)


def test_a_connection_string_is_not_shown() -> None:
    connection = "AccountName=a;AccountKey=c2VjcmV0"
    assert connection not in repr(Settings.from_environ(REQUIRED | {"AzureWebJobsStorage": connection}))


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"AzureWebJobsStorage__accountName": "acc"}, "https://acc.table.core.windows.net"),
        ({"AzureWebJobsStorage__tableServiceUri": "https://acc.table.example"}, "https://acc.table.example"),
        (
            {
                "AzureWebJobsStorage__accountName": "acc",
                "AzureWebJobsStorage__tableServiceUri": "https://acc.table.example",
            },
            "https://acc.table.example",
        ),
    ],
)
def test_tables_can_be_reached_by_identity(variables: dict[str, str], url: str) -> None:
    settings = Settings.from_environ(REQUIRED | {"AzureWebJobsStorage": ""} | variables)
    assert (settings.tables_connection, settings.tables_url) == (None, url)


def test_the_tables_address_must_be_https() -> None:
    assert problems(AzureWebJobsStorage="", AzureWebJobsStorage__tableServiceUri="http://acc.table.example") == [
        "AzureWebJobsStorage__tableServiceUri must be an https:// address"
    ]


@pytest.mark.parametrize(("text", "verified"), [("true", True), ("TRUE", True), ("false", False), ("False", False)])
def test_the_vaults_domain_is_verified_unless_somebody_says_no(text: str, *, verified: bool) -> None:
    assert Settings.from_environ(REQUIRED | {"HUBKEEPER_KEY_VAULT_VERIFY": text}).key_vault_verify is verified
