"""A name in a specification owns nothing: only the recorded cluster with the hub's tag is the hub's."""

from dataclasses import replace
from typing import Any

import pytest

from shared.errors import InvalidError, NotFoundError
from shared.hubs import ownership
from shared.hubs.network_role import allow, allowed, subnet_id
from shared.hubs.status.parts import Cluster
from tests.fakes import adapters
from tests.given import NOW, Place

OURS = adapters.cluster("r5", "Succeeded", "Running")
FOREIGN = {
    "no tag": replace(OURS, tags={}),
    "another hub's": replace(OURS, tags={"hubkeeper-hub": "r6"}),
    "another id": replace(OURS, id=OURS.id.replace("r5-RG", "R6-RG").replace("R5-RG", "R6-RG")),
}


class Clusters(adapters.Clusters):
    """found: what Azure shows under the name; listed: what the listing has."""

    def __init__(self, found: Any, listed: Any = None) -> None:
        super().__init__()
        self.found, self.listed = found, listed

    def get(self, group: str, name: str) -> Any:
        self.calls["get"] += 1
        return self.found

    def list_all(self) -> Any:
        return [self.listed] if self.listed else []


def place(found: Any, listed: Any = None) -> Place:
    made = Place(adapters={"clusters": Clusters(found, listed)})
    made.ready(parts=[Cluster(OURS.id.lower(), "x")])
    return made


@pytest.mark.parametrize("found", [*FOREIGN.values(), None], ids=[*FOREIGN, "none"])
def test_what_is_not_the_hubs_is_neither_read_nor_acted_upon(found: Any) -> None:
    made = place(found, found)
    assert ownership.own(made.hub(), found) is None
    for read in (ownership.cluster, ownership.kubeconfig):
        with pytest.raises(NotFoundError) as caught:
            read(made.services, made.hub())
        assert caught.value.code == ownership.NO_CLUSTER


def test_the_hubs_own_cluster_is_known_in_any_spelling() -> None:
    for tags in ({"hubkeeper-hub": "r5"}, {"Hubkeeper-Hub": "r5", "course": "x"}):
        made = place(replace(OURS, tags=tags), replace(OURS, tags=tags))
        assert ownership.cluster(made.services, made.hub()).id == OURS.id
        assert ownership.kubeconfig(made.services, made.hub()) == "kubeconfig"


def test_credentials_cost_no_question_about_the_single_cluster() -> None:
    made = place(OURS, OURS)
    ownership.kubeconfig(made.services, made.hub())
    assert made.adapters["clusters"].calls["get"] == 0


def test_a_cluster_that_was_made_a_moment_ago_is_not_in_the_listing_yet() -> None:
    made = place(OURS, None)
    assert ownership.kubeconfig(made.services, made.hub()) == "kubeconfig"


def test_a_hub_of_an_earlier_version_has_no_recorded_id() -> None:
    made = Place(adapters={"clusters": Clusters(OURS, OURS)})
    made.ready(parts=[Cluster(fqdn="x")])
    assert ownership.cluster(made.services, made.hub()).id == OURS.id


def test_a_role_on_a_subnet_is_allowed_for_the_subnet_that_is_named_in_full() -> None:
    made = place(OURS)
    hub, services = made.hub(), made.services
    subnet = subnet_id(hub.spec, services.settings.subscription_id)
    assert not allowed(hub, subnet)
    for wrong in ("r5-subnet", subnet.replace("r5-vnet", "r6-vnet"), f"{subnet}/", ""):
        with pytest.raises(InvalidError) as caught:
            allow(services, hub, wrong, "ada", NOW)
        assert [problem.field for problem in caught.value.problems] == ["subnet"]
    assert not allowed(made.hub(), subnet)
    assert allow(services, hub, subnet.upper(), "ada", NOW)["by"] == "ada"
    assert allowed(made.hub(), subnet)
    assert not allowed(made.hub(), subnet.replace("r5-vnet", "r6-vnet"))
