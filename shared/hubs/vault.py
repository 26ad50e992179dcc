"""A hub's secrets in Key Vault: those of people, which a specification can refer to, and Hubkeeper's own, which none can.

They live under different names (shared.names), so that neither can be taken for the other, whatever a reference says.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from shared import names
from shared.errors import PermanentError
from shared.hubs.spec import defaults
from shared.references import Reference
from shared.services import Services

if TYPE_CHECKING:
    from shared.azure.keyvault import Secret, Secrets

FORBIDDEN = 403


def theirs(services: Services, hub: str, key: str) -> "Secret | None":
    """A secret that people keep with the hub. One under a name that is not theirs to use is none."""
    return None if names.secret_problem(key) else services.secrets.get(names.vault_name(hub, key))


def own(services: Services, hub: str, key: str) -> "Secret | None":
    """A secret that Hubkeeper keeps for the hub, also where an earlier version put it."""
    return services.secrets.get(names.own_vault_name(hub, key)) or services.secrets.get(names.old_vault_name(hub, key))


def resolved(services: Services, hub: str, reference: Reference) -> "Secret | None":
    """The secret that stands behind a reference; the one place that decides it."""
    return (own if reference.own else theirs)(services, hub, reference.name)


def keep_own(
    services: Services,
    hub: str,
    key: str,
    value: str,
    *,
    expires: datetime | None = None,
    tags: Mapping[str, str] | None = None,
    content_type: str = "text/plain",
) -> None:
    """Writes a new version of a secret of Hubkeeper's own."""
    marked = {defaults.OWNER_TAG: hub, **(tags or {})}
    services.secrets.set(names.own_vault_name(hub, key), value, expires=expires, tags=marked, content_type=content_type)


def put_back_own(services: Services, hub: str, key: str, tags: Mapping[str, str]) -> bool:
    """Makes an earlier version of a secret of Hubkeeper's own, the one with these tags, the newest; whether there is one."""
    for name in (names.own_vault_name(hub, key), names.old_vault_name(hub, key)):
        if found := services.secrets.version_with(name, tags):
            keep_own(services, hub, key, found.value, expires=found.expires, tags=found.tags)
            return True
    return False


def forget_own(services: Services, hub: str, key: str) -> None:
    """Removes it wherever it is, out of the vault's recycle bin too."""
    remove(services.secrets, names.own_vault_name(hub, key))
    if services.secrets.get(names.old_vault_name(hub, key)) is not None:
        remove(services.secrets, names.old_vault_name(hub, key))


def remove(secrets: "Secrets", name: str) -> None:
    """Deletes and purges; absent is fine. A vault with purge protection forgets by itself, when its retention ends."""
    secrets.delete(name)
    try:
        secrets.purge(name)
    except PermanentError as error:
        if error.status != FORBIDDEN:
            raise


def move_own(services: Services, hub: str, present: Iterable[str]) -> list[str]:
    """Moves Hubkeeper's own secrets to their names of today; what was done, a line each. present: names in the vault.

    In two nights: the first copies, the second removes. So nobody who has just looked under the one name finds nothing under the
    other.
    """
    known = {name.casefold() for name in present}
    done = []
    for key in sorted(names.OWN_SECRETS):
        old, new = names.old_vault_name(hub, key), names.own_vault_name(hub, key)
        if old not in known:
            continue
        if new in known:
            remove(services.secrets, old)
            done.append(f"{old} is removed: {new} has taken its place")
        elif kept := services.secrets.get(old):
            services.secrets.set(
                new, kept.value, expires=kept.expires, tags=kept.tags, content_type=kept.content_type or "text/plain"
            )
            done.append(f"{old} is copied to {new}")
    return done
