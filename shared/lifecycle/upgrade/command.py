"""PATCH /hubs/{name}: from a merge patch to its changes, the problems that block it, and its run."""

from dataclasses import dataclass
from typing import Any

from shared.checks.nodes import named
from shared.checks.upgrade import Examined, examine
from shared.errors import DomainError, InvalidError, RefusedError
from shared.hubs.admission import admit, too_large
from shared.hubs.chart import access
from shared.hubs.patch.planning import How, another_flavor, merge_patch
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import invalid
from shared.hubs.spec.validation import warnings as cautions
from shared.hubs.store import HubRecord, HubStore, known
from shared.lifecycle.upgrade.plan import plan as plan_of
from shared.lifecycle.upgrade.steps import STEPS
from shared.power.commands import PowerCommands
from shared.problem import Problem, joined_advice, wrong
from shared.runs.commands import BusyError, Commands, busy
from shared.runs.model import Kind, Run
from shared.runs.plan import Plan, chain

USUAL_SECONDS = {
    How.IDENTITY: 600.0,
    How.REPLACE: 900.0,
    How.TIER: 110.0,
    How.KUBERNETES: 1300.0,
    How.SCALE: 170.0,
    How.AUTOSCALE: 170.0,
    How.TAGS: 10.0,
    How.NAME: 60.0,
    How.HELM: 60.0,
}
"""How long each kind of change usually takes in Azure (medians of recorded operations); a Kubernetes version each time.

IDENTITY: 125 s for the control plane, 463 s for the nodes' image. REPLACE: 204 s for a pool, 50 s to delete one, and ten
minutes for its pods to leave and disks to follow.
"""


_BEFORE = chain(tuple(step for step in STEPS if step.name in ("check", "rest", "power-on", "credentials", "backup")))
"""Seconds until the first change begins."""


def refused(against: tuple[Problem, ...]) -> DomainError:
    """The refusal of a change that this hub cannot have, with every field that blocks it."""
    first = against[0]
    listed = "; ".join(f"{problem.field}: {problem.message}" for problem in against)
    summary = Problem(first.code, f"The hub cannot be changed so: {listed}.", joined_advice(against))
    return InvalidError(summary, against) if first.code == "ValuesRefused" else RefusedError(summary, against)


@dataclass(frozen=True)
class Upgrade:
    """The result of a patch. wanted: the whole specification asked for; `url` and `callbackUrl` are the future ones."""

    hub: HubRecord
    wanted: Hub
    examined: Examined
    warnings: list[str]
    dns_suffix: str = access.DNS_SUFFIX

    def wire(self) -> dict[str, Any]:
        changes = self.examined.plan.changes
        where = access.reach(self.wanted, self.dns_suffix, access.Known.of(self.hub.status))
        versions = sum(change.how is How.KUBERNETES for change in changes)
        once = {change.how for change in changes} - {How.KUBERNETES}
        seconds = versions * USUAL_SECONDS[How.KUBERNETES] + sum(USUAL_SECONDS.get(how, 0.0) for how in once)
        return {
            "possible": not self.examined.against,
            "changes": self.examined.plan.wire(),
            "findings": [problem.wire() for problem in self.examined.against],
            "warnings": [*self.warnings, *self.examined.warnings],
            "spec": self.wanted.wire(),
            "url": where.opened,
            "callbackUrl": where.callback,
            "steps": [{"name": step.name, "title": step.title, "after": list(step.after)} for step in self.steps],
            "usualSeconds": seconds + _BEFORE if self.steps else 0.0,
        }

    @property
    def steps(self) -> Plan:
        """The steps of the run that makes the changes; none when no run is needed."""
        changes = self.examined.plan
        return plan_of(self.hub.spec, self.wanted, changes) if changes.needs_run else ()


def prepare(commands: Commands, name: str, patch: Any) -> Upgrade:
    """Reads Azure, changes nothing. Raises InvalidError, RefusedError, BusyError, and what the adapters do."""
    hub = known(HubStore(commands.services.tables).get(name), name)
    if not isinstance(patch, dict):
        raise invalid([wrong("", "the body must be a JSON object: a merge patch (RFC 7396)", "WrongType")])
    if hub.phase != "ready":
        raise commands.not_ready(hub)
    if refusal := another_flavor(hub.spec, patch):
        raise refused((refusal,))
    wanted, warnings = _admitted(commands, hub, patch)
    suffix = commands.services.settings.dns_suffix
    return Upgrade(hub, wanted, examine(commands.services, hub, wanted), warnings, suffix)


def _admitted(commands: Commands, hub: HubRecord, patch: dict[str, Any]) -> tuple[Hub, list[str]]:
    """A schedule that the patch does not touch is not looked at: it may be one that can no longer be read."""
    body = merge_patch(_of_one_kind(hub.spec.wire(), patch), patch)
    if "schedule" not in patch:
        body.pop("schedule", None)
    services = commands.services
    wanted, warnings = admit(body, hub.spec.location, services.clock.now(), services.settings.subscription_id)
    if "schedule" not in patch:
        wanted = wanted.model_copy(update={"schedule": hub.spec.schedule})
    wanted = named(services, hub, wanted, given="nodePool" in (patch.get("cluster") or {}))
    if large := list(too_large(wanted)):
        raise invalid(large)
    known_already = cautions(hub.spec)
    return wanted, [warning for warning in warnings if warning not in known_already]


def _of_one_kind(spec: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Without the identity, when the patch asks for one of another kind: name and secret of the one are none of the other."""
    asked = patch.get("identity")
    other = isinstance(asked, dict) and "type" in asked and asked["type"] != spec["identity"]["type"]
    return {name: value for name, value in spec.items() if name != "identity"} if other else spec


def begin(commands: Commands, upgrade: Upgrade) -> Run | None:
    """The run that does it; None when nothing has to be done to the hub, and its specification is saved already.

    Raises RefusedError, BusyError.
    """
    if upgrade.examined.against:
        raise refused(upgrade.examined.against)
    name, plan = upgrade.hub.name, upgrade.examined.plan
    run = None
    if plan.needs_run:
        what = ", ".join(dict.fromkeys(change.field for change in plan.changes if change.how is not How.SCHEDULE))
        warnings = [*upgrade.warnings, *upgrade.examined.warnings]
        run = _run(commands, upgrade, warnings, f"asked for by PATCH /api/hubs: {what}"[:500])
    elif upgrade.hub.open_run and plan.has(How.RECORD):
        raise BusyError("RunOpen", f"Run {upgrade.hub.open_run} is at work on hub {name}.", "Wait until it has ended.")
    elif plan.has(How.RECORD):
        commands.hubs.adopt(name, lambda spec: upgrade.wanted.model_copy(update={"schedule": spec.schedule}))
    if plan.has(How.SCHEDULE):
        PowerCommands(commands).set_schedule(name, upgrade.wanted.schedule)
    return run


def _run(commands: Commands, upgrade: Upgrade, warnings: list[str], reason: str) -> Run:
    """Asking again for the same while it runs is the same run. Raises BusyError."""
    hub = known(commands.hubs.get(upgrade.hub.name), upgrade.hub.name)
    wanted = upgrade.wanted.model_copy(update={"schedule": None}).wire()
    if hub.open_run:
        current = commands.runs.get(hub.open_run)
        if current.kind is Kind.UPGRADE and current.wanted == wanted:
            return current
        raise busy(hub)
    run = commands.new(hub.name, Kind.UPGRADE, reason, upgrade.steps, wanted=wanted, warnings=tuple(warnings))
    return commands.start(hub, run)
