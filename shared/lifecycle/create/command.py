"""A create is asked for."""

from shared.errors import ConflictError
from shared.hubs.spec.model import Hub
from shared.hubs.store import HubRecord, known
from shared.lifecycle.create.plan import plan
from shared.runs.commands import BusyError, Commands, busy
from shared.runs.model import Kind, Run
from shared.runs.recovery import never_answered, otherwise


def create(commands: Commands, spec: Hub, warnings: list[str], reason: str) -> Run:
    """A new hub's first run. The same specification again is the same run; another one raises BusyError."""
    if existing := commands.hubs.get(spec.name):
        return _same(commands, existing, spec)
    steps = plan(spec, commands.services.settings.dns_suffix)
    run = commands.new(spec.name, Kind.CREATE, reason, steps, warnings=tuple(warnings))
    commands.runs.insert(run)
    try:
        commands.hubs.insert(spec, run.requested, run.id)
    except ConflictError:
        commands.runs.delete(run.id)
        return _same(commands, known(commands.hubs.get(spec.name), spec.name), spec)
    commands.engine.start(run)
    return run


def _same(commands: Commands, existing: HubRecord, spec: Hub) -> Run:
    if existing.spec != spec:
        raise BusyError(
            "HubExists",
            f"A hub named {spec.name} exists with another specification.",
            _how_to_have(commands, existing),
        )
    if existing.phase == "deleting" or not existing.last_run:
        raise busy(existing)
    first = next((run for run in commands.runs.of_hub(spec.name, 100) if run.kind is Kind.CREATE), None)
    return first or commands.runs.get(existing.last_run)


def _how_to_have(commands: Commands, existing: HubRecord) -> str:
    """The way to the other specification: nothing that people have worked in is proposed for deletion."""
    shown = f"GET /api/hubs/{existing.name} shows it"
    last = commands.latest(existing)
    if last and last.status.ended and never_answered(last):
        return f"{shown}; its create has not succeeded. {otherwise(existing.name, 'this specification')}"
    return f"{shown}, and PATCH changes it. Choose another name for another hub."
