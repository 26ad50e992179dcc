"""What the kubelet asks of whoever runs containers: the seam between the emulated cluster and real processes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.world import Document


@dataclass(frozen=True)
class PodContext:
    """Everything one container of one pod needs to run as a process of this machine."""

    cluster: str
    """The cluster's name."""
    pod: Document
    container: Document
    """The entry of `pod.spec.containers` (or `initContainers`) to start."""
    ip: str
    """The pod's own loopback address: every pod has another one, so real port numbers can be used."""
    directory: Path
    """Scratch folder of this pod; gone when the pod is."""
    mounts: dict[str, Path]
    """Folder or file on disk by the container's mountPath. Claims' folders outlive the pod; Secrets are written out."""
    environment: dict[str, str]
    """`env` and `envFrom` with every reference resolved; the service variables hold addresses that can be reached."""
    service_account: Path
    """Folder with `token`, `ca.crt` and `namespace`, as mounted into every pod."""
    resolve: Callable[[str, int], tuple[str, int]]
    """Address of a ready pod behind a service ("hub", "hub.jhub.svc.cluster.local") and port. Raises LookupError."""


class Process(Protocol):
    """One started container."""

    @property
    def ready(self) -> bool: ...

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""

    def log(self) -> str:
        """What it has printed so far, standard error included."""

    async def stop(self, grace: float) -> None:
        """Asks it to end, kills it after `grace` real seconds, and returns when it is gone."""


class Runtime(Protocol):
    """Runs the containers that it recognises, usually by their image."""

    def handles(self, pod: Document, container: Document) -> bool: ...

    async def start(self, context: PodContext) -> Process: ...
