"""Who the cluster is to Azure, and the key to its nodes. What is secret goes to Key Vault and nowhere else."""

from datetime import timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared import names
from shared.azure.graph import Application
from shared.errors import PermanentError
from shared.hubs import defaults
from shared.runs import bodies
from shared.runs.model import Outcome, done, waiting
from shared.runs.steps.context import StepContext, begun, poll_delay, watching

PASSWORD_LABEL = "hubkeeper"  # noqa: S105 - the name under which the directory lists a password
RSA_BITS = 3072
"""AKS takes RSA keys for every node image; 3072 bits are good beyond 2030 (NIST SP 800-57)."""


def ssh_key(context: StepContext) -> Outcome:
    if context.spec.cluster.ssh_public_key:
        return done("The specification brings a public key along.")
    secrets, name = context.services.secrets, context.secret_name(names.SSH_KEY)
    kept = secrets.get(name)
    if kept:
        key = serialization.load_ssh_private_key(kept.value.encode(), password=None)
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        secrets.set(name, _written(key), expires=None, tags=_tags(context), content_type="application/x-pem-file")
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    context.remember(ssh_public_key=f"{line.decode()} {context.spec.name}")
    return done(f"The private key is in Key Vault as {name}.")


def _written(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()


def _tags(context: StepContext) -> dict[str, str]:
    return {defaults.OWNER_TAG: context.spec.name}


def identity(context: StepContext) -> Outcome:
    if context.spec.identity.type == "managed":
        return _managed(context)
    return _brought(context) if context.spec.identity.brought else _service_principal(context)


def _managed(context: StepContext) -> Outcome:
    spec, arm = context.spec, context.services.arm
    identity_id = names.identity_id(context.subscription, spec.resource_group, spec.identity.name)
    if outcome := watching(context, "Creating the managed identity"):
        return outcome
    found = arm.get(identity_id, bodies.IDENTITY_API)
    if found is None:
        found, started = arm.put(identity_id, bodies.IDENTITY_API, bodies.managed_identity(spec))
        if started:
            return begun(started, "Creating the managed identity")
    principal = found.get("properties", {}).get("principalId")
    if not principal:
        return waiting(poll_delay(context.elapsed), "The managed identity has no principal yet.")
    context.remember(identity_id=identity_id, principal_id=principal)
    return done(f"The managed identity {spec.identity.name} is there.")


def _brought(context: StepContext) -> Outcome:
    spec = context.spec
    client_id, secret = str(spec.identity.client_id), str(spec.identity.secret).removeprefix("secret://")
    principal = context.services.directory.service_principal(client_id)
    if principal is None:
        raise PermanentError(
            "Microsoft Graph",
            "ServicePrincipalNotFound",
            f"The directory has no service principal with client id {client_id}.",
        )
    if context.services.secrets.get(context.secret_name(secret)) is None:
        raise PermanentError("Key Vault", "SecretNotFound", f"Hub {spec.name} has no secret {secret}.")
    context.remember(client_id=client_id, principal_id=principal)
    return done(f"The service principal {client_id} is used as it is.")


def owner_mark(context: StepContext) -> str:
    """What marks the directory's application as this hub's: unique in the tenant, for directories span subscriptions."""
    return f"{defaults.OWNER_TAG}:{context.subscription}:{context.spec.name}"


def unique_name(context: StepContext) -> str:
    """The key under which Graph makes the application once, however often it is asked to."""
    return owner_mark(context).replace(":", "-")


def _service_principal(context: StepContext) -> Outcome:
    """Application, service principal, password: the three things that az ad sp create-for-rbac makes."""
    directory = context.services.directory
    application = directory.ensure_application(unique_name(context), context.spec.identity.name, [owner_mark(context)])
    context.remember(application_id=application.object_id, client_id=application.app_id)
    context.remember(principal_id=directory.create_service_principal(application.app_id))
    _ensure_password(context, application)
    return done(f"The service principal {context.spec.identity.name} is there; its password is in Key Vault.")


def _ensure_password(context: StepContext, application: Application) -> None:
    """One password, which is in Key Vault. One that never got there, because of a crash in between, is removed."""
    directory, secrets = context.services.directory, context.services.secrets
    name = context.secret_name(names.PRINCIPAL_PASSWORD)
    kept = secrets.get(name)
    in_vault = kept.tags.get("keyId") if kept else None
    ours = [password for password in application.passwords if password.display_name == PASSWORD_LABEL]
    for password in ours:
        if password.key_id != in_vault:
            directory.remove_password(application.object_id, password.key_id)
    current = next((password for password in ours if password.key_id == in_vault), None)
    if current and kept:
        context.remember(password_key=current.key_id, password_expires=current.ends.isoformat())
        prove(context, kept.value, current.key_id)
        return
    ends = context.now + timedelta(days=defaults.PASSWORD_DAYS)
    made = directory.add_password(application.object_id, PASSWORD_LABEL, ends)
    tags = {**_tags(context), "keyId": made.key_id}
    secrets.set(name, made.secret, expires=made.ends, tags=tags, content_type="text/plain")
    context.remember(password_key=made.key_id, password_expires=made.ends.isoformat())
    prove(context, made.secret, made.key_id)


def prove(context: StepContext, secret: str, key: str) -> None:
    """Signs in with a new password, once, before anybody relies on it.

    A new one works after 4 to 18 s; AKS refuses one that does not yet for good ("credentials in ServicePrincipalProfile were
    invalid"). Raises TemporaryError until then.
    """
    if context.hub.facts.get("password_proven") == key:
        return
    tenant = context.services.settings.tenant_id
    context.services.directory.try_secret(tenant, context.fact("client_id"), secret)
    context.remember(password_proven=key)
