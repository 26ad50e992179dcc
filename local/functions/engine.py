"""The durable engine: durabletask's in-memory backend, on virtual time, without sleeping threads.

The state dies with the process. That is what the product's sweep is tested against.
"""

from collections import defaultdict
from concurrent import futures
from datetime import UTC, datetime, tzinfo

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.internal import helpers
from durabletask.internal.orchestrator_service_pb2_grpc import add_TaskHubSidecarServiceServicer_to_server
from durabletask.testing import in_memory_backend
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend, OrchestrationInstance

from local.clock import FileClock
from local.functions.alarms import Alarms

_CLIENT_THREADS = 32
"""Each client that waits for an orchestration's end holds one."""


class Engine(InMemoryOrchestrationBackend):
    """One a process: the backend module's `datetime` is replaced, because the backend has no clock to set."""

    def __init__(self, port: int, clock: FileClock, alarms: Alarms) -> None:
        super().__init__(port=port)
        self._alarms = alarms
        self._scheduled: dict[tuple[str, str, int], pb.HistoryEvent] = {}
        self._parents: dict[str, list[tuple[OrchestrationInstance, pb.HistoryEvent]]] = defaultdict(list)
        in_memory_backend.datetime = _virtual(clock)  # type: ignore[attr-defined] # the seam that the backend lacks

    def start(self) -> str:
        """Serves clients on 127.0.0.1. Raises RuntimeError when the port is taken; the original would share it."""
        server = grpc.server(futures.ThreadPoolExecutor(_CLIENT_THREADS), options=[("grpc.so_reuseport", 0)])
        add_TaskHubSidecarServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call] # generated code
        server.add_insecure_port(f"127.0.0.1:{self._port}")
        server.start()
        self._server = server
        return f"127.0.0.1:{self._port}"

    def StartInstance(  # noqa: N802 - gRPC's names, here and below
        self, request: pb.CreateInstanceRequest, context: grpc.ServicerContext
    ) -> pb.CreateInstanceResponse:
        if request.HasField("scheduledStartTimestamp"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "this engine starts orchestrations at once: no start_at")
        return super().StartInstance(request, context)

    def CompleteOrchestratorTask(  # noqa: N802
        self, request: pb.OrchestratorResponse, context: grpc.ServicerContext
    ) -> pb.CompleteTaskResponse:
        done = super().CompleteOrchestratorTask(request, context)
        with self._lock:
            instance = self._instances.get(request.instanceId)
            # A resume that came while the suspension was worked on is pending; the original leaves it there.
            if instance and instance.pending_events and not self._is_terminal_status(instance.status):
                self._enqueue_orchestration(request.instanceId)
        return done

    def CompleteActivityTask(  # noqa: N802
        self, request: pb.ActivityResponse, context: grpc.ServicerContext
    ) -> pb.CompleteTaskResponse:
        """Drops the result of an activity that an earlier life of the same instance id had scheduled, as Azure does."""
        with self._lock:
            key = (request.instanceId, request.completionToken, request.taskId)
            instance = self._instances.get(request.instanceId)
            scheduled = self._scheduled.pop(key, None)
            if instance is None or scheduled is None or not _holds(instance, scheduled):
                return pb.CompleteTaskResponse()
            return super().CompleteActivityTask(request, context)

    def _process_schedule_task_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        super()._process_schedule_task_action(instance, action)
        key = (instance.instance_id, str(instance.completion_token), action.id)
        self._scheduled[key] = instance.history[-1]

    def _enqueue_orchestration(self, instance_id: str) -> None:
        """Not while it is worked on: its completion enqueues it, and a queued one would be met by a 100 ms wait."""
        if instance_id not in self._orchestration_in_flight:
            super()._enqueue_orchestration(instance_id)

    def _process_create_timer_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
        created = helpers.new_timer_created_event(action.id, fire_at)
        instance.history.append(created)

        def fire() -> None:
            with self._lock:
                if _holds(instance, created) and not self._is_terminal_status(instance.status):
                    instance.pending_events.append(helpers.new_timer_fired_event(action.id, fire_at))
                    self._enqueue_orchestration(instance.instance_id)

        self._alarms.at(fire_at, fire)

    def _process_create_sub_orchestration_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        super()._process_create_sub_orchestration_action(instance, action)
        child = self._instances.get(action.createSubOrchestration.instanceId)
        for event in child.pending_events if child else ():
            if event.HasField("executionStarted"):
                parent = event.executionStarted.parentInstance
                parent.taskScheduledId = action.id
                parent.orchestrationInstance.instanceId = instance.instance_id

    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        """Remembers whom to tell. The original's thread gives up after 30 seconds."""
        parent = self._instances[parent_instance_id]
        created = next(event for event in reversed(parent.history) if event.eventId == task_id)
        self._parents[sub_instance_id].append((parent, created))

    def _notify_waiters(self, instance_id: str) -> None:
        super()._notify_waiters(instance_id)
        child = self._instances.get(instance_id)
        if child is None or not self._is_terminal_status(child.status):
            return
        for parent, created in self._parents.pop(instance_id, []):
            if _holds(parent, created) and not self._is_terminal_status(parent.status):
                parent.pending_events.append(_end_of_child(child, created.eventId))
                self._enqueue_orchestration(parent.instance_id)


def _holds(instance: OrchestrationInstance, event: pb.HistoryEvent) -> bool:
    """Whether the instance still lives the life in which this happened: same id is not enough, nor continue-as-new."""
    return any(each is event for each in instance.history)


def _end_of_child(child: OrchestrationInstance, task_id: int) -> pb.HistoryEvent:
    if child.status == pb.ORCHESTRATION_STATUS_COMPLETED:
        return helpers.new_sub_orchestration_completed_event(task_id, child.output)
    event = helpers.new_sub_orchestration_failed_event(task_id, Exception("Sub-orchestration was terminated"))
    if child.failure_details is not None:
        event.subOrchestrationInstanceFailed.failureDetails.CopyFrom(child.failure_details)
    return event


def _virtual(clock: FileClock) -> type[datetime]:
    class VirtualDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # plain datetimes will do
            return clock.now() if tz is None else clock.now().astimezone(tz)

    return VirtualDatetime
