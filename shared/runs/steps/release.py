"""The chart on the cluster: credentials, helm, and the wait until people can use the hub."""

import secrets as random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import names
from shared.errors import PermanentError
from shared.hubs import access
from shared.kubernetes import values as chart_values
from shared.kubernetes import workloads
from shared.runs.model import Outcome, done, failed, waiting
from shared.runs.steps import hostname
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
    return context.services.clusters.admin_kubeconfig(context.spec.resource_group, context.spec.cluster.name)


def release(context: StepContext) -> Outcome:
    """Helm upgrade --install, without waiting: what comes up after it is watched by the next step."""
    spec, helm = context.spec, context.services.helm
    credentials = kubeconfig(context)
    version = context.fact("chart_version")
    found = helm.status(credentials, spec.release.name, spec.release.namespace)
    if found and found.status.startswith(("pending", "uninstalling")):
        helm.unlock(credentials, spec.release.name, spec.release.namespace)
    elif found and found.status == "deployed" and found.chart_version == version:
        return done(f"Release {spec.release.name} of {spec.release.chart} {version} is deployed.")
    made = install(context, credentials, version)
    context.remember(release_revision=made.revision)
    return done(f"Release {spec.release.name} of {spec.release.chart} {version}, revision {made.revision}.")


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
    values = access.values(spec, context.services.settings.dns_suffix, tls)
    for name in chart_values.secret_names(values):
        if name == names.SHARED_PASSWORD:
            _ensure_shared_password(context)
    return chart_values.fill(values, lambda name: _secret(context, name))


def _ensure_shared_password(context: StepContext) -> None:
    secrets, name = context.services.secrets, context.secret_name(names.SHARED_PASSWORD)
    if secrets.get(name) is None:
        tags = {"hubkeeper-hub": context.spec.name}
        secrets.set(name, random.token_urlsafe(16), expires=None, tags=tags, content_type="text/plain")


def _secret(context: StepContext, name: str) -> str:
    secret = context.services.secrets.get(context.secret_name(name))
    if secret is None:
        raise PermanentError(
            "Key Vault",
            "SecretNotFound",
            f"values refer to secret://{name}, which hub {context.spec.name} has not got.",
        )
    return secret.value


def usable(context: StepContext) -> Outcome:
    """A hub is there when /hub/health answers at its public address, whatever Azure and Kubernetes say.

    Where it was before its cluster slept it is looked for first: that asks nothing of AKS, which limits how often hundreds of runs
    may have credentials.
    """
    spec = context.spec
    if known := context.hub.facts.get("url"):
        if context.services.jupyterhub(known).healthy():
            return _answers(context, known)
        if context.elapsed < PODS_START:
            return waiting(poll_delay(context.elapsed), f"{known} does not answer yet.")
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        address = workloads.service_address(kubernetes, spec.release.namespace, access.PUBLIC_SERVICE)
        if address is None:
            return _not_yet(context, kubernetes, "Waiting for the load balancer's address.")
        states = workloads.deployments_ready(kubernetes, spec.release.namespace, access.deployments(spec))
        if waits := [state for state in states if not state.ready]:
            return _not_yet(context, kubernetes, f"Not ready yet: {waits[0].message}")
        url = access.url(spec, address, context.services.settings.dns_suffix)
        if unwell := hostname.unwell(context, kubernetes, url, address):
            return _not_yet(context, kubernetes, unwell)
    context.remember(address=address)
    return _answers(context, url)


def _not_yet(context: StepContext, kubernetes: "Kubernetes", what: str) -> Outcome:
    if context.elapsed <= USABLE_PATIENCE:
        return waiting(poll_delay(context.elapsed), what)
    why = workloads.why_not_ready(kubernetes, context.spec.release.namespace)
    return _not_usable(context, f"{what} {why}".strip())


def _answers(context: StepContext, url: str) -> Outcome:
    context.remember(url=url, usable_since=context.now.isoformat())
    return done(f"The hub answers at {url}")


def _not_usable(context: StepContext, why: str) -> Outcome:
    return failed(
        "HubNotUsable",
        f"The chart is installed, but the hub did not answer within {USABLE_PATIENCE / 60:.0f} minutes. {why}",
        "Mend the cause named here (an image's name, too small a node, a value that stops the hub) and retry the run. "
        f"GET /api/hubs/{context.spec.name}/kubeconfig with the admin key lets you look at the cluster with kubectl.",
    )
