"""The try after each install: a login with a made-up name and password must fail, unless the hub is to be open.

It finds what no reading of the configuration finds, such as an authenticator that is made in Python.
"""

import secrets as random
from typing import TYPE_CHECKING

from shared.hubs.chart import access
from shared.hubs.chart import values as chart_values
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import Withdrawn, WithdrawnService
from shared.kubernetes import workloads
from shared.runs import recovery
from shared.runs.context import StepContext
from shared.runs.model import Outcome, failed
from shared.services import Services

if TYPE_CHECKING:
    from shared.kubernetes.client import Kubernetes


def way_in(services: Services, hub: Hub, hub_url: str, page_url: str | None) -> str | None:
    """The way in which a stranger gets into the hub, as a sentence; None when there is none, or when the hub is to be open.

    The made-up name is that of the user with whom upgrades try a server, so that what a hub keeps of it is removed as well. Raises
    TemporaryError when the hub does not answer.
    """
    if hub.auth == "none":
        return None
    if services.jupyterhub(hub_url).lets_in(chart_values.CHECK_USER, random.token_urlsafe(24)):
        return f"A login at {hub_url} with a made-up name and password succeeds, and auth is not none."
    if page_url and services.binderhub(page_url).lets_in():
        return f"The page {page_url} asks nobody to log in, and auth is not none."
    return None


def shut_out(context: StepContext, kubernetes: "Kubernetes", how: str) -> Outcome:
    """Takes the hub's public addresses away and fails the step. how: the way in.

    They are written down before they are taken: a call that is cut off must not leave a hub that nobody can open again.
    """
    namespace = context.spec.release.namespace
    public = workloads.public_services(kubernetes, namespace, _fronts(context))
    context.record(Withdrawn(tuple(WithdrawnService(each, kind) for each, kind in public.items())))
    workloads.set_service_types(kubernetes, namespace, dict.fromkeys(public, "ClusterIP"))
    name = context.spec.name
    return failed(
        access.OPEN,
        f"Hub {name} lets everybody in. {how} Its public address was removed.",
        "Look for what sets the login in Python (hub.extraConfig, hub.extraFiles) or in hub.existingSecret. A secret can be "
        f"corrected with PUT /api/hubs/{name}/secrets/KEY; then retry the run. Otherwise "
        f"{recovery.begin_again(name, 'the corrected specification')}: nobody has worked in this hub. If everybody is to get in, "
        'write auth: "none".',
    )


def let_in_again(context: StepContext, kubernetes: "Kubernetes") -> None:
    """Gives the public addresses back, for another try."""
    types = {service.name: service.type for service in context.status.withdrawn.services}
    workloads.set_service_types(kubernetes, context.spec.release.namespace, types)
    context.record(Withdrawn())


def _fronts(context: StepContext) -> list[str]:
    return [access.PUBLIC_SERVICE, *([access.PAGE_SERVICE] if context.spec.binder else [])]
