"""Container registries, and the tokens with which something outside Azure pushes and pulls; through the generic resource API.

A token's password is shown once, in the answer that makes it, and stays good until another of the same name is made. A token that
is written again loses its passwords.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.operations import Operation
from shared.azure.rest import Json
from shared.settings import Settings

API = "2023-07-01"
PASSWORD = "password1"  # noqa: S105 - the name of the one of a token's two passwords that is used


@dataclass(frozen=True)
class Registry:
    """server: its host name, such as r5.azurecr.io. state: provisioningState."""

    id: str
    name: str
    server: str
    state: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Token:
    """made: when its password was made, as Azure writes it; None: it has none."""

    id: str
    state: str
    made: str | None


@dataclass(frozen=True)
class NewPassword:
    value: str = field(repr=False)
    made: str


class Registries:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._arm = ResourceManager(settings, credential)

    def why_taken(self, name: str) -> str | None:
        """Why no registry can be made of this name, in Azure's words; None when one can. One of one's own is a reason, too."""
        path = f"{self._arm.subscription_path}/providers/Microsoft.ContainerRegistry/checkNameAvailability"
        body = {"name": name, "type": "Microsoft.ContainerRegistry/registries"}
        found = self._arm.post(path, API, body)[1] or {}
        return None if found.get("nameAvailable") else str(found.get("message") or found.get("reason") or "it is taken")

    def registry(self, resource_id: str) -> Registry | None:
        document = self._arm.get(resource_id, API)
        return None if document is None else read_registry(document)

    def put(self, resource_id: str, body: Json) -> Operation | None:
        return self._arm.put(resource_id, API, body)[1]

    def scope_map(self, resource_id: str) -> str | None:
        """Its state; None when there is none."""
        document = self._arm.get(resource_id, API)
        return None if document is None else _state(document)

    def put_scope_map(self, resource_id: str, actions: Sequence[str]) -> Operation | None:
        """What a token with it may do, such as "repositories/*/content/read"."""
        return self._arm.put(resource_id, API, {"properties": {"actions": list(actions)}})[1]

    def token(self, resource_id: str) -> Token | None:
        document = self._arm.get(resource_id, API)
        return None if document is None else read_token(document)

    def put_token(self, resource_id: str, scope_map: str) -> Operation | None:
        """Makes it. Not for one that is there: see above."""
        return self._arm.put(resource_id, API, {"properties": {"scopeMapId": scope_map, "status": "enabled"}})[1]

    def new_password(self, registry: str, token: str) -> tuple[NewPassword | None, Operation | None]:
        """Makes a password, which ends the one before: it, or the operation whose outcome it is."""
        body = {"tokenId": token, "name": PASSWORD}
        _, answer, operation = self._arm.post(f"{registry}/generateCredentials", API, body)
        return (None, operation) if operation else (read_password(answer or {}), None)

    def password_of(self, operation: Operation) -> NewPassword | None:
        """The outcome of such an operation; None while it goes on. Raises NotFoundError when Azure has forgotten it."""
        answer = self._arm.result(operation)
        return None if answer is None else read_password(answer)


def read_registry(document: Json) -> Registry:
    properties = document.get("properties") or {}
    return Registry(
        document["id"],
        document["name"],
        str(properties.get("loginServer") or ""),
        _state(document),
        document.get("tags") or {},
    )


def read_token(document: Json) -> Token:
    credentials = (document.get("properties") or {}).get("credentials") or {}
    made = (each.get("creationTime") for each in credentials.get("passwords") or [] if each.get("name") == PASSWORD)
    return Token(document["id"], _state(document), next(made, None))


def read_password(answer: Json) -> NewPassword | None:
    """None when the answer has none, which a later look at the token mends."""
    found = [each for each in answer.get("passwords") or [] if each.get("name") == PASSWORD and each.get("value")]
    return NewPassword(found[0]["value"], str(found[0].get("creationTime") or "")) if found else None


def _state(document: Json) -> str:
    return str((document.get("properties") or {}).get("provisioningState") or "Succeeded")
