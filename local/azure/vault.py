"""What the key vault holds: secrets with their versions, and the deleted ones until they are purged."""

import uuid
from datetime import timedelta
from typing import Any

from local.world import Document, Table, World

RETENTION = timedelta(days=90)
"""How long a deleted secret can be recovered."""
SETTLING = 6.0
"""Seconds in Azure until a deleted secret appears among the deleted ones, a recovered one among the others again, and
the name of a purged one is free. Microsoft documents only that it takes some seconds; its clients ask every two."""


class VaultError(Exception):
    """An answer other than success; `inner` is the code inside `innererror`. Never holds a value."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner


class Vault:
    """The vault's content and its rules.

    Documents by lower-case name: {"name", "ready": seconds, "versions": [oldest first]}, the deleted ones also
    "deleted": seconds. A version is {"version", "value", "contentType", "tags", "attributes"}. All times are virtual.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def _secrets(self) -> Table:
        return self._world.table("keyvault.secrets")

    @property
    def _purged(self) -> Table:
        return self._world.table("keyvault.purged")

    @property
    def _deleted(self) -> Table:
        """Without what is past its retention."""
        table = self._world.table("keyvault.deleted")
        for key, document in list(table.items()):
            if document["deleted"] + RETENTION.total_seconds() <= self._now():
                del table[key]
        return table

    def names(self) -> list[Document]:
        return [document for document in self._secrets.values() if self._settled(document)]

    def deleted_names(self) -> list[Document]:
        return [document for document in self._deleted.values() if self._settled(document)]

    def everything(self) -> list[tuple[str, Document]]:
        """All secrets with what they are, "secrets" or "deletedSecrets", also those that do not appear yet."""
        live = [("secrets", document) for document in self._secrets.values()]
        return live + [("deletedSecrets", document) for document in self._deleted.values()]

    def put(self, name: str, fields: Document) -> Document:
        """A new version of a secret, which becomes the current one. Raises VaultError while the name is taken."""
        self._check_free(name)
        now = int(self._now())
        attributes = {"enabled": True, **fields.pop("attributes"), "created": now, "updated": now}
        version = {"version": uuid.uuid4().hex, **fields, "attributes": attributes}
        document = self._secrets.get(name.lower(), {"name": name, "ready": 0.0, "versions": []})
        document["versions"].append(version)
        self._secrets[name.lower()] = document
        return version

    def get(self, name: str, version: str | None = None) -> Document:
        """One version, the current one by default. Raises VaultError."""
        return self._version(self.secret(name), version)

    def secret(self, name: str) -> Document:
        """The secret with all its versions. Raises VaultError."""
        document = self._secrets.get(name.lower())
        if document is None or not self._settled(document):
            raise not_found(name)
        return document

    def update(self, name: str, version: str | None, fields: Document) -> Document:
        """Changes a version's metadata, not its value. Raises VaultError."""
        document = self.secret(name)
        changed = self._version(document, version)
        changed["attributes"] |= {**fields.pop("attributes"), "updated": int(self._now())}
        changed |= fields
        self._secrets[name.lower()] = document
        return changed

    def delete(self, name: str) -> Document:
        """Raises VaultError."""
        document = self.secret(name)
        del self._secrets[name.lower()]
        document |= {"deleted": self._now(), "ready": self._settling()}
        self._deleted[name.lower()] = document
        return document

    def deleted(self, name: str) -> Document:
        """Raises VaultError."""
        document = self._deleted.get(name.lower())
        if document is None or not self._settled(document):
            raise not_found(name)
        return document

    def recover(self, name: str) -> Document:
        """Raises VaultError."""
        if name.lower() in self._secrets:
            message = "Operation is not allowed on an object that is not deleted."
            raise VaultError(400, "MethodNotAllowed", message, "RequestNotAllowedOnNonDeletedObject")
        document = self._leave_deleted(name)
        document["ready"] = self._settling()
        del document["deleted"]
        self._secrets[name.lower()] = document
        return document

    def purge(self, name: str) -> None:
        """Raises VaultError."""
        self._leave_deleted(name)
        self._purged[name.lower()] = {"until": self._settling()}

    def _leave_deleted(self, name: str) -> Document:
        document = self._deleted.get(name.lower())
        if document is None:
            raise not_found(name)
        if not self._settled(document):
            raise _being_deleted(name)
        del self._deleted[name.lower()]
        return document

    def _check_free(self, name: str) -> None:
        if live := self._secrets.get(name.lower()):
            if not self._settled(live):
                message = f"Secret {name} is currently being recovered."
                raise VaultError(409, "Conflict", message, "ObjectIsBeingRecovered")
        elif deleted := self._deleted.get(name.lower()):
            if not self._settled(deleted):
                raise _being_deleted(name)
            message = (
                f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; "
                "in this state, the secret can only be recovered or purged."
            )
            raise VaultError(409, "Conflict", message, "ObjectIsDeletedButRecoverable")
        elif purged := self._purged.get(name.lower()):
            if purged["until"] > self._now():
                raise _being_deleted(name)
            del self._purged[name.lower()]

    def _version(self, document: Document, version: str | None) -> Document:
        for candidate in reversed(document["versions"]):
            if version is None or candidate["version"] == version:
                found: dict[str, Any] = candidate
                return found
        raise not_found(f"{document['name']}/{version}")

    def _settled(self, document: Document) -> bool:
        return bool(document["ready"] <= self._now())

    def _settling(self) -> float:
        return self._now() + self._world.duration(SETTLING)

    def _now(self) -> float:
        return self._world.clock.seconds()


def not_found(name: str) -> VaultError:
    message = (
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182"
    )
    return VaultError(404, "SecretNotFound", message)


def _being_deleted(name: str) -> VaultError:
    return VaultError(409, "Conflict", f"Secret {name} is currently being deleted.", "ObjectIsBeingDeleted")
