"""The systems of an upgrade, and a hub on which its steps are called."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self

from shared.azure.aks import Cluster, read_cluster
from shared.azure.operations import Operation
from shared.hubs.chart.values import CHECK_USER
from shared.hubs.spec.validation import parse
from shared.hubs.status import parts
from shared.kubernetes.helm import Release
from shared.kubernetes.jupyterhub import HubUser, Server
from shared.kubernetes.tunnel import Tunnel
from shared.runs.model import Kind, Outcome, Run, StepState
from tests.fakes import adapters
from tests.given import Place, run_of

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
            step = replace(step, checkpoint=outcome.checkpoint)
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
