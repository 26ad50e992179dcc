"""Long operations of Azure: begun by one call, watched by others, with nothing in between but these few strings."""

from dataclasses import dataclass
from typing import Any, Literal, cast

from shared.azure.errors import classify, retry_after
from shared.azure.rest import Answer, Rest
from shared.errors import PermanentError, TemporaryError


@dataclass(frozen=True)
class Operation:
    """Where to ask how an operation goes. Not secret: the signatures in it open nothing but the operation's state.

    status_url: answers 200 with a status in words (Azure-AsyncOperation). location_url: answers 202 until it is done.
    Both absolute, to be used to the letter. retry_after: seconds until the first question, if Azure said so.
    """

    status_url: str | None
    location_url: str | None
    retry_after: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {"statusUrl": self.status_url, "locationUrl": self.location_url, "retryAfter": self.retry_after}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Operation":
        return cls(document.get("statusUrl"), document.get("locationUrl"), document.get("retryAfter"))


@dataclass(frozen=True)
class Progress:
    """One look at an operation.

    phase: Azure's own word for where it is ("CreatingAgentPools: 1/3 nodes completed"); empty when it does not say.
    retry_after: seconds until the next look, if Azure asked for it. error: set when state is failed or canceled; its
    kind tells whether beginning the operation again may help. operation: where to look next, when Azure moved it.
    """

    state: Literal["running", "succeeded", "failed", "canceled"]
    phase: str
    retry_after: float | None
    error: PermanentError | TemporaryError | None
    operation: Operation | None = None


def begun(answer: Answer) -> Operation | None:
    """The operation that an answer began; None when the call was done at once."""
    status_url = answer.headers.get("azure-asyncoperation")
    location_url = answer.headers.get("location") if answer.status in (201, 202) else None
    if status_url is None and (location_url is None or answer.status != 202):
        return None
    return Operation(status_url, location_url, retry_after(answer.headers))


def poll(rest: Rest, operation: Operation) -> Progress:
    """One look.

    Raises TemporaryError when the question itself failed (the operation goes on), and NotFoundError when Azure has
    forgotten the operation: then only the resource can tell how it ended.
    """
    if operation.status_url:
        return read_status(rest.system, rest.call("GET", operation.status_url))
    if operation.location_url:
        return read_location(operation, rest.call("GET", operation.location_url))
    return Progress("succeeded", "", None, None)


def read_status(system: str, answer: Answer) -> Progress:
    """Progress from the body of an Azure-AsyncOperation.

    Its status is an open set of words of which three end it. An `error` beside any other is a hiccup that Azure itself
    got over: starts and creates that succeed often carry one from the first look to the last.
    """
    phase = str(answer.document.get("status") or "")
    state = phase.lower()
    if state == "succeeded":
        return Progress("succeeded", phase, None, None)
    if state in ("failed", "canceled"):
        ended = cast("Literal['failed', 'canceled']", state)
        return Progress(ended, phase, None, _failure(system, phase, answer))
    return Progress("running", phase, retry_after(answer.headers), None)


def read_location(operation: Operation, answer: Answer) -> Progress:
    """Progress from a Location: 202 while it runs, with an address that may be a new one."""
    if answer.status != 202:
        return Progress("succeeded", "", None, None)
    wait = retry_after(answer.headers)
    following = Operation(None, answer.headers.get("location") or operation.location_url, wait)
    return Progress("running", "", wait, None, following)


def _failure(system: str, phase: str, answer: Answer) -> PermanentError | TemporaryError:
    error = answer.document.get("error") or {}
    said = {"code": phase, "message": f"the operation ended {phase.lower()} without an explanation", **error}
    return cast("PermanentError | TemporaryError", classify(system, None, said))
