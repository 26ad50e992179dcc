"""The chart on the cluster: credentials, helm, and the wait until people can use the hub."""

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import names
from shared.azure import keyvault
from shared.errors import PermanentError
from shared.hubs import access, binder, ownership, vault
from shared.hubs.model import Hub
from shared.kubernetes import diagnosis, workloads
from shared.kubernetes import values as chart_values
from shared.references import Reference
from shared.runs import recovery
from shared.runs.model import Kind, Outcome, done, failed, waiting
from shared.runs.steps import hostname, strangers
from shared.runs.steps.context import StepContext, poll_delay

if TYPE_CHECKING:
    from shared.kubernetes.client import Kubernetes
    from shared.kubernetes.helm import Release

HELM_TIMEOUT = timedelta(minutes=10)
"""What the chart's guide advises; only a pre-puller hook that somebody switched on makes helm wait this long."""

USABLE_PATIENCE = 20 * 60.0
"""Seconds for a hub to answer after its chart is installed: images of several gigabytes have been seen to take ten minutes."""


PODS_START = 60.0
"""Seconds that a hub's pods usually take on fresh nodes; if it does not answer by then, Kubernetes is asked what keeps it."""


def credentials(context: StepContext) -> Outcome:
    """The API server must answer, and a node be ready, before anything can be installed."""
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        nodes = workloads.nodes(kubernetes)
    ready = [node for node in nodes if node.ready]
    if not ready:
        return waiting(poll_delay(context.elapsed), f"Nodes: {len(nodes)}, none of them ready yet.")
    return done(f"Nodes ready: {len(ready)} of {len(nodes)}.")


def kubeconfig(context: StepContext) -> str:
    return ownership.kubeconfig(context.services, context.hub)


def release(context: StepContext) -> Outcome:
    """Helm upgrade --install, without waiting: what comes up after it is watched by the next step."""
    spec, helm = context.spec, context.services.helm
    credentials = kubeconfig(context)
    version = context.fact("chart_version")
    found = helm.status(credentials, spec.release.name, spec.release.namespace)
    if found and found.status.startswith(("pending", "uninstalling")):
        helm.unlock(credentials, spec.release.name, spec.release.namespace)
    elif found and found.status == "deployed" and found.chart_version == version:
        return _linked(context, credentials, version) or done(f"{_release(context, version)} is deployed.")
    made = install(context, credentials, version)
    context.remember(release_revision=made.revision)
    linked = _linked(context, credentials, version)
    return linked or done(f"{_release(context, version)}, revision {context.fact('release_revision')}.")


def _release(context: StepContext, version: str) -> str:
    release = context.spec.release
    return f"Release {release.name} of {release.chart} {version}"


def _linked(context: StepContext, credentials: str, version: str) -> Outcome | None:
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


def usable(context: StepContext) -> Outcome:
    """A hub is there when /hub/health answers at its public address, whatever Azure and Kubernetes say.

    Where it was before its cluster slept it is looked for first: that asks nothing of AKS, which limits how often hundreds of runs
    may have credentials.
    """
    if context.hub.facts.get(strangers.WITHDRAWN):
        with context.services.kubernetes(kubeconfig(context)) as kubernetes:
            strangers.let_in_again(context, kubernetes)
    if known := Urls.of(context.hub.facts, context.spec):
        trouble = known.trouble(context)
        if not trouble:
            return _answers(context, known)
        if context.elapsed < PODS_START:
            return waiting(poll_delay(context.elapsed), trouble)
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        look = seen(context, kubernetes)
        if look.urls is None:
            return _not_yet(context, kubernetes, "Waiting for the load balancer's address.")
        if binder.needs_addresses(context.spec) and context.hub.facts.get(LINKED) != look.addresses:
            _linked(context, kubeconfig(context), context.fact("chart_version"))
            return waiting(poll_delay(context.elapsed), "The hub has another address than before: its parts are told.")
        if look.waits:
            return _not_yet(context, kubernetes, f"Not ready yet: {look.waits}")
        if look.trouble:
            return _not_yet(context, kubernetes, look.trouble)
    context.remember(**look.addresses)
    return _answers(context, look.urls)


def _not_yet(context: StepContext, kubernetes: "Kubernetes", what: str) -> Outcome:
    if context.elapsed <= USABLE_PATIENCE:
        return waiting(poll_delay(context.elapsed), what)
    why = diagnosis.summary(workloads.why_not_ready(kubernetes, context.spec.release.namespace))
    return _not_usable(context, f"{what} {why}".strip())


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


def _answers(context: StepContext, urls: Urls) -> Outcome:
    if context.run.kind is Kind.CREATE and (
        how := strangers.way_in(context.services, context.spec, urls.hub, urls.page)
    ):
        with context.services.kubernetes(kubeconfig(context)) as kubernetes:
            return strangers.shut_out(context, kubernetes, how)
    context.remember(**urls.facts, usable_since=context.now.isoformat())
    if urls.page:
        return done(f"BinderHub answers at {urls.page}, its JupyterHub at {urls.hub}")
    return done(f"The hub answers at {urls.hub}")


def _not_usable(context: StepContext, why: str) -> Outcome:
    name, changed = context.spec.name, "another `image` or corrected `values`"
    other = (
        recovery.begin_again(name, changed)
        if context.run.kind is Kind.CREATE
        else f"PATCH /api/hubs/{name} with {changed}"
    )
    return failed(
        "HubNotUsable",
        f"The chart is installed, but the hub did not answer within {USABLE_PATIENCE / 60:.0f} minutes. {why}",
        "Remove the cause named here (a wrong image name, a node that is too small, a value that stops the hub), then retry the "
        f"run; or {other}. GET /api/hubs/{name}/kubeconfig with the admin key lets you look at the cluster with kubectl.",
    )
