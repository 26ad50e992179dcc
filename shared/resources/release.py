"""The Helm release of a hub: the chart installed with its values and secrets, and where the cluster says that it answers."""

import secrets as random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import names
from shared.azure import keyvault
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.chart import access
from shared.hubs.chart import values as chart_values
from shared.hubs.spec import binder
from shared.hubs.status.model import required
from shared.hubs.status.parts import Addresses, Urls
from shared.kubernetes import workloads
from shared.references import Reference
from shared.resources import hostname
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, waiting

if TYPE_CHECKING:
    from shared.kubernetes.client import Kubernetes
    from shared.kubernetes.helm import Release

HELM_TIMEOUT = timedelta(minutes=10)
"""The timeout that the chart's guide advises; only a pre-puller hook that somebody switched on makes helm wait this long."""


def kubeconfig(context: StepContext) -> str:
    return ownership.kubeconfig(context.services, context.hub)


def chart_version(context: StepContext) -> str:
    """The version of the chart that is installed, or will be. Raises KeyError before a preflight has found it out."""
    return required(context.status.release.chart, "version of the chart")


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
            poll_delay(context.elapsed), "Waiting for the load balancers' IP addresses, which the chart needs."
        )
    if context.status.release.linked == found:
        return None
    made = install(context, credentials, version)
    context.record(replace(context.status.release, revision=made.revision, linked=found))
    return None


def note_addresses(context: StepContext, credentials: str) -> Addresses | None:
    """The load balancers' addresses now, for the next install; None while there are none."""
    with context.services.kubernetes(credentials) as kubernetes:
        found = seen(context, kubernetes).addresses
    if found:
        context.record(found)
    return found


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
    certificate = context.status.tls.certificate
    tls = certificate.secret if certificate else access.TLS_SECRET
    values = access.values(spec, context.services.settings.dns_suffix, tls, access.Known.of(context.status))
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
            f"values refer to secret://{reference.name}, which hub {context.spec.name} does not have.",
        )
    return secret.value


def trouble(context: StepContext, hub: str, page: str | None) -> str:
    """The reason why people cannot use it at these URLs, as a sentence; empty when they can."""
    if not context.services.jupyterhub(hub).healthy():
        return f"{hub} does not answer yet."
    return page_trouble(context, page)


def page_trouble(context: StepContext, page: str | None) -> str:
    return context.services.binderhub(page).trouble() if page else ""


@dataclass(frozen=True)
class Place:
    """The URLs of a hub. hub, page: the URLs of JupyterHub and of a BinderHub's page."""

    addresses: Addresses
    hub: str
    page: str | None = None

    @property
    def urls(self) -> Urls:
        return Urls(self.hub, self.page)


@dataclass(frozen=True)
class Seen:
    """The state that the cluster reports. at: None while load balancers lack an address. waits: the first unready thing.

    trouble: the reason why people cannot use what is ready, as a sentence; empty when they can.
    """

    at: Place | None
    waits: str
    trouble: str = ""

    @property
    def addresses(self) -> Addresses | None:
        return self.at.addresses if self.at else None


def seen(context: StepContext, kubernetes: "Kubernetes") -> Seen:
    spec, suffix, namespace = context.spec, context.services.settings.dns_suffix, context.spec.release.namespace
    address = workloads.service_address(kubernetes, namespace, access.PUBLIC_SERVICE)
    page = workloads.service_address(kubernetes, namespace, access.PAGE_SERVICE) if spec.binder else None
    states = workloads.deployments_ready(kubernetes, namespace, access.deployments(spec))
    waits = next((state.message for state in states if not state.ready), "")
    where = access.reach(spec, suffix, access.Known(address, page))
    if address is None or where.hub is None or (spec.binder and page is None):
        return Seen(None, waits)
    at = Place(Addresses(address, page), where.hub, where.page)
    if waits:
        return Seen(at, waits)
    return Seen(at, waits, hostname.unwell(context, kubernetes, at.hub, address) or page_trouble(context, at.page))
