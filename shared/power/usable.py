"""The step that waits until people can use the hub."""

from typing import TYPE_CHECKING

from shared.hubs.spec import binder
from shared.hubs.status.parts import Urls, Usable
from shared.kubernetes import diagnosis, workloads
from shared.resources import strangers
from shared.resources.release import chart_version, kubeconfig, linked, seen, trouble
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Kind, Outcome, done, failed, waiting
from shared.runs.recovery import begin_again

if TYPE_CHECKING:
    from shared.kubernetes.client import Kubernetes

USABLE_TIMEOUT = 20 * 60.0
"""Seconds for a hub to answer after its chart is installed: images of several gigabytes have been seen to take ten minutes."""


PODS_START = 60.0
"""Seconds that a hub's pods usually take on fresh nodes; if it does not answer by then, Kubernetes is asked what keeps it."""


def wait_until_usable(context: StepContext) -> Outcome:
    """A hub is there when /hub/health answers at its public address, whatever Azure and Kubernetes say.

    The address from before the stop is tried first: that asks nothing of AKS, which limits how often hundreds of runs
    may have credentials.
    """
    if context.status.withdrawn.services:
        with context.services.kubernetes(kubeconfig(context)) as kubernetes:
            strangers.let_in_again(context, kubernetes)
    known = context.status.urls
    if known.hub and (known.page or not context.spec.binder):
        still = trouble(context, known.hub, known.page)
        if not still:
            return _answers(context, known.hub, known.page)
        if context.elapsed < PODS_START:
            return waiting(poll_delay(context.elapsed), still)
    with context.services.kubernetes(kubeconfig(context)) as kubernetes:
        look = seen(context, kubernetes)
        if look.at is None:
            return _not_yet(context, kubernetes, "Waiting for the load balancer's IP address.")
        if binder.needs_addresses(context.spec) and context.status.release.linked != look.at.addresses:
            linked(context, kubeconfig(context), chart_version(context))
            return waiting(
                poll_delay(context.elapsed), "The hub has another address than before; updating its release."
            )
        if look.waits:
            return _not_yet(context, kubernetes, f"Not ready yet: {look.waits}")
        if look.trouble:
            return _not_yet(context, kubernetes, look.trouble)
    context.record(look.at.addresses)
    return _answers(context, look.at.hub, look.at.page)


def _not_yet(context: StepContext, kubernetes: "Kubernetes", what: str) -> Outcome:
    if context.elapsed <= USABLE_TIMEOUT:
        return waiting(poll_delay(context.elapsed), what)
    why = diagnosis.summary(workloads.why_not_ready(kubernetes, context.spec.release.namespace))
    return _not_usable(context, f"{what} {why}".strip())


def _answers(context: StepContext, hub: str, page: str | None) -> Outcome:
    if context.run.kind is Kind.CREATE and (how := strangers.way_in(context.services, context.spec, hub, page)):
        with context.services.kubernetes(kubeconfig(context)) as kubernetes:
            return strangers.shut_out(context, kubernetes, how)
    context.record(Urls(hub, page), Usable(context.now))
    if page:
        return done(f"BinderHub answers at {page}, its JupyterHub at {hub}")
    return done(f"The hub answers at {hub}")


def _not_usable(context: StepContext, why: str) -> Outcome:
    name, changed = context.spec.name, "another `image` or corrected `values`"
    create = context.run.kind is Kind.CREATE
    other = begin_again(name, changed) if create else f"PATCH /api/hubs/{name} with {changed}"
    return failed(
        "HubNotUsable",
        f"The chart is installed, but the hub did not answer within {USABLE_TIMEOUT / 60:.0f} minutes. {why}",
        "Remove the cause named here (a wrong image name, a node that is too small, a value that stops the hub), then retry the "
        f"run; or {other}. GET /api/hubs/{name}/kubeconfig with the admin key lets you look at the cluster with kubectl.",
    )
