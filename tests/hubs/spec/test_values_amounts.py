"""Amounts in the chart's own values: a wrong one is refused with its field, when the hub is asked for."""

from typing import Any

import pytest

from shared.errors import InvalidError
from shared.hubs.spec import values_amounts
from shared.hubs.spec.validation import parse
from shared.hubs.spec.values_amounts import CORES, MEMORY, QUANTITY, SIZE


def nested(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    found: dict[str, Any] = value
    return found


def refused(**body: Any) -> dict[str, str]:
    try:
        parse({"name": "r5", **body}, "westus")
    except InvalidError as error:
        return {each.field: each.message for each in error.problems}
    return {}


GOOD: dict[str, list[Any]] = {
    "singleuser.memory.guarantee": ["1G", "512M", 1073741824, 0, None],
    "singleuser.memory.limit": ["1.5G", None],
    "singleuser.cpu.guarantee": [0.5, 2, 0, None],
    "singleuser.cpu.limit": [1, None],
    "singleuser.storage.capacity": ["10Gi", "1e10", None],
    "hub.db.pvc.storage": ["1Gi", None],
    "hub.resources.requests.cpu": ["200m", 2, 0.5, "2", None],
    "proxy.chp.resources.limits.memory": ["512Mi", 1073741824],
    "singleuser.extraResource.limits": [{"nvidia.com/gpu": "1"}, {}, None],
}
NO_SIZE = ["10GiB", "lots", "-1Gi", "0", 10, 10**30, True, {}, ["10Gi"], "secret://size", "9" * 400]
BAD: dict[str, tuple[list[Any], str]] = {
    "singleuser.memory.guarantee": (["1Gi", "lots", "10", -1, "9" * 400 + "G", 10**400, True, {}, []], MEMORY),
    "singleuser.memory.limit": (["1 G", ["1G"]], MEMORY),
    "singleuser.cpu.guarantee": (["500m", "1", -1, 5e-324, 10**6, True, {}, [0.5]], CORES),
    "singleuser.cpu.limit": (["half"], CORES),
    "singleuser.storage.capacity": (NO_SIZE, SIZE),
    "hub.db.pvc.storage": (NO_SIZE, SIZE),
    "hub.resources.requests.cpu": (["lots", "200 m", -1, "-1", True, {}, "9" * 400], QUANTITY),
    "proxy.chp.resources.limits.memory": (["512MB"], QUANTITY),
    "proxy.traefik.resources.limits.memory": (["512MB"], QUANTITY),
    "proxy.secretSync.resources.limits.memory": (["512MB"], QUANTITY),
    "scheduling.userScheduler.resources.requests.cpu": (["x"], QUANTITY),
    "scheduling.userPlaceholder.resources.requests.cpu": (["x"], QUANTITY),
    "prePuller.resources.requests.cpu": (["x"], QUANTITY),
    "prePuller.hook.resources.requests.cpu": (["x"], QUANTITY),
    "singleuser.networkTools.resources.limits.cpu": (["x"], QUANTITY),
    "singleuser.extraResource.guarantees.cpu": (["x"], QUANTITY),
}


@pytest.mark.parametrize("path", GOOD)
def test_amounts_are_taken_and_null_leaves_them_to_the_chart(path: str) -> None:
    for value in GOOD[path]:
        assert refused(values=nested(path, value)) == {}, value


@pytest.mark.parametrize("path", BAD)
def test_what_is_no_amount_is_refused_with_its_field(path: str) -> None:
    values, says = BAD[path]
    for value in values:
        assert refused(values=nested(path, value)) == {f"values.{path}": says}, value


@pytest.mark.parametrize("path", BAD)
def test_in_a_binderhub_they_stand_below_jupyterhub(path: str) -> None:
    values = {"jupyterhub": nested(path, "wrong")}
    assert list(refused(flavor="binderhub", values=values)) == [f"values.jupyterhub.{path}"]


@pytest.mark.parametrize("path", ["resources.requests.cpu", "dind.resources.limits.memory"])
def test_a_binderhub_has_pods_of_its_own(path: str) -> None:
    assert refused(flavor="binderhub", values=nested(path, "wrong")) == {f"values.{path}": QUANTITY}


def test_profiles_are_looked_into() -> None:
    profiles = [
        {"display_name": "small", "kubespawner_override": {"mem_guarantee": "1G", "cpu_limit": 2}},
        {"display_name": "large", "kubespawner_override": {"mem_limit": "8Gi", "cpu_guarantee": "2"}},
        {"display_name": "as all", "kubespawner_override": None},
        "nonsense",
    ]
    place = "values.singleuser.profileList[1].kubespawner_override"
    assert refused(values={"singleuser": {"profileList": profiles}}) == {
        f"{place}.mem_limit": MEMORY,
        f"{place}.cpu_guarantee": CORES,
    }


@pytest.mark.parametrize(
    "odd", [None, 5, "x", [], [1], {"a": 1}, {"resources": 5}, {"memory": [], "cpu": 1, "storage": "x"}]
)
def test_what_stands_elsewhere_is_the_charts_to_judge(odd: Any) -> None:
    """Another shape than the chart's is found by the chart itself, which has a schema."""
    for part in ("singleuser", "hub", "proxy", "scheduling", "prePuller", "custom"):
        hub = parse({"name": "r5"}, "westus").model_copy(update={"values": {part: odd}})
        assert list(values_amounts.problems(hub)) == []


def test_all_wrong_amounts_are_named_at_once() -> None:
    values = {"singleuser": {"memory": {"guarantee": "1Gi", "limit": "2Gi"}, "cpu": {"limit": "2"}}}
    assert list(refused(values=values)) == [
        "values.singleuser.memory.guarantee",
        "values.singleuser.memory.limit",
        "values.singleuser.cpu.limit",
    ]
