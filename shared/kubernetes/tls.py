"""A hub's certificate in the cluster, and the front that asks Let's Encrypt for one."""

import base64
from datetime import datetime

from shared.errors import ConflictError
from shared.kubernetes import workloads
from shared.kubernetes.client import Kubernetes
from shared.kubernetes.paths import resource

OWNER = "app.kubernetes.io/managed-by"
_LABELS = {OWNER: "hubkeeper"}
FRONT = "autohttps"
"""The component of the chart that asks for certificates."""


def ensure_secret(cluster: Kubernetes, namespace: str, name: str, chain: str, key: str) -> None:
    """A kubernetes.io/tls Secret. Its name tells what is in it: one that is there is the same."""
    path = resource("secrets", namespace)
    if cluster.find(f"{path}/{name}") is not None:
        return
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": namespace, "labels": _LABELS},
        "data": {"tls.crt": _encoded(chain), "tls.key": _encoded(key)},
    }
    try:
        cluster.create(path, body)
    except ConflictError:  # by a call of this step that was thought lost
        return


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def remove_secrets(cluster: Kubernetes, namespace: str, keep: str | None) -> int:
    """Deletes our Secrets with certificates, but for the one named; how many."""
    path = resource("secrets", namespace)
    listed = cluster.list(path, labels=f"{OWNER}=hubkeeper")
    names = [item["metadata"]["name"] for item in listed if item.get("type") == "kubernetes.io/tls"]
    return sum(cluster.delete(f"{path}/{name}") for name in names if name != keep)


def ask_again(cluster: Kubernetes, namespace: str, before: datetime, age: float, now: datetime) -> list[str]:
    """Ends the front's pods that began before the name led here and have had `age` seconds since; their names.

    Traefik asks Let's Encrypt when it starts and, refused, not again for a day; the chart's guide ends the pod, too.
    """
    pods = [pod for pod in workloads.pods(cluster, namespace) if pod.component == FRONT and pod.started]
    late = [pod for pod in pods if pod.started and pod.started < before and (now - pod.started).total_seconds() > age]
    for pod in late:
        cluster.delete(resource("pods", namespace, pod.name))
    return [pod.name for pod in late]
