"""Another pool of nodes, and what is left of it after a failure at any point; the checks that stand before it."""

from dataclasses import replace
from typing import Any

import pytest

from shared.azure.compute import Disk, VmSize
from shared.checks import nodes
from shared.checks.upgrade import examine
from shared.errors import PermanentError, TemporaryError
from shared.hubs.spec.validation import parse
from shared.hubs.status.parts import NodePools
from shared.lifecycle.upgrade import cluster as upgrade_cluster
from shared.lifecycle.upgrade import nodes as upgrade_nodes
from shared.lifecycle.upgrade import pool as upgrade_pool
from shared.resources.cluster import extra_pools
from shared.runs.model import StepState
from tests.fakes.azure import OWNED, Azure, pod, profile
from tests.fakes.nodes import Lab, lab

BIG = "Standard_D4s_v3"


MOVE = {"vmSize": BIG, "nodePool": "nodepool2", "nodeCount": 2}


def test_the_new_pool_is_the_hubs_once_its_nodes_are_ready() -> None:
    made = lab(MOVE)
    made.azure.unready = {"nodepool2"}
    step = StepState("step")
    for _ in range(4):
        outcome = made.call(upgrade_pool.ensure_new_pool, step)
        step = replace(step, checkpoint=outcome.checkpoint)
        assert made.spec.cluster.node_pool == "nodepool1", "what is not there yet became the hub's"
    assert "0 of 2 nodes of nodepool2 are ready" in outcome.message
    assert made.status.node_pools.extra == ("nodepool2",)
    made.azure.unready = set()
    assert made.to_the_end(upgrade_pool.ensure_new_pool).state == "done"
    cluster = made.spec.cluster
    assert (cluster.node_pool, cluster.vm_size, cluster.node_count) == ("nodepool2", BIG, 2)
    assert extra_pools(made.status, made.spec) == ["nodepool1"]
    assert made.azure.asked == ["put nodepool2", "cordon nodepool1-node"]
    pool = made.azure.pools["nodepool2"]
    assert (pool["count"], pool["vmSize"], pool["orchestratorVersion"], pool["mode"]) == (2, BIG, "1.35.5", "System")
    assert pool["tags"] == OWNED
    assert "/subnets/r5-subnet" in pool["vnetSubnetID"]
    assert made.to_the_end(upgrade_pool.ensure_new_pool).message == "The node pool stays."


def test_a_pool_that_came_to_a_bad_end_is_asked_for_once_more() -> None:
    made = lab(MOVE, Azure({"nodepool1": profile(), "nodepool2": profile("nodepool2", provisioningState="Failed")}))
    made.place.hubs.record("r5", NodePools(("nodepool2",)))
    assert made.call(upgrade_pool.ensure_new_pool).state == "waiting"
    assert made.azure.asked == ["put nodepool2"]


@pytest.mark.parametrize(
    "cut", ["put nodepool2", "cordon nodepool1-node", "evict hub", "delete nodepool1", "nothing at all"]
)
def test_cut_off_anywhere_the_pool_is_replaced_once_in_the_end(cut: str) -> None:
    made = lab(MOVE)
    made.azure.pods = [pod("hub", "nodepool1-node")]
    made.azure.fails = {cut: TemporaryError("Azure", "ConnectionFailed", "cut off")}
    for step in (upgrade_pool.ensure_new_pool, upgrade_pool.delete_old_pool):
        try:
            made.to_the_end(step)
        except TemporaryError:
            made.to_the_end(step)
    assert list(made.azure.pools) == [made.spec.cluster.node_pool] == ["nodepool2"]
    assert extra_pools(made.status, made.spec) == []
    assert made.azure.pods == []


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_somebody_elses_pool_is_left_alone(state: str) -> None:
    made = lab(MOVE, Azure({"nodepool1": profile(), "nodepool2": profile("nodepool2", provisioningState=state)}))
    outcome = made.to_the_end(upgrade_pool.ensure_new_pool)
    assert outcome.fault
    assert outcome.fault.code == "PoolExists"
    assert "cluster.nodePool in the same request" in outcome.fault.advice
    assert made.azure.asked == []


@pytest.mark.parametrize(
    ("autoscale", "there", "count"),
    [(None, 5, 2), ({"min": 1, "max": 6}, 5, 5), ({"min": 1, "max": 4}, 5, 4), ({"min": 2, "max": 4}, 1, 2)],
)
def test_everybody_finds_room_on_the_new_nodes(autoscale: dict[str, int] | None, there: int, count: int) -> None:
    made = lab(MOVE | ({"autoscale": autoscale} if autoscale else {}), Azure({"nodepool1": profile(count=there)}))
    assert made.to_the_end(upgrade_pool.ensure_new_pool).state == "done"
    assert made.azure.pools["nodepool2"]["count"] == count
    assert made.azure.pools["nodepool2"].get("enableAutoScaling", False) is bool(autoscale)


def left_over(**pods: str) -> Lab:
    """The new pool is the hub's; pods are on the old one."""
    made = lab(
        {"nodePool": "nodepool2", "vmSize": BIG},
        Azure({"nodepool1": profile(), "nodepool2": profile("nodepool2")}),
        old={"cluster": {"nodePool": "nodepool2", "vmSize": BIG}},
    )
    made.place.hubs.record("r5", NodePools(("nodepool1", "nodepool2")))
    made.azure.pods = [pod(name, f"{node}-node") for name, node in pods.items()]
    return made


def test_the_old_pool_is_emptied_before_it_goes() -> None:
    made = left_over(hub="nodepool1", proxy="nodepool1", other="nodepool2")
    assert made.to_the_end(upgrade_pool.delete_old_pool).message == "Deleted: nodepool1."
    assert made.azure.asked == ["cordon nodepool1-node", "evict hub", "evict proxy", "delete nodepool1"]
    assert [each["metadata"]["name"] for each in made.azure.pods] == ["other"]
    assert made.status.node_pools.extra == ()
    assert made.to_the_end(upgrade_pool.delete_old_pool).message == "There is no old pool to delete."


def test_what_its_budget_keeps_is_waited_for_and_then_named() -> None:
    made = left_over(hub="nodepool1")
    made.azure.kept = {"hub"}
    begun = made.place.clock.now()
    outcome = made.to_the_end(upgrade_pool.delete_old_pool)
    assert outcome.fault
    assert outcome.fault.code == "PodsStay"
    assert "The disruption budget of hub needs 1 healthy pods" in outcome.fault.message
    assert "nodepool1 still exists, costs" in outcome.fault.message
    assert "another replica" in outcome.fault.advice
    assert "retry the run" in outcome.fault.advice
    assert 30 <= (made.place.clock.now() - begun).total_seconds() / 60 <= 31
    assert "delete nodepool1" not in made.azure.asked
    assert extra_pools(made.status, made.spec) == ["nodepool1"]
    made.azure.kept = set()
    assert made.to_the_end(upgrade_pool.delete_old_pool).state == "done", "a retry does not go on"


def test_a_pod_that_does_not_end_is_named_too() -> None:
    made = left_over()
    made.azure.pods = [pod("stuck", "nodepool1-node", deletionTimestamp="2026-11-23T08:00:00Z")]
    outcome = made.to_the_end(upgrade_pool.delete_old_pool)
    assert outcome.fault
    assert "jhub/stuck" in outcome.fault.message
    assert "--force" in outcome.fault.advice


def test_the_tier_is_one_request() -> None:
    made = lab({"tier": "Standard"})
    assert made.to_the_end(upgrade_cluster.upgrade_cluster).message == "The cluster has the tier Standard."
    assert (made.azure.asked, made.azure.tier, made.spec.cluster.tier) == (["put cluster"], "Standard", "Standard")
    assert made.to_the_end(upgrade_cluster.upgrade_cluster).message == "Kubernetes stays as it is."


# Rules on the scale set


RULES = {"mode": "vmss-cpu", "min": 3, "max": 6}
SETTING = "r5-nodepool1-cpu"


def settings(azure: Azure) -> dict[str, Any]:
    return {each["name"]: each["properties"] for key, each in azure.resources.items() if "/autoscalesettings/" in key}


def test_rules_are_set_and_follow_the_pool() -> None:
    made = lab({"autoscale": RULES})
    assert made.to_the_end(upgrade_nodes.scale_pool).state == "done"
    assert made.spec.cluster.autoscale is None, "rules that are not there became the hub's"
    assert "3 to 6 nodes" in made.to_the_end(upgrade_nodes.update_rules).message
    assert made.spec.cluster.rules.max == 6
    own = settings(made.azure)[SETTING]
    assert own["targetResourceUri"] == "/subscriptions/s/x/aks-nodepool1-vmss"
    assert [rule["metricTrigger"]["timeWindow"] for rule in own["profiles"][0]["rules"]] == ["PT10M", "PT10M"]
    assert not made.azure.pools["nodepool1"].get("enableAutoScaling")

    moved = lab({"autoscale": RULES, **MOVE, "nodeCount": 3}, made.azure, old={"cluster": {"autoscale": RULES}})
    assert moved.to_the_end(upgrade_pool.ensure_new_pool).state == "done"
    assert settings(moved.azure)[SETTING]["enabled"] is False, "rules count nodes while these change"
    assert moved.to_the_end(upgrade_nodes.scale_pool).state == "done"
    assert moved.to_the_end(upgrade_nodes.update_rules).state == "done"
    assert {name: own["enabled"] for name, own in settings(moved.azure).items()} == {"r5-nodepool2-cpu": True}


@pytest.mark.parametrize("autoscale", [{"min": 3, "max": 6}, None])
def test_rules_are_off_before_aks_autoscaler_is_on_and_gone_afterwards(autoscale: dict[str, int] | None) -> None:
    made = lab({"autoscale": RULES})
    made.to_the_end(upgrade_nodes.update_rules)
    after = lab({"autoscale": autoscale}, made.azure, old={"cluster": {"autoscale": RULES}})
    after.azure.asked.clear()
    assert after.to_the_end(upgrade_nodes.scale_pool).state == "done"
    assert after.to_the_end(upgrade_nodes.update_rules).message == "The rules on the scale set are deleted."
    assert after.azure.asked[0] == f"put {SETTING}" or autoscale is None
    assert after.azure.asked[-1] == f"delete {SETTING}"
    assert settings(after.azure) == {}
    assert bool(after.azure.pools["nodepool1"].get("enableAutoScaling")) is bool(autoscale)
    assert after.spec.cluster.rules is None


def test_a_provider_nobody_uses_yet_is_registered_first() -> None:
    made = lab({"autoscale": RULES}, Azure(registered=False))
    outcome = made.call(upgrade_nodes.update_rules)
    assert (outcome.state, outcome.message) == ("waiting", "Registering microsoft.insights")
    assert made.azure.asked == ["register microsoft.insights"]


def test_a_pool_without_a_scale_set_is_told() -> None:
    made = lab({"autoscale": RULES}, Azure({}))
    with pytest.raises(PermanentError, match="no scale set of the pool nodepool1"):
        made.call(upgrade_nodes.update_rules)


# Before anything is touched


def examined(made: Lab, *, given: bool = False) -> Any:
    made.place.adapters |= made.azure.adapters()
    hub = made.place.hub()
    wanted = parse(dict(made.run.wanted or {}), "westus")
    return examine(made.place.services, hub, nodes.named(made.place.services, hub, wanted, given=given))


def test_the_new_pool_gets_the_next_free_name_unless_it_is_given_one() -> None:
    made = lab({"vmSize": BIG}, Azure({"nodepool1": profile(), "nodepool2": profile("nodepool2", mode="User")}))
    found = examined(made)
    assert found.against == ()
    assert {change.field: change.after for change in found.plan.changes}["cluster.nodePool"] == "nodepool3"
    taken = examined(lab({"vmSize": BIG, "nodePool": "big"}))
    assert {change.field: change.after for change in taken.plan.changes}["cluster.nodePool"] == "big"


def test_a_change_that_did_not_end_goes_on_with_the_pool_that_it_made() -> None:
    azure = Azure({"nodepool1": profile(), "nodepool2": profile("nodepool2", vmSize=BIG)})
    made = lab({"vmSize": BIG}, azure)
    made.place.hubs.record("r5", NodePools(("nodepool2",)))
    found = examined(made)
    assert found.against == ()
    assert {change.field: change.after for change in found.plan.changes}["cluster.nodePool"] == "nodepool2"


def test_what_is_left_over_is_a_change_of_its_own() -> None:
    made = left_over()
    found = examined(made)
    (change,) = found.plan.changes
    assert (change.field, change.before, change.after) == ("cluster.nodePool", "nodepool1", "nodepool2")
    assert found.plan.needs_run
    made.place.hubs.record("r5", NodePools())
    assert examined(made).plan.changes == ()


PREMIUM = [Disk("pvc-1", "Premium_LRS", attached=True), Disk("pvc-2", "StandardSSD_LRS", attached=True)]


@pytest.mark.parametrize(
    ("size", "azure", "code", "message", "advice"),
    [
        (VmSize(BIG, 4, 16.0, "family", 8, ("NotAvailableForSubscription",)), {}, "SkuNotAvailable", BIG, "list-skus"),
        (VmSize(BIG, 1, 2.0, "family", 2, ()), {}, "SizeTooSmall", "at least 2 and 4", "larger"),
        (VmSize(BIG, 4, 16.0, "family", 8, ()), {"limit": 13}, "QuotaExceeded", "8 vCPUs", "side by side"),
        (
            VmSize(BIG, 4, 16.0, "family", 8, (), premium=False),
            {"disks_there": PREMIUM},
            "DisksRefused",
            "pvc-1",
            "an s in its name",
        ),
        (
            VmSize(BIG, 4, 16.0, "family", 0, ()),
            {"disks_there": PREMIUM[1:]},
            "DisksRefused",
            "1 are attached",
            "more data disks",
        ),
    ],
)
def test_a_size_that_cannot_be_is_refused(
    size: VmSize, azure: dict[str, Any], code: str, message: str, advice: str
) -> None:
    made = lab({"vmSize": BIG, "nodeCount": 2}, Azure(sizes={BIG: size}, **azure))
    (refusal,) = examined(made).against
    assert (refusal.code, refusal.field) == (code, "cluster.vmSize")
    assert message in refusal.message
    assert advice in refusal.advice


def test_other_processors_are_worth_a_warning() -> None:
    arm = VmSize(BIG, 4, 16.0, "family", 8, (), architecture="Arm64")
    found = examined(lab({"vmSize": BIG}, Azure(sizes={BIG: arm})))
    assert found.against == ()
    assert any("Arm64" in warning for warning in found.warnings)


def test_a_subnet_too_small_for_both_pools_is_refused() -> None:
    made = lab({"vmSize": BIG}, Azure(subnet="10.240.0.0/25"))
    (refusal,) = examined(made).against
    assert refusal.code == "SubnetTooSmall"
    assert "123 addresses" in refusal.message
    assert "fewer nodes" in refusal.advice


def test_somebody_elses_pool_of_that_name_is_refused() -> None:
    made = lab(MOVE, Azure({"nodepool1": profile(), "nodepool2": profile("nodepool2")}))
    (refusal,) = examined(made, given=True).against
    assert (refusal.code, refusal.field) == ("PoolExists", "cluster.nodePool")


@pytest.mark.parametrize(
    ("autoscale", "reason"), [({"min": 3, "max": 6}, "Microsoft asks"), (RULES, "one setting for a scale set")]
)
def test_rules_that_somebody_else_made_stand_against_autoscaling(autoscale: dict[str, Any], reason: str) -> None:
    made = lab({"autoscale": autoscale})
    foreign = {"targetResourceUri": "/subscriptions/s/x/AKS-nodepool1-vmss", "enabled": True}
    made.azure.resources["/x/autoscalesettings/by-hand"] = {"id": "x", "name": "by-hand", "properties": foreign}
    (refusal,) = examined(made).against
    assert (refusal.code, refusal.field) == ("ScaleSetRules", "cluster.autoscale")
    assert reason in refusal.message
    assert "az monitor autoscale delete" in refusal.advice
    assert "--name by-hand" in refusal.advice
    foreign["enabled"] = False
    assert examined(made).against == ()
