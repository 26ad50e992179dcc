"""A new password for the cluster's service principal, before the old one runs out.

Credentials cannot be rotated while a cluster is stopped, and a stopped cluster cannot start with a password that has expired
(AKS docs, "Update or rotate the credentials"): so it is done before a stop that the password would not outlive.
"""

from datetime import datetime, timedelta

from shared import names
from shared.hubs import defaults
from shared.runs.model import Kind, Outcome, done, waiting
from shared.runs.steps.context import StepContext, begun, turn, watching
from shared.runs.steps.identity import PASSWORD_LABEL
from shared.schedules.decide import desired_of
from shared.schedules.record import PowerState

MARGIN = timedelta(days=14)
"""A password has to outlive the next start by this much: the start after a failed one, a holiday, a directory out of order."""

UNKNOWN_START = timedelta(days=45)
"""How far away the next start of a hub may be that has none planned."""


def due(expires: datetime | None, next_start: datetime | None, now: datetime) -> bool:
    """Whether a password that ends at `expires` has to be replaced before a stop now. Pure."""
    if expires is None:
        return False
    return expires < (next_start or now + UNKNOWN_START) + MARGIN


def next_start(context: StepContext) -> datetime | None:
    decision = desired_of(context.hub.stored_schedule, context.hub.power, context.now)
    return decision.usable_from if decision.state is not PowerState.ON else None


def _expires(context: StepContext) -> datetime | None:
    """When the password ends; None for a managed identity, and for a principal brought along, whose owner rotates it."""
    text = context.hub.facts.get("password_expires")
    return datetime.fromisoformat(text) if text else None


def check(context: StepContext) -> Outcome:
    """Of a stop: decides whether the password must be replaced first. Of a rotate run: it must."""
    if early := turn(context):
        return early
    expires = _expires(context)
    if expires is None:
        return done("The cluster's identity has no password of Hubkeeper's that could expire.")
    wanted = context.run.kind is Kind.ROTATE or due(expires, next_start(context), context.now)
    context.remember(rotate_for=context.run.id if wanted else "")
    return done(
        f"The password ends on {expires:%d %B %Y}"
        + ("; it is replaced first." if wanted else ": long after the next start.")
    )


def _needed(context: StepContext) -> bool:
    return context.hub.facts.get("rotate_for") == context.run.id


def new_password(context: StepContext) -> Outcome:
    """Makes a password and keeps it in Key Vault. Called again after a crash it removes one that never got there.

    The one that the cluster uses (fact `password_key`) stays until the cluster has another. One that an earlier run put into Key
    Vault and could not give to the cluster is used instead of a third.
    """
    if not _needed(context):
        return done("Not needed.")
    directory, secrets = context.services.directory, context.services.secrets
    application = directory.application(app_id=context.fact("client_id"))
    if application is None:
        return waiting(10, "The directory does not show the application.")
    name = context.secret_name(names.PRINCIPAL_PASSWORD)
    kept = secrets.get(name)
    in_vault, in_use = kept.tags.get("keyId") if kept else None, context.fact("password_key")
    ours = {each.key_id: each for each in application.passwords if each.display_name == PASSWORD_LABEL}
    if in_vault in ours and in_vault != in_use and not due(ours[in_vault].ends, None, context.now):
        return done("A new password is in Key Vault already.")
    for key in set(ours) - {in_vault, in_use}:
        directory.remove_password(application.object_id, key)
    ends = context.now + timedelta(days=defaults.PASSWORD_DAYS)
    made = directory.add_password(application.object_id, PASSWORD_LABEL, ends)
    tags = {defaults.OWNER_TAG: context.spec.name, "keyId": made.key_id}
    secrets.set(name, made.secret, expires=made.ends, tags=tags, content_type="text/plain")
    return done(f"A new password is in Key Vault; it ends on {made.ends:%d %B %Y}.")


def give_to_cluster(context: StepContext) -> Outcome:
    """resetServicePrincipalProfile: AKS replaces the nodes' images one by one, which takes minutes."""
    if not _needed(context):
        return done("Not needed.")
    if outcome := watching(context, "Giving the cluster its new password"):
        return outcome
    spec, services = context.spec, context.services
    secret = services.secrets.get(context.secret_name(names.PRINCIPAL_PASSWORD))
    if secret is None:
        return waiting(10, "Key Vault does not show the new password yet.", **context.memo)
    if not context.memo.get("operation"):
        # AKS takes a password that the directory does not know everywhere yet, and fails with it minutes later.
        services.directory.try_secret(services.settings.tenant_id, context.fact("client_id"), secret.value)
        operation = services.clusters.reset_service_principal(
            spec.resource_group, spec.cluster.name, context.fact("client_id"), secret.value
        )
        if operation:
            return begun(operation, "Giving the cluster its new password")
    expires = secret.expires.isoformat() if secret.expires else None
    context.remember(password_key=secret.tags.get("keyId"), password_expires=expires)
    return done("The cluster uses the new password.")


def old_passwords(context: StepContext) -> Outcome:
    """What the cluster no longer uses is removed, after it has been seen to work with the new one."""
    if not _needed(context):
        return done("Not needed.")
    directory = context.services.directory
    application = directory.application(app_id=context.fact("client_id"))
    if application is None:
        return waiting(10, "The directory does not show the application.")
    old = [each.key_id for each in application.passwords if each.display_name == PASSWORD_LABEL]
    old = [key for key in old if key != context.fact("password_key")]
    for key in old:
        directory.remove_password(application.object_id, key)
    return done(f"{len(old)} old passwords are removed.")
