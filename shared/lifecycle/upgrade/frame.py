"""An upgrade's beginning and end: the check, waking a cluster that sleeps, the backup, the people, and back to sleep.

What it is to come to is in the run (`wanted`); the hub's own specification says what is. Each part of it becomes the hub's when
it is true of the hub, so that a run that fails half way leaves a record that can be relied upon.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared import names
from shared.checks.upgrade import Examined, examine
from shared.errors import OutsideError
from shared.hubs import vault
from shared.hubs.inventory.people import SECRET as HUB_SECRET
from shared.hubs.patch.planning import How
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import Upgrade
from shared.hubs.store import HubStore, known
from shared.kubernetes import workloads
from shared.lifecycle.upgrade.plan import plan
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.power import people as presence
from shared.power import switch
from shared.problem import Problem, joined_advice
from shared.resources.release import kubeconfig
from shared.runs.context import StepContext
from shared.runs.model import Outcome, done, failed, waiting
from shared.schedules.decide import desired_of
from shared.schedules.record import PowerState

LARGEST_SECRET = 25_000
"""Characters that Key Vault keeps in a secret."""

DERIVED = "values.yaml"
"""Key of the Secret `hub` that is no secret of the hub's own: the chart writes its values there, and helm keeps them as well."""


def wanted(context: StepContext) -> Hub:
    """The specification that the hub is to have, with the schedule that it has."""
    found = Hub.model_validate(context.run.wanted)
    return found.model_copy(update={"schedule": context.spec.schedule})


def noted(context: StepContext) -> Upgrade:
    """What the earlier steps of this run wrote down for the later ones."""
    found = context.status.upgrade
    return found if found.run == context.run.id else Upgrade(run=context.run.id)


def of_wanted(context: StepContext) -> StepContext:
    """The same call, for the hub as it is wanted."""
    notes, hub = noted(context), replace(context.hub, spec=wanted(context))
    if notes.certificate_known:
        hub = hub.having(replace(hub.status.tls, certificate=notes.certificate))
    return replace(context, hub=hub)


def check(context: StepContext) -> Outcome:
    """The same questions as when the upgrade was asked for: time has passed, and a retry may come days later."""
    found = examine(context.services, context.hub, wanted(context))
    if found.against:
        message = " ".join(f"{refusal.field}: {refusal.message}." for refusal in found.against)
        advice = joined_advice(found.against)
        return Outcome("failed", message, fault=Problem(found.against[0].code, message, advice))
    if outcome := _outdated(context, found):
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
    return done(f"{len(found.plan.changes)} changes; nothing stands against them.")


def _outdated(context: StepContext, found: Examined) -> Outcome | None:
    """The run's plan is made for the changes that were asked for: the hub may have come to need more since."""
    known = {step.name for step in context.run.plan}
    missing = [step.title for step in plan(context.spec, wanted(context), found.plan) if step.name not in known]
    if not missing:
        return None
    return failed(
        "PlanOutdated",
        f"The hub has changed since the upgrade was asked for, which now also has to: {'; '.join(missing)}.",
        f"Send the same PATCH /api/hubs/{context.spec.name} again: it begins a new run.",
    )


def rest(context: StepContext) -> Outcome:
    return switch.rest(context)


def power_on(context: StepContext) -> Outcome:
    """Only a cluster that runs can be changed. That it slept is written down before it is woken."""
    if context.memo.get("operation") is None and switch.cluster_power(context) == "off":
        context.record(replace(noted(context), woken=True))
    return switch.power_on(context)


def backup(context: StepContext) -> Outcome:
    """Keys and tokens of the hub to Key Vault, and the revision to go back to: helm keeps that one's chart and values."""
    spec, helm = context.spec, context.services.helm
    credentials = kubeconfig(context)
    if done_before := helm.unlock(credentials, spec.release.name, spec.release.namespace):
        return waiting(1, f"An earlier change was cut off: {done_before}.")
    deployed = [
        r for r in helm.history(credentials, spec.release.name, spec.release.namespace) if r.status == "deployed"
    ]
    with context.services.kubernetes(credentials) as kubernetes:
        secret = workloads.secret(kubernetes, spec.release.namespace, HUB_SECRET)
    if not deployed or secret is None:
        return failed(
            "NoGoodRelease",
            f"There is no deployed release {spec.release.name} in {spec.release.namespace} to go back to.",
            f"GET /api/hubs/{spec.name}/kubeconfig with the admin key lets you look with helm history. helm rollback deploys a "
            "revision that worked; where the release is gone, helm install puts the chart back, and the users' volumes are still "
            "there. Then retry the run.",
        )
    revision = deployed[-1].revision
    kept = _keep(context, _as_json(secret), revision)
    context.record(replace(noted(context), good=revision))
    return done(f"{kept} Revision {revision} is the one to go back to.")


def _as_json(secret: Mapping[str, bytes]) -> str:
    kept = {key: base64.b64encode(value).decode() for key, value in sorted(secret.items()) if key != DERIVED}
    return json.dumps(kept)


def _keep(context: StepContext, text: str, revision: int) -> str:
    """A new version of the hub's own secret; what it held before stays below it in the vault. What became of it, in a sentence."""
    kept, where = context.own_secret(names.HUB_BACKUP), f"The hub's keys are in Key Vault as {names.HUB_BACKUP}."
    if kept and kept.tags.get("run") == context.run.id:
        return where
    if len(text) > LARGEST_SECRET:
        return f"The hub's keys are in the cluster alone: with {len(text)} characters they are too long for Key Vault."
    tags = {"run": context.run.id, "revision": str(revision)}
    vault.keep_own(
        context.services, context.spec.name, names.HUB_BACKUP, text, tags=tags, content_type="application/json"
    )
    return where


# People whose servers end: nodes that are replaced or removed take them along


def people(context: StepContext) -> Outcome:
    """Waits while they are at work, up to the hub's cap; then the promised minutes; then their servers are stopped in order."""
    if not noted(context).disruptive:
        return done("No server ends by this.")
    schedule = context.spec.schedule or presence.NO_SCHEDULE
    try:
        hub = presence.hub_client(context)
        found = presence.present(hub.users(active_only=True), context.now)
        if not found.running:
            return done("Nobody has a server running.")
        if found.active and context.elapsed < schedule.max_postpone * 60.0:
            return waiting(
                presence.LOOK, f"{len(found.active)} people are at work; waiting until they pause.", **context.memo
            )
        return _grace(context, found.running, schedule.grace) or _servers(context)
    except (OutsideError, KeyError) as error:
        code = error.code if isinstance(error, OutsideError) else "UrlNotKnown"
        if context.elapsed < schedule.grace * 60.0:
            return waiting(presence.LOOK, f"The hub does not say who is active ({code}).", **context.memo)
        return done(f"The hub did not say who is active ({code}) in {schedule.grace} minutes of grace.")


def _grace(context: StepContext, running: tuple[str, ...], minutes: int) -> Outcome | None:
    """None when the promised minutes are over."""
    until = context.memo.get("until")
    if until is None:
        ends = context.now + timedelta(minutes=minutes)
        message = f"Hub {context.spec.name} is upgraded in {minutes} minutes, and servers end. Save your work."
        notify(context.services, context.spec.name, EventKind.WILL_STOP, message, users=list(running))
        return waiting(min(presence.LOOK, minutes * 60.0), message, until=ends.isoformat())
    left = (datetime.fromisoformat(until) - context.now).total_seconds()
    if left <= 0:
        return None
    return waiting(min(presence.LOOK, left), f"People are warned; {left / 60:.0f} minutes left.", until=until)


def _servers(context: StepContext) -> Outcome:
    """When every node is replaced, every server ends; which nodes go when there are to be fewer, nobody knows before."""
    if not noted(context).renewed:
        return done("The people who have a server running were warned.")
    since = context.memo.get("stopping") or context.now.isoformat()
    begun = replace(context.step, started=datetime.fromisoformat(since))
    outcome = presence.servers(replace(context, step=begun))
    return replace(outcome, memo={**context.memo, "stopping": since}) if outcome.state == "waiting" else outcome


# Back to sleep


def power_off(context: StepContext) -> Outcome:
    """A cluster that was woken for this goes back to sleep, unless it is wanted by now or somebody has begun to work on it.

    The stop that put it to sleep has seen to it that its password outlives the next start.
    """
    if not noted(context).woken:
        return done("It was on before; it stays on.")
    if context.memo.get("operation") is None and (stays := _wanted_on(context)):
        return done(stays)
    outcome = switch.power_off(context)
    if outcome.state == "done":
        HubStore(context.services.tables).update_power(
            context.spec.name, lambda record: replace(record, last_stop_ended=context.now)
        )
    return outcome


def _wanted_on(context: StepContext) -> str | None:
    hub = known(HubStore(context.services.tables).get(context.spec.name), context.spec.name)
    decision = desired_of(hub.stored_schedule, hub.power, context.now)
    if decision.state is PowerState.ON:
        return f"It stays on: {decision.reason}"
    try:
        found = presence.present(presence.hub_client(context).users(active_only=True), context.now)
    except (OutsideError, KeyError):
        return None
    return "It stays on: somebody has a server running. Its schedule stops it." if found.running else None
