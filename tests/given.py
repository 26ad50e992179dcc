"""What tests of runs are given: a hub, a run, a clock that stands, an engine that notes what it is told, adapters as named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from durabletask.client import OrchestrationStatus

from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse
from shared.hubs.status.parts import Part
from shared.hubs.store import HubRecord, HubStore
from shared.runs.commands import Commands
from shared.runs.context import StepContext
from shared.runs.engine import Engine
from shared.runs.model import Kind, Run, StepState, StepStatus
from shared.runs.store import RunStore, new_id
from shared.services import Services
from shared.settings import Settings
from shared.workflows import workflow
from tests.fakes.memory import MemoryTables

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
"""A Monday."""
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SUFFIX = "cloudapp.azure.com"
"""The public names of addresses end with it."""
OFFICE = {
    "timezone": "UTC",
    "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}],
}


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now

    def advance(self, **duration: float) -> None:
        self._now += timedelta(**duration)


class EngineClient:
    """`started`: instances in order, an instance twice when it was asked for twice. `states`: what is known of an instance."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.orders: list[dict[str, Any]] = []
        self.states: dict[str, OrchestrationStatus] = {}

    def schedule_new_orchestration(self, orchestrator: str, /, *, input: Any, instance_id: str) -> str:  # noqa: A002 - its name
        assert orchestrator == "run"
        self.started.append(instance_id)
        self.orders.append(input)
        self.states[instance_id] = OrchestrationStatus.RUNNING
        return instance_id

    def get_orchestration_state(self, instance_id: str, /, *, fetch_payloads: bool = True) -> Any:
        known = self.states.get(instance_id)
        return SimpleNamespace(runtime_status=known) if known else None


def services(clock: Clock, tables: Any = None, **adapters: Any) -> Services:
    """With the given adapters in place of the real ones; one that was not given fails when it is first used."""
    made = Services(Settings(SUBSCRIPTION, "tenant", "https://vault.example"), clock)
    vars(made).update({"tables": tables or MemoryTables(), "credential": None, **adapters})
    return made


def spec(name: str = "r5", **more: Any) -> Hub:
    return parse({"name": name, **more}, "westus")


def run_of(kind: Kind, *, hub: str = "r5", steps: dict[str, StepState] | None = None, **more: Any) -> Run:
    """Asked for at NOW, with every step of its kind. `steps`: those that are not waiting."""
    plan = more.get("plan", workflow(kind).steps)
    states = tuple((steps or {}).get(step.name, StepState(step.name)) for step in plan)
    fields: dict[str, Any] = {"requested": NOW, "requested_by": "ann", "reason": "because", "plan": plan, **more}
    return Run(id=new_id(hub, fields["requested"]), hub=hub, kind=kind, steps=states, **fields)


def succeeded(name: str, started: datetime, ended: datetime) -> StepState:
    return StepState(name, StepStatus.SUCCEEDED, started, ended)


@dataclass
class Place:
    """Tables, clock and engine of a product without clouds."""

    clock: Clock = field(default_factory=Clock)
    tables: Any = field(default_factory=MemoryTables)
    client: EngineClient = field(default_factory=EngineClient)
    adapters: dict[str, Any] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return services(self.clock, self.tables, **self.adapters)

    @property
    def engine(self) -> Engine:
        return Engine(self.client)

    @property
    def commands(self) -> Commands:
        return Commands(self.services, self.engine, "ann")

    @property
    def hubs(self) -> HubStore:
        return HubStore(self.tables)

    @property
    def runs(self) -> RunStore:
        return RunStore(self.tables)

    def hub(self, name: str = "r5") -> HubRecord:
        found = self.hubs.get(name)
        assert found is not None
        return found

    def ready(self, name: str = "r5", parts: Sequence[Part] = (), **more: Any) -> HubRecord:
        """A hub that is made, with nothing open on it. parts: of its status."""
        self.hubs.insert(spec(name, **more), self.clock.now(), "made-by-hand")
        self.hubs.release(name, "made-by-hand", "ready")
        if parts:
            self.hubs.record(name, *parts)
        return self.hub(name)

    def meanwhile(self, table: str, act: Callable[[], object]) -> None:
        """Somebody else is faster: `act` happens just before the table's next write that depends on a read."""
        self.tables.table(table).meanwhile = act

    def context(self, run: Run, step: StepState, **seconds: float) -> StepContext:
        """A call of a step that began now minus `elapsed` seconds."""
        started = self.clock.now() - timedelta(seconds=seconds.get("elapsed", 0))
        return StepContext(self.services, self.hub(run.hub), run, replace(step, started=started), self.clock.now())
