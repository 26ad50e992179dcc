"""Secrets that people keep with a hub, and refer to as secret://NAME. Values go in and never come out."""

from typing import Any

from shared import names
from shared.errors import InvalidError, RefusedError
from shared.hubs import vault
from shared.hubs.spec import defaults
from shared.hubs.store import HubRecord
from shared.problem import Problem
from shared.services import Services


def listed(services: Services, hub: str) -> list[dict[str, Any]]:
    """Names and expiry of people's secrets, and of those that Hubkeeper keeps itself."""
    prefix, own_prefix = names.vault_prefix(hub), names.own_vault_name(hub, "")
    found: dict[str, dict[str, Any]] = {}
    for secret in sorted(services.secrets.names({defaults.OWNER_TAG: hub}), key=lambda secret: secret.name):
        if not secret.name.startswith(prefix):
            continue
        own = secret.name.startswith(own_prefix)
        key = secret.name.removeprefix(own_prefix if own else prefix)
        found[key] = {
            "name": key,
            "expires": secret.expires.isoformat().replace("+00:00", "Z") if secret.expires else None,
            "madeByHubkeeper": own or key.casefold() in names.OWN_SECRETS,
        }
    return [found[key] for key in sorted(found)]


def store(services: Services, hub: str, key: str, value: str) -> None:
    """Stores or replaces. A hub that runs takes a replaced secret at its next install or upgrade."""
    _check(key)
    tags = {defaults.OWNER_TAG: hub}
    services.secrets.set(names.vault_name(hub, key), value, expires=None, tags=tags, content_type="text/plain")


def refuse_while_going(hub: HubRecord | None) -> None:
    """Raises RefusedError for a hub that is being torn down: what came now would go with it, or stay behind unseen."""
    if hub is not None and hub.phase == "deleting":
        raise RefusedError(
            Problem(
                "HubGoing",
                f"Hub {hub.name} is being torn down, and its secrets go with it: nothing is stored for it now.",
                f"Wait until GET /api/runs/{hub.last_run} has succeeded, or retry it if it failed. Then store the secret, before "
                "you POST a hub of that name again.",
            )
        )


def remove(services: Services, hub: str, key: str) -> None:
    """Deletes and purges; absent is fine."""
    _check(key)
    vault.remove(services.secrets, names.vault_name(hub, key))


def _check(key: str) -> None:
    if problem := names.SECRET.problem(key):
        raise InvalidError(
            Problem("BadSecretName", problem, "Use letters, digits and single hyphens, such as github-client-secret.")
        )
    if names.secret_problem(key):
        raise RefusedError(
            Problem(
                "OwnSecret",
                f"{key} is made and kept by Hubkeeper itself; Key Vault does not tell upper from lower case.",
                "Choose another name for a secret of your own.",
            )
        )
