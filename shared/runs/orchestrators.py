"""The order of a run's steps, for the workflow engine: no clock, no settings, no I/O.

An orchestration drives the plan of its run: every step that can begin does, a waiting step is called again when its timer
fires, and when one step fails or is cancelled those under way are seen to their end and nothing new begins.
"""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from durabletask import task

from shared.runs.model import Kind
from shared.runs.orders import Answer, Crash, End, Order
from shared.runs.plan import Plan, Step, ready
from shared.runs.workflows import activity_name, workflow

orchestrators = df.Blueprint()

CRASH_RETRIES = task.RetryPolicy(
    first_retry_interval=timedelta(seconds=5),
    max_number_of_attempts=5,
    backoff_coefficient=2.0,
    max_retry_interval=timedelta(minutes=1),
)
"""For activities that raise: a table that cannot be reached, a host that died. A refusal of Azure's is an outcome instead."""


@orchestrators.orchestration_trigger(context_name="context")
def run(context: task.OrchestrationContext, order: Order) -> Generator[task.Task[Any], Any, Any]:
    plan = _plan(order)
    done, begun, stopped = set(order["done"]), set(order["done"]), False
    under_way: dict[task.Task[Any], str] = {}
    yield context.call_activity("begin_run", input=order["run"], retry_policy=CRASH_RETRIES)
    while True:
        if not stopped:
            for name in ready(plan, done, begun):
                begun.add(name)
                under_way[_call(context, order, name)] = name
        if not under_way:
            break
        finished = yield task.when_any(list(under_way))
        name = under_way.pop(finished)
        if name.startswith(_TIMER):
            step = name.removeprefix(_TIMER)
            under_way[_call(context, order, step)] = step
            continue
        outcome = yield from _outcome(context, order, name, finished)
        if outcome["state"] == "done":
            done.add(name)
        elif outcome["state"] == "waiting" and outcome["after"] > 0:
            under_way[context.create_timer(timedelta(seconds=outcome["after"]))] = _TIMER + name
        elif outcome["state"] == "waiting":
            under_way[_call(context, order, name)] = name
        else:
            stopped = True
    end = End(run=order["run"], attempt=order["attempt"])
    yield context.call_activity("finish_run", input=end, retry_policy=CRASH_RETRIES)


_TIMER = "timer of "


def _plan(order: Order) -> Plan:
    """The run's own plan, whatever plans this version of the app has for new runs. Only names and order matter here."""
    if "plan" not in order:
        return workflow(Kind(order["kind"])).steps
    return tuple(Step(step["name"], "", 0.0, tuple(step["after"])) for step in order["plan"])


def _call(context: task.OrchestrationContext, order: Order, step: str) -> task.Task[Any]:
    activity = activity_name(Kind(order["kind"]), step)
    return context.call_activity(activity, input=order["run"], retry_policy=CRASH_RETRIES)


def _outcome(
    context: task.OrchestrationContext, order: Order, step: str, finished: task.Task[Any]
) -> Generator[task.Task[Any], Any, Answer]:
    """The step's answer; one that kept raising is recorded as failed."""
    try:
        answer: Answer = finished.get_result()
    except task.TaskFailedError as error:
        # A StepCrashError's whole message is the name of what was raised.
        ours = error.details.error_type == "StepCrashError"
        kind = error.details.message if ours else error.details.error_type
        crash = Crash(run=order["run"], step=step, type=kind)
        yield context.call_activity("record_crash", input=crash, retry_policy=CRASH_RETRIES)
        return Answer(state="failed", after=0.0)
    return answer
