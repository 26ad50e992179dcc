"""The workflow engine as runs see it: start an orchestration, ask whether one is still at work."""

from typing import Any, Protocol

from shared.errors import TemporaryError
from shared.runs.model import Run, StepStatus
from shared.runs.orders import Order, PlannedStep


class Client(Protocol):
    """The part of the engine's client that is used (azure.durable_functions' SyncDurableFunctionsClient)."""

    def schedule_new_orchestration(self, orchestrator: str, /, *, input: Any, instance_id: str) -> Any: ...  # noqa: A002 - its name

    def get_orchestration_state(self, instance_id: str, /, *, fetch_payloads: bool = True) -> Any: ...


class Engine:
    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self, run: Run) -> None:
        """Starts the orchestration of the run's present attempt; one that was started already is left alone."""
        import grpc

        done = [step.name for step in run.steps if step.status is StepStatus.SUCCEEDED]
        order = Order(
            run=run.id,
            kind=run.kind.value,
            attempt=run.attempt,
            done=done,
            plan=[PlannedStep(name=step.name, after=list(step.after)) for step in run.plan],
        )
        try:
            self._client.schedule_new_orchestration("run", input=order, instance_id=run.instance)
        except grpc.RpcError as error:
            if _code(error) is not grpc.StatusCode.ALREADY_EXISTS:
                raise _unavailable(error) from error

    def at_work(self, run: Run) -> bool | None:
        """True if the present attempt's orchestration is alive; None when the engine does not know it."""
        import grpc
        from durabletask.client import OrchestrationStatus

        try:
            state = self._client.get_orchestration_state(run.instance, fetch_payloads=False)
        except grpc.RpcError as error:
            raise _unavailable(error) from error
        if state is None:
            return None
        ended = (OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED)
        return state.runtime_status not in ended


def _code(error: Any) -> Any:
    return error.code() if hasattr(error, "code") else None


def _unavailable(error: Any) -> TemporaryError:
    return TemporaryError("The workflow engine", "EngineUnavailable", f"it did not answer ({_code(error)})")
