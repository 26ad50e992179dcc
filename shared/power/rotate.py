"""A new password for the cluster's service principal, before the old one runs out.

Credentials cannot be rotated while a cluster is stopped, and a stopped cluster cannot start with a password that has expired
(AKS docs, "Update or rotate the credentials"): so it is done before a stop that the password would not outlive.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared import names
from shared.errors import OutsideError, PermanentError
from shared.hubs import vault
from shared.hubs.spec import defaults
from shared.hubs.status.model import required
from shared.hubs.store import HubRecord
from shared.power.switch import cluster_power
from shared.resources.password import PASSWORD_LABEL, keep_password
from shared.runs.context import OperationEndedError, StepContext, begun, stagger, watching
from shared.runs.model import Kind, Outcome, called_off, done, waiting
from shared.schedules.decide import desired_of
from shared.schedules.record import PowerState

if TYPE_CHECKING:
    from shared.azure.graph import Application
    from shared.azure.keyvault import Secret
    from shared.azure.operations import Operation

MARGIN = timedelta(days=14)
"""A password has to outlive the next start by this much: the start after a failed one, a holiday, a directory out of order."""

UNKNOWN_START = timedelta(days=120)
"""How far away the next start of a hub may be that has none planned: a summer without lectures. A cluster whose password ends
while it is off cannot be started any more."""

LIFETIME = timedelta(days=defaults.PASSWORD_DAYS)
YOUNG = timedelta(days=30)
"""A password of that age is not replaced by another that would not last until the next start either."""

SERVER_ERROR = 500
"""An HTTP status from here on does not tell whether what was asked for has begun."""


def due(expires: datetime | None, next_start: datetime | None, now: datetime) -> bool:
    """True if a password that ends at `expires` has to be replaced before a stop now. Pure."""
    if expires is None:
        return False
    wanted = (next_start or now + UNKNOWN_START) + MARGIN
    return expires < (wanted if wanted <= now + LIFETIME else now + LIFETIME - YOUNG)


def next_start(hub: HubRecord, now: datetime) -> datetime | None:
    decision = desired_of(hub.stored_schedule, hub.power, now)
    return decision.usable_from if decision.state is not PowerState.ON else None


def _expires(context: StepContext) -> datetime | None:
    """When the password ends; None for a managed identity, and for an existing principal, whose owner rotates it."""
    return context.status.password.expires


def unsettled(hub: HubRecord) -> bool:
    """True if the directory may hold more than the one password that the cluster uses: a rotation did not end."""
    return hub.status.password.unsettled and hub.status.password.expires is not None


def refusable(hub: HubRecord) -> bool:
    """True if there may be a password that the cluster was never asked to take, which can be deleted without it."""
    return unsettled(hub) and not hub.status.password.asked


def check_password(context: StepContext) -> Outcome:
    """Decides if a stop must replace the password first. A rotate run always does."""
    if early := stagger(context):
        return early
    expires = _expires(context)
    if expires is None:
        return done("The cluster's identity has no password that Hubkeeper has to replace.")
    soon = due(expires, next_start(context.hub, context.now), context.now)
    wanted = soon or unsettled(context.hub) or context.run.kind is Kind.ROTATE
    if wanted and _off(context):
        return _while_off(context)
    context.record(replace(context.status.password, rotate_for=context.run.id if wanted else None))
    return done(
        f"The password ends on {expires:%d %B %Y}"
        + ("; it is replaced first." if wanted else ": long after the next start.")
    )


def _needed(context: StepContext) -> bool:
    return context.status.password.rotate_for == context.run.id


def _off(context: StepContext) -> bool:
    return cluster_power(context) in ("off", "stopping")


def _while_off(context: StepContext) -> Outcome:
    """A cluster that is off takes no password: it keeps the one that it has, which is to be the only one."""
    if outcome := _taken_back(context):
        return outcome
    context.record(replace(context.status.password, rotate_for=None))
    said = "The cluster is off and takes no new password until it is on."
    if context.run.kind is Kind.ROTATE:
        return called_off("ClusterOff", said, "Nothing to do: it is replaced when the hub is on.")
    return done(said)


def _taken_back(context: StepContext) -> Outcome | None:
    """Removes a password that the cluster was never asked to take, once Key Vault holds the one that it uses again.

    One that it was asked to take it may use by now: both stay until the next rotation.
    """
    if not refusable(context.hub):
        return None
    application = _application(context)
    if application is None:
        return waiting(10, "The directory does not show the application yet; trying again in 10 s.")
    kept, in_use = context.own_secret(names.PRINCIPAL_PASSWORD), _in_use(context)
    if kept is None or kept.tags.get("keyId") != in_use:
        tags = {"keyId": in_use}
        if not vault.put_back_own(context.services, context.spec.name, names.PRINCIPAL_PASSWORD, tags):
            return None  # the next rotation uses what is in the vault
    _remove(context, application, {in_use})
    context.record(replace(context.status.password, unsettled=False))
    return None


def _application(context: StepContext) -> "Application | None":
    return context.services.directory.application(app_id=_client_id(context))


def _client_id(context: StepContext) -> str:
    return required(context.status.identity.client_id, "client id")


def _in_use(context: StepContext) -> str:
    return required(context.status.password.key, "password")


def _remove(context: StepContext, application: "Application", kept: Collection[str | None]) -> int:
    """Removes Hubkeeper's passwords but these; how many."""
    ours = {each.key_id for each in application.passwords if each.display_name == PASSWORD_LABEL}
    for key in sorted(ours.difference(kept)):
        context.services.directory.remove_password(application.object_id, key)
    return len(ours.difference(kept))


def ensure_new_password(context: StepContext) -> Outcome:
    """Makes a password and keeps it in Key Vault. Called again after a crash it removes one that never got there.

    The one that the cluster uses (`password.key`), and one that it was asked to take (`password.asked`), stay until it has
    another. One that an earlier run put into Key Vault and could not give to the cluster is used instead of a third.
    """
    if not _needed(context):
        return done("The password stays: no new one is needed.")
    if _off(context):
        return _while_off(context)
    application = _application(context)
    if application is None:
        return waiting(10, "The directory does not show the application yet; trying again in 10 s.")
    context.record(replace(context.status.password, unsettled=True))
    kept = context.own_secret(names.PRINCIPAL_PASSWORD)
    in_vault, in_use = kept.tags.get("keyId") if kept else None, _in_use(context)
    ours = {each.key_id: each for each in application.passwords if each.display_name == PASSWORD_LABEL}
    if in_vault in ours and in_vault != in_use and not due(ours[in_vault].ends, None, context.now):
        return done("The new password is already in Key Vault.")
    _remove(context, application, {in_vault, in_use, context.status.password.asked})
    made = context.services.directory.add_password(application.object_id, PASSWORD_LABEL, context.now + LIFETIME)
    keep_password(context, made)
    return done(f"A new password is in Key Vault; it ends on {made.ends:%d %B %Y}.")


def give_password(context: StepContext) -> Outcome:
    """resetServicePrincipalProfile: AKS replaces the nodes' images one by one, which takes minutes."""
    if not _needed(context):
        return done("The password stays: no new one is needed.")
    try:
        return _given(context)
    except (OperationEndedError, PermanentError):
        if not _off(context):
            raise
        return _while_off(context)  # somebody has switched it off in the meantime


def _given(context: StepContext) -> Outcome:
    if outcome := watching(context, "Giving the cluster its new password"):
        return outcome
    secret = context.own_secret(names.PRINCIPAL_PASSWORD)
    if secret is None:
        return waiting(10, "Key Vault does not show the new password yet; trying again in 10 s.", **context.checkpoint)
    if not context.checkpoint.get("operation"):
        if _off(context):
            return _while_off(context)
        if operation := _asked(context, secret):
            return begun(operation, "Giving the cluster its new password")
    used = replace(context.status.password, key=secret.tags.get("keyId"), expires=secret.expires, asked=None)
    context.record(used)
    return done("The cluster uses the new password.")


def _asked(context: StepContext, secret: "Secret") -> "Operation | None":
    """Asks the cluster to take the password. After an answer that never came it may have done so."""
    spec, services, client_id = context.spec, context.services, _client_id(context)
    # AKS takes a password that the directory does not know everywhere yet, and fails with it minutes later.
    services.directory.try_secret(services.settings.tenant_id, client_id, secret.value)
    before = context.status.password
    context.record(replace(before, asked=secret.tags.get("keyId")))
    try:
        return services.clusters.reset_service_principal(
            spec.resource_group, spec.cluster.name, client_id, secret.value
        )
    except OutsideError as error:
        if error.status and error.status < SERVER_ERROR:
            context.record(before)
        raise


def delete_old_passwords(context: StepContext) -> Outcome:
    """Deletes the passwords that the cluster no longer uses, after it has worked with the new one."""
    if not _needed(context):
        return done("The password stays: no new one is needed.")
    application = _application(context)
    if application is None:
        return waiting(10, "The directory does not show the application yet; trying again in 10 s.")
    removed = _remove(context, application, {_in_use(context)})
    context.record(replace(context.status.password, unsettled=False))
    return done(f"{removed} old passwords are deleted.")
