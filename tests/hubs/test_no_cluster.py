"""What people are told who ask for a look into a cluster that the hub has not got, or that is not the hub's."""

from dataclasses import replace
from typing import Any

import pytest

from shared.azure.aks import Cluster
from shared.hubs.status import parts
from shared.runs.model import Kind
from tests.app import App, NoClusters, said
from tests.fakes.adapters import cluster

FOUND: dict[str, Cluster | None] = {
    "none": None,
    "nobody's": replace(cluster("r5", "Succeeded", "Running"), tags={}),
    "another hub's": replace(cluster("r5", "Succeeded", "Running"), tags={"hubkeeper-hub": "r6"}),
    "of another place": replace(cluster("r5", "Succeeded", "Running"), id="/subscriptions/s/x/r5"),
}


class Clusters(NoClusters):
    def __init__(self, found: Cluster | None) -> None:
        super().__init__(state=None)
        self.found = found

    def get(self, group: str, name: str) -> Cluster | None:
        return self.found

    def list_all(self) -> list[Any]:
        return [self.found] if self.found else []

    def admin_kubeconfig(self, group: str, name: str) -> str:
        raise AssertionError("somebody else's credentials were asked for")


@pytest.fixture(params=FOUND)
def app(request: pytest.FixtureRequest) -> App:
    made = App()
    made.place.adapters["clusters"] = Clusters(FOUND[request.param])
    made.place.ready(parts=[parts.Cluster(cluster("r5", "", "").id, "x"), parts.Urls("http://r5.example/")])
    return made


@pytest.mark.parametrize("what", ["kubeconfig", "users", "inventory"])
def test_a_hub_without_a_cluster_of_its_own_has_nothing_to_look_into(app: App, what: str) -> None:
    answer = app.ask("GET", f"hubs/{{name}}/{what}")
    assert (answer.status_code, said(answer)["code"]) == (404, "NoCluster")


@pytest.mark.parametrize("what", ["users", "inventory"])
def test_while_a_run_is_at_work_the_cluster_may_still_come(app: App, what: str) -> None:
    app.place.commands.begin("r5", Kind.START, "x")
    answer = app.ask("GET", f"hubs/{{name}}/{what}")
    assert (answer.status_code, said(answer)["code"]) == (409, "HubNotRunning")
