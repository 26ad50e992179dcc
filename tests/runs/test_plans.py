"""The order of steps: what may run side by side, what a run cannot be faster than, and what is left without some of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lifecycle.create.steps import STEPS as CREATE
from shared.runs.model import Kind
from shared.runs.plan import Plan, Step, chain, ready, without
from shared.workflows import workflow


@pytest.mark.parametrize("kind", list(Kind))
def test_every_planned_step_has_its_function_and_the_other_way_round(kind: Kind) -> None:
    assert set(workflow(kind).functions()) == {step.name for step in workflow(kind).steps}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_plan_can_be_worked_off(kind: Kind) -> None:
    done: set[str] = set()
    while fresh := ready(workflow(kind).steps, done, done):
        done |= set(fresh)
    assert done == {step.name for step in workflow(kind).steps}


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


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Up to eight steps, each after some of those before it."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    return tuple(
        Step(name, "", 1.0, tuple(draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else ()))
        for at, name in enumerate(names)
    )


def reached(plan: Plan, name: str) -> set[str]:
    """Every step that has to be done before this one, however far away."""
    step = next(step for step in plan if step.name == name)
    return set(step.after).union(*(reached(plan, before) for before in step.after))


@given(plans(), st.data())
def test_a_plan_without_some_steps_keeps_the_order_of_the_others(plan: Plan, data: st.DataObject) -> None:
    left_out = data.draw(st.sets(st.sampled_from([step.name for step in plan])))
    kept = without(plan, left_out)
    assert [step.name for step in kept] == [step.name for step in plan if step.name not in left_out]
    for step in kept:
        assert reached(kept, step.name) == reached(plan, step.name) - left_out
