"""Access tokens of the local cloud: JSON Web Tokens as Entra's look, signed with a key of this copy's own.

Clients may look inside (the Graph audience carries `roles`); the services here check signature, audience and expiry.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from local import names
from local.world import Document, World

LIFETIME = 24 * 3600
"""Seconds. What Entra gives managed identities."""
ARM = "https://management.azure.com"
GRAPH = "https://graph.microsoft.com"
VAULT = "https://vault.azure.net"
STORAGE = "https://storage.azure.com"
KUBERNETES = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application id that every AKS API server goes by."""
_GRANTED = ["Application.ReadWrite.OwnedBy"]


def caller(world: World) -> Document:
    """The functions app's managed identity: {"oid", "appid", "tenant", "subscription"}."""
    settings = world.table("settings")
    if "caller" not in settings:
        settings["caller"] = {
            "oid": names.CALLER_OBJECT,
            "appid": names.CALLER_APP,
            "tenant": names.TENANT,
            "subscription": names.SUBSCRIPTION,
        }
    return settings["caller"]


def graph_permissions(world: World, oid: str) -> list[str]:
    """A principal's Graph application permissions: the caller's are a setting of the subscription, others have none."""
    if oid != caller(world)["oid"]:
        return []
    settings = world.table("subscription").get("graph", {})
    return list(settings.get("permissions", _GRANTED))


class Tokens:
    """Issues and checks tokens.

    Validity runs on the machine's own clock, not on the virtual one: client libraries cache a token by the real time,
    so an expiry in virtual time would be renewed too late, or at every call, as soon as somebody moved the clock.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        settings = world.table("settings")
        if "tokens" not in settings:
            settings["tokens"] = {"key": secrets.token_hex(32)}
        self._key = bytes.fromhex(settings["tokens"]["key"])
        caller(world)

    def issue(self, resource: str, *, oid: str, appid: str) -> tuple[str, int]:
        """A token for `resource` and when it expires (seconds since 1970 by the machine's clock)."""
        now = int(time.time())  # noqa: TID251 - see the class
        tenant = caller(self._world)["tenant"]
        claims: dict[str, Any] = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": appid,
            "idtyp": "app",
            "oid": oid,
            "sub": oid,
            "tid": tenant,
            "ver": "1.0",
        }
        if self.canonical(resource) == GRAPH:
            claims["roles"] = graph_permissions(self._world, oid)
        signed = f"{_encode({'typ': 'JWT', 'alg': 'HS256'})}.{_encode(claims)}"
        return f"{signed}.{self._signature(signed)}", now + LIFETIME

    def check(self, authorization: str | None, audience: str) -> dict[str, Any]:
        """The claims of an Authorization header. Raises PermissionError when it holds no valid token for `audience`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise PermissionError("the request carries no bearer token")
        signed, _, signature = token.strip().rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise PermissionError("the token's signature is not valid")
        claims: dict[str, Any] = json.loads(_decode(signed.partition(".")[2]))
        if claims["exp"] <= time.time():  # noqa: TID251 - see the class
            raise PermissionError("the token has expired")
        if self.canonical(claims["aud"]) != self.canonical(audience):
            raise PermissionError(f"the token is for {claims['aud']}, not for {audience}")
        return claims

    def canonical(self, resource: str) -> str:
        """One name for each service; as in every cloud of its own, the endpoints' addresses name the services too."""
        ports = self._world.ports
        name = resource.rstrip("/").lower()
        return {
            "https://management.core.windows.net": ARM,
            "00000003-0000-0000-c000-000000000000": GRAPH,
            f"https://127.0.0.1:{ports.arm}": ARM,
            f"https://127.0.0.1:{ports.graph}": GRAPH,
            f"https://127.0.0.1:{ports.keyvault}": VAULT,
        }.get(name, name)

    def known(self, resource: str) -> bool:
        """Whether the directory has a service of that name; Entra issues tokens for no others."""
        return self.canonical(resource) in {ARM, GRAPH, VAULT, STORAGE, KUBERNETES}

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
