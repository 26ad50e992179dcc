"""A cluster's credentials as people get them: in the hub's namespace. Pure."""

from typing import Any


def in_namespace(kubeconfig: str, namespace: str) -> str:
    """The same credentials, with commands that name no namespace meaning this one.

    What `kubectl config set-context --current --namespace` does by hand. A text that is no kubeconfig comes back as it is.
    """
    import yaml

    try:
        document: Any = yaml.safe_load(kubeconfig)
        current = next(item for item in document["contexts"] if item["name"] == document["current-context"])
        current["context"]["namespace"] = namespace
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        return kubeconfig
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text
