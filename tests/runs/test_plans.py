"""The order of steps: what may run side by side, and what a run cannot be faster than."""

import pytest

from shared.procedures import STEPS
from shared.runs.model import Kind
from shared.runs.plans import CREATE, PLANS, chain, ready


@pytest.mark.parametrize("kind", list(Kind))
def test_every_planned_step_has_its_function_and_the_other_way_round(kind: Kind) -> None:
    assert set(STEPS[kind]) == {step.name for step in PLANS[kind]}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_plan_can_be_worked_off(kind: Kind) -> None:
    done: set[str] = set()
    while fresh := ready(PLANS[kind], done, done):
        done |= set(fresh)
    assert done == {step.name for step in PLANS[kind]}


def test_what_can_go_side_by_side_does() -> None:
    asked = {"providers", "preflight"}
    assert set(ready(CREATE, asked, asked)) == {"group", "ssh-key"}
    begun = {*asked, "group", "ssh-key"}
    assert set(ready(CREATE, begun, begun)) == {"network", "registry", "identity"}


def test_a_create_takes_hardly_longer_than_its_cluster() -> None:
    cluster = next(step.seconds for step in CREATE if step.name == "cluster")
    others = {
        "providers": 2,
        "preflight": 3,
        "group": 1,
        "identity": 12,
        "role": 8,
        "credentials": 3,
        "certificate": 1,
        "release": 20,
        "name": 1,
        "usable": 60,
    }
    assert chain(CREATE) == cluster + sum(others.values())
