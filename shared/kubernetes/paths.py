"""Addresses of objects below a cluster's API server. Pure."""

from typing import Literal
from urllib.parse import quote

type Kind = Literal[
    "deployments", "events", "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "secrets", "services",
    "storageclasses",
]  # fmt: skip
"""The kinds that the product reads, by the plural in their path."""

_GROUPS = {"deployments": "/apis/apps/v1", "storageclasses": "/apis/storage.k8s.io/v1"}
"""API groups other than the core."""


def resource(kind: Kind, namespace: str | None = None, name: str | None = None) -> str:
    """The path of an object, or of all of its kind when there is no name: in the namespace, or in the whole cluster."""
    parts = [_GROUPS.get(kind, "/api/v1")]
    parts += ["namespaces", quote(namespace, safe="")] if namespace else []
    parts += [kind]
    parts += [quote(name, safe="")] if name else []
    return "/".join(parts)
