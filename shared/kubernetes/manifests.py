"""Reads from the output of `helm template` the values that a chart's programs would read. Pure.

The charts of JupyterHub and BinderHub put their values, defaults included, as values.yaml into a Secret of each program: `data` in
base64 for the hub, `stringData` for the binder. Only those documents are parsed: the whole takes longer than the rendering.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.kubernetes.charts import load_yaml

_FILE = "values.yaml"
_HUB_MARK = "hub.config.JupyterHub.cookie_secret"
"""A key that only the hub's Secret has, whatever the Secret is called."""


@dataclass(frozen=True)
class Rendered:
    """hub, binder: values as the hub and the binder would read them; None where there is no such program, or it is unreadable."""

    hub: Mapping[str, Any] | None = field(default=None, repr=False)
    binder: Mapping[str, Any] | None = field(default=None, repr=False)


def read(text: str) -> Rendered:
    """text: documents in YAML, as `helm template` prints them."""
    hub = binder = None
    for secret in _secrets(text):
        values = _values(secret)
        if _HUB_MARK in (secret.get("data") or {}):
            hub = values
        elif values is not None and isinstance(values.get("config"), Mapping):
            binder = values
    return Rendered(hub, binder)


def _secrets(text: str) -> Iterator[Mapping[str, Any]]:
    for document in text.split("\n---"):
        if _FILE not in document:
            continue
        found = _load(document)
        if isinstance(found, Mapping) and found.get("kind") == "Secret":
            yield found


def _values(secret: Mapping[str, Any]) -> Mapping[str, Any] | None:
    plain = (secret.get("stringData") or {}).get(_FILE)
    encoded = (secret.get("data") or {}).get(_FILE)
    try:
        found = _load(plain if plain is not None else base64.b64decode(encoded or "").decode())
    except (binascii.Error, UnicodeDecodeError):
        return None
    return found if isinstance(found, Mapping) else None


def _load(text: str) -> Any:
    import yaml

    try:
        return load_yaml(text)
    except yaml.YAMLError:
        return None
