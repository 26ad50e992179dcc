"""The password of a service principal that Hubkeeper made: kept in Key Vault, tried before anybody relies on it."""

from dataclasses import replace

from shared import names
from shared.azure.graph import NewPassword
from shared.hubs import vault
from shared.hubs.status.model import required
from shared.runs.context import StepContext

PASSWORD_LABEL = "hubkeeper"  # noqa: S105 - the name under which the directory lists a password


def keep_password(context: StepContext, made: NewPassword) -> None:
    """The vault's newest password is the one that the cluster uses or will be given; the tag says which it is."""
    tags = {"keyId": made.key_id}
    vault.keep_own(
        context.services, context.spec.name, names.PRINCIPAL_PASSWORD, made.secret, expires=made.ends, tags=tags
    )


def prove(context: StepContext, secret: str, key: str) -> None:
    """Signs in with a new password, once, before anybody relies on it.

    A new one works after 4 to 18 s; AKS refuses one that does not yet for good ("credentials in ServicePrincipalProfile were
    invalid"). Raises TemporaryError until then.
    """
    if context.status.password.proven == key:
        return
    tenant = context.services.settings.tenant_id
    context.services.directory.try_secret(tenant, required(context.status.identity.client_id, "client id"), secret)
    context.record(replace(context.status.password, proven=key))
