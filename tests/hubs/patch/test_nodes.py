"""What other nodes and another identity mean for a hub that is there."""

from typing import Any

import pytest

from shared import names
from shared.errors import InvalidError
from shared.hubs.patch.nodes import left_over
from shared.hubs.patch.planning import How, Plan, merge_patch, plan
from shared.hubs.spec.model import ONE_AUTOSCALER
from shared.hubs.spec.validation import parse, warnings
from tests.hubs.patch.given import hub, planned

RULES = {"mode": "vmss-cpu", "min": 3, "max": 6}
BROUGHT = {"clientId": "11111111-1111-1111-1111-111111111111", "secret": "secret://mine"}


def to_managed(old: dict[str, Any], patch: dict[str, Any] | None = None) -> Plan:
    before = hub(**old)
    body = {**merge_patch(before.wire(), patch or {}), "identity": "managed"}
    return plan(before, parse(body, "westus"), None)


@pytest.mark.parametrize(
    ("pool", "taken", "name"),
    [
        ("nodepool1", [], "nodepool2"),
        ("nodepool1", ["nodepool1", "NodePool2"], "nodepool3"),
        ("nodepool9", [], "nodepool10"),
        ("users", [], "users2"),
        ("abcdefghijkl", [], "abcdefghijk2"),
        ("abcdefghijk9", [], "abcdefghij10"),
        ("p20260105", [], "p2"),
        ("p123456", [], "p2"),
    ],
)
def test_a_pool_is_followed_by_the_next_number_that_is_free(pool: str, taken: list[str], name: str) -> None:
    found = names.next_pool(pool, taken)
    assert found == name
    assert names.NODE_POOL.problem(found) is None


def test_another_size_is_another_pool() -> None:
    found = planned({}, {"cluster": {"vmSize": "Standard_D4s_v3", "nodePool": "nodepool2", "nodeCount": 2}})
    assert found.refusals == ()
    assert [(change.field, change.how) for change in found.changes] == [
        ("cluster.nodePool", How.REPLACE),
        ("cluster.vmSize", How.REPLACE),
        ("cluster.nodeCount", How.SCALE),
    ]
    told = found.changes[1].interruption
    for words in ("nodepool2", "servers end", "quota", "cost", "hub is away"):
        assert words in told, told
    assert found.disruptive
    assert found.needs_run


def test_more_pods_a_node_are_another_pool_too() -> None:
    found = planned({}, {"cluster": {"maxPods": 50, "nodePool": "nodepool2"}})
    assert {change.how for change in found.changes} == {How.REPLACE}


def test_a_pool_gets_no_other_name_by_itself() -> None:
    (refusal,) = planned({}, {"cluster": {"nodePool": "other"}}).refusals
    assert (refusal.code, refusal.field) == ("CannotChange", "cluster.nodePool")
    assert "cluster.vmSize" in refusal.advice


@pytest.mark.parametrize(
    ("identity", "fields", "at_the_end"),
    [
        ({}, ["identity.name", "identity.type"], "the principal is removed"),
        (
            BROUGHT,
            ["identity.clientId", "identity.name", "identity.secret", "identity.type"],
            "was brought along stays",
        ),
    ],
)
def test_a_service_principal_becomes_a_managed_identity(
    identity: dict[str, Any], fields: list[str], at_the_end: str
) -> None:
    found = to_managed({"identity": identity} if identity else {})
    assert found.refusals == ()
    assert [change.field for change in found.changes] == fields
    assert {change.how for change in found.changes} == {How.IDENTITY}
    told = next(change.interruption for change in found.changes if change.field == "identity.type")
    assert at_the_end in told
    assert "servers end" in told
    assert found.disruptive


def test_a_pool_may_be_renamed_where_the_nodes_have_to_be_others() -> None:
    found = to_managed({}, {"cluster": {"nodePool": "nodepool2"}})
    assert found.refusals == ()
    assert How.REPLACE in {change.how for change in found.changes}


@pytest.mark.parametrize(
    ("old", "new", "message", "advice"),
    [
        ("managed", {"type": "service-principal"}, "no way back", "POST /api/hubs"),
        ("managed", {"type": "managed", "name": "other-id"}, "in no other way", "Leave identity as it is"),
        ({"type": "service-principal"}, BROUGHT, "in no other way", "identity managed"),
    ],
)
def test_other_changes_of_the_identity_are_refused(old: Any, new: dict[str, Any], message: str, advice: str) -> None:
    before = hub(identity=old)
    wanted = parse({**before.wire(), "identity": new}, "westus")
    refusals = plan(before, wanted, None).refusals
    assert refusals
    for refusal in refusals:
        assert refusal.code == "CannotChange"
        assert message in refusal.message
        assert advice in refusal.advice


def test_the_tier_changes_without_anybody_noticing() -> None:
    (change,) = planned({}, {"cluster": {"tier": "Premium"}}).changes
    assert (change.how, change.disruptive) == (How.TIER, False)
    assert "cost" in change.interruption


def test_what_is_left_over_is_named() -> None:
    found = Plan().joined([left_over("nodepool1", hub(cluster={"nodePool": "nodepool2"}))])
    assert found.needs_run
    assert found.disruptive
    assert "nodepool1 is left over" in found.changes[0].interruption


def test_rules_come_and_go_as_autoscaling_does() -> None:
    (change,) = planned({}, {"cluster": {"autoscale": RULES}}).changes
    assert (change.field, change.how, change.disruptive) == ("cluster.autoscale", How.AUTOSCALE, False)
    (refusal,) = planned({"cluster": {"autoscale": RULES}}, {"cluster": {"nodeCount": 4}}).refusals
    assert "rules on the scale set decide" in refusal.message
    assert "cluster.autoscale to null" in refusal.advice


@pytest.mark.parametrize("mode", ["both", ["cluster-autoscaler", "vmss-cpu"], "cluster-autoscaler, vmss-cpu"])
def test_both_at_once_are_refused_with_microsofts_reason(mode: Any) -> None:
    with pytest.raises(InvalidError) as refused:
        hub(cluster={"autoscale": {"mode": mode, "min": 3, "max": 6}})
    (error,) = refused.value.problems
    assert (error.field, error.message) == ("cluster.autoscale.mode", ONE_AUTOSCALER)
    assert "Microsoft" in error.message


def test_another_word_gets_the_two_that_there_are() -> None:
    with pytest.raises(InvalidError, match="'cluster-autoscaler' or 'vmss-cpu'"):
        hub(cluster={"autoscale": {"mode": "keda", "min": 3, "max": 6}})


def test_rules_are_accepted_with_a_warning() -> None:
    ruled, scaled = hub(cluster={"autoscale": RULES}), hub(cluster={"autoscale": {"min": 3, "max": 6}})
    assert any("does not support rules" in said for said in warnings(ruled))
    assert not any("does not support rules" in said for said in warnings(scaled))
    assert (ruled.cluster.rules, ruled.cluster.aks_autoscale) == (ruled.cluster.autoscale, None)
    assert (scaled.cluster.rules, scaled.cluster.aks_autoscale) == (None, scaled.cluster.autoscale)
