"""The steps that install the chart on the cluster."""

from dataclasses import replace

from shared.kubernetes import workloads
from shared.resources.release import chart_version, install, kubeconfig, linked
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, done, waiting


def connect(context: StepContext) -> Outcome:
    """The API server must answer and a node be ready before anything can be installed."""
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        nodes = workloads.nodes(kubernetes)
    ready = [node for node in nodes if node.ready]
    if not ready:
        return waiting(poll_delay(context.elapsed), f"None of {len(nodes)} nodes is ready yet.")
    return done(f"Nodes ready: {len(ready)} of {len(nodes)}.")


def install_release(context: StepContext) -> Outcome:
    """Helm upgrade --install, without waiting: what comes up after it is watched by the next step."""
    spec, helm = context.spec, context.services.helm
    credentials = kubeconfig(context)
    version = chart_version(context)
    found = helm.status(credentials, spec.release.name, spec.release.namespace)
    if found and found.status.startswith(("pending", "uninstalling")):
        helm.unlock(credentials, spec.release.name, spec.release.namespace)
    elif found and found.status == "deployed" and found.chart_version == version:
        return linked(context, credentials, version) or done(f"{_release(context, version)} is deployed.")
    made = install(context, credentials, version)
    context.record(replace(context.status.release, revision=made.revision))
    return linked(context, credentials, version) or done(
        f"{_release(context, version)}, revision {context.status.release.revision}."
    )


def _release(context: StepContext, version: str) -> str:
    release = context.spec.release
    return f"Release {release.name} of {release.chart} {version}"
