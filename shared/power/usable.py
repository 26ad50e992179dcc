"""The step that waits until people can use the hub."""

from typing import TYPE_CHECKING

from shared.hubs.spec import binder
from shared.kubernetes import diagnosis, workloads
from shared.resources import strangers
from shared.resources.release import LINKED, Urls, kubeconfig, linked, seen
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Kind, Outcome, done, failed, waiting
from shared.runs.recovery import begin_again

if TYPE_CHECKING:
    from shared.kubernetes.client import Kubernetes

USABLE_PATIENCE = 20 * 60.0
"""Seconds for a hub to answer after its chart is installed: images of several gigabytes have been seen to take ten minutes."""


PODS_START = 60.0
"""Seconds that a hub's pods usually take on fresh nodes; if it does not answer by then, Kubernetes is asked what keeps it."""


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
            linked(context, kubeconfig(context), context.fact("chart_version"))
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
    create = context.run.kind is Kind.CREATE
    other = begin_again(name, changed) if create else f"PATCH /api/hubs/{name} with {changed}"
    return failed(
        "HubNotUsable",
        f"The chart is installed, but the hub did not answer within {USABLE_PATIENCE / 60:.0f} minutes. {why}",
        "Remove the cause named here (a wrong image name, a node that is too small, a value that stops the hub), then retry the "
        f"run; or {other}. GET /api/hubs/{name}/kubeconfig with the admin key lets you look at the cluster with kubectl.",
    )
