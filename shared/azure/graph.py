"""Microsoft Graph: the applications and service principals that clusters act as, and their passwords.

Three ids, not to be mixed: the application's object id (in addresses), its app id (the client id), and the service
principal's object id (the principal of role assignments). The directory is replicated: what was just made may not be
found for seconds, which is told as TemporaryError where it is known to exist.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.azure.credentials import TokenSource
from shared.azure.errors import IDENTITY, also_temporary, outside
from shared.azure.rest import Json, plain, scope
from shared.errors import NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.settings import Settings

SYSTEM = "Microsoft Graph"
REPLICATION = 5.0
"""Seconds until the next look for something that was just made."""
MANAGING = frozenset({"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"})
"""Any of these permissions lets the product manage applications of its own."""
FRESH_SECRET = ("AADSTS7000215", "AADSTS7000229", "AADSTS700016")
"""How the login endpoint refuses a password, principal or application that it has not heard of yet."""


@dataclass(frozen=True)
class Password:
    """A password of an application, without its value. ends: UTC."""

    key_id: str
    display_name: str | None
    ends: datetime


@dataclass(frozen=True)
class NewPassword:
    """A password just made: the only time that its value can be seen. ends: UTC."""

    key_id: str
    secret: str = field(repr=False)
    ends: datetime


@dataclass(frozen=True)
class Application:
    object_id: str
    app_id: str
    display_name: str
    tags: tuple[str, ...]
    passwords: tuple[Password, ...]


class Directory:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._settings = settings
        self._credential = credential
        self._rest = plain(SYSTEM, settings.graph_endpoint, credential)
        self._login = plain(IDENTITY, settings.login_endpoint, None)

    def application(self, *, app_id: str | None = None, unique_name: str | None = None) -> Application | None:
        """The application with this app id, or with the unique name under which ensure_application made it."""
        key = f"appId='{_quoted(app_id)}'" if app_id is not None else f"uniqueName='{_quoted(unique_name or '')}'"
        try:
            return read_application(self._rest.call("GET", f"/v1.0/applications({key})").document)
        except NotFoundError:
            return None

    def applications(self, tag: str) -> list[Application]:
        """All applications with this tag, the oldest first."""
        params = {"$filter": f"tags/any(t:t eq '{_quoted(tag)}')"}
        rows = self._rest.pages("/v1.0/applications", params, link="@odata.nextLink")
        return [read_application(row) for row in sorted(rows, key=lambda row: str(row.get("createdDateTime")))]

    def ensure_application(self, unique_name: str, display_name: str, tags: Sequence[str]) -> Application:
        """The application of this unique name, made if there is none.

        Graph itself decides which (an upsert by alternate key), so asking again after an answer that never came, or
        while the directory replicates, makes no second one. Unique names are letters, digits and hyphens here.
        """
        body = {"displayName": display_name, "signInAudience": "AzureADMyOrg", "tags": list(tags)}
        address = f"/v1.0/applications(uniqueName='{_quoted(unique_name)}')"
        answer = self._rest.call("PATCH", address, body=body, headers={"Prefer": "create-if-missing"})
        if answer.document:
            return read_application(answer.document)
        with _just_made():
            return read_application(self._rest.call("GET", address).document)

    def add_password(self, object_id: str, display_name: str, ends: datetime) -> NewPassword:
        """Makes a password that is valid from now on; usable for sign-in some seconds later (see try_secret)."""
        body = {"passwordCredential": {"displayName": display_name, "endDateTime": _moment(ends)}}
        with _just_made():
            made = self._rest.call("POST", f"/v1.0/applications/{object_id}/addPassword", body=body).document
        return NewPassword(made["keyId"], made["secretText"], datetime.fromisoformat(made["endDateTime"]))

    def remove_password(self, object_id: str, key_id: str) -> None:
        """Gone already is fine."""
        try:
            self._rest.call("POST", f"/v1.0/applications/{object_id}/removePassword", body={"keyId": key_id})
        except NotFoundError:
            return
        except PermanentError as error:
            if "No password credential found" not in error.message:
                raise

    def service_principal(self, app_id: str) -> str | None:
        """The object id of an application's service principal."""
        try:
            address = f"/v1.0/servicePrincipals(appId='{_quoted(app_id)}')"
            return str(self._rest.call("GET", address, params={"$select": "id"}).document["id"])
        except NotFoundError:
            return None

    def create_service_principal(self, app_id: str) -> str:
        """Makes the application's service principal, unless it is there already; its object id."""
        existing = self.service_principal(app_id)
        if existing is not None:
            return existing
        try:
            with _just_made():
                body = {"appId": app_id, "accountEnabled": True}
                return str(self._rest.call("POST", "/v1.0/servicePrincipals", body=body).document["id"])
        except PermanentError as error:
            if error.code != "Request_MultipleObjectsWithSameKeyValue":
                raise
            raise _replicating(error) from error

    def delete_application(self, object_id: str, principal_id: str | None) -> None:
        """Deletes the application with its service principal for good: Graph would keep both restorable for 30 days.

        Gone already is fine. TemporaryError: deleted, but not yet among the deleted objects, where it is purged.
        """
        deleted_now = self._gone("/v1.0/applications/", object_id)
        purged_now = self._gone("/v1.0/directory/deletedItems/", object_id)
        if principal_id:
            self._gone("/v1.0/directory/deletedItems/", principal_id)
        if deleted_now and not purged_now:
            raise TemporaryError(
                SYSTEM, "NotYetDeleted", "the deleted application cannot be purged yet", retry_after=REPLICATION
            )

    def _gone(self, address: str, object_id: str) -> bool:
        """Whether this call deleted it; False when it was gone."""
        try:
            self._rest.call("DELETE", address + object_id)
        except NotFoundError:
            return False
        return True

    def can_manage_applications(self) -> bool | None:
        """Whether the product may make applications, by the permissions in its own token; None: that does not tell.

        Tokens are kept for up to a day: a permission granted just now may not show yet.
        """
        with outside(SYSTEM):
            token: str = self._credential.get_token(scope(self._settings.graph_endpoint)).token
        claims = token_claims(token)
        roles = claims.get("roles")
        if isinstance(roles, list):
            return bool(MANAGING & set(roles))
        return False if claims.get("idtyp") == "app" else None

    def try_secret(self, tenant: str, client_id: str, secret: str, *, fresh: bool = True) -> None:
        """Signs in with the password, to see whether it works before anything depends on it.

        A fresh one takes 4 to 18 s to be known everywhere; AKS given it earlier fails minutes later. With fresh, being
        unknown raises TemporaryError; without, PermanentError, as does a password that is expired.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": scope(self._settings.arm_endpoint),
        }
        with also_temporary(*(FRESH_SECRET if fresh else ())):
            self._login.call("POST", f"/{tenant}/oauth2/v2.0/token", form=form)


@contextmanager
def _just_made() -> Iterator[None]:
    """Around calls that build on something made before: that it is not found means that it is not known yet."""
    try:
        yield
    except NotFoundError as error:
        raise _replicating(error) from error
    except PermanentError as error:
        if "does not reference a valid application object" not in error.message:
            raise
        raise _replicating(error) from error


def _replicating(error: OutsideError) -> TemporaryError:
    return TemporaryError(
        SYSTEM, error.code, error.message, status=error.status, details=error.details, retry_after=REPLICATION
    )


def read_application(document: Json) -> Application:
    passwords = tuple(
        Password(item["keyId"], item.get("displayName"), datetime.fromisoformat(item["endDateTime"]))
        for item in document.get("passwordCredentials") or []
    )
    return Application(
        document["id"], document["appId"], document["displayName"], tuple(document.get("tags") or ()), passwords
    )


def token_claims(token: str) -> Json:
    """What a JSON Web Token says, unverified; nothing when it is not one. Only for advice, never for a decision."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
