"""What jupyterhub_config.py, and the code in hub.extraConfig, read the chart's values with."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
SECRETS = ("existing-secret", "secret")  # the first that holds a key wins
UNSET = object()


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Both mappings, level by level; `over` wins."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = merge(base[key], value) if both else value
    return merged


@cache
def values() -> dict[str, Any]:
    """The chart's values as Secret hub holds them, with those of hub.existingSecret over them."""
    known: dict[str, Any] = {}
    for source in reversed(SECRETS):
        path = FOLDER / source / "values.yaml"
        if path.exists():
            known = merge(known, yaml.safe_load(path.read_text()) or {})
    return known


def get_config(key: str, default: Any = None) -> Any:
    """The value at a path such as "hub.db.type"; `default` where the path leads nowhere."""
    value: Any = values()
    for level in key.split("."):
        if not isinstance(value, dict) or level not in value:
            return default
        value = value[level]
    return value


def get_secret_value(key: str, default: Any = UNSET) -> Any:
    """A key of Secret hub, or of hub.existingSecret. Raises LookupError without a default."""
    for source in SECRETS:
        path = FOLDER / source / key
        if path.exists():
            return path.read_text()
    if default is UNSET:
        raise LookupError(f"neither Secret has the key {key}")
    return default


def get_name(name: str) -> str:
    """The full name of an object of the chart, such as "proxy-api"."""
    return (FOLDER / "config" / name).read_text()


def get_name_env(name: str, suffix: str = "") -> str:
    """The environment variable that Kubernetes derives from an object's full name, such as PROXY_API_SERVICE_PORT."""
    return os.environ[f"{get_name(name)}{suffix}".upper().replace("-", "_")]


def set_config_if_not_none(section: Any, trait: str, key: str) -> None:
    value = get_config(key)
    if value is not None:
        setattr(section, trait, value)
