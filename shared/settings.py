"""What differs from one deployment to the next, read once from the environment.

Every outside endpoint is a setting, so that a sovereign cloud, a private registry or an emulator is a matter of
configuration. Problems are reported all at once and by name, never with the value: somebody may have pasted a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class SettingsError(Exception):
    """The environment does not make a configuration. The message names every wrong or missing variable."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Hubkeeper is not configured: " + "; ".join(problems))


@dataclass(frozen=True)
class Settings:
    subscription_id: str
    """AZURE_SUBSCRIPTION_ID: the subscription in which hubs are made."""
    tenant_id: str
    """AZURE_TENANT_ID: the directory in which their service principals are made."""
    key_vault_url: str
    """KEY_VAULT_URL: the vault of the hubs' secrets, https://NAME.vault.azure.net."""
    client_id: str | None = None
    """AZURE_CLIENT_ID: of the user-assigned managed identity to act as; none: the app's system-assigned identity."""
    location: str = "westus"
    """HUBKEEPER_LOCATION: the Azure region of hubs that name none (the first seed's)."""
    tables_connection: str | None = field(default=None, repr=False)
    """AzureWebJobsStorage, when it is a connection string: where the tables are."""
    tables_url: str | None = None
    """AzureWebJobsStorage__tableServiceUri, or from AzureWebJobsStorage__accountName: the tables, by managed identity."""
    arm_endpoint: str = "https://management.azure.com"
    """HUBKEEPER_ARM_ENDPOINT: Azure Resource Manager; other in sovereign clouds."""
    graph_endpoint: str = "https://graph.microsoft.com"
    """HUBKEEPER_GRAPH_ENDPOINT: Microsoft Graph, likewise."""
    login_endpoint: str = "https://login.microsoftonline.com"
    """HUBKEEPER_LOGIN_ENDPOINT: where a service principal's password is tried out; other in sovereign clouds."""
    key_vault_verify: bool = True
    """HUBKEEPER_KEY_VAULT_VERIFY: whether the vault's address must belong to the domain that it asks tokens for; false for a
    vault behind a host name of your own (https://aka.ms/azsdk/blog/vault-uri)."""
    dns_suffix: str = "cloudapp.azure.com"
    """HUBKEEPER_DNS_SUFFIX: under which Azure publishes DNS labels, as LABEL.REGION.SUFFIX."""
    chart_repository: str = "https://hub.jupyter.org/helm-chart/"
    """HUBKEEPER_CHART_REPOSITORY: where the charts jupyterhub and binderhub come from."""
    helm: str = "helm"
    """HUBKEEPER_HELM: the helm executable, a path or a name on PATH."""
    webhook: str | None = None
    """HUBKEEPER_WEBHOOK: name of the Key Vault secret that holds the address to which events are sent; none: they are not."""
    webhook_key: str | None = None
    """HUBKEEPER_WEBHOOK_KEY: name of the Key Vault secret that holds the key with which they are signed."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises SettingsError naming every variable that is missing or wrong."""
        problems: list[str] = []
        values: dict[str, object] = {}
        for name, variable in _REQUIRED.items():
            values[name] = environ.get(variable, "")
            if not values[name]:
                problems.append(f"{variable} is not set")
        for name, variable in _OPTIONAL.items():
            if environ.get(variable):
                values[name] = environ[variable]
        verify = (environ.get("HUBKEEPER_KEY_VAULT_VERIFY") or "true").lower()
        if verify not in ("true", "false"):
            problems.append("HUBKEEPER_KEY_VAULT_VERIFY must be true or false")
        values["key_vault_verify"] = verify != "false"
        values |= _tables(environ)
        if not values["tables_connection"] and not values["tables_url"]:
            problems.append("AzureWebJobsStorage or AzureWebJobsStorage__tableServiceUri is not set")
        problems += [
            f"{variable} must be an https:// address"
            for name, variable in (_REQUIRED | _OPTIONAL | _TABLES_URL).items()
            if name.endswith(("_endpoint", "_url")) and values.get(name) and not _is_https(str(values[name]))
        ]
        problems += _webhook_problems(values)
        if problems:
            raise SettingsError(problems)
        return cls(**values)  # type: ignore[arg-type]


_REQUIRED = {
    "subscription_id": "AZURE_SUBSCRIPTION_ID",
    "tenant_id": "AZURE_TENANT_ID",
    "key_vault_url": "KEY_VAULT_URL",
}
_OPTIONAL = {
    "client_id": "AZURE_CLIENT_ID",
    "location": "HUBKEEPER_LOCATION",
    "arm_endpoint": "HUBKEEPER_ARM_ENDPOINT",
    "graph_endpoint": "HUBKEEPER_GRAPH_ENDPOINT",
    "login_endpoint": "HUBKEEPER_LOGIN_ENDPOINT",
    "dns_suffix": "HUBKEEPER_DNS_SUFFIX",
    "chart_repository": "HUBKEEPER_CHART_REPOSITORY",
    "helm": "HUBKEEPER_HELM",
    "webhook": "HUBKEEPER_WEBHOOK",
    "webhook_key": "HUBKEEPER_WEBHOOK_KEY",
}
_TABLES_URL = {"tables_url": "AzureWebJobsStorage__tableServiceUri"}
_VAULT_NAME = re.compile(r"(?!.*--)[A-Za-z0-9-]{1,127}")
"""Key Vault's rule for names of secrets. An address does not fit it, nor does a key in base64.

Two hyphens in a row are in the names of hubs' secrets, which people can set."""


def _tables(environ: Mapping[str, str]) -> dict[str, str | None]:
    """As the Functions host reads its own storage setting: a connection string wins over the identity-based form."""
    connection = environ.get("AzureWebJobsStorage") or None
    account = environ.get("AzureWebJobsStorage__accountName")
    url = environ.get("AzureWebJobsStorage__tableServiceUri") or (
        f"https://{account}.table.core.windows.net" if account else None
    )
    return {"tables_connection": connection, "tables_url": url}


def _webhook_problems(values: Mapping[str, object]) -> list[str]:
    pair = {variable: values.get(name) for name, variable in _OPTIONAL.items() if name in ("webhook", "webhook_key")}
    problems = [
        f"{variable} must be the name of a Key Vault secret, without two hyphens in a row, and not what the secret holds"
        for variable, value in pair.items()
        if value and not _VAULT_NAME.fullmatch(str(value))
    ]
    if any(pair.values()):
        problems += [f"{variable} is not set, the other of the two is" for variable, value in pair.items() if not value]
    return problems


def _is_https(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme == "https" and bool(parts.netloc)
