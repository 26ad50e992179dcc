"""The notes that the steps of an upgrade leave for those after them, and the hub as it is wanted.

The run has the specification that the hub is to have; the hub's own says what is. Each part of it becomes the hub's when it is
true of the hub, so that a run that fails half way leaves a record that can be relied upon.
"""

from dataclasses import replace

from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import Upgrade
from shared.runs.context import StepContext


def wanted(context: StepContext) -> Hub:
    """The specification that the hub is to have, with the schedule that it has."""
    found = Hub.model_validate(context.run.wanted)
    return found.model_copy(update={"schedule": context.spec.schedule})


def noted(context: StepContext) -> Upgrade:
    """The notes that earlier steps of this run left for later ones."""
    found = context.status.upgrade
    return found if found.run == context.run.id else Upgrade(run=context.run.id)


def of_wanted(context: StepContext) -> StepContext:
    """The same call, for the hub as it is wanted."""
    notes, hub = noted(context), replace(context.hub, spec=wanted(context))
    if notes.certificate_known:
        hub = hub.having(replace(hub.status.tls, certificate=notes.certificate))
    return replace(context, hub=hub)
