"""The Helm release of a hub: the chart installed with its values and secrets, and where the cluster says that it answers."""

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import names
from shared.azure import keyvault
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.chart import access
from shared.hubs.chart import values as chart_values
from shared.hubs.spec import binder
from shared.hubs.spec.model import Hub
from shared.kubernetes import workloads
from shared.references import Reference
from shared.resources import hostname
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, waiting

if TYPE_CHECKING:
    from shared.kubernetes.client import Kubernetes
    from shared.kubernetes.helm import Release

HELM_TIMEOUT = timedelta(minutes=10)
"""What the chart's guide advises; only a pre-puller hook that somebody switched on makes helm wait this long."""


def kubeconfig(context: StepContext) -> str:
    return ownership.kubeconfig(context.services, context.hub)


def linked(context: StepContext, credentials: str, version: str) -> Outcome | None:
    """None when BinderHub and JupyterHub know each other's public addresses.

    Names are in the chart's values from the start. Addresses are known only when Azure has given them to what was installed: then
    the chart is installed once more with them, as its guide does by hand. The same when Azure has given others since.
    """
    if not binder.needs_addresses(context.spec):
        return None
    found = note_addresses(context, credentials)
    if found is None:
        return waiting(
            poll_delay(context.elapsed), "Waiting for the load balancers' addresses, which the chart must know."
        )
    if context.hub.facts.get(LINKED) == found:
        return None
    made = install(context, credentials, version)
    context.remember(**{"release_revision": made.revision, LINKED: found})
    return None


LINKED = "linked_to"
"""Fact: the addresses that the installed chart was told."""


def note_addresses(context: StepContext, credentials: str) -> dict[str, str] | None:
    """What the load balancers' addresses are now, for the next install; None while there are none."""
    with context.services.kubernetes(credentials) as kubernetes:
        found = seen(context, kubernetes).addresses
    if found:
        context.remember(**found)
    return found or None


def install(context: StepContext, credentials: str, version: str) -> "Release":
    """Raises what helm's adapter does."""
    spec = context.spec
    return context.services.helm.upgrade_install(
        credentials,
        release=spec.release.name,
        namespace=spec.release.namespace,
        chart=spec.release.chart,
        repository=context.services.settings.chart_repository,
        version=version,
        values=filled_values(context),
        timeout=HELM_TIMEOUT,
        create_namespace=True,
        wait=False,
        cleanup_on_fail=True,
    )


def filled_values(context: StepContext) -> dict[str, Any]:
    """The chart's values with every secret in place: for helm's standard input only, never stored or logged."""
    spec = context.spec
    tls = (context.hub.facts.get("tls") or {}).get("secret", access.TLS_SECRET)
    known = access.Known.of(context.hub.facts)
    values = access.values(spec, context.services.settings.dns_suffix, tls, known)
    if Reference(names.SHARED_PASSWORD, own=True) in chart_values.secret_references(values):
        _ensure_shared_password(context)
    return chart_values.fill(values, lambda reference: _secret(context, reference))


def _ensure_shared_password(context: StepContext) -> None:
    if context.own_secret(names.SHARED_PASSWORD) is None:
        vault.keep_own(context.services, context.spec.name, names.SHARED_PASSWORD, random.token_urlsafe(16))


def _secret(context: StepContext, reference: Reference) -> str:
    secret = vault.resolved(context.services, context.spec.name, reference)
    if secret is None:
        raise PermanentError(
            keyvault.SYSTEM,
            "SecretNotFound",
            f"values refer to secret://{reference.name}, which hub {context.spec.name} has not got.",
        )
    return secret.value


@dataclass(frozen=True)
class Urls:
    """hub: JupyterHub's. page: a BinderHub's own; None of a JupyterHub."""

    hub: str
    page: str | None = None

    @classmethod
    def of(cls, facts: Mapping[str, Any], spec: Hub) -> "Urls | None":
        """Where a hub was the last time; None when it was nowhere yet."""
        if "url" not in facts or (spec.binder and "binder_url" not in facts):
            return None
        return cls(facts["url"], facts.get("binder_url"))

    @property
    def facts(self) -> dict[str, str]:
        return {"url": self.hub} | ({"binder_url": self.page} if self.page else {})

    def trouble(self, context: StepContext) -> str:
        """Why people cannot use it, as a sentence; empty when they can."""
        if not context.services.jupyterhub(self.hub).healthy():
            return f"{self.hub} does not answer yet."
        return self.page_trouble(context)

    def page_trouble(self, context: StepContext) -> str:
        return context.services.binderhub(self.page).trouble() if self.page else ""


@dataclass(frozen=True)
class Seen:
    """What the cluster says. urls: None while the load balancers have no address. waits: the first thing that is not ready.

    trouble: why people cannot use what is ready, as a sentence; empty when they can.
    """

    urls: Urls | None
    addresses: dict[str, str]
    waits: str
    trouble: str = ""


def seen(context: StepContext, kubernetes: "Kubernetes") -> Seen:
    spec, suffix, namespace = context.spec, context.services.settings.dns_suffix, context.spec.release.namespace
    address = workloads.service_address(kubernetes, namespace, access.PUBLIC_SERVICE)
    page = workloads.service_address(kubernetes, namespace, access.PAGE_SERVICE) if spec.binder else None
    states = workloads.deployments_ready(kubernetes, namespace, access.deployments(spec))
    waits = next((state.message for state in states if not state.ready), "")
    if address is None or (spec.binder and page is None):
        return Seen(None, {}, waits)
    hub = access.url(spec, address, suffix)
    urls = Urls(hub, access.page_url(spec, page, suffix)) if page else Urls(hub)
    addresses = {"address": address} | ({"binder_address": page} if page else {})
    if waits:
        return Seen(urls, addresses, waits)
    trouble = hostname.unwell(context, kubernetes, hub, address) or urls.page_trouble(context)
    return Seen(urls, addresses, waits, trouble)
