"""From a service principal to a managed identity: in which order, what a crash leaves, and what a teardown finds of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.azure.authorization import Permission, assignment_id
from shared.azure.keyvault import Secret
from shared.checks import nodes
from shared.checks.upgrade import examine
from shared.errors import PermanentError, TemporaryError
from shared.hubs.network_role import allow, subnet_id
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse
from shared.hubs.status.parts import Identity, NextIdentity, Password, Retired, Role, Upgrade
from shared.hubs.store import HubStore
from shared.lifecycle.teardown import removal as teardown
from shared.lifecycle.upgrade import identity
from shared.lifecycle.upgrade.command import _of_one_kind
from shared.power import rotate
from shared.power.upkeep import _left_over
from shared.runs.model import Kind
from tests.fakes.azure import NEW_IMAGE, OLD_IMAGE, OWNED, Azure, profile
from tests.fakes.nodes import Lab, lab
from tests.given import SUBSCRIPTION, run_of

PASSWORD = "r5--own--service-principal-password"
PRINCIPAL = (
    Identity(application_id="app-object", client_id="app", principal_id="old-principal"),
    Role("old-assignment"),
    Password("key1", datetime(2027, 1, 1, tzinfo=UTC)),
)
BROUGHT: dict[str, Any] = {"identity": {"clientId": "app", "secret": "secret://mine"}}


def changing(azure: Azure | None = None, **old: Any) -> Lab:
    made = lab(azure=azure, identity="managed", old=old)
    made.place.hubs.record("r5", *PRINCIPAL)
    made.azure.vault.kept[PASSWORD] = Secret(PASSWORD, "old", "1", None, {})
    return made


STEPS = (
    identity.ensure_new_identity,
    identity.assign_identity,
    identity.replace_nodes,
    identity.delete_old_identity,
)


def through(made: Lab, *steps: Any) -> list[str]:
    return [made.to_the_end(step).message for step in steps]


def test_role_first_then_the_cluster_then_its_nodes_then_the_principal() -> None:
    made = changing()
    through(made, *STEPS)
    assert made.azure.asked == [
        "put r5-id",
        "assign new-principal",
        "put cluster",
        "renew nodepool1",
        "unassign old-assignment",
        "delete app-object with old-principal",
        f"delete {PASSWORD}",
        f"purge {PASSWORD}",
    ]
    assert made.azure.identity
    assert next(iter(made.azure.identity["userAssignedIdentities"])).endswith("/userAssignedIdentities/r5-id")
    assert made.spec.identity.type == "managed"
    status = made.status
    managed_id = str(status.identity.managed_id)
    assert managed_id.endswith("/r5-id")
    assert status.identity == Identity(managed_id=managed_id, principal_id="new-principal")
    assert "Microsoft.Network" in str(status.role.assignment)
    assert (status.password, status.retired, status.next_identity) == (Password(), Retired(), NextIdentity())
    assert made.azure.resources[managed_id.lower()]["tags"] == OWNED
    made.azure.asked.clear()
    assert through(made, *STEPS)[0] == "The cluster's identity stays."
    assert made.azure.asked == []


def test_there_is_nothing_to_rotate_any_more() -> None:
    made = changing()
    through(made, *STEPS)
    run = run_of(Kind.STOP)
    made.place.runs.insert(run)
    stop = Lab(made.place, run, made.azure)
    assert "no password" in stop.call(rotate.check_password).message
    assert stop.call(rotate.ensure_new_password).message == "The password stays: no new one is needed."


def test_a_principal_that_was_brought_along_stays_with_its_secret() -> None:
    made = changing(**BROUGHT)
    said = through(made, *STEPS)[-1]
    assert "an existing one and stays, with its secret; its role on the network is deleted" in said
    assert "unassign old-assignment" in made.azure.asked
    assert not any(each.startswith(("delete", "purge")) for each in made.azure.asked)
    assert PASSWORD in made.azure.vault.kept


@pytest.mark.parametrize("cut", ["put r5-id", "assign new-principal", "put cluster", "renew nodepool1"])
def test_cut_off_anywhere_it_is_done_once_in_the_end(cut: str) -> None:
    made = changing()
    made.azure.fails = {cut: TemporaryError("Azure", "ConnectionFailed", "cut off")}
    for step in STEPS:
        try:
            made.to_the_end(step)
        except TemporaryError:
            made.to_the_end(step)
    assert made.spec.identity.name == "r5-id"
    assert made.azure.applications == set()
    assert made.azure.pools["nodepool1"]["nodeImageVersion"] == NEW_IMAGE


def test_a_crash_between_the_facts_and_the_specification_forgets_no_principal(monkeypatch: pytest.MonkeyPatch) -> None:
    made = changing()
    made.to_the_end(identity.ensure_new_identity)
    with monkeypatch.context() as patched:
        patched.setattr(HubStore, "adopt", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made.to_the_end(identity.assign_identity)
    assert made.spec.identity.type == "service-principal"
    through(made, *STEPS)
    assert made.azure.applications == set()
    assert made.azure.asked.count("put cluster") == 1


def test_nodes_that_have_the_newest_image_keep_the_principal_and_so_does_the_hub() -> None:
    made = changing(Azure(latest=OLD_IMAGE))
    through(made, *STEPS[:2])
    made.place.hubs.record("r5", replace(made.status.upgrade, identity=True))
    outcome = made.to_the_end(identity.replace_nodes)
    assert outcome.fault
    assert outcome.fault.code == "NodesKeepPrincipal"
    assert "about every week" in outcome.fault.advice
    retired = made.status.retired.identity
    assert retired
    assert retired.application_id == "app-object"
    assert made.spec.identity.type == "managed", "the record does not say what the cluster is"
    assert "stays while nodes use it" in made.to_the_end(identity.delete_old_identity).message
    assert examined(made).plan.changes == (), "people would be warned of what cannot be done"
    made.place.hubs.record("r5", Upgrade(made.run.id))
    assert made.to_the_end(identity.replace_nodes).state == "done", "it keeps other changes from being made"
    made.azure.latest = NEW_IMAGE
    assert examined(made).plan.needs_run
    through(made, *STEPS[2:])
    assert made.azure.applications == set()


@pytest.mark.parametrize(
    "renewed",
    [
        {"nodepool1": profile(currentOrchestratorVersion="1.36.3")},
        {"nodepool1": profile(nodeImageVersion=NEW_IMAGE)},
        {"nodepool2": profile("nodepool2")},
    ],
)
def test_nodes_that_were_made_anew_some_other_way_are_left_alone(renewed: dict[str, Any]) -> None:
    made = changing()
    through(made, *STEPS[:2])
    made.azure.pools = renewed
    assert made.to_the_end(identity.replace_nodes).message == "All nodes are replaced."
    assert not any(each.startswith("renew") for each in made.azure.asked)


def test_an_identity_of_somebody_elses_is_not_taken() -> None:
    made = changing()
    through(made, identity.ensure_new_identity)
    (key,) = made.azure.resources
    made.azure.resources[key]["tags"] = {}
    outcome = made.to_the_end(identity.ensure_new_identity)
    assert outcome.fault
    assert outcome.fault.code == "IdentityExists"
    assert '"name"' in outcome.fault.advice


def foreign(made: Lab) -> None:
    """The hub is in a network that was not made for it, which it was let into before there was a rule."""
    made.azure.network_tags = {}


def test_on_a_network_of_others_the_identity_gets_its_role_by_an_admins_word_and_on_the_subnet() -> None:
    made = changing()
    foreign(made)
    outcome = made.to_the_end(identity.ensure_new_identity)
    assert outcome.fault
    assert outcome.fault.code == "NetworkNotOwned"
    assert made.azure.asked == ["put r5-id"], "a role was given, or the old one taken away"
    subnet = subnet_id(made.spec, SUBSCRIPTION)
    assert f'PUT /api/hubs/r5/network-role {{"subnet": "{subnet}"}}' in outcome.fault.advice
    assert "--assignee-object-id new-principal" in outcome.fault.advice
    allow(made.place.services, made.place.hub(), subnet, "ada", made.place.clock.now())
    said = through(made, *STEPS)
    assert "Network Contributor on r5-subnet" in said[0]
    assert made.status.role.assignment == assignment_id(subnet, "new-principal", "Network Contributor")
    assert "unassign old-assignment" in made.azure.asked


@pytest.mark.parametrize(
    ("permissions", "state"),
    [
        ((Permission(("Microsoft.Network/virtualNetworks/subnets/join/action",), ()),), "done"),
        ((Permission(("*",), ("Microsoft.Authorization/*/Write",)),), "done"),
        ((Permission(("*/read",), ()),), "failed"),
        ((Permission(("Microsoft.Network/*",), ("Microsoft.Network/virtualNetworks/subnets/join/action",)),), "failed"),
    ],
    ids=["a role of one's own", "Contributor", "Reader", "all but that"],
)
def test_a_role_that_somebody_gave_is_enough_when_it_lets_nodes_in(
    permissions: tuple[Permission, ...], state: str
) -> None:
    made = changing()
    foreign(made)
    made.azure.given = {"new-principal": permissions}
    assert made.to_the_end(identity.ensure_new_identity).state == state
    assert made.azure.assigned == set()
    assert made.status.next_identity.role_assignment is None, "a teardown would take away what somebody gave"


def test_a_role_that_is_not_known_yet_is_waited_for_and_one_that_is_refused_is_not() -> None:
    made = changing()
    through(made, identity.ensure_new_identity)
    made.azure.fails = {"put cluster": PermanentError("AKS", "LinkedAuthorizationFailed", "no")}
    assert "new role" in made.call(identity.assign_identity).message
    made.azure.fails = {"put cluster": PermanentError("AKS", "PropertyChangeNotAllowed", "no")}
    with pytest.raises(PermanentError, match="PropertyChangeNotAllowed"):
        made.call(identity.assign_identity)


# Before anything is touched


def test_that_a_role_on_a_network_of_others_takes_an_admins_word_is_said_before() -> None:
    made = changing()
    assert not any("network-role" in each for each in examined(made).warnings)
    foreign(made)
    found = examined(made)
    (said,) = (each for each in found.warnings if "network-role" in each)
    assert "no role on it by itself" in said
    assert not found.against
    subnet = subnet_id(made.spec, SUBSCRIPTION)
    allow(made.place.services, made.place.hub(), subnet, "ada", made.place.clock.now())
    assert not any("network-role" in each for each in examined(made).warnings)


def _wanted(made: Lab) -> Hub:
    """Asked for again after it was done in part, it is what the hub is."""
    wanted = parse(dict(made.run.wanted or {}), "westus")
    return made.spec if made.spec.identity == wanted.identity else wanted


def examined(made: Lab) -> Any:
    made.place.adapters |= made.azure.adapters()
    wanted = nodes.named(made.place.services, made.place.hub(), _wanted(made), given=False)
    return examine(made.place.services, made.place.hub(), wanted)


@pytest.mark.parametrize(("latest", "pool"), [(NEW_IMAGE, None), (OLD_IMAGE, "nodepool2")])
def test_without_a_newer_image_another_pool_takes_the_place(latest: str, pool: str | None) -> None:
    found = examined(changing(Azure(latest=latest)))
    assert found.against == ()
    assert {change.field: change.after for change in found.plan.changes}.get("cluster.nodePool") == pool


def test_a_quota_without_room_for_another_pool_is_refused_with_the_other_way() -> None:
    (refusal,) = examined(changing(Azure(latest=OLD_IMAGE, limit=17))).against
    assert refusal.code == "QuotaExceeded"
    assert "ask again in a week" in refusal.advice
    assert examined(changing(Azure(limit=17))).against == (), "one node more is enough"


def test_another_pool_of_somebodys_that_cannot_be_renewed_stands_against_it() -> None:
    azure = Azure({"nodepool1": profile(), "gpu": profile("gpu", mode="User")}, latest=OLD_IMAGE)
    (refusal,) = examined(changing(azure)).against
    assert (refusal.code, refusal.field) == ("NodesKeepPrincipal", "identity.type")
    assert "gpu" in refusal.message


def test_what_did_not_end_is_a_change_of_its_own_and_is_told_of_weekly() -> None:
    made = changing()
    through(made, *STEPS[:2])
    (change,) = examined(made).plan.changes
    assert (change.field, change.before, change.after) == ("identity.name", "r5-sp", "r5-id")
    assert examined(made).plan.needs_run
    told = _left_over(made.place.hub())
    assert told
    assert "the service principal r5-sp" in told
    assert "PATCH /api/hubs/r5" in told
    through(made, *STEPS[2:])
    assert _left_over(made.place.hub()) is None


def test_name_and_secret_of_one_kind_of_identity_are_none_of_the_other() -> None:
    spec = {"name": "r5", "identity": {"type": "service-principal", "name": "r5-sp"}}
    assert _of_one_kind(spec, {"identity": {"type": "managed"}}) == {"name": "r5"}
    for same in ({"identity": {"type": "service-principal"}}, {"identity": {"name": "x"}}, {"identity": "managed"}, {}):
        assert _of_one_kind(spec, same) == spec


# A teardown in between


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
def test_a_teardown_takes_everything_along_that_is_there_by_then(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = changing()
    through(made, *STEPS[:steps])
    run = run_of(Kind.TEARDOWN)
    made.place.runs.insert(run)
    down = Lab(made.place, run, made.azure)
    made.azure.asked.clear()
    there = {"app-object"} if steps < 4 else set[str]()
    monkeypatch.setattr(Azure, "application", lambda *_, **__: None, raising=False)
    through(down, teardown.remove_role, teardown.delete_identity)
    assert ("unassign old-assignment" in made.azure.asked) is (steps < 4)
    assert sum("roleAssignments" in each or each.startswith("unassign") for each in made.azure.asked) == (
        1 if steps in (0, 4) else 2
    )
    assert ("delete r5-id" in made.azure.asked) is (steps > 0)
    assert made.azure.resources == {}
    assert {each.split()[1] for each in made.azure.asked if " with " in each} == there
