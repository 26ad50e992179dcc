"""The kubeconfig that AKS hands out."""

import base64
from pathlib import Path

import yaml


def kubeconfig(
    *, name: str, resource_group: str, server: str, authority: Path, token: str, admin: bool, namespace: str = ""
) -> str:
    """YAML with AKS' names for cluster, user and context."""
    user = f"cluster{'Admin' if admin else 'User'}_{resource_group}_{name}"
    context_name = f"{name}-admin" if admin else name
    context = {"cluster": name, "user": user}
    if namespace:
        context["namespace"] = namespace
    certificate = base64.b64encode(authority.read_bytes()).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"certificate-authority-data": certificate, "server": server}}],
            "contexts": [{"name": context_name, "context": context}],
            "current-context": context_name,
            "preferences": {},
            "users": [{"name": user, "user": {"token": token}}],
        },
        sort_keys=False,
    )
