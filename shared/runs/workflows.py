"""The kinds of runs that there are. Each package registers its own: the engine knows no step.

A workflow's functions are loaded at the first call of a step, because they need SDKs that a cold start should not pay for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from shared.runs.model import Kind, Outcome, Run
from shared.runs.plan import Plan

if TYPE_CHECKING:
    from shared.hubs.store import HubRecord, Phase
    from shared.notifications.notify import PendingEvent
    from shared.runs.context import StepContext
    from shared.services import Services

type StepFunction = Callable[[StepContext], Outcome]
"""One idempotent step: looks at what is there and does what is missing. It may be called any number of times."""

type FollowUp = Callable[[Services, Run, HubRecord, datetime], list[PendingEvent]]
"""The follow-up of a run's end (UTC), before people see it; answers the events that are to be delivered."""


@dataclass(frozen=True)
class Workflow:
    """How runs of one kind are done. steps: every step that such a run may have."""

    kind: Kind
    steps: Plan
    functions: Callable[[], Mapping[str, StepFunction]]
    follow_up: Callable[[], FollowUp]
    plan: "Callable[[HubRecord], Plan] | None" = None
    """The steps that a run on this hub needs; None: all of them."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Former names of steps, each with today's: runs that were asked for of an earlier version have the former ones."""
    hub_at_work: "Phase | None" = None
    """The hub's phase while the run works; None leaves it as it is. Such a run decides whether the hub is complete."""
    forgets_hub: bool = False
    """The hub is forgotten when the run has succeeded."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which a run may have one of the steps."""
        return (*(step.name for step in self.steps), *self.aliases)

    def plan_for(self, hub: "HubRecord") -> Plan:
        return self.plan(hub) if self.plan else self.steps

    def function(self, name: str) -> StepFunction:
        return self.functions()[self.aliases.get(name, name)]


_registered: dict[Kind, Workflow] = {}


def register(workflow: Workflow) -> Workflow:
    """Makes a kind of run known to the engine; the last one registered of a kind holds."""
    _registered[workflow.kind] = workflow
    return workflow


def workflow(kind: Kind) -> Workflow:
    """Raises KeyError for a kind that no package has registered (shared.workflows imports them all)."""
    return _registered[kind]


def workflows() -> Iterator[Workflow]:
    yield from _registered.values()


def activity_name(kind: Kind, step: str) -> str:
    """The function that does the step, as the workflow engine and Azure's monitoring know it."""
    return f"{kind.value}_{step.replace('-', '_')}"
