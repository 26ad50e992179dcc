"""A specification holds no secret, for it is stored and shown. A reference to one may stand in a few places. Pure."""

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from shared import references
from shared.hubs.spec import binder
from shared.hubs.spec.hub_python import named_texts, snippets
from shared.hubs.spec.model import Hub
from shared.hubs.spec.part import SecretReference
from shared.problem import Problem, wrong


def problems(hub: Hub) -> Iterator[Problem]:
    yield from _references(hub)
    yield from _secrets(hub)


def _references(hub: Hub) -> Iterator[Problem]:
    """References to secrets that are not people's, or in a field that is no secret: those are put on pages and into addresses."""
    for where, text in _plain_strings(hub):
        if isinstance(text, SecretReference):
            if problem := references.problem(text):
                yield wrong(where, problem)
        elif references.looks_like_one(text):
            yield wrong(where, _PLAIN_FIELD)
    for where, _, text in _strings(hub.values, "values"):
        if references.looks_like_one(text) and (problem := references.problem(text)):
            yield wrong(where, problem)


_PLAIN_FIELD = (
    "is no secret and cannot refer to one: a reference stands in `values`, or as clientSecret, secret, password or certificate "
    "where a hub has these fields"
)


def _plain_strings(part: BaseModel, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a specification but those of `values`: its path as in the request, itself. Keys are texts, too."""
    for name, field in type(part).model_fields.items():
        where = f"{place}{field.alias or name}"
        if where != "values":
            yield from _texts(getattr(part, name), where)


def _texts(value: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, BaseModel):
        yield from _plain_strings(value, f"{where}.")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"{where}.{key}", str(key)
            yield from _texts(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{index}]")


_SECRET_KEYS = re.compile(
    r"(client_?secret|secret_?token|cookie_?secret|auth_?token|api_?token|access_?token|sas_?token|password|passwd"
    r"|private_?key|secret_?key|access_?key|account_?key|api_?key|crypt_?key|connection_?string)$",
    re.IGNORECASE,
)
_CRYPT_KEYS = re.compile(r"\.CryptKeeper\.keys(\[\d+\])?$")
"""JupyterHub encrypts what it keeps of logins with them."""
_SECRET_TEXT = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]+:[^/\s@]+@")
"""A private key, or an address with a password in it, under whatever name."""


def _secrets(hub: Hub) -> Iterator[Problem]:
    for where, key, text in _strings(hub.values, "values"):
        if not references.looks_like_one(text) and (_is_secret(key, text) or _CRYPT_KEYS.search(where)):
            yield wrong(where, _keep_it_secret(where))
    code = {f"{binder.place(hub)}.{snippet.place}": snippet.code for snippet in snippets(binder.inner(hub))}
    if hub.binder:
        code |= {f"values.extraConfig.{key}": str(text) for key, text in binder.at(hub.values, "extraConfig").items()}
    for where, text in code.items():
        for name, value in named_texts(text):
            if _is_secret(name, value):
                yield wrong(where, f"{name} holds a secret, and {_IN_PYTHON}")


_IN_PYTHON = (
    "the code would be stored and shown with the hub: keep the value in Key Vault, write secret://NAME under hub.extraEnv, and "
    "read it with os.environ"
)


def _is_secret(name: str, text: str) -> bool:
    return bool(text) and bool(_SECRET_KEYS.search(name) or _SECRET_TEXT.search(text))


def _keep_it_secret(where: str) -> str:
    return (
        f"{where} would be stored and shown with the hub: keep the value in Key Vault and write secret://NAME here "
        "(PUT /api/hubs/{name}/secrets/NAME stores it, before the hub is made or after)"
    )


def _strings(value: object, where: str, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Every string in nested JSON: its path, the name that it has, itself.

    The name is the key that it stands under, or the `name` beside a `value`: so Kubernetes writes variables of the environment.
    """
    if isinstance(value, str):
        yield where, key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            named = value.get("name") if name == "value" else None
            yield from _strings(inner, f"{where}.{name}", named if isinstance(named, str) else str(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, f"{where}[{index}]", key)
