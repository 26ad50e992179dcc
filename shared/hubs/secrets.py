"""A hub's own secrets: what its values refer to as secret://NAME. Values go in and never come out."""

from typing import Any

from shared import names
from shared.errors import PermanentError
from shared.http.problems import ProblemError
from shared.hubs import defaults
from shared.services import Services


def listed(services: Services, hub: str) -> list[dict[str, Any]]:
    prefix = names.vault_name(hub, "")
    found = services.secrets.names({defaults.OWNER_TAG: hub})
    return [
        {
            "name": secret.name.removeprefix(prefix),
            "expires": secret.expires.isoformat().replace("+00:00", "Z") if secret.expires else None,
            "madeByHubkeeper": secret.name.removeprefix(prefix) in names.OWN_SECRETS,
        }
        for secret in sorted(found, key=lambda secret: secret.name)
        if secret.name.startswith(prefix)
    ]


def store(services: Services, hub: str, key: str, value: str) -> None:
    """Stores or replaces. A hub that runs takes a replaced secret at its next install or upgrade."""
    _check(key)
    tags = {defaults.OWNER_TAG: hub}
    services.secrets.set(names.vault_name(hub, key), value, expires=None, tags=tags, content_type="text/plain")


def remove(services: Services, hub: str, key: str) -> None:
    """Deletes and purges; absent is fine."""
    _check(key)
    name = names.vault_name(hub, key)
    services.secrets.delete(name)
    try:
        services.secrets.purge(name)
    except PermanentError as error:
        if error.status != 403:  # a vault with purge protection forgets by itself, when its retention ends
            raise


def _check(key: str) -> None:
    if problem := names.SECRET.problem(key):
        raise ProblemError(
            400, "BadSecretName", problem, "Use letters, digits and single hyphens, such as github-client-secret."
        )
    if key in names.OWN_SECRETS:
        raise ProblemError(
            409,
            "OwnSecret",
            f"{key} is made and kept by Hubkeeper itself.",
            "Choose another name for a secret of your own.",
        )
