"""What Azure Resource Manager needs of the other parts of the local cloud."""

from typing import Any, Literal, Protocol


class Directory(Protocol):
    """Microsoft Entra, as far as it has been replicated to Azure Resource Manager and AKS."""

    def service_principal(self, app_id: str) -> dict[str, Any] | None:
        """None also while a new principal has not been replicated yet."""

    def principal_exists(self, object_id: str) -> bool:
        """False also while a new principal has not been replicated yet."""

    def check_secret(self, app_id: str, secret: str) -> Literal["ok", "invalid", "expired"]: ...


class Tokens(Protocol):
    def check(self, authorization: str | None, audience: str) -> dict[str, Any]:
        """The claims (oid, appid, tid, aud) of an Authorization header. Raises PermissionError with the reason."""


class ControlPlanes(Protocol):
    """The Kubernetes behind each managed cluster; `key` is the lower-cased ARM id of the cluster."""

    async def ensure(
        self,
        key: str,
        *,
        name: str,
        location: str,
        version: str,
        fqdn: str,
        node_resource_group: str,
        pools: list[dict[str, Any]],
    ) -> None:
        """Creates, resizes, upgrades, and starts if it was stopped.

        `pools`: name, count, vmSize, maxPods, mode, version, image.
        """

    async def stop(self, key: str) -> None:
        """API server and all processes gone, state kept."""

    async def delete(self, key: str) -> None: ...

    def kubeconfig(self, key: str, *, admin: bool, resource_group: str) -> str:
        """YAML text."""

    def public_addresses(self, key: str) -> list[dict[str, Any]]:
        """Of LoadBalancer services: name, ip, dnsLabel (or None)."""

    def volumes(self, key: str) -> list[dict[str, Any]]:
        """Of bound claims: name, sizeGiB, sku, claim."""
