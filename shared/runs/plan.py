"""The plan of a run: its steps, and which of them must be done before another can begin. Pure.

A run keeps its plan in its record, as it was when the run was asked for: an app of another version finishes the run by it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Step:
    """One step of a plan."""

    name: str
    title: str
    seconds: float
    """How long it usually takes in Azure, for the percentage and the expected end. Source: medians of the operations in the
    Azure CLI's test recordings."""
    after: tuple[str, ...] = ()
    """Steps that must be done before this one begins; steps that do not wait for each other run side by side."""
    longest: float = 0.0
    """Seconds after which a step that only waits is given up; 0: four times its usual length and an hour."""

    @property
    def timeout(self) -> float:
        return self.longest or 4 * self.seconds + 3600


type Plan = tuple[Step, ...]
"""A step stands behind the steps that it comes after."""


def ready(plan: Plan, done: set[str], begun: set[str]) -> list[str]:
    """The steps that can begin now: everything they come after is done, and they have not begun."""
    return [step.name for step in plan if step.name not in begun and set(step.after) <= done]


def chain(plan: Plan) -> float:
    """Seconds that the longest chain of steps usually takes: no run can be faster."""
    ends: dict[str, float] = {}
    for step in plan:
        ends[step.name] = step.seconds + max((ends[name] for name in step.after), default=0.0)
    return max(ends.values(), default=0.0)


def without(plan: Plan, names: Collection[str]) -> Plan:
    """The plan with these steps left out: a step that came after one of them comes after what that one came after."""
    before: dict[str, tuple[str, ...]] = {}
    kept: list[Step] = []
    for step in plan:
        after = tuple(dict.fromkeys(each for name in step.after for each in before.get(name, (name,))))
        if step.name in names:
            before[step.name] = after
        else:
            kept.append(replace(step, after=after))
    return tuple(kept)
