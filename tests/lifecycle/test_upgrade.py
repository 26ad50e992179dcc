"""An upgrade's steps: what each asks for, what it does after a crash, and what becomes of the hub's record."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.azure.aks import Cluster, read_cluster
from shared.azure.operations import Operation
from shared.errors import PermanentError, TemporaryError
from shared.hubs.chart.values import CHECK_USER
from shared.hubs.spec.validation import parse
from shared.hubs.status import parts
from shared.kubernetes.helm import Release
from shared.kubernetes.jupyterhub import HubUser, Server
from shared.kubernetes.tunnel import Tunnel
from shared.lifecycle.upgrade import cluster as upgrade_cluster
from shared.lifecycle.upgrade import frame, nodes
from shared.lifecycle.upgrade import release as upgrade_release
from shared.resources import cluster
from shared.runs.model import Kind, Outcome, Run, StepState
from tests.fakes import adapters
from tests.given import Place, run_of, spec

type Documents = list[dict[str, Any]]

URL = "http://r5.example/"
KNOWN = (parts.Release(chart="4.2.0"), parts.Cluster(kubernetes="1.34.6"), parts.Urls(URL))


def profile(**more: Any) -> dict[str, Any]:
    fields = {
        "name": "nodepool1",
        "count": 3,
        "vmSize": "Standard_D2s_v3",
        "mode": "System",
        "enableAutoScaling": False,
    }
    return {**fields, "currentOrchestratorVersion": "1.34.6", "tags": {"hubkeeper-hub": "r5"}, **more}


def document(version: str = "1.34.6", **pool: Any) -> dict[str, Any]:
    own = {"provisioningState": "Succeeded", "powerState": {"code": "Running"}, "kubernetesVersion": version}
    pools = {"agentPoolProfiles": [profile(**pool)], "currentKubernetesVersion": version, "dnsPrefix": "r5"}
    identity = "/subscriptions/s/resourcegroups/r5-rg/providers/Microsoft.ContainerService/managedClusters/r5"
    return {
        "id": identity,
        "name": "r5",
        "location": "westus",
        "tags": {"hubkeeper-hub": "r5"},
        "properties": own | pools,
    }


@dataclass
class Clusters:
    """AKS: every change is done at once, and noted."""

    body: dict[str, Any] = field(default_factory=document)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def get(self, group: str, name: str) -> Cluster:
        assert (group, name) == ("r5-rg", "r5")
        return read_cluster(self.body)

    def put(self, group: str, name: str, body: dict[str, Any]) -> Operation:
        version = body["properties"]["kubernetesVersion"]
        self.asked.append(("control plane", version))
        self.body = {**body, "properties": {**body["properties"], "currentKubernetesVersion": version}}
        return Operation("https://arm/put", None)

    def put_pool(self, group: str, name: str, pool: str, body: dict[str, Any]) -> Operation:
        given = body["properties"]
        self.asked.append((pool, given))
        version = given.get("orchestratorVersion", "1.34.6")
        self.body["properties"]["agentPoolProfiles"] = [{**given, "name": pool, "currentOrchestratorVersion": version}]
        return Operation("https://arm/pool", None)

    def list_all(self) -> list[Cluster]:
        return [read_cluster(self.body)]

    def admin_kubeconfig(self, group: str, name: str) -> str:
        return "kubeconfig"


@dataclass
class Helm:
    """`refuses`: what an upgrade is answered with; a revision that failed is left behind."""

    revisions: list[tuple[int, str]] = field(default_factory=lambda: [(1, "deployed")])
    refuses: Exception | None = None
    rolled_back: list[int] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)

    def unlock(self, *_: str) -> None: ...

    def history(self, *_: str) -> list[Release]:
        when = datetime(2026, 11, 23, tzinfo=UTC)
        return [
            Release("jhub", "jhub", n, status, "jupyterhub", "4.2.0", "5", when, "") for n, status in self.revisions
        ]

    def status(self, *_: str) -> Release:
        return self.history()[-1]

    def upgrade_install(self, kubeconfig: str, *, values: Mapping[str, Any], **_: Any) -> Release:
        number = self.revisions[-1][0] + 1
        self.values = values
        self.revisions.append((number, "failed" if self.refuses else "deployed"))
        if self.refuses:
            raise self.refuses
        return self.status()

    def rollback(self, kubeconfig: str, release: str, namespace: str, revision: int) -> None:
        self.rolled_back.append(revision)
        self.revisions.append((self.revisions[-1][0] + 1, "deployed"))


READY = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}
EXITS = {"lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}, "state": CRASHED}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
NO_NODE = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: Insufficient memory"}


def server_pod(user: str, status: dict[str, Any]) -> dict[str, Any]:
    labels = {"component": "singleuser-server", "hub.jupyter.org/username": user}
    return {"metadata": {"name": f"jupyter-{user}", "labels": labels}, "status": status}


@dataclass
class Kubernetes:
    """The chart's objects. `crashes`: the hub's container ends each time. `room`: whether a user's pod finds a node.

    `container`: what Kubernetes says of the container that crashes. `others`: more pods that are not well.
    """

    crashes: bool = False
    room: bool = True
    container: dict[str, Any] = field(default_factory=lambda: EXITS)
    others: Documents = field(default_factory=list)

    def __call__(self, _: str) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def find(self, path: str) -> dict[str, Any] | None:
        if path.endswith("/services/proxy-public"):
            return {"status": {"loadBalancer": {"ingress": [{"ip": "r5.example"}]}}}
        return {"data": {"hub.services.hubkeeper.apiToken": "dG9rZW4=", "values.yaml": "e30=", "crypt": "a2V5"}}

    def list(self, path: str, **query: str) -> Documents:
        if "component=hub" in query.get("labels", ""):
            return [] if self.crashes else [adapters.HUB_POD]
        if path.endswith("/deployments"):
            status = {} if self.crashes else READY
            names = ("hub", "proxy")
            return [{"metadata": {"name": name, "generation": 1}, "spec": {}, "status": status} for name in names]
        if path.endswith("/pods"):
            return self._pods()
        return []

    def _pods(self) -> Documents:
        hub = {"metadata": {"name": "hub-1"}, "status": {"containerStatuses": [self.container | {"name": "hub"}]}}
        user = server_pod(CHECK_USER, {"conditions": [NO_NODE]})
        return [*self.others, *(pod for pod, there in ((hub, self.crashes), (user, not self.room)) if there)]


@dataclass
class Hub:
    """JupyterHub's API. `spawns`: ready, pending, or gone after it was asked for."""

    spawns: str = "ready"
    well: bool = True
    url: str = URL
    there: set[str] = field(default_factory=set)
    running: bool = False
    starts: int = 0
    error: Exception | None = None
    open: bool = False

    def __call__(self, url: str, token: str | None = None, tunnel: Tunnel | None = None) -> Self:
        assert url == self.url
        assert (tunnel is not None) is (token is not None and url.startswith("http:"))
        return self

    def trouble(self) -> str:
        return "" if self.well else "it answers 503"

    def lets_in(self, name: str, password: str) -> bool:
        assert name == CHECK_USER
        assert len(password) > 20
        return self.open

    def create_user(self, name: str) -> None:
        if self.error:
            raise self.error
        self.there.add(name)

    def start_server(self, name: str) -> bool:
        self.starts += 1
        self.running = self.spawns != "gone"
        return False

    def user(self, name: str) -> HubUser | None:
        if name not in self.there:
            return None
        server = Server("", self.spawns == "ready", None, None, None, "")
        return HubUser(name, False, None, [server] if self.running else [])

    def users(self, *, active_only: bool = False) -> list[HubUser]:
        return []

    def stop_server(self, name: str) -> bool:
        self.running = False
        return True

    def delete_user(self, name: str) -> None:
        self.there.discard(name)


@dataclass
class Lab:
    """One upgrade of hub r5, step by step."""

    place: Place
    run: Run
    clusters: Clusters = field(default_factory=Clusters)
    helm: Helm = field(default_factory=Helm)
    kubernetes: Kubernetes = field(default_factory=Kubernetes)
    hub: Hub = field(default_factory=Hub)
    secrets: adapters.Secrets = field(default_factory=adapters.Secrets)

    def call(self, step: StepState, function: Any) -> Outcome:
        self.place.adapters |= {
            "clusters": self.clusters,
            "helm": self.helm,
            "kubernetes": self.kubernetes,
            "jupyterhub": self.hub,
            "secrets": self.secrets,
            "arm": adapters.Arm(adapters.SUCCEEDED),
            "dns": SimpleNamespace(addresses=lambda _: frozenset({"r5.example"})),
        }
        context = self.place.context(self.run, step)
        return function(replace(context, step=step)) if step.started else function(context)  # type: ignore[no-any-return]  # a step

    def to_the_end(self, name: str, function: Any, minutes: float = 90) -> Outcome:
        """Calls the step as the engine does, until it has ended."""
        step = StepState(name).begun(self.place.clock.now())
        until = self.place.clock.now() + timedelta(minutes=minutes)
        while self.place.clock.now() < until:
            outcome = self.call(step, function)
            if outcome.state != "waiting":
                return outcome
            step = replace(step, memo=outcome.memo)
            self.place.clock.advance(seconds=outcome.after)
        raise AssertionError(outcome)

    @property
    def spec(self) -> Any:
        return self.place.hub().spec


def lab(change: dict[str, Any], **old: Any) -> Lab:
    place = Place()
    before = place.ready(parts=KNOWN, auth="none", **old).spec
    wanted = parse({**before.wire(), **change}, "westus").wire()
    run = run_of(Kind.UPGRADE, wanted=wanted)
    place.runs.insert(run)
    place.hubs.record("r5", parts.Upgrade(run.id, chart="4.2.0", good=1))
    return Lab(place, run)


def test_kubernetes_goes_up_the_path_control_plane_first() -> None:
    made = lab(
        {"cluster": {**spec().cluster.model_dump(by_alias=True, exclude_none=True), "kubernetesVersion": "1.36"}}
    )
    made.place.hubs.record("r5", parts.Upgrade(made.run.id, path=("1.35.5", "1.36.3")))
    assert made.to_the_end("cluster", upgrade_cluster.cluster).state == "done"
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
    assert made.to_the_end("cluster", upgrade_cluster.cluster).message == "Kubernetes stays as it is."


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
    assert made.to_the_end("pool", nodes.pool).message == "5 nodes."
    ((_, given),) = made.clusters.asked
    assert given["count"] == 5
    assert "currentOrchestratorVersion" not in given
    assert made.spec.cluster.node_count == 5
    assert made.to_the_end("pool", nodes.pool).state == "done"
    assert len(made.clusters.asked) == 1


def test_tags_of_others_stay() -> None:
    present = {"Course": "physics", "CostCenter": "17", "hubkeeper-hub": "r5"}
    found = cluster.merged_tags(present, spec(tags={"course": "physics"}), spec(tags={"owner": "ada"}))
    assert found == {"CostCenter": "17", "hubkeeper-hub": "r5", "owner": "ada"}


IMAGE = {"image": {"name": "new", "tag": "2"}}


def test_the_backup_holds_keys_and_not_the_charts_values() -> None:
    made = lab(IMAGE)
    assert made.to_the_end("backup", frame.backup).state == "done"
    kept = made.secrets.kept["r5--own--backup-hub-secret"]
    assert kept.value == '{"crypt": "a2V5", "hub.services.hubkeeper.apiToken": "dG9rZW4="}'
    assert kept.tags == {"hubkeeper-hub": "r5", "run": made.run.id, "revision": "1"}
    assert made.place.hub().status.upgrade.good == 1


def test_a_release_without_a_good_revision_is_not_upgraded() -> None:
    made = lab(IMAGE)
    made.helm.revisions = [(1, "failed")]
    outcome = made.to_the_end("backup", frame.backup)
    assert outcome.fault
    assert outcome.fault.code == "NoGoodRelease"


def test_what_works_becomes_the_hubs_specification() -> None:
    made = lab(IMAGE)
    outcome = made.to_the_end("release", upgrade_release.release)
    assert made.helm.values["singleuser"]["image"] == {"name": "new", "tag": "2"}
    assert (outcome.state, outcome.message) == ("done", "A server was started and stopped.")
    assert made.hub.there == set()
    assert made.spec.wire()["image"]["tag"] == "2"
    assert made.place.hub().status.release.revision == 2


def test_a_release_made_before_a_crash_is_not_made_again_and_after_a_retry_it_is() -> None:
    made = lab(IMAGE)
    begun = StepState("release").begun(made.place.clock.now())
    made.call(begun, upgrade_release.release)
    made.call(begun, upgrade_release.release)
    assert len(made.helm.revisions) == 2
    made.run = replace(made.run, attempt=2)
    made.call(begun, upgrade_release.release)
    assert len(made.helm.revisions) == 3


def failed_gate(made: Lab) -> Outcome:
    """A release that does not get through the gate: back to the good one, the old specification kept."""
    outcome = made.to_the_end("release", upgrade_release.release)
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
    outcome = made.to_the_end("release", upgrade_release.release)
    assert outcome.state == "done"
    assert "want of room" in outcome.message
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
    outcome = made.to_the_end("release", upgrade_release.release)
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
    outcome = made.to_the_end("release", upgrade_release.release)
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
    assert made.to_the_end("release", upgrade_release.release).state == "done"
    assert made.helm.values["proxy"]["https"]["secret"] == {"name": "hubkeeper-tls-2"}
    assert certificate_version(made) == "2"


def test_the_same_certificate_makes_none() -> None:
    made = renewed(version="1")
    assert made.to_the_end("release", upgrade_release.release).message == "The hub answers."
    assert made.helm.revisions == [(1, "deployed")]


def test_a_certificate_with_which_the_hub_does_not_answer_is_taken_back() -> None:
    made = renewed()
    made.hub.well = False

    def restored(*given: Any) -> None:
        made.hub.well = True

    made.helm.rollback = restored  # type: ignore[assignment]  # with the old certificate it answers again
    outcome = made.to_the_end("release", upgrade_release.release)
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
    assert made.to_the_end("release", upgrade_release.release).state == "done"
