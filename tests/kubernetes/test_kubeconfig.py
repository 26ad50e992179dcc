"""Credentials in a namespace."""

from typing import Any

import pytest
import yaml

from shared.kubernetes.kubeconfig import in_namespace


def credentials() -> dict[str, Any]:
    """As AKS gives them."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "r5", "cluster": {"server": "https://r5.example"}}],
        "users": [{"name": "admin", "user": {"token": "t"}}],
        "contexts": [
            {"name": "other", "context": {"cluster": "r5", "user": "admin"}},
            {"name": "r5-admin", "context": {"cluster": "r5", "user": "admin"}},
        ],
        "current-context": "r5-admin",
    }


def test_the_current_context_is_in_the_namespace_and_all_else_stays() -> None:
    expected = credentials()
    expected["contexts"][1]["context"]["namespace"] = "jhub"
    assert yaml.safe_load(in_namespace(yaml.safe_dump(credentials()), "jhub")) == expected


@pytest.mark.parametrize("text", ["", "- a", "a: b", "contexts: []\ncurrent-context: x", "{"])
def test_what_is_no_kubeconfig_stays_as_it_is(text: str) -> None:
    assert in_namespace(text, "jhub") == text
