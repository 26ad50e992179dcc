"""The step that checks what Azure will allow, before anything is created."""

from dataclasses import replace

from shared.checks.preflight import UNREGISTERED, examine
from shared.problem import Problem, joined_advice
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, done, waiting
from shared.runs.recovery import Advice, worded

REGISTRATION_TIMEOUT = 600.0
"""Seconds for which a provider may answer as if it were not registered after it is."""


def run_checks(context: StepContext) -> Outcome:
    found, status = examine(context.services, context.spec), context.status
    context.record(
        replace(status.cluster, kubernetes=found.kubernetes or status.cluster.kubernetes),
        replace(status.release, chart=found.chart or status.release.chart),
    )
    errors = [finding for finding in found.findings if finding.refuses]
    if not errors and found.kubernetes is None:
        if context.elapsed < REGISTRATION_TIMEOUT:
            return waiting(poll_delay(context.elapsed), "AKS is registered, but does not answer everywhere yet.")
        errors = [finding for finding in found.findings if finding.code == UNREGISTERED]
    if not errors:
        return done(f"Kubernetes {found.kubernetes}, chart {found.chart}; nothing blocks the create.")
    message = " ".join(finding.message for finding in errors)
    advice = Advice(joined_advice(errors), create="the corrected specification")
    fault = Problem(errors[0].code, message, worded(advice, context.spec.name, context.run.kind, unused=True))
    return Outcome("failed", message, fault=fault)
