"""Paths and accounts that tests of the API server share."""

from typing import Any

from tests.local.kubernetes.kubernetes_lab import Lab

PODS = "/api/v1/namespaces/default/pods"


def service_account(cluster: Lab, name: str, rules: list[Any]) -> str:
    """A token of a new account that may do what the rules say in the namespace default."""
    base = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    cluster.create("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}})
    cluster.create(f"{base}/roles", {"metadata": {"name": name}, "rules": rules})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"kind": "Role", "name": name, "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
    }
    cluster.create(f"{base}/rolebindings", binding)
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    return str(cluster.create(path, {"spec": {"expirationSeconds": 600}})["status"]["token"])
