"""Carries the engine's work items to the app's functions and their answers back, as the Durable extension does."""

import asyncio
import base64
import logging
import threading
import traceback
from collections.abc import Coroutine
from typing import Any, cast

import azure.functions as func
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from azure.durable_functions.internal.converters import ActivityTriggerConverter
from azure.functions import meta
from google.protobuf import wrappers_pb2

from local.functions.engine import Engine
from local.functions.index import Function
from local.functions.invoke import Invoker

_log = logging.getLogger("host")


class _InProcess:
    """Stands in for a gRPC call's context: the bridge lives in the engine's process."""

    def is_active(self) -> bool:
        return True

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise RuntimeError(f"{code.name}: {details}")


_CONTEXT = cast("grpc.ServicerContext", _InProcess())


class Bridge:
    def __init__(
        self, engine: Engine, invoker: Invoker, functions: list[Function], orchestrators: int, activities: int
    ) -> None:
        """`orchestrators`, `activities`: how many of each may run at a time."""
        self._engine = engine
        self._invoker = invoker
        self._orchestrators = {each.durable_name: each for each in functions if each.kind == "orchestrationTrigger"}
        self._activities = {each.durable_name: each for each in functions if each.kind == "activityTrigger"}
        self._orchestrator_slots = asyncio.Semaphore(orchestrators)
        self._activity_slots = asyncio.Semaphore(activities)
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Takes work from now on, on the running event loop, until the process ends."""
        loop = asyncio.get_running_loop()

        def take() -> None:
            for item in self._engine.GetWorkItems(pb.GetWorkItemsRequest(), _CONTEXT):
                loop.call_soon_threadsafe(self._begin, item)

        threading.Thread(target=take, name="work items", daemon=True).start()

    def _begin(self, item: pb.WorkItem) -> None:
        work: Coroutine[Any, Any, None]
        work = self._orchestrate(item) if item.HasField("orchestratorRequest") else self._act(item)
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _orchestrate(self, item: pb.WorkItem) -> None:
        request = item.orchestratorRequest
        async with self._orchestrator_slots:
            try:
                orchestrator = _known(self._orchestrators, _started(request), "an orchestrator")
                encoded = base64.b64encode(request.SerializeToString()).decode()
                answer = await self._invoker.call(orchestrator, func.OrchestrationContext(encoded))
                response = pb.OrchestratorResponse.FromString(base64.b64decode(answer))
            except Exception as error:
                response = _failed_orchestration(request.instanceId, error)
        response.completionToken = item.completionToken
        self._engine.CompleteOrchestratorTask(response, _CONTEXT)

    async def _act(self, item: pb.WorkItem) -> None:
        request = item.activityRequest
        response = pb.ActivityResponse(
            instanceId=request.orchestrationInstance.instanceId,
            taskId=request.taskId,
            completionToken=item.completionToken,
        )
        async with self._activity_slots:
            try:
                response.result.CopyFrom(await self._result(request))
            except Exception as error:
                response.failureDetails.CopyFrom(failure(error))
        self._engine.CompleteActivityTask(response, _CONTEXT)

    async def _result(self, request: pb.ActivityRequest) -> wrappers_pb2.StringValue:
        activity = _known(self._activities, request.name, "an activity")
        text = request.input.value if request.HasField("input") else "null"
        value = ActivityTriggerConverter.decode(meta.Datum(type="json", value=text), trigger_metadata=None)
        result = await self._invoker.call(activity, value)
        return wrappers_pb2.StringValue(value=ActivityTriggerConverter.encode(result, expected_type=None).value)


def _known(functions: dict[str, Function], name: str, kind: str) -> Function:
    if name not in functions:
        raise LookupError(f"The function '{name}' doesn't exist, is disabled, or is not {kind} function.")
    return functions[name]


def failure(error: Exception) -> pb.TaskFailureDetails:
    """As the extension's OutOfProcMiddleware makes it of the worker's report: bare class name, message, trace."""
    return pb.TaskFailureDetails(
        errorType=type(error).__name__,
        # The engine takes an empty message for success.
        errorMessage=str(error) or type(error).__name__,
        stackTrace=wrappers_pb2.StringValue(value="".join(traceback.format_exception(error))),
    )


def _started(request: pb.OrchestratorRequest) -> str:
    """The orchestrator's name."""
    events = [*request.newEvents, *request.pastEvents]
    return str(next(event.executionStarted.name for event in events if event.HasField("executionStarted")))


def _failed_orchestration(instance_id: str, error: Exception) -> pb.OrchestratorResponse:
    _log.error("orchestration %s failed in the host: %s", instance_id, error)
    ending = pb.CompleteOrchestrationAction(
        orchestrationStatus=pb.ORCHESTRATION_STATUS_FAILED, failureDetails=failure(error)
    )
    return pb.OrchestratorResponse(
        instanceId=instance_id, actions=[pb.OrchestratorAction(id=-1, completeOrchestration=ending)]
    )
