"""Paths of objects below the API server."""

import pytest

from shared.kubernetes.paths import Kind, resource


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        ("pods", None, None, "/api/v1/pods"),
        ("pods", "jhub", None, "/api/v1/namespaces/jhub/pods"),
        ("secrets", "jhub", "hub", "/api/v1/namespaces/jhub/secrets/hub"),
        ("nodes", None, "aks-1", "/api/v1/nodes/aks-1"),
        ("namespaces", None, "jhub", "/api/v1/namespaces/jhub"),
        ("deployments", "jhub", None, "/apis/apps/v1/namespaces/jhub/deployments"),
        ("storageclasses", None, None, "/apis/storage.k8s.io/v1/storageclasses"),
        ("pods", "a/b", "c?d", "/api/v1/namespaces/a%2Fb/pods/c%3Fd"),
    ],
)
def test_a_path_names_group_namespace_kind_and_object(
    kind: Kind, namespace: str | None, name: str | None, path: str
) -> None:
    assert resource(kind, namespace, name) == path
