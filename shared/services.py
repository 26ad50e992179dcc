"""The one place where adapters are made. It makes adapters only: a capability makes its own store from `tables`.

Everything is made at first use, because most functions need few of the SDKs and a cold start pays for each.
"""

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from shared.clock import Clock, SystemClock
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.azure.aks import Clusters
    from shared.azure.arm import ResourceManager
    from shared.azure.authorization import RoleAssignments
    from shared.azure.compute import Quotas
    from shared.azure.credentials import TokenSource
    from shared.azure.dns import Dns
    from shared.azure.graph import Directory
    from shared.azure.keyvault import Secrets
    from shared.azure.listing import Listing
    from shared.azure.network import Networks
    from shared.azure.policy import Policies
    from shared.azure.registries import Registries
    from shared.azure.tables import Tables
    from shared.kubernetes.binderhub import BinderHub
    from shared.kubernetes.client import Kubernetes
    from shared.kubernetes.helm import Helm
    from shared.kubernetes.jupyterhub import JupyterHub
    from shared.kubernetes.tunnel import Tunnel


class Services:
    """The adapters of one process, sharing one credential and one clock."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock

    @cached_property
    def credential(self) -> "TokenSource":
        from shared.azure.credentials import credential

        return credential(self.settings)

    @cached_property
    def tables(self) -> "Tables":
        from shared.azure.tables import Tables

        return Tables(self.settings, self.credential)

    @cached_property
    def arm(self) -> "ResourceManager":
        from shared.azure.arm import ResourceManager

        return ResourceManager(self.settings, self.credential)

    @cached_property
    def networks(self) -> "Networks":
        from shared.azure.network import Networks

        return Networks(self.settings, self.credential)

    @cached_property
    def dns(self) -> "Dns":
        from shared.azure.dns import Dns

        return Dns(self.settings, self.credential)

    @cached_property
    def roles(self) -> "RoleAssignments":
        from shared.azure.authorization import RoleAssignments

        return RoleAssignments(self.settings, self.credential)

    @cached_property
    def quotas(self) -> "Quotas":
        from shared.azure.compute import Quotas

        return Quotas(self.settings, self.credential)

    @cached_property
    def policies(self) -> "Policies":
        from shared.azure.policy import Policies

        return Policies(self.settings, self.credential)

    @cached_property
    def registries(self) -> "Registries":
        from shared.azure.registries import Registries

        return Registries(self.settings, self.credential)

    @cached_property
    def clusters(self) -> "Clusters":
        from shared.azure.aks import Clusters

        return Clusters(self.settings, self.credential)

    @cached_property
    def cluster_listing(self) -> "Listing":
        from shared.azure.listing import Listing

        return Listing(self.clusters, self.clock)

    @cached_property
    def secrets(self) -> "Secrets":
        from shared.azure.keyvault import Secrets

        return Secrets(self.settings, self.credential)

    @cached_property
    def directory(self) -> "Directory":
        from shared.azure.graph import Directory

        return Directory(self.settings, self.credential)

    @cached_property
    def helm(self) -> "Helm":
        from shared.kubernetes.helm import Helm

        return Helm(self.settings.helm)

    def kubernetes(self, kubeconfig: str) -> "Kubernetes":
        """A connection to one cluster; close it, or use it in a `with`."""
        from shared.kubernetes.client import Kubernetes

        return Kubernetes(kubeconfig)

    def jupyterhub(self, url: str, token: str | None = None, tunnel: "Tunnel | None" = None) -> "JupyterHub":
        """tunnel: needed for a token where url is not https."""
        from shared.kubernetes.jupyterhub import JupyterHub

        return JupyterHub(url, token, tunnel)

    def binderhub(self, url: str) -> "BinderHub":
        from shared.kubernetes.binderhub import BinderHub

        return BinderHub(url)


_lock = threading.Lock()
_clock: Clock = SystemClock()
_services: Services | None = None


def services() -> Services:
    """This process' services, made at the first call. Raises SettingsError when the environment does not configure them."""
    global _services  # noqa: PLW0603 - one per process is the point: connections and tokens are reused between invocations
    with _lock:
        if _services is None:
            from shared.azure import sdk

            sdk.load()
            _services = Services(Settings.from_environ(os.environ), _clock)
        return _services


def use_clock(clock: Clock) -> None:
    """For a host that keeps time itself, such as a simulation: every service made from now on runs on `clock`."""
    global _clock, _services
    with _lock:
        _clock, _services = clock, None
