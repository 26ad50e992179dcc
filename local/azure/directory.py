"""The directory behind Microsoft Graph: applications, their passwords and service principals.

A directory is replicated: what one call has made, the next may not find yet, and other services learn of it later
still. Here each object carries the virtual times from which it is seen, so the lag is the same every time and scales
with the speed. `world.table("subscription")["graph"]["replication"]` may set other seconds (names as in `LAG`).
"""

import secrets
import string
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from local import names
from local.azure.tokens import caller, graph_permissions
from local.world import Document, Table, World

LAG: dict[str, float] = {
    "read": 2.0,  # until Graph itself finds a new object by its id
    "principal": 10.0,  # until role assignments know a new principal: 5 to 75 s recorded, typically 7 to 12
    "clusters": 27.0,  # until AKS knows a new service principal: 7 to 78 s recorded, median 27.5
    "secret": 8.0,  # until a new password signs in: 4 to 18 s reported
}
"""Seconds in Azure; `World.duration` makes them virtual seconds here."""
RETENTION = timedelta(days=30)
"""How long a deleted object can be restored."""
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph's application id, the same in every directory."""
APP_ROLES = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
}
"""Ids of the Graph permissions that matter here, as Microsoft publishes them."""


class Directory:
    """Documents: {"object": as Graph shows it, "owner": object id, "seen": virtual seconds, "secrets": by keyId}."""

    def __init__(self, world: World) -> None:
        self.world = world
        for document in _standing(world):
            self.principals.setdefault(document["object"]["id"], document)
        world.lists(self._listing)

    @property
    def applications(self) -> Table:
        return self.world.table("directory.applications")

    @property
    def principals(self) -> Table:
        return self.world.table("directory.principals")

    @property
    def deleted(self) -> Table:
        """As above, with "kind" ("application" or "servicePrincipal"); what is past its retention is gone."""
        table = self.world.table("directory.deleted")
        now = self.world.clock.seconds()
        for key, document in list(table.items()):
            if document["deleted"] + RETENTION.total_seconds() <= now:
                del table[key]
        return table

    # What other services ask.

    def service_principal(self, app_id: str) -> dict[str, Any] | None:
        """A service principal by its application id, as AKS sees it: None also while it is not yet replicated."""
        document = self._principal_of(app_id)
        if document is None or not self.seen(document, "clusters"):
            return None
        found: dict[str, Any] = document["object"]
        return found

    def principal_exists(self, object_id: str) -> bool:
        """Whether role assignments know a principal: False also while it is not yet replicated."""
        document = self.principals.get(object_id)
        return document is not None and self.seen(document, "principal")

    def check_secret(self, app_id: str, secret: str) -> Literal["ok", "invalid", "expired"]:
        """Whether the password signs in at this moment; a very new one does not yet, and counts as invalid."""
        application = self.application_of(app_id)
        if application is None or self._principal_of(app_id) is None:
            return "invalid"
        now = self.world.clock.seconds()
        for credential in application["object"]["passwordCredentials"]:
            stored = application["secrets"][credential["keyId"]]
            if not secrets.compare_digest(stored["text"].encode(), secret.encode()):
                continue
            if datetime.fromisoformat(credential["endDateTime"]).timestamp() <= now:
                return "expired"
            return "ok" if stored["from"] <= now else "invalid"
        return "invalid"

    # What Graph asks.

    def seen(self, document: Document, by: str) -> bool:
        """Whether a new object has got round to `by` (a name of `LAG`)."""
        return bool(document["seen"][by] <= self.world.clock.seconds())

    def application_of(self, app_id: str) -> Document | None:
        return next((found for found in self.applications.values() if found["object"]["appId"] == app_id), None)

    def create_application(self, body: Document, owner: str) -> Document:
        now = self.world.clock.now()
        application = {
            "id": str(uuid.uuid4()),
            "deletedDateTime": None,
            "appId": str(uuid.uuid4()),
            "createdDateTime": stamp(now),
            "description": None,
            "notes": None,
            "uniqueName": None,
            "signInAudience": "AzureADMyOrg",
            "tags": [],
            "identifierUris": [],
            "keyCredentials": [],
            "passwordCredentials": [],
            "requiredResourceAccess": [],
            **body,
        }
        document = {"object": application, "owner": owner, "seen": self._seen_from("read"), "secrets": {}}
        self.applications[application["id"]] = document
        return document

    def create_principal(self, application: Document, body: Document, owner: str) -> Document:
        now = self.world.clock.now()
        principal = {
            "id": str(uuid.uuid4()),
            "deletedDateTime": None,
            "accountEnabled": True,
            "appId": application["object"]["appId"],
            "appDisplayName": application["object"]["displayName"],
            "appOwnerOrganizationId": caller(self.world)["tenant"],
            "createdDateTime": stamp(now),
            "displayName": application["object"]["displayName"],
            "servicePrincipalType": "Application",
            "servicePrincipalNames": [application["object"]["appId"]],
            "tags": [],
            "keyCredentials": [],
            "passwordCredentials": [],
            **body,
        }
        seen = self._seen_from("read", "principal", "clusters")
        document = {"object": principal, "owner": owner, "seen": seen, "secrets": {}}
        self.principals[principal["id"]] = document
        return document

    def add_password(self, document: Document, name: str | None, start: datetime, end: datetime) -> Document:
        """A new password; the answer alone carries its text."""
        text = _password()
        credential = {
            "customKeyIdentifier": None,
            "displayName": name,
            "endDateTime": stamp(end),
            "hint": text[:3],
            "keyId": str(uuid.uuid4()),
            "secretText": None,
            "startDateTime": stamp(start),
        }
        document["object"]["passwordCredentials"].append(credential)
        document["secrets"][credential["keyId"]] = {"text": text, "from": self._seen_from("secret")["secret"]}
        self.applications[document["object"]["id"]] = document
        return {**credential, "secretText": text}

    def delete(self, kind: Literal["application", "servicePrincipal"], document: Document) -> None:
        """Moves an object to the deleted ones; an application takes its service principal along."""
        table = self.applications if kind == "application" else self.principals
        identity = document["object"]["id"]
        now = self.world.clock.now()
        document["object"]["deletedDateTime"] = stamp(now)
        self.deleted[identity] = {**document, "kind": kind, "deleted": now.timestamp()}
        del table[identity]
        if kind == "application" and (principal := self._principal_of(document["object"]["appId"])):
            self.delete("servicePrincipal", principal)

    def restore(self, document: Document) -> None:
        """Brings a deleted object back; an application brings its service principal along."""
        kind = document.pop("kind")
        document.pop("deleted")
        identity = document["object"]["id"]
        document["object"]["deletedDateTime"] = None
        (self.applications if kind == "application" else self.principals)[identity] = document
        del self.deleted[identity]
        if kind == "application":
            for other in list(self.deleted.values()):
                if other["kind"] == "servicePrincipal" and other["object"]["appId"] == document["object"]["appId"]:
                    self.restore(other)

    def app_role_assignments(self, principal: Document) -> list[Document]:
        """The Graph permissions granted to a principal, as assignments of Microsoft Graph's app roles."""
        identity = principal["object"]["id"]
        return [
            {
                "id": str(uuid.uuid5(uuid.UUID(identity), permission)),
                "deletedDateTime": None,
                "appRoleId": APP_ROLES[permission],
                "createdDateTime": principal["object"]["createdDateTime"],
                "principalDisplayName": principal["object"]["displayName"],
                "principalId": identity,
                "principalType": "ServicePrincipal",
                "resourceDisplayName": "Microsoft Graph",
                "resourceId": names.GRAPH_OBJECT,
            }
            for permission in graph_permissions(self.world, identity)
            if permission in APP_ROLES
        ]

    def _principal_of(self, app_id: str) -> Document | None:
        return next((found for found in self.principals.values() if found["object"]["appId"] == app_id), None)

    def _seen_from(self, *by: str) -> dict[str, float]:
        """When something made now has got round to each of these."""
        seconds = LAG | self.world.table("subscription").get("graph", {}).get("replication", {})
        return {name: self.world.clock.seconds() + self.world.duration(float(seconds[name])) for name in by}

    def _listing(self) -> list[Document]:
        tables = (
            ("applications", self.applications),
            ("servicePrincipals", self.principals),
            ("deletedItems", self.deleted),
        )
        return [_row(kind, document["object"]) for kind, table in tables for document in table.values()]


def stamp(when: datetime) -> str:
    """As Graph writes a time: UTC, to the second."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _row(kind: str, shown: Document) -> Document:
    passwords = [
        {
            "displayName": credential["displayName"],
            "keyId": credential["keyId"],
            "endDateTime": credential["endDateTime"],
        }
        for credential in shown["passwordCredentials"]
    ]
    return {
        "kind": f"Microsoft.Graph/{kind}",
        "id": shown["id"],
        "appId": shown["appId"],
        "displayName": shown["displayName"],
        "tags": shown["tags"],
        "passwordCredentials": passwords,
    }


def _password() -> str:
    """Forty characters, of which the three first are shown as the hint and the next three tell scanners what it is."""
    characters = string.ascii_letters + string.digits + "~._-"
    return (
        "".join(secrets.choice(string.ascii_letters) for _ in range(3))
        + "8Q~"
        + "".join(secrets.choice(characters) for _ in range(34))
    )


def _standing(world: World) -> list[Document]:
    """What every directory with a functions app has: its managed identity, and Microsoft Graph itself."""
    identity = caller(world)
    roles = [{"id": role, "value": name, "displayName": name, "isEnabled": True} for name, role in APP_ROLES.items()]
    managed = {
        "id": identity["oid"],
        "appId": identity["appid"],
        "displayName": "hubkeeper",
        "servicePrincipalType": "ManagedIdentity",
    }
    graph = {
        "id": names.GRAPH_OBJECT,
        "appId": GRAPH_APP,
        "displayName": "Microsoft Graph",
        "servicePrincipalType": "Application",
        "appRoles": roles,
    }
    common: Document = {
        "deletedDateTime": None,
        "accountEnabled": True,
        "createdDateTime": "2026-01-01T00:00:00Z",
        "tags": [],
        "keyCredentials": [],
        "passwordCredentials": [],
    }
    seen = dict.fromkeys(LAG, 0.0)
    return [{"object": {**common, **own}, "owner": "", "seen": seen, "secrets": {}} for own in (managed, graph)]
