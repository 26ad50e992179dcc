"""The order of a run's steps, whatever the steps answer and in whatever order: driven as the engine drives it, by replay.

Each turn runs the orchestrator again from its first line over all that has happened, as the engine does, and it has to ask for
the same things in the same order as before.
"""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from durabletask.task import CompletableTask, RetryPolicy, Task
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runs.model import Kind
from shared.runs.orchestrators import run
from shared.runs.orders import Order, PlannedStep
from shared.runs.plan import Plan, Step
from shared.runs.workflows import activity_name
from shared.workflows import workflow

ORCHESTRATOR: Any = run._function.get_user_function().orchestrator_function  # type: ignore[attr-defined]  # of the decorator's builder

DONE = {"state": "done", "after": 0.0}
FAILED = {"state": "failed", "after": 0.0}
CANCELLED = {"state": "cancelled", "after": 0.0}


def waiting(after: float) -> dict[str, Any]:
    return {"state": "waiting", "after": after}


class CrashError(Exception):
    """What an activity raised, also at its last retry."""


@dataclass
class Asked:
    """Something that the orchestrator asked for. name: the activity's, or "timer"."""

    name: str
    input: Any
    pending: CompletableTask[Any] = field(default_factory=CompletableTask)

    @property
    def said(self) -> tuple[str, Any]:
        return self.name, self.input


class Context:
    """As much of the engine's context as the orchestrator uses."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def call_activity(self, name: str, *, input: Any, retry_policy: RetryPolicy) -> Task[Any]:  # noqa: A002 - its name
        assert retry_policy.max_number_of_attempts > 1
        return self._ask(name, input)

    def create_timer(self, wait: timedelta) -> Task[Any]:
        return self._ask("timer", wait.total_seconds())

    def _ask(self, name: str, given: Any) -> Task[Any]:
        self.asked.append(Asked(name, given))
        return self.asked[-1].pending


class Drive:
    """One orchestration. `open`: what was asked for and has not come back yet, oldest first."""

    def __init__(self, kind: Kind, done: tuple[str, ...] = (), plan: Plan | None = None) -> None:
        """plan: None as for orchestrations that an app started before runs had plans of their own."""
        self.kind = kind
        self._order = Order(run="r5-1", kind=kind.value, attempt=2, done=list(done))
        if plan is not None:
            self._order["plan"] = [PlannedStep(name=step.name, after=list(step.after)) for step in plan]
        self._history: list[tuple[int, Any]] = []
        self._asked: list[Asked] = []
        self.ended = False
        self._replay()

    @property
    def open(self) -> list[str]:
        came = {number for number, _ in self._history}
        return [asked.name for number, asked in enumerate(self._asked) if number not in came]

    @property
    def asked(self) -> list[str]:
        return [asked.name for asked in self._asked]

    @property
    def timers(self) -> list[float]:
        return [asked.input for asked in self._asked if asked.name == "timer"]

    def input_of(self, name: str) -> Any:
        return next(asked.input for asked in self._asked if asked.name == name)

    def answer(self, name: str, result: Any = None) -> None:
        """The oldest open one of that name comes back; `result` may be an exception."""
        came = {number for number, _ in self._history}
        number = next(n for n, asked in enumerate(self._asked) if asked.name == name and n not in came)
        self._history.append((number, result))
        self._replay()

    def step(self, name: str, result: Any = DONE) -> None:
        self.answer(activity_name(self.kind, name), result)

    def _replay(self) -> None:
        before, context = [asked.said for asked in self._asked], Context()
        steps = ORCHESTRATOR(context, self._order)
        awaited, self.ended = _resumed(steps, None)
        for number, result in self._history:
            _complete(context.asked[number], result)
            while not self.ended and awaited is not None and awaited.is_complete:
                awaited, self.ended = _resumed(steps, awaited)
        assert [asked.said for asked in context.asked][: len(before)] == before, "a replay asks for something else"
        self._asked = context.asked


def _complete(asked: Asked, result: Any) -> None:
    if isinstance(result, Exception):
        asked.pending.fail(f"activity {asked.name} failed", result)
    else:
        asked.pending.complete(result)


def _resumed(steps: Generator[Task[Any], Any, Any], awaited: Task[Any] | None) -> tuple[Task[Any] | None, bool]:
    """What the orchestrator waits for next, and whether it has ended."""
    try:
        if awaited is None:
            return next(steps), False
        return (steps.throw(awaited.get_exception()) if awaited.is_failed else steps.send(awaited.get_result())), False
    except StopIteration:
        return None, True


def begun(kind: Kind, *done: str) -> Drive:
    """A run that has begun, with the first of these steps done one after the other."""
    drive = Drive(kind)
    drive.answer("begin_run")
    for step in done:
        drive.step(step)
    return drive


def names(kind: Kind, *steps: str) -> list[str]:
    return [activity_name(kind, step) for step in steps]


def test_a_run_begins_before_its_steps_and_finishes_after_them() -> None:
    drive = Drive(Kind.START)
    assert drive.open == ["begin_run"]
    drive.answer("begin_run")
    for step in ("rest", "power-on", "usable"):
        assert drive.open == names(Kind.START, step)
        drive.step(step)
    assert drive.open == ["finish_run"]
    assert not drive.ended
    drive.answer("finish_run")
    assert drive.ended
    assert drive.input_of("finish_run") == {"run": "r5-1", "attempt": 2}, "an attempt ends itself only"


def test_steps_that_do_not_wait_for_each_other_run_side_by_side() -> None:
    drive = begun(Kind.CREATE, "providers", "preflight")
    assert drive.open == names(Kind.CREATE, "group", "ssh-key")
    drive.step("group")
    assert drive.open == names(Kind.CREATE, "ssh-key", "network", "registry", "identity")
    drive.step("network")
    drive.step("registry")
    drive.step("identity")
    drive.step("role")
    assert drive.open == names(Kind.CREATE, "ssh-key"), "the cluster waits for the last of them"
    drive.step("ssh-key")
    assert drive.open == names(Kind.CREATE, "cluster")


def test_a_waiting_step_is_called_again_when_its_timer_fires() -> None:
    drive = begun(Kind.START)
    drive.step("rest", waiting(900.0))
    assert drive.open == ["timer"]
    assert drive.timers == [900.0]
    drive.answer("timer")
    assert drive.open == names(Kind.START, "rest")
    drive.step("rest")
    assert drive.open == names(Kind.START, "power-on")


def test_a_step_that_waits_for_no_time_is_called_again_at_once() -> None:
    drive = begun(Kind.START, "rest")
    drive.step("power-on", waiting(0.0))
    assert drive.open == names(Kind.START, "power-on")
    assert drive.timers == []


def test_two_timers_belong_to_their_own_steps() -> None:
    drive = begun(Kind.CREATE, "providers", "preflight", "group", "registry")
    drive.step("network", waiting(2.0))
    drive.step("identity", waiting(5.0))
    assert drive.timers == [2.0, 5.0]
    drive.answer("timer")
    assert drive.open == [*names(Kind.CREATE, "ssh-key"), "timer", *names(Kind.CREATE, "network")]
    drive.answer("timer")
    assert drive.open == names(Kind.CREATE, "ssh-key", "network", "identity")


@pytest.mark.parametrize("end", [FAILED, CANCELLED])
def test_after_a_failed_step_nothing_begins_and_what_runs_is_seen_to_its_end(end: dict[str, Any]) -> None:
    drive = begun(Kind.CREATE, "providers", "preflight", "group", "registry")
    drive.step("ssh-key", end)
    assert drive.open == names(Kind.CREATE, "network", "identity")
    drive.step("network", waiting(3.0))
    drive.step("identity")
    drive.answer("timer")
    assert drive.open == names(Kind.CREATE, "network"), "it is called until it has ended"
    drive.step("network")
    assert drive.open == ["finish_run"], "the role comes after both, and does not begin"


def test_a_step_that_keeps_raising_is_recorded_by_its_errors_name_alone() -> None:
    drive = begun(Kind.START, "rest")
    drive.step("power-on", CrashError("secret text"))
    assert drive.open == ["record_crash"]
    crash = drive.input_of("record_crash")
    assert (crash["run"], crash["step"]) == ("r5-1", "power-on")
    assert crash["type"].endswith("CrashError")
    assert "secret" not in str(crash)
    drive.answer("record_crash")
    assert drive.open == ["finish_run"]


def test_what_ends_while_a_crash_is_recorded_is_not_forgotten() -> None:
    drive = begun(Kind.CREATE, "providers", "preflight")
    drive.step("group", CrashError("boom"))
    drive.step("ssh-key")
    assert drive.open == ["record_crash"]
    drive.answer("record_crash")
    assert drive.open == ["finish_run"]


def test_an_orchestration_that_takes_over_leaves_alone_what_is_done() -> None:
    done = ("providers", "preflight", "group", "ssh-key", "network", "registry", "identity", "role")
    drive = Drive(Kind.CREATE, done)
    drive.answer("begin_run")
    assert drive.open == names(Kind.CREATE, "cluster")


def test_a_run_with_all_steps_done_is_only_finished() -> None:
    drive = Drive(Kind.START, done=("rest", "power-on", "usable"))
    drive.answer("begin_run")
    assert drive.open == ["finish_run"]


def test_a_run_goes_by_its_own_plan_whatever_the_plans_of_this_version_are() -> None:
    """A step that no plan has any more, and an order that no plan has."""
    drive = Drive(Kind.START, plan=(Step("usable", "", 1), Step("former", "", 1, ("usable",))))
    drive.answer("begin_run")
    assert drive.open == names(Kind.START, "usable")
    drive.step("usable")
    assert drive.open == names(Kind.START, "former")
    drive.step("former")
    assert drive.open == ["finish_run"]


ANSWERS = st.sampled_from(
    [DONE, DONE, DONE, waiting(0.0), waiting(1.5), waiting(900.0), FAILED, CANCELLED, CrashError("boom")]
)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(list(Kind)))
def test_whatever_the_steps_answer_the_order_holds_and_the_run_is_finished(data: st.DataObject, kind: Kind) -> None:
    plan = {activity_name(kind, step.name): step for step in workflow(kind).steps}
    drive, done, stopped, calls = Drive(kind), set[str](), False, 0
    while not drive.ended:
        assert drive.open, "an orchestration that waits for nothing hangs"
        under_way = Counter(name for name in drive.open if name in plan)
        assert max(under_way.values(), default=1) == 1, "a step is under way once at most"
        for name in under_way:
            assert set(plan[name].after) <= done, "what it comes after is done"
        name = data.draw(st.sampled_from(drive.open))
        known = set(drive.asked)
        result = data.draw(ANSWERS) if name in plan and calls < 25 else DONE
        calls += name in plan
        drive.answer(name, result)
        if stopped:
            assert set(drive.asked) - known <= {"timer", "finish_run", "record_crash"}, "nothing new begins"
        if name in plan and result is DONE:
            done.add(plan[name].name)
        stopped = stopped or (name in plan and (isinstance(result, CrashError) or result in (FAILED, CANCELLED)))
    assert drive.asked[0] == "begin_run"
    assert drive.asked[-1] == "finish_run"
    assert Counter(drive.asked)["finish_run"] == 1
    assert stopped or done == {step.name for step in workflow(kind).steps}
