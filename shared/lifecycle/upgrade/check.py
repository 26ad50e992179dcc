"""The step that repeats the checks of the request."""

from dataclasses import replace

from shared.checks.upgrade import examine
from shared.hubs.patch.planning import How
from shared.hubs.patch.planning import plan as changes_between
from shared.lifecycle.upgrade.notes import noted, wanted
from shared.lifecycle.upgrade.plan import plan
from shared.problem import Problem, joined_advice
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done, failed


def check_changes(context: StepContext) -> Outcome:
    """Repeats the checks of the request: time has passed, and a retry may come days later."""
    found = examine(context.services, context.hub, wanted(context))
    if found.against:
        message = " ".join(f"{refusal.field}: {refusal.message}." for refusal in found.against)
        advice = joined_advice(found.against)
        return Outcome("failed", message, fault=Problem(found.against[0].code, message, advice))
    if outcome := _outdated(context):
        return outcome
    notes = replace(
        noted(context),
        path=found.path,
        chart=found.chart,
        disruptive=found.plan.disruptive,
        renewed=found.plan.has(How.KUBERNETES, How.REPLACE, How.IDENTITY),
        identity=found.plan.has(How.IDENTITY),
    )
    context.record(notes)
    return done(f"{len(found.plan.changes)} changes; nothing blocks them.")


def _outdated(context: StepContext) -> Outcome | None:
    """The plan is made for the hub as it was when the upgrade was asked for, which may need other changes by now.

    The leftovers of an earlier upgrade block nothing: the next request finds them.
    """
    known, new = {step.name for step in context.run.plan}, wanted(context)
    steps = plan(context.spec, new, changes_between(context.spec, new, None))
    missing = [step.title for step in steps if step.name not in known]
    if not missing:
        return None
    return failed(
        "PlanOutdated",
        f"The hub has changed since the upgrade was requested, which now also has to: {'; '.join(missing)}.",
        f"Send the same PATCH /api/hubs/{context.spec.name} again: it starts a new run.",
    )
