"""Where a BinderHub keeps the images that it builds: a registry in Azure made for it, Docker Hub, or another one. Pure.

The chart pushes with a name and a password, and nodes pull with the same; what is secret of it is a reference.
Sources: the chart's guide ("Set up BinderHub", of which registry wants which address), and its issue 800: images' names need one
level more than the registry, or each launch builds anew.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from shared import names
from shared.hubs.spec import defaults
from shared.hubs.spec.logins import Address
from shared.hubs.spec.part import Part, SecretReference, follows
from shared.references import Reference

DOCKER_HUB = "https://index.docker.io/v1/"
"""As Docker itself writes down the login to its Hub."""
AZURE_SUFFIX = "azurecr.io"
TOKEN = "hubkeeper"  # noqa: S105 - the name of a token, which is the user name that goes with its password

Prefix = Annotated[str, Field(pattern=r"^$|^[a-z0-9][a-z0-9._/:-]{0,200}$")]


class AzureRegistry(Part):
    """An Azure Container Registry that Hubkeeper creates with a push and pull token, and deletes with the hub."""

    type: Literal["acr"] = "acr"
    """The kind of registry; this is the default."""
    name: Annotated[str, follows(names.REGISTRY)] = ""
    """The registry's name, unique in all of Azure. Default: the hub's name without hyphens, and eight random letters and
    digits."""
    sku: Literal["Basic", "Standard", "Premium"] = defaults.REGISTRY_SKU
    """The service tier: it sets the storage and the throughput."""


class DockerHub(Part):
    """An existing account at Docker Hub."""

    type: Literal["docker-hub"]
    """The kind of registry."""
    username: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{1,59}$")]
    """The name of the account that pushes."""
    password: SecretReference
    """Always secret://NAME. An access token with read and write is better than the account's password."""
    image_prefix: Prefix = ""
    """The beginning of the images' names: account or organization, a slash, and some letters. Default: `USERNAME/HUB-`."""


class OtherRegistry(Part):
    """Any other existing registry, an Azure one too."""

    type: Literal["other"]
    """The kind of registry."""
    server: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?$")]
    """The registry's host name, such as lab.azurecr.io, reached over https."""
    username: Annotated[str, Field(pattern=r"^[^\s:]{1,200}$")]
    """The user that pushes and pulls."""
    password: SecretReference
    """Always secret://NAME."""
    image_prefix: Prefix = ""
    """The beginning of the images' names, with the server. Default: `SERVER/HUB/binder-`."""
    token_url: Address | None = None
    """The address that issues tokens. Default: the one that the registry names; for an Azure registry, its own."""


_TYPES: dict[str, type[AzureRegistry | DockerHub | OtherRegistry]] = {
    "acr": AzureRegistry,
    "docker-hub": DockerHub,
    "other": OtherRegistry,
}


def _registry(value: Any) -> Any:
    """Reads an object as what its type says, so that its errors are about that one alone."""
    if value is None or isinstance(value, AzureRegistry | DockerHub | OtherRegistry):
        return value
    kind = value.get("type", "acr") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError("must be an object whose type is acr, docker-hub or other")
    return _TYPES[kind].model_validate(value)


Registry = Annotated[AzureRegistry | DockerHub | OtherRegistry | None, BeforeValidator(_registry)]


def server(registry: AzureRegistry | DockerHub | OtherRegistry, known: str | None = None) -> str:
    """Host name, or for Docker Hub the address that stands for it. known: what Azure calls the one that was made."""
    match registry:
        case AzureRegistry():
            return known or f"{registry.name.lower()}.{AZURE_SUFFIX}"
        case DockerHub():
            return DOCKER_HUB
        case OtherRegistry():
            return registry.server


def username(registry: AzureRegistry | DockerHub | OtherRegistry) -> str:
    return TOKEN if isinstance(registry, AzureRegistry) else registry.username


def password(registry: AzureRegistry | DockerHub | OtherRegistry) -> Reference:
    if isinstance(registry, AzureRegistry):
        return Reference(names.REGISTRY_PASSWORD, own=True)
    return registry.password.reference


def image_prefix(registry: AzureRegistry | DockerHub | OtherRegistry, hub: str, known: str | None = None) -> str:
    if not isinstance(registry, AzureRegistry) and registry.image_prefix:
        return registry.image_prefix
    if isinstance(registry, DockerHub):
        return f"{registry.username}/{hub}-"
    return f"{server(registry, known)}/{hub}/binder-"


def token_url(registry: AzureRegistry | DockerHub | OtherRegistry, known: str | None = None) -> str | None:
    """Where BinderHub asks for tokens; None when it finds out by itself."""
    if isinstance(registry, OtherRegistry) and registry.token_url:
        return registry.token_url
    host = server(registry, known)
    return f"https://{host}/oauth2/token?service={host}" if _azure(host) else None


def _azure(host: str) -> bool:
    """Of Azure's public cloud or a sovereign one."""
    return ".azurecr." in host.lower()
