"""As whom the product acts in Azure: its managed identity there, a developer's own login elsewhere."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from shared.azure.errors import IDENTITY, outside
from shared.azure.rest import TIMEOUTS
from shared.settings import Settings


class TokenSource(Protocol):
    """What azure-core asks for a token. The product itself never looks into one."""

    def get_token(self, *scopes: str, **options: Any) -> Any: ...


def credential(settings: Settings, environ: Mapping[str, str] = os.environ) -> TokenSource:
    """The credential of this process. Costs nothing until the first token is asked for.

    On Azure Functions (IDENTITY_ENDPOINT is set) the managed identity alone, `settings.client_id` or the app's own:
    nothing else is probed, and its failures are not hidden behind those of a chain. Elsewhere, or where
    AZURE_TOKEN_CREDENTIALS says what to use, azure-identity's default chain.
    """
    managed = "IDENTITY_ENDPOINT" in environ and not environ.get("AZURE_TOKEN_CREDENTIALS")
    return _LazyCredential(settings.client_id, managed=managed)


class _LazyCredential:
    """Raises the errors of shared.errors: a token that cannot be had is not the fault of the service it was for."""

    def __init__(self, client_id: str | None, *, managed: bool) -> None:
        self._client_id = client_id
        self._managed = managed

    @cached_property
    def _actual(self) -> Any:
        from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

        if self._managed:
            return ManagedIdentityCredential(client_id=self._client_id, retry_total=0, **TIMEOUTS)
        return DefaultAzureCredential(managed_identity_client_id=self._client_id)

    def get_token(self, *scopes: str, **options: Any) -> Any:
        with outside(IDENTITY):
            return self._actual.get_token(*scopes, **options)

    def get_token_info(self, *scopes: str, options: Any = None) -> Any:
        with outside(IDENTITY):
            return self._actual.get_token_info(*scopes, options=options)
