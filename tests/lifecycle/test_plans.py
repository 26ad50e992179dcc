"""A plan holds the steps that its hub needs, and no others."""

from typing import Any

import pytest

from shared.checks.upgrade import Examined
from shared.hubs.patch.nodes import left_over
from shared.hubs.patch.planning import plan as changes_of
from shared.hubs.status.parts import Dns
from shared.lifecycle.create.plan import plan as create_plan
from shared.lifecycle.create.steps import STEPS as CREATE
from shared.lifecycle.teardown.command import teardown
from shared.lifecycle.upgrade import check
from shared.lifecycle.upgrade.plan import plan as upgrade_plan
from shared.lifecycle.upgrade.steps import STEPS as UPGRADE
from shared.power.steps import PASSWORD
from shared.power.workflows import stop_plan
from shared.runs.model import Kind, StepState
from shared.runs.plan import without
from tests.given import SUFFIX, Place, run_of, spec

OPTIONAL = {"ssh-key", "registry", "rules", "certificate", "name"}


@pytest.mark.parametrize(
    ("more", "needed"),
    [
        ({}, {"ssh-key"}),
        ({"cluster": {"sshPublicKey": "ssh-rsa AAAA ann"}}, set[str]()),
        ({"flavor": "binderhub"}, {"ssh-key", "registry"}),
        ({"cluster": {"autoscale": {"mode": "vmss-cpu", "min": 3, "max": 6}}}, {"ssh-key", "rules"}),
        ({"access": {"host": "hub.example.org"}}, {"ssh-key", "name"}),
        (
            {"access": {"host": "hub.example.org", "https": {"certificate": "secret://tls"}}},
            {"ssh-key", "name", "certificate"},
        ),
    ],
    ids=["plain", "own-ssh-key", "binderhub", "rules", "host", "certificate"],
)
def test_a_create_has_the_steps_that_its_hub_needs(more: dict[str, Any], needed: set[str]) -> None:
    names = {step.name for step in create_plan(spec(**more), SUFFIX)}
    assert names & OPTIONAL == needed
    assert names | OPTIONAL == {step.name for step in CREATE}


IDENTITY = {"new-identity", "identity", "nodes", "old-identity"}
ALWAYS = {"check", "rest", "power-on", "credentials", "backup", "release", "power-off"}


@pytest.mark.parametrize(
    ("old", "new", "needed"),
    [
        ({}, {"tags": {"a": "b"}}, {"tags"}),
        ({}, {"values": {"hub": {"x": 1}}}, {"certificate", "name", "leftovers"}),
        ({}, {"cluster": {"nodeCount": 4}}, {"pool"}),
        ({"cluster": {"nodeCount": 4}}, {"cluster": {"nodeCount": 3}}, {"pool", "people"}),
        ({}, {"cluster": {"tier": "Standard"}}, {"cluster"}),
        ({}, {"cluster": {"vmSize": "Standard_D8s_v5", "nodePool": "big"}}, {"new-pool", "people", "old-pool"}),
        ({}, {"identity": {"type": "managed"}}, IDENTITY | {"people"}),
    ],
    ids=["tags", "values", "more-nodes", "fewer-nodes", "tier", "size", "identity"],
)
def test_an_upgrade_has_the_steps_that_its_changes_need(
    old: dict[str, Any], new: dict[str, Any], needed: set[str]
) -> None:
    before, after = spec(**old), spec(**new)
    names = {step.name for step in upgrade_plan(before, after, changes_of(before, after, None))}
    assert names - ALWAYS == needed
    assert names >= ALWAYS


def test_an_upgrade_of_a_hub_with_autoscale_rules_updates_them() -> None:
    rules: dict[str, Any] = {"cluster": {"autoscale": {"mode": "vmss-cpu", "min": 3, "max": 6}}}
    before, after = spec(**rules), spec(**rules, tags={"a": "b"})
    assert "rules" in {step.name for step in upgrade_plan(before, after, changes_of(before, after, None))}


def test_an_upgrade_whose_hub_needs_more_by_now_asks_for_a_new_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its plan was made for the tags alone, on a hub that had the tier then."""
    place = Place()
    before = place.ready()
    after = spec(cluster={"tier": "Standard"}, tags={"a": "b"})
    wanted = after.model_copy(update={"schedule": None}).wire()
    monkeypatch.setattr(check, "examine", lambda *_: Examined(changes_of(before.spec, after, None), chart="4.0.0"))
    tags_only = without(UPGRADE, ["cluster"])
    outcome = check.check_changes(
        place.context(run_of(Kind.UPGRADE, wanted=wanted, plan=tags_only), StepState("check"))
    )
    assert outcome.fault is not None
    assert outcome.fault.code == "PlanOutdated"
    assert "Upgrade the cluster" in outcome.fault.message
    assert check.check_changes(place.context(run_of(Kind.UPGRADE, wanted=wanted), StepState("check"))).state == "done"


def test_what_an_earlier_upgrade_left_unfinished_does_not_outdate_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place()
    before = place.ready()
    after = spec(tags={"a": "b"})
    wanted = after.model_copy(update={"schedule": None}).wire()
    found = changes_of(before.spec, after, None)
    more = found.joined([left_over("oldpool", after)])
    monkeypatch.setattr(check, "examine", lambda *_: Examined(more, chart="4.0.0"))
    asked = upgrade_plan(before.spec, after, found)
    outcome = check.check_changes(place.context(run_of(Kind.UPGRADE, wanted=wanted, plan=asked), StepState("check")))
    assert outcome.state == "done"


@pytest.mark.parametrize(
    ("more", "records", "keep", "needed"),
    [
        ({}, (), False, set[str]()),
        ({}, (), True, {"homes"}),
        ({"flavor": "binderhub"}, (), False, {"registry"}),
        ({}, ("/subscriptions/s/record",), False, {"name"}),
    ],
    ids=["plain", "keep-homes", "binderhub", "dns-record"],
)
def test_a_teardown_has_the_steps_that_its_hub_needs(
    more: dict[str, Any], records: tuple[str, ...], keep: bool, needed: set[str]
) -> None:
    place = Place()
    place.ready(parts=[Dns(records)], **more)
    run = teardown(place.commands, "r5", "", keep_homes=keep)
    assert {step.name for step in place.runs.get(run.id).plan} & {"homes", "registry", "name"} == needed


@pytest.mark.parametrize(
    ("identity", "needed"),
    [
        ({}, True),
        ({"type": "managed"}, False),
        ({"clientId": "00000000-0000-0000-0000-000000000002", "secret": "secret://password"}, False),
    ],
    ids=["made-by-us", "managed", "existing"],
)
def test_a_stop_replaces_only_a_password_that_is_ours(identity: dict[str, Any], needed: bool) -> None:
    hub = Place().ready(identity=identity)
    names = [step.name for step in stop_plan(hub)]
    assert (set(names) >= set(PASSWORD)) is needed
    assert names[-1] == "power-off"
