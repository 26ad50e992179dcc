"""What a change of a hub consists of: its parts in the order in which they are made, and what stands against it. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.problem import Problem


class How(StrEnum):
    """In the order in which a run makes them: what the release stands on comes before it."""

    IDENTITY = "cluster identity"
    REPLACE = "pool replacement"
    """Another pool of nodes is made, and the old one removed."""
    TIER = "cluster tier"
    KUBERNETES = "kubernetes upgrade"
    SCALE = "pool scale"
    AUTOSCALE = "pool autoscaling"
    TAGS = "tags"
    NAME = "DNS record"
    HELM = "helm upgrade"
    SCHEDULE = "schedule"
    RECORD = "record"
    """Nothing is done to the hub: its specification alone says something else."""


NO_RUN = frozenset({How.SCHEDULE, How.RECORD})


@dataclass(frozen=True)
class Change:
    """One field that becomes another. interruption: a sentence for people; "none" when nobody notices."""

    field: str
    before: Any
    after: Any
    how: How
    interruption: str
    disruptive: bool = False
    """Whether users' servers end by it."""

    def wire(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "from": self.before,
            "to": self.after,
            "how": self.how.value,
            "interruption": self.interruption,
        }


@dataclass(frozen=True)
class Plan:
    changes: tuple[Change, ...] = ()
    refusals: tuple[Problem, ...] = ()
    """Fields that cannot be changed, each with why and the way around."""

    def has(self, *hows: How) -> bool:
        return any(change.how in hows for change in self.changes)

    @property
    def needs_run(self) -> bool:
        return any(change.how not in NO_RUN for change in self.changes)

    @property
    def disruptive(self) -> bool:
        return any(change.disruptive for change in self.changes)

    def joined(self, more: Sequence[Change]) -> "Plan":
        """With these changes too, in the order in which they are made."""
        order = list(How)
        return Plan(tuple(sorted((*self.changes, *more), key=lambda change: order.index(change.how))), self.refusals)

    def wire(self) -> list[dict[str, Any]]:
        return [change.wire() for change in self.changes]
