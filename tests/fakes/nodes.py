"""The systems of a change of nodes, and a hub on which its steps are called."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from shared.hubs.spec.validation import parse
from shared.hubs.status.model import Status
from shared.hubs.status.parts import Cluster, Release, Upgrade, Urls
from shared.runs.model import Kind, Outcome, Run, StepState
from tests.fakes.azure import Azure
from tests.given import Place, run_of

KNOWN = (Release(chart="4.4.0"), Cluster(kubernetes="1.35.5"), Urls("http://r5.example/"))


@dataclass
class Lab:
    """One upgrade of hub r5, step by step."""

    place: Place
    run: Run
    azure: Azure = field(default_factory=Azure)

    def call(self, function: Any, step: StepState | None = None) -> Outcome:
        self.place.adapters |= self.azure.adapters()
        begun = (step or StepState("step")).begun(self.place.clock.now())
        outcome: Outcome = function(replace(self.place.context(self.run, begun), step=begun))
        return outcome

    def to_the_end(self, function: Any, hours: float = 3) -> Outcome:
        """Calls the step as the engine does, until it has ended."""
        step = StepState("step").begun(self.place.clock.now())
        until = self.place.clock.now() + timedelta(hours=hours)
        while self.place.clock.now() < until:
            outcome = self.call(function, step)
            if outcome.state != "waiting":
                return outcome
            step = replace(step, checkpoint=outcome.checkpoint)
            self.place.clock.advance(seconds=outcome.after)
        raise AssertionError(outcome)

    @property
    def spec(self) -> Any:
        return self.place.hub().spec

    @property
    def status(self) -> Status:
        return self.place.hub().status


def lab(cluster: dict[str, Any] | None = None, azure: Azure | None = None, **more: Any) -> Lab:
    """cluster: what is to change in it; more: other fields of the hub that is wanted. `old`: of the hub that is there."""
    place = Place()
    old = more.pop("old", {})
    before = place.ready(parts=KNOWN, auth="none", **old).spec
    body = before.wire()
    body["cluster"] |= cluster or {}
    run = run_of(Kind.UPGRADE, wanted=parse(body | more, "westus").wire())
    place.runs.insert(run)
    place.hubs.record("r5", Upgrade(run.id))
    return Lab(place, run, azure or Azure())
