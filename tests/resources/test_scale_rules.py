"""Rules on a scale set while its cluster is switched: off before it stops, on when it runs, and in nobody's way."""

from typing import Any

import pytest

from shared.azure.listing import Listing
from shared.errors import PermanentError, TemporaryError
from shared.lifecycle.create import cluster
from shared.power.switch import TRY_AGAIN, start_cluster, stop_cluster
from shared.resources import scale_rules
from shared.runs.model import Kind, Outcome, StepState
from tests.fakes.adapters import Clusters, failed
from tests.fakes.azure import Azure
from tests.given import Place, run_of

RULES = {"mode": "vmss-cpu", "min": 3, "max": 6}
SETTING = "r5-nodepool1-cpu"
REFUSED = PermanentError("Azure Resource Manager", "AuthorizationFailed", "may not write autoscale settings")


class Site:
    """Hub r5 with rules on its scale set, made by its create."""

    def __init__(self, power: str, **more: Any) -> None:
        self.azure = Azure(**more)
        self.clusters = Clusters(power=power)
        self.place = Place()
        self.place.adapters = self.azure.adapters() | {
            "clusters": self.clusters,
            "cluster_listing": Listing(self.clusters, self.place.clock),  # type: ignore[arg-type]  # a stand-in
        }
        self.place.ready(cluster={"autoscale": RULES})
        self.checkpoint: dict[str, Any] = {}
        assert self.call(Kind.CREATE, cluster.ensure_rules).state == "done"
        self.azure.asked.clear()

    def call(self, kind: Kind, step: Any) -> Outcome:
        outcome: Outcome = step(self.place.context(run_of(kind), StepState("step", checkpoint=self.checkpoint)))
        self.checkpoint = outcome.checkpoint
        return outcome

    @property
    def enabled(self) -> bool:
        (found,) = self.azure.resources.values()
        return bool(found["properties"]["enabled"])


def test_they_are_off_before_the_stop_is_asked_for() -> None:
    site = Site("Running")
    assert site.enabled
    site.call(Kind.STOP, stop_cluster)
    assert site.clusters.calls["stop"] == 1
    assert not site.enabled
    (found,) = site.azure.resources.values()
    assert found["tags"]["hubkeeper-hub"] == "r5"
    assert found["properties"]["profiles"][0]["capacity"] == {"minimum": "3", "maximum": "6", "default": "3"}


def test_a_stop_that_cannot_switch_them_off_does_not_stop() -> None:
    site = Site("Running")
    site.azure.fails = {f"put {SETTING}": REFUSED}
    with pytest.raises(PermanentError, match="autoscale settings"):
        site.call(Kind.STOP, stop_cluster)
    assert site.clusters.calls["stop"] == 0


def test_they_are_on_when_the_cluster_is() -> None:
    site = Site("Running")
    site.call(Kind.STOP, stop_cluster)
    site.clusters.state, site.clusters.power, site.checkpoint = "Succeeded", "Running", {}
    assert site.call(Kind.START, start_cluster).message == "The cluster r5 is on."
    assert site.enabled


def test_lost_ones_are_made_anew() -> None:
    site = Site("Running")
    site.azure.resources.clear()
    site.call(Kind.START, start_cluster)
    assert site.enabled


def test_rules_that_cannot_be_switched_on_keep_nobody_from_the_hub() -> None:
    site = Site("Running")
    site.azure.fails = {f"put {SETTING}": REFUSED}
    outcome = site.call(Kind.START, start_cluster)
    assert outcome.state == "done"
    assert "may not write autoscale settings" in outcome.message


def test_rules_of_that_name_that_others_made_are_left_as_they_are() -> None:
    site = Site("Running")
    (theirs,) = site.azure.resources.values()
    theirs["tags"] = {}
    with pytest.raises(PermanentError, match="not created by Hubkeeper"):
        site.call(Kind.CREATE, cluster.ensure_rules)
    site.checkpoint = {}
    outcome = site.call(Kind.START, start_cluster)
    assert outcome.state == "done"
    assert "not created by Hubkeeper" in outcome.message
    assert site.azure.asked == []


@pytest.mark.parametrize("also", [None, TemporaryError("Azure Resource Manager", "Throttled", "slow")])
def test_a_cluster_that_could_not_be_stopped_has_them_again(
    also: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site("Running")
    error = PermanentError("AKS", "OutOfCapacity", "none left")
    monkeypatch.setattr(Azure, "progress", lambda *_: failed(error))
    for _ in TRY_AGAIN:
        site.call(Kind.STOP, stop_cluster)
        site.clusters.state = "Failed"
        site.place.clock.advance(minutes=1)
        site.call(Kind.STOP, stop_cluster)
        assert not site.enabled
    site.call(Kind.STOP, stop_cluster)
    site.clusters.state = "Failed"
    site.place.clock.advance(minutes=1)
    site.azure.fails = {f"put {SETTING}": also} if also else {}
    with pytest.raises(PermanentError, match="none left"):
        site.call(Kind.STOP, stop_cluster)
    assert site.enabled is (also is None)


def test_a_create_registers_the_provider_for_them_alone() -> None:
    asked = {}
    for autoscale in (RULES, {"min": 3, "max": 6}):
        place, azure = Place(), Azure(registered=False)
        place.adapters = azure.adapters()
        place.ready(cluster={"autoscale": autoscale})
        outcome = cluster.register_providers(place.context(run_of(Kind.CREATE), StepState("providers")))
        assert outcome.state == "waiting"
        asked[autoscale.get("mode")] = "register microsoft.insights" in azure.asked
    assert asked == {"vmss-cpu": True, None: False}


def test_a_hub_without_rules_is_asked_nothing() -> None:
    place, azure = Place(), Azure()
    place.adapters = azure.adapters() | {"clusters": Clusters(), "arm": None, "quotas": None}
    place.ready()
    scale_rules.suspend(place.context(run_of(Kind.STOP), StepState("power-off")))
    assert scale_rules.resume(place.context(run_of(Kind.START), StepState("power-on"))) is None
