"""References to secrets: `secret://NAME` in a specification names a secret of the hub, which is in Key Vault alone. Pure.

A reference is a whole string. It becomes a `Reference` when the chart's values are made, and only there a secret takes its place:
a string that merely looks like one, in a field that is no secret, stays the string that it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared import names

SCHEME = "secret://"

VAULT = "Key Vault"
"""The system that keeps the secrets, as people are told; its adapter's name too."""


@dataclass(frozen=True)
class Reference:
    """Stands for a secret until the chart is installed. own: Hubkeeper made it, so no request can have named it."""

    name: str
    own: bool = False


def looks_like_one(text: str) -> bool:
    """Whether a person meant a reference, however it is spelled."""
    return text.strip().casefold().startswith(SCHEME)


def problem(text: str) -> str | None:
    """Why this reference names no secret that a person may use, as the rest of a sentence; None when it does."""
    if not text.startswith(SCHEME):
        return f"must be {SCHEME}NAME, in lower case and without spaces around it"
    return names.secret_problem(text.removeprefix(SCHEME))


def in_values(values: Any) -> Any:
    """The same JSON with a Reference in the place of each string that is one."""
    if isinstance(values, str):
        return Reference(values.removeprefix(SCHEME)) if values.startswith(SCHEME) else values
    if isinstance(values, Mapping):
        return {key: in_values(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [in_values(value) for value in values]
    return values


def found(values: object, path: str = "values") -> Iterator[tuple[str, Reference]]:
    """Every Reference in nested values, with its place ("values.hub.extraEnv[0].value")."""
    if isinstance(values, Reference):
        yield path, values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from found(value, f"{path}.{key}")
    elif isinstance(values, list | tuple):
        for index, value in enumerate(values):
            yield from found(value, f"{path}[{index}]")


def filled(values: Any, lookup: Callable[[Reference, str], str], path: str = "values") -> Any:
    """The values with its secret in the place of each Reference. lookup: gets the place too, for its complaint."""
    if isinstance(values, Reference):
        return lookup(values, path)
    if isinstance(values, Mapping):
        return {key: filled(value, lookup, f"{path}.{key}") for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [filled(value, lookup, f"{path}[{index}]") for index, value in enumerate(values)]
    return values
