"""The cluster identity, and the key to its nodes. Secrets go to Key Vault and nowhere else."""

from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared import names
from shared.azure import graph, keyvault
from shared.azure.graph import Application
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.spec import defaults
from shared.hubs.status.parts import Identity, SshKey
from shared.resources import bodies
from shared.resources.cluster import application_exists, identity_exists
from shared.resources.password import PASSWORD_LABEL, keep_password, prove
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting

RSA_BITS = 3072
"""AKS takes RSA keys for every node image; 3072 bits are good beyond 2030 (NIST SP 800-57)."""


def ensure_ssh_key(context: StepContext) -> Outcome:
    if context.spec.cluster.ssh_public_key:
        return done("The specification has a public key.")
    kept = context.own_secret(names.SSH_KEY)
    if kept:
        key = serialization.load_ssh_private_key(kept.value.encode(), password=None)
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        pem = "application/x-pem-file"
        vault.keep_own(context.services, context.spec.name, names.SSH_KEY, _written(key), content_type=pem)
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    context.record(SshKey(f"{line.decode()} {context.spec.name}"))
    return done(f"The private key is in Key Vault as {names.own_vault_name(context.spec.name, names.SSH_KEY)}.")


def _written(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()


def ensure_identity(context: StepContext) -> Outcome:
    if context.spec.identity.type == "managed":
        return _managed(context)
    return _brought(context) if context.spec.identity.existing else _service_principal(context)


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
    if not ownership.owned(found.get("tags"), spec.name):
        return failed("IdentityExists", *identity_exists(spec.identity.name, spec.resource_group))
    principal = found.get("properties", {}).get("principalId")
    if not principal:
        return waiting(poll_delay(context.elapsed), "The managed identity has no principal yet.")
    context.record(Identity(managed_id=identity_id, principal_id=principal))
    return done(f"The managed identity {spec.identity.name} exists.")


def _brought(context: StepContext) -> Outcome:
    spec = context.spec
    client_id, secret = str(spec.identity.client_id), spec.identity.secret.name if spec.identity.secret else ""
    principal = context.services.directory.service_principal(client_id)
    if principal is None:
        raise PermanentError(
            graph.SYSTEM,
            "ServicePrincipalNotFound",
            f"The directory has no service principal with client id {client_id}.",
        )
    if vault.theirs(context.services, spec.name, secret) is None:
        raise PermanentError(keyvault.SYSTEM, "SecretNotFound", f"Hub {spec.name} has no secret {secret}.")
    context.record(Identity(client_id=client_id, principal_id=principal))
    return done(f"The service principal {client_id} is used as it is.")


def _service_principal(context: StepContext) -> Outcome:
    """Application, service principal, password: the three things that az ad sp create-for-rbac makes."""
    directory, hub = context.services.directory, context.spec.name
    mark = ownership.application_mark(hub, context.subscription)
    key = ownership.application_key(hub, context.subscription)
    found = directory.application(unique_name=key)
    if found and mark not in found.tags:
        return failed("ApplicationExists", *application_exists(hub, found.app_id))
    application = directory.ensure_application(key, context.spec.identity.name, [mark])
    known = replace(context.status.identity, application_id=application.object_id, client_id=application.app_id)
    context.record(known)
    context.record(replace(known, principal_id=directory.create_service_principal(application.app_id)))
    _ensure_password(context, application)
    return done(f"The service principal {context.spec.identity.name} is there; its password is in Key Vault.")


def _ensure_password(context: StepContext, application: Application) -> None:
    """One password, which is in Key Vault. One that never got there, because of a crash in between, is removed."""
    directory = context.services.directory
    kept = context.own_secret(names.PRINCIPAL_PASSWORD)
    in_vault = kept.tags.get("keyId") if kept else None
    ours = [password for password in application.passwords if password.display_name == PASSWORD_LABEL]
    for password in ours:
        if password.key_id != in_vault:
            directory.remove_password(application.object_id, password.key_id)
    current = next((password for password in ours if password.key_id == in_vault), None)
    if current and kept:
        context.record(replace(context.status.password, key=current.key_id, expires=current.ends))
        prove(context, kept.value, current.key_id)
        return
    ends = context.now + timedelta(days=defaults.PASSWORD_DAYS)
    made = directory.add_password(application.object_id, PASSWORD_LABEL, ends)
    keep_password(context, made)
    context.record(replace(context.status.password, key=made.key_id, expires=made.ends))
    prove(context, made.secret, made.key_id)
