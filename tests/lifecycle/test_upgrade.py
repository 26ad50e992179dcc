"""An upgrade's steps: what each asks for, what it does after a crash, and what becomes of the hub's record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.azure.aks import read_cluster
from shared.errors import PermanentError, TemporaryError
from shared.hubs.chart.values import CHECK_USER
from shared.hubs.status import parts
from shared.lifecycle.upgrade import backup, nodes
from shared.lifecycle.upgrade import cluster as upgrade_cluster
from shared.lifecycle.upgrade import release as upgrade_release
from shared.resources import cluster
from shared.runs.model import Outcome, StepState
from tests.fakes.upgrades import CRASHED, EXITS, KILLED, NO_NODE, Kubernetes, Lab, document, lab, profile, server_pod
from tests.given import spec


def test_kubernetes_goes_up_the_path_control_plane_first() -> None:
    made = lab(
        {"cluster": {**spec().cluster.model_dump(by_alias=True, exclude_none=True), "kubernetesVersion": "1.36"}}
    )
    made.place.hubs.record("r5", parts.Upgrade(made.run.id, path=("1.35.5", "1.36.3")))
    assert made.to_the_end("cluster", upgrade_cluster.upgrade_cluster).state == "done"
    assert [
        (who, what if isinstance(what, str) else what["orchestratorVersion"]) for who, what in made.clusters.asked
    ] == [
        ("control plane", "1.35.5"),
        ("nodepool1", "1.35.5"),
        ("control plane", "1.36.3"),
        ("nodepool1", "1.36.3"),
    ]
    assert made.spec.cluster.kubernetes_version == "1.36"
    assert made.place.hub().status.cluster.kubernetes == "1.36.3"
    assert made.to_the_end("cluster", upgrade_cluster.upgrade_cluster).message == "Kubernetes stays as it is."


def test_a_control_plane_upgrade_sends_the_pools_as_they_are() -> None:
    found = read_cluster(document())
    body = upgrade_cluster.control_plane_body(found, "1.35.5")
    assert body["properties"]["kubernetesVersion"] == "1.35.5"
    assert body["properties"]["agentPoolProfiles"] == found.body["properties"]["agentPoolProfiles"]
    assert found.body["properties"]["kubernetesVersion"] == "1.34.6"


@pytest.mark.parametrize(
    ("old", "new", "there", "count", "bounds"),
    [
        ({}, {"nodeCount": 4}, 3, 4, None),
        ({}, {"autoscale": {"min": 3, "max": 6}}, 3, 3, (3, 6)),
        ({}, {"autoscale": {"min": 3, "max": 6}, "nodeCount": 4}, 3, 4, (3, 6)),
        ({"autoscale": {"min": 3, "max": 6}}, {"autoscale": {"min": 3, "max": 8}}, 6, 6, (3, 8)),
        ({"autoscale": {"min": 3, "max": 6}}, {"autoscale": {"min": 3, "max": 4}}, 6, 4, (3, 4)),
        ({"autoscale": {"min": 3, "max": 6}}, {}, 6, 3, None),
    ],
)
def test_the_autoscalers_count_is_left_alone_while_it_stays_on(
    old: dict[str, Any], new: dict[str, Any], there: int, count: int, bounds: tuple[int, int] | None
) -> None:
    change = nodes.pool_change(spec(cluster=old), spec(cluster=new), profile(count=there))
    assert change["count"] == count
    assert change["enableAutoScaling"] is (bounds is not None)
    assert (change["minCount"], change["maxCount"]) == (bounds or (None, None))


def test_nodes_are_the_hubs_once_azure_has_them() -> None:
    made = lab({"cluster": {**spec().cluster.model_dump(by_alias=True, exclude_none=True), "nodeCount": 5}})
    assert made.to_the_end("pool", nodes.scale_pool).message == "5 nodes."
    ((_, given),) = made.clusters.asked
    assert given["count"] == 5
    assert "currentOrchestratorVersion" not in given
    assert made.spec.cluster.node_count == 5
    assert made.to_the_end("pool", nodes.scale_pool).state == "done"
    assert len(made.clusters.asked) == 1


def test_tags_of_others_stay() -> None:
    present = {"Course": "physics", "CostCenter": "17", "hubkeeper-hub": "r5"}
    found = cluster.merged_tags(present, spec(tags={"course": "physics"}), spec(tags={"owner": "ada"}))
    assert found == {"CostCenter": "17", "hubkeeper-hub": "r5", "owner": "ada"}


IMAGE = {"image": {"name": "new", "tag": "2"}}


def test_the_backup_holds_keys_and_not_the_charts_values() -> None:
    made = lab(IMAGE)
    assert made.to_the_end("backup", backup.back_up_keys).state == "done"
    kept = made.secrets.kept["r5--own--backup-hub-secret"]
    assert kept.value == '{"crypt": "a2V5", "hub.services.hubkeeper.apiToken": "dG9rZW4="}'
    assert kept.tags == {"hubkeeper-hub": "r5", "run": made.run.id, "revision": "1"}
    assert made.place.hub().status.upgrade.good == 1


def test_a_release_without_a_good_revision_is_not_upgraded() -> None:
    made = lab(IMAGE)
    made.helm.revisions = [(1, "failed")]
    outcome = made.to_the_end("backup", backup.back_up_keys)
    assert outcome.fault
    assert outcome.fault.code == "NoGoodRelease"


def test_what_works_becomes_the_hubs_specification() -> None:
    made = lab(IMAGE)
    outcome = made.to_the_end("release", upgrade_release.upgrade_release)
    assert made.helm.values["singleuser"]["image"] == {"name": "new", "tag": "2"}
    assert (outcome.state, outcome.message) == ("done", "A server was started and stopped.")
    assert made.hub.there == set()
    assert made.spec.wire()["image"]["tag"] == "2"
    assert made.place.hub().status.release.revision == 2


def test_a_release_made_before_a_crash_is_not_made_again_and_after_a_retry_it_is() -> None:
    made = lab(IMAGE)
    begun = StepState("release").begun(made.place.clock.now())
    made.call(begun, upgrade_release.upgrade_release)
    made.call(begun, upgrade_release.upgrade_release)
    assert len(made.helm.revisions) == 2
    made.run = replace(made.run, attempt=2)
    made.call(begun, upgrade_release.upgrade_release)
    assert len(made.helm.revisions) == 3


def failed_gate(made: Lab) -> Outcome:
    """A release that does not get through the gate: back to the good one, the old specification kept."""
    outcome = made.to_the_end("release", upgrade_release.upgrade_release)
    assert outcome.state == "failed"
    assert made.helm.rolled_back == [1]
    assert made.spec.image is None
    assert made.place.hub().status.release.chart == "4.2.0"
    return outcome


def test_what_helm_refuses_is_undone_at_once() -> None:
    made = lab(IMAGE)
    made.helm.refuses = PermanentError("Helm", "ResourceExists", "it belongs to another release")
    outcome = failed_gate(made)
    assert outcome.fault
    assert "Helm: it belongs to another release" in outcome.fault.message


@pytest.mark.parametrize("wrong", ["crashes", "well", "spawns", "error"])
def test_a_hub_that_does_not_work_is_taken_back(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = lab(IMAGE)
    made.kubernetes.crashes = wrong == "crashes"
    made.hub.well = wrong != "well"
    made.hub.spawns = "gone" if wrong == "spawns" else "ready"
    made.hub.error = TemporaryError("JupyterHub", "500", "no") if wrong == "error" else None
    rollback = made.helm.rollback

    def mends(*arguments: Any) -> None:
        rollback(*arguments)
        made.kubernetes.crashes, made.hub.well, made.hub.error = False, True, None

    monkeypatch.setattr(made.helm, "rollback", mends)
    outcome = failed_gate(made)
    assert outcome.fault
    assert outcome.fault.code == "RolledBack"
    assert made.hub.there == set()
    assert made.hub.starts <= 1


def minutes_until_given_up(kubernetes: Kubernetes) -> float:
    made = lab(IMAGE)
    made.kubernetes, made.hub.well = kubernetes, False
    begun = made.place.clock.now()
    outcome = failed_gate(made)
    assert outcome.fault
    assert outcome.fault.code == "RollbackFailed"
    return (made.place.clock.now() - begun).total_seconds() / 60


SILENT = {"metadata": {"name": "hook-image-awaiter"}, "status": {}}


@pytest.mark.parametrize(
    "container",
    [
        EXITS,
        {"state": EXITS["lastState"]},
        {"state": CRASHED, "lastState": KILLED},
        {"state": KILLED},
        {"state": {"waiting": {"reason": "RunContainerError", "message": "no such file"}}},
        {"state": CRASHED, "lastState": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
    ],
    ids=["exits", "exits now", "out of memory", "out of memory now", "no command", "ends"],
)
@pytest.mark.parametrize("others", [0, 5])
def test_a_crashing_hub_is_given_up_soon(container: dict[str, Any], others: int) -> None:
    kubernetes = Kubernetes(crashes=True, container=container, others=[SILENT] * others)
    assert 23 <= minutes_until_given_up(kubernetes) <= 26  # 3 minutes, and 20 for the way back


def test_a_slow_hub_is_given_up_late() -> None:
    assert 40 <= minutes_until_given_up(Kubernetes()) <= 43


def test_a_users_server_that_crashes_does_not_hurry_the_hub() -> None:
    image = {"waiting": {"reason": "ImagePullBackOff"}}
    ada = server_pod("ada", {"containerStatuses": [{"state": CRASHED, "lastState": KILLED}]})
    pulls = Kubernetes(crashes=True, container={"state": image}, others=[ada])
    assert 40 <= minutes_until_given_up(pulls) <= 43


def test_a_full_cluster_is_no_fault_of_the_upgrade() -> None:
    made = lab(IMAGE)
    made.kubernetes.room, made.hub.spawns = False, "pending"
    outcome = made.to_the_end("release", upgrade_release.upgrade_release)
    assert outcome.state == "done"
    assert "no node has room" in outcome.message
    assert CHECK_USER not in made.hub.there


SICK: list[dict[str, Any]] = [
    {},
    {"conditions": [NO_NODE]},
    {"containerStatuses": [EXITS]},
    {"containerStatuses": [{"state": CRASHED, "lastState": KILLED}]},
    {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "ada", CHECK_USER]), st.sampled_from(SICK)), max_size=8))
def test_a_full_cluster_is_no_fault_of_the_upgrade_whatever_else_is_sick(others: list[Any]) -> None:
    made = lab(IMAGE)
    made.kubernetes.room, made.hub.spawns = False, "pending"
    pods = [server_pod(user, status) for user, status in others]
    made.kubernetes.others = [pod | {"metadata": pod["metadata"] | {"name": f"p{at}"}} for at, pod in enumerate(pods)]
    outcome = made.to_the_end("release", upgrade_release.upgrade_release)
    assert (outcome.state, made.helm.rolled_back) == ("done", [])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "ada"]), st.sampled_from(SICK)), max_size=8))
def test_the_want_of_room_of_others_excuses_no_server_of_ours(others: list[Any]) -> None:
    made = lab(IMAGE)
    made.hub.spawns = "gone"
    made.kubernetes.others = [server_pod(user, status) for user, status in others]
    assert failed_gate(made).fault
    assert made.helm.rolled_back == [1]


def test_without_a_new_release_there_is_nothing_to_go_back_to() -> None:
    made = lab({"tags": {"x": "y"}})
    made.hub.well = False
    outcome = made.to_the_end("release", upgrade_release.upgrade_release)
    assert outcome.fault
    assert outcome.fault.code == "GateFailed"
    assert made.helm.rolled_back == []


NAMED = {"host": "r5.example", "https": {"certificate": "secret://cert"}}


def renewed(version: str = "2") -> Lab:
    """An upgrade under which nothing but the certificate is another one."""
    made = lab({}, access=NAMED)
    made.hub.url = "https://r5.example/"
    noted, ends = made.place.hub().status.upgrade, made.place.clock.now() + timedelta(days=90)
    old, new = (parts.Certificate("cert", number, f"hubkeeper-tls-{number}", ends) for number in ("1", version))
    made.place.hubs.record("r5", parts.Tls(old), replace(noted, certificate_known=True, certificate=new))
    return made


def certificate_version(made: Lab) -> str | None:
    used = made.place.hub().status.tls.certificate
    return used.version if used else None


def test_another_certificate_makes_a_release_and_is_the_hubs_when_it_works() -> None:
    made = renewed()
    assert made.to_the_end("release", upgrade_release.upgrade_release).state == "done"
    assert made.helm.values["proxy"]["https"]["secret"] == {"name": "hubkeeper-tls-2"}
    assert certificate_version(made) == "2"


def test_the_same_certificate_makes_none() -> None:
    made = renewed(version="1")
    assert made.to_the_end("release", upgrade_release.upgrade_release).message == "The hub answers."
    assert made.helm.revisions == [(1, "deployed")]


def test_a_certificate_with_which_the_hub_does_not_answer_is_taken_back() -> None:
    made = renewed()
    made.hub.well = False

    def restored(*given: Any) -> None:
        made.hub.well = True

    made.helm.rollback = restored  # type: ignore[assignment]  # with the old certificate it answers again
    outcome = made.to_the_end("release", upgrade_release.upgrade_release)
    assert outcome.fault
    assert outcome.fault.code == "RolledBack"
    assert "https://r5.example/ does not answer yet: it answers 503" in outcome.message
    assert certificate_version(made) == "1"


def test_a_change_that_lets_everybody_in_is_taken_back() -> None:
    made = lab(IMAGE | {"auth": "shared-password"})
    made.hub.open = True
    outcome = failed_gate(made)
    assert outcome.fault
    assert outcome.fault.code == "RolledBack"
    assert "it lets everybody in. A login at" in outcome.message


def test_a_hub_that_is_to_be_open_may_let_everybody_in() -> None:
    made = lab(IMAGE)
    made.hub.open = True
    assert made.to_the_end("release", upgrade_release.upgrade_release).state == "done"
