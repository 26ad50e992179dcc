"""What ARM asks of every request before it looks at what it is about."""

import re
from itertools import takewhile

from local.azure.arm.ids import Target
from local.azure.arm.wire import Call, Refusal, wrapped

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


def unauthorized(reason: str, tenant: str, *, present: bool) -> Refusal:
    """401, with the challenge that names the tenant."""
    code, message = "InvalidAuthenticationToken", f"The access token is invalid: {reason}."
    if not present:
        code, message = "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
    elif "expired" in reason:
        code, message = "ExpiredAuthenticationToken", f"The access token expiry has passed: {reason}."
    challenge = (
        f'Bearer authorization_uri="https://login.windows.net/{tenant}", error="invalid_token", '
        f'error_description="{message}"'
    )
    return wrapped(401, code, message, headers={"WWW-Authenticate": challenge})


def check_api_version(call: Call) -> None:
    if not call.api_version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise wrapped(400, "MissingApiVersionParameter", message)
    if not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", call.api_version):
        raise wrapped(400, "InvalidApiVersionParameter", f"The api-version '{call.api_version}' is invalid.")


def resource_type(target: Target, kinds: list[str]) -> str:
    """The full type of a path in Azure's spelling, as far as the provider (whose types are `kinds`) knows it."""
    words = "/".join(target.rest[::2])
    known = next((kind for kind in kinds if kind.lower() == words.lower()), words)
    return f"{target.namespace}/{known}"


def action_of(method: str, target: Target, kinds: list[str]) -> str:
    """The action that a role must allow: `Microsoft.Network/virtualNetworks/write`."""
    if target.namespace is None:
        return _own_action(method, target)
    rest = target.rest
    if method == "POST" and rest:
        names = rest[:-1] if len(rest) % 2 else rest
        inner = Target(target.subscription, target.group, target.scope, target.namespace, names)
        base = resource_type(inner, kinds) if names else str(target.namespace)
        return f"{base}/{rest[-1]}/action"
    return f"{resource_type(target, kinds)}/{_VERBS.get(method, 'action')}"


def _own_action(method: str, target: Target) -> str:
    if target.rest[:1] == ("providers",) and len(target.rest) == 3:
        return f"{target.rest[1]}/{target.rest[2]}/action"
    base = "Microsoft.Resources/subscriptions" + ("/resourceGroups" if target.group else "")
    words = "/".join(takewhile(lambda part: part in ("providers", "resources", "locations"), target.rest))
    return f"{base}/{words}/read" if words else f"{base}/{_VERBS.get(method, 'action')}"
