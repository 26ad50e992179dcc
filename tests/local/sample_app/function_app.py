"""A small app that uses everything the local Functions host offers, written as an app for Azure would be."""

import json
import logging
import os
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from durabletask import task
from durabletask.client import OrchestrationState

type Steps = Generator[task.Task[Any], Any, Any]

_log = logging.getLogger(__name__)

web = df.Blueprint()
work = df.Blueprint()


@web.route(route="echo/{word}/{number:int?}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "params": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode("latin-1"),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json", headers={"X-Sample": "yes"})


@web.route(route="echo/fixed", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def fixed(req: func.HttpRequest) -> str:
    return "fixed"


@web.route(route="files/{*rest}", methods=["GET"])
def files(req: func.HttpRequest) -> str:
    return str(req.route_params.get("rest", ""))


@web.route(route="hidden", methods=["POST"], auth_level=func.AuthLevel.ADMIN)
def hidden(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=201)


@web.route(route="broken", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> str:
    raise RuntimeError("it does not work")


@web.route(route="slow", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def slow(req: func.HttpRequest) -> str:
    time.sleep(float(req.params["seconds"]))
    return "done"


@web.route(route="quiet", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def quiet(req: func.HttpRequest, context: func.Context) -> str:
    _log.warning("nobody hears this")
    _log.error("everybody hears this")
    return context.function_name


def _note(timer: Any, name: str) -> None:
    with Path(os.environ["SAMPLE_NOTES"]).open("a") as notes:
        notes.write(json.dumps({"timer": name, "past_due": timer.past_due, "status": timer.schedule_status}) + "\n")


@web.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def every_five_minutes(timer: func.TimerRequest) -> None:
    _note(timer, "every_five_minutes")


@web.timer_trigger(arg_name="timer", schedule="0 0 */6 * * *")
async def every_six_hours(timer: func.TimerRequest) -> None:
    _note(timer, "every_six_hours")


@web.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
def overrunning(timer: func.TimerRequest) -> None:
    time.sleep(float(os.environ.get("SAMPLE_SLEEP", "0")))
    _note(timer, "overrunning")


@work.route(route="start/{orchestrator}/{id}", methods=["POST"])
@work.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    body = req.get_body()
    given = json.loads(body) if body else None
    name, instance = req.route_params["orchestrator"], req.route_params["id"]
    await client.schedule_new_orchestration(name, input=given, instance_id=instance)
    return client.create_check_status_response(req, instance)


@work.route(route="state/{id}", methods=["GET"])
@work.durable_client_input(client_name="client")
def state(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    found = client.get_orchestration_state(req.route_params["id"])
    return func.HttpResponse(json.dumps(found and _described(found)), mimetype="application/json")


@work.route(route="do/{what}/{id}", methods=["POST"])
@work.durable_client_input(client_name="client")
async def do(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    what, instance = req.route_params["what"], req.route_params["id"]
    answer: Any = None
    if what == "terminate":
        await client.terminate_orchestration(instance, output="stopped")
    elif what == "purge":
        answer = (await client.purge_orchestration(instance)).deleted_instance_count
    elif what == "suspend":
        await client.suspend_orchestration(instance)
    elif what == "resume":
        await client.resume_orchestration(instance)
    else:
        await client.raise_orchestration_event(instance, what, data=req.get_json())
    return func.HttpResponse(json.dumps(answer), mimetype="application/json")


def _described(found: OrchestrationState) -> dict[str, Any]:
    return {
        "status": found.runtime_status.name,
        "output": found.get_output(),
        "custom": found.get_custom_status(),
        "failure": found.failure_details
        and {"type": found.failure_details.error_type, "message": found.failure_details.message},
        "created": found.created_at.isoformat(),
    }


@work.orchestration_trigger(context_name="context")
def chain(context: task.OrchestrationContext, length: int) -> Steps:
    total = 0
    for _ in range(length):
        total = yield context.call_activity("add_one", input=total)
    return total


@work.orchestration_trigger(context_name="context")
def fan_out(context: task.OrchestrationContext, width: int) -> Steps:
    context.set_custom_status({"width": width})
    return (yield task.when_all([context.call_activity("add_one", input=n) for n in range(width)]))


@work.orchestration_trigger(context_name="context")
def timed(context: task.OrchestrationContext, minutes: int) -> Steps:
    began = context.current_utc_datetime
    yield context.create_timer(timedelta(minutes=minutes))
    return [began.isoformat(), context.current_utc_datetime.isoformat()]


@work.orchestration_trigger(context_name="context")
def retried(context: task.OrchestrationContext, failures: int) -> Steps:
    policy = task.RetryPolicy(
        first_retry_interval=timedelta(minutes=1), max_number_of_attempts=3, backoff_coefficient=2.0
    )
    given = {"key": context.instance_id, "failures": failures}
    return (yield context.call_activity("fail_first", input=given, retry_policy=policy))


@work.orchestration_trigger(context_name="context")
def caught(context: task.OrchestrationContext, _: None) -> Steps:
    try:
        yield context.call_activity("fail_first", input={"key": context.instance_id, "failures": 1})
    except task.TaskFailedError as error:
        return {"type": error.details.error_type, "message": error.details.message}


@work.orchestration_trigger(context_name="context")
def parent(context: task.OrchestrationContext, child: str) -> Steps:
    try:
        return (yield context.call_sub_orchestrator(child, input=2, instance_id=f"{context.instance_id}:child"))
    except task.TaskFailedError as error:
        return {"type": error.details.error_type, "message": error.details.message}


@work.orchestration_trigger(context_name="context")
def child_of(context: task.OrchestrationContext, number: int) -> Steps:
    total = yield context.call_activity("add_one", input=number)
    return {"parent": context.parent_instance_id, "total": total}


@work.orchestration_trigger(context_name="context")
def failing(context: task.OrchestrationContext, number: int) -> Steps:
    yield context.call_activity("add_one", input=number)
    raise ValueError(f"{number} will not do")


@work.orchestration_trigger(context_name="context")
def first_of(context: task.OrchestrationContext, minutes: int) -> Steps:
    go = context.wait_for_external_event("go")
    timer = context.create_timer(timedelta(minutes=minutes))
    if (yield task.when_any([go, timer])) is timer:
        return "late"
    timer.cancel()
    return go.get_result()


@work.orchestration_trigger(context_name="context")
def renewed(context: task.OrchestrationContext, left: int) -> Steps:
    yield context.call_activity("add_one", input=left)
    if left:
        context.continue_as_new(left - 1)
        return None
    return "renewed"


@work.orchestration_trigger(context_name="context")
def busy(context: task.OrchestrationContext, seconds: float) -> Steps:
    return (yield context.call_activity("sleep", input=seconds))


@work.activity_trigger(input_name="number")
def add_one(number: int) -> int:
    return number + 1


@work.activity_trigger(input_name="seconds")
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


_failed: dict[str, int] = {}


@work.activity_trigger(input_name="given")
def fail_first(given: dict) -> int:  # type: ignore[type-arg] # Azure's indexer refuses parameterized generics
    attempt = _failed[given["key"]] = _failed.get(given["key"], 0) + 1
    if attempt <= given["failures"]:
        raise KeyError("not yet")
    return attempt


app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(web)
app.register_functions(work)
