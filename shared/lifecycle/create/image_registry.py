"""The registry of a BinderHub's images, with a token that pushes and pulls, whose password is in Key Vault alone.

A password that was made and never got there, because of a crash in between, is replaced when the step runs again: Azure says when a
token's password was made, and Key Vault says of which one it holds the value.
"""

from typing import TYPE_CHECKING

from shared import names
from shared.azure.operations import Operation
from shared.errors import ConflictError, NotFoundError
from shared.hubs import ownership, vault
from shared.hubs.spec.registries import TOKEN, AzureRegistry
from shared.hubs.status.parts import Registry
from shared.resources import bodies
from shared.runs import recovery
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting

if TYPE_CHECKING:
    from shared.azure.registries import NewPassword, Token

SCOPE_MAP = "hubkeeper-push-pull"
ACTIONS = ("repositories/*/content/read", "repositories/*/content/write", "repositories/*/metadata/read")
"""Push and pull in this one registry, and nothing else: images cannot be deleted with it."""

MADE = "made"
"""Tag of the secret: when the password was made that it holds."""

_DOING = "Creating the registry"


def ensure_registry(context: StepContext) -> Outcome:
    wanted = context.spec.registry
    if not isinstance(wanted, AzureRegistry):
        return done("No registry is created for this hub.")
    if "credentials" not in context.checkpoint and (outcome := watching(context, _DOING)):
        return outcome
    return (
        _registry(context, wanted)
        or _scope_map(context, wanted)
        or _token(context, wanted)
        or done(f"The registry {context.status.registry.server} exists; its password is in Key Vault.")
    )


def registry_id(context: StepContext, wanted: AzureRegistry) -> str:
    return names.registry_id(context.subscription, context.spec.resource_group, wanted.name)


def _registry(context: StepContext, wanted: AzureRegistry) -> Outcome | None:
    """None when it is there."""
    spec, adapter, where = context.spec, context.services.registries, registry_id(context, wanted)
    found = adapter.registry(where)
    if found and not ownership.owned(found.tags, spec.name):
        return failed(
            "RegistryExists",
            f"A registry {wanted.name} exists in {spec.resource_group} and was not created for this hub.",
            recovery.otherwise(
                spec.name,
                'another registry.name; or, to use that registry, with registry {"type": "other"}, its server and a token of it. '
                "That registry stays as it is",
            ),
        )
    if found is None or found.state in ("Failed", "Canceled"):
        started = adapter.put(where, bodies.registry(spec, wanted.sku))
        return begun(started, _DOING) if started else waiting(1, _DOING)
    if found.state != "Succeeded":
        return waiting(poll_delay(context.elapsed), f"The registry is {found.state}.", **context.checkpoint)
    if context.status.registry.server != found.server:
        context.record(Registry(found.server))
    return None


def _scope_map(context: StepContext, wanted: AzureRegistry) -> Outcome | None:
    adapter, where = context.services.registries, _scope_map_id(context, wanted)
    state = adapter.scope_map(where)
    if state is None or state in ("Failed", "Canceled"):
        started = adapter.put_scope_map(where, ACTIONS)
        return (
            begun(started, "Creating the token's scope map")
            if started
            else waiting(0, "Creating the token's scope map")
        )
    if state != "Succeeded":
        return waiting(poll_delay(context.elapsed), f"The token's scope map is {state}.", **context.checkpoint)
    return None


def _scope_map_id(context: StepContext, wanted: AzureRegistry) -> str:
    return f"{registry_id(context, wanted)}/scopeMaps/{SCOPE_MAP}"


def _token(context: StepContext, wanted: AzureRegistry) -> Outcome | None:
    """Creates the token once: a token that is written again loses its password."""
    adapter, where = context.services.registries, f"{registry_id(context, wanted)}/tokens/{TOKEN}"
    found = adapter.token(where)
    if found is None or found.state in ("Failed", "Canceled"):
        started = adapter.put_token(where, _scope_map_id(context, wanted))
        return begun(started, "Creating the token") if started else waiting(1, "Creating the token")
    if found.state != "Succeeded":
        return waiting(poll_delay(context.elapsed), f"The token is {found.state}.", **context.checkpoint)
    return _password(context, wanted, found)


def _password(context: StepContext, wanted: AzureRegistry, token: "Token") -> Outcome | None:
    """None when the password that is good is in Key Vault."""
    kept = context.own_secret(names.REGISTRY_PASSWORD)
    if kept and token.made and kept.tags.get(MADE) == moment(token.made):
        return None
    stored = context.checkpoint.get("credentials")
    try:
        made, operation = (
            _outcome(context, Operation.from_json(stored))
            if stored
            else context.services.registries.new_password(registry_id(context, wanted), token.id)
        )
    except ConflictError as error:
        if error.code != "TokenNotActive":
            raise
        return waiting(poll_delay(context.elapsed), "The token is not active yet.")
    if operation:
        return waiting(poll_delay(context.elapsed), "Creating the token's password", credentials=operation.to_json())
    if made is None:
        return waiting(poll_delay(context.elapsed), "Azure gave no password; asking again.")
    tags = {MADE: moment(made.made)}
    vault.keep_own(context.services, context.spec.name, names.REGISTRY_PASSWORD, made.value, tags=tags)
    return None


def _outcome(context: StepContext, operation: Operation) -> "tuple[NewPassword | None, Operation | None]":
    """A look at what an earlier call began; when Azure has forgotten it, another password is made."""
    try:
        found = context.services.registries.password_of(operation)
    except NotFoundError:
        return None, None
    return (found, None) if found else (None, operation)


def moment(text: str) -> str:
    """To the second: Azure writes the same time with more or fewer digits from answer to answer."""
    return text[:19]
