"""Secrets in the one key vault of the deployment: the only place where their values are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from shared import references
from shared.azure.credentials import TokenSource
from shared.azure.errors import outside
from shared.azure.rest import TIMEOUTS
from shared.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from shared.settings import Settings

SYSTEM = references.VAULT
SETTLING = 5.0
"""Seconds to leave a name alone after a purge or a recovery; both go on for a moment after Key Vault has said yes."""


@dataclass(frozen=True)
class Secret:
    """A secret's newest version. expires: UTC."""

    name: str
    value: str = field(repr=False)
    version: str
    expires: datetime | None
    tags: dict[str, str]
    content_type: str | None = None


@dataclass(frozen=True)
class SecretInfo:
    """What listings tell: everything but the value."""

    name: str
    expires: datetime | None
    tags: dict[str, str]
    enabled: bool


class Secrets:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._settings = settings
        self._credential = credential

    @cached_property
    def _client(self) -> Any:
        from azure.keyvault.secrets import SecretClient

        return SecretClient(
            self._settings.key_vault_url,
            self._credential,
            verify_challenge_resource=self._settings.key_vault_verify,
            retry_total=0,
            **TIMEOUTS,
        )

    def get(self, name: str) -> Secret | None:
        """None when there is no such secret; a deleted one is none."""
        return self._read(name, None)

    def version_with(self, name: str, tags: Mapping[str, str]) -> Secret | None:
        """A version of the secret, the newest or an earlier one, that carries every one of these tags with its value."""
        try:
            with outside(SYSTEM):
                listed = list(self._client.list_properties_of_secret_versions(name))
        except NotFoundError:
            return None
        found = (p.version for p in listed if p.enabled and tags.items() <= dict(p.tags or {}).items())
        version = next(found, None)
        return self._read(name, version) if version else None

    def _read(self, name: str, version: str | None) -> Secret | None:
        try:
            with outside(SYSTEM):
                found = self._client.get_secret(name, version)
        except NotFoundError:
            return None
        properties = found.properties
        tags = dict(properties.tags or {})
        return Secret(name, found.value, properties.version, properties.expires_on, tags, properties.content_type)

    def set(
        self, name: str, value: str, *, expires: datetime | None, tags: Mapping[str, str], content_type: str
    ) -> str:
        """Writes a new version of the secret; the version.

        A deleted secret of that name blocks it until it is purged: so it is purged, as what it held belonged to
        something that is gone. Where the vault forbids purging it is recovered instead, and the new version covers the
        old ones. Either takes Key Vault a few seconds, for which TemporaryError is raised.
        """
        try:
            return self._set(name, value, expires, tags, content_type)
        except ConflictError as error:
            if error.code != "ObjectIsDeletedButRecoverable":
                raise
        self._free(name)
        try:
            return self._set(name, value, expires, tags, content_type)
        except ConflictError as error:
            raise TemporaryError(
                SYSTEM, error.code, error.message, status=error.status, details=error.details, retry_after=SETTLING
            ) from error

    def _set(self, name: str, value: str, expires: datetime | None, tags: Mapping[str, str], content_type: str) -> str:
        with outside(SYSTEM):
            made = self._client.set_secret(
                name, value, expires_on=expires, tags=dict(tags), content_type=content_type, enabled=True
            )
        return str(made.properties.version)

    def _free(self, name: str) -> None:
        try:
            self.purge(name)
        except PermanentError:
            with outside(SYSTEM):
                self._client.begin_recover_deleted_secret(name)

    def delete(self, name: str) -> None:
        """Deletes all versions, recoverable until purged. Gone already is fine."""
        try:
            with outside(SYSTEM):
                self._client.begin_delete_secret(name)
        except NotFoundError:
            return

    def purge(self, name: str) -> None:
        """Ends what is left of a deleted secret. Gone already is fine.

        Right after a delete the vault may not list it as deleted yet; that too looks like gone. See deleted_names.
        """
        try:
            with outside(SYSTEM):
                self._client.purge_deleted_secret(name)
        except NotFoundError:
            return

    def names(self, tags: Mapping[str, str] | None = None) -> list[SecretInfo]:
        """All secrets that carry every one of these tags with its value; without any, all."""
        with outside(SYSTEM):
            listed = list(self._client.list_properties_of_secrets())
        found = [SecretInfo(p.name, p.expires_on, dict(p.tags or {}), bool(p.enabled)) for p in listed]
        return [info for info in found if (tags or {}).items() <= info.tags.items()]

    def deleted_names(self) -> list[str]:
        """Names that are deleted and not purged yet. One deleted a moment ago may be missing."""
        with outside(SYSTEM):
            return [deleted.name for deleted in self._client.list_deleted_secrets()]
