"""The try after an install: who is tried, and an address that is taken away can be given back, whenever the host dies."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.errors import TemporaryError
from shared.hubs.status.parts import Withdrawn, WithdrawnService
from shared.resources import strangers
from shared.runs.context import StepContext
from shared.runs.model import Kind, StepState
from tests.fakes.adapters import JupyterHub
from tests.given import Place, run_of, spec

URL, PAGE = "http://r5.example/", "http://page.example/"


@dataclass
class Cluster:
    """The types of a cluster's services. `broken`: the next change gets no answer."""

    types: dict[str, str] = field(default_factory=lambda: {"proxy-public": "LoadBalancer", "binder": "LoadBalancer"})
    broken: bool = False

    def find(self, path: str) -> dict[str, Any] | None:
        kind = self.types.get(path.rpartition("/")[2])
        return {"spec": {"type": kind}} if kind else None

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.broken:
            raise TemporaryError("Kubernetes", "NoAnswer", "reset")
        self.types[path.rpartition("/")[2]] = body["spec"]["type"]
        return body


@dataclass
class Page:
    open: bool

    def __call__(self, url: str) -> "Page":
        assert url == PAGE
        return self

    def lets_in(self) -> bool:
        return self.open


def place(*, hub: bool = False, page: bool = False, **more: Any) -> Place:
    made = Place(adapters={"jupyterhub": JupyterHub(open=hub), "binderhub": Page(page)})
    made.ready(**more)
    return made


def context(made: Place) -> StepContext:
    return made.context(run_of(Kind.CREATE), StepState("usable"))


@pytest.mark.parametrize(
    ("hub", "page", "auth", "found"),
    [
        (False, False, None, None),
        (True, False, None, URL),
        (True, False, "shared-password", URL),
        (False, True, None, PAGE),
        (True, True, "none", None),
    ],
)
def test_a_way_in_is_looked_for_unless_the_hub_is_to_be_open(
    hub: bool, page: bool, auth: Any, found: str | None
) -> None:
    how = strangers.way_in(place(hub=hub, page=page).services, spec(auth=auth), URL, PAGE)
    assert how is None if found is None else found in str(how)


def test_an_address_is_taken_away_and_given_back() -> None:
    made, cluster = place(flavor="binderhub"), Cluster()
    outcome = strangers.shut_out(context(made), cluster, "So.")  # type: ignore[arg-type]  # as much of one as is used
    assert (outcome.state, outcome.fault and outcome.fault.code) == ("failed", "OpenToEverybody")
    assert set(cluster.types.values()) == {"ClusterIP"}
    strangers.let_in_again(context(made), cluster)  # type: ignore[arg-type]  # likewise
    assert set(cluster.types.values()) == {"LoadBalancer"}
    assert made.hub().status.withdrawn == Withdrawn()


def test_an_address_that_may_have_been_taken_is_written_down_before() -> None:
    made, cluster = place(), Cluster(broken=True)
    with pytest.raises(TemporaryError):
        strangers.shut_out(context(made), cluster, "So.")  # type: ignore[arg-type]  # likewise
    assert made.hub().status.withdrawn == Withdrawn((WithdrawnService("proxy-public", "LoadBalancer"),))
