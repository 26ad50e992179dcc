"""Long operations as Azure reports them (azure-facts, sections 2 and 8)."""

from typing import Any

import pytest

from shared.azure.operations import Operation, begun, read_location, read_status
from shared.azure.rest import Answer
from shared.errors import PermanentError, TemporaryError

AKS = "https://management.azure.com/subscriptions/s/providers/Microsoft.ContainerService/locations/westus2/operations/g?t=1"
GROUP = "https://management.azure.com/subscriptions/s/operationresults/job?api-version=2021-04-01"


def status(body: dict[str, Any], **headers: str) -> Answer:
    return Answer(200, headers, body)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(201, {"azure-asyncoperation": AKS}, {}), Operation(AKS, None)),
        (Answer(200, {"azure-asyncoperation": AKS, "retry-after": "30"}, {}), Operation(AKS, None, 30.0)),
        (Answer(202, {"azure-asyncoperation": AKS, "location": GROUP}, None), Operation(AKS, GROUP)),
        (Answer(202, {"location": GROUP, "retry-after": "15"}, None), Operation(None, GROUP, 15.0)),
        (Answer(201, {}, {}), None),
        (Answer(200, {}, {}), None),
        (Answer(204, {"location": GROUP}, None), None),
        (Answer(201, {"location": "https://management.azure.com/a/resource"}, {}), None),
    ],
)
def test_an_answer_tells_whether_something_was_begun(answer: Answer, expected: Operation | None) -> None:
    assert begun(answer) == expected


def test_an_operation_survives_the_workflow_engine() -> None:
    operation = Operation(AKS + "&s=" + "x" * 4000, GROUP, 7.5)
    assert Operation.from_json(operation.to_json()) == operation


@pytest.mark.parametrize("word", ["InProgress", "CreatingAgentPools: 1/3 nodes completed", "Anything", "Updating", ""])
def test_every_word_but_three_means_running(word: str) -> None:
    progress = read_status("AKS", status({"status": word}, **{"retry-after": "30"}))
    assert (progress.state, progress.phase, progress.retry_after, progress.error) == ("running", word, 30.0, None)


@pytest.mark.parametrize("word", ["Succeeded", "succeeded", "SUCCEEDED"])
def test_an_error_beside_success_is_a_hiccup(word: str) -> None:
    body = {"status": word, "error": {"code": "NotLatestOperation", "message": "preempted"}}
    assert read_status("AKS", status(body)).state == "succeeded"


def test_an_error_or_an_end_time_while_it_runs_decides_nothing() -> None:
    error = {"code": "AuthorizationFailed", "message": "x"}
    body = {"status": "InProgress", "endTime": "2023-12-08T06:31:11Z", "error": error}
    progress = read_status("AKS", status(body))
    assert (progress.state, progress.error) == ("running", None)


def test_a_failure_carries_azures_words() -> None:
    progress = read_status("AKS", status({"status": "Failed", "error": {"code": "X", "message": "why"}}))
    assert progress.state == "failed"
    assert isinstance(progress.error, PermanentError)
    assert (progress.error.code, progress.error.message) == ("X", "why")


def test_a_failure_for_lack_of_capacity_may_pass() -> None:
    progress = read_status("AKS", status({"status": "Failed", "error": {"code": "AksCapacityHeavyUsage"}}))
    assert isinstance(progress.error, TemporaryError)


def test_a_cancellation_without_an_error_explains_itself() -> None:
    progress = read_status("AKS", status({"status": "Canceled"}))
    assert progress.state == "canceled"
    assert progress.error is not None
    assert progress.error.code == "Canceled"


def test_a_location_is_followed_to_where_it_moves() -> None:
    operation = Operation(None, GROUP)
    moved = GROUP + "&t=2"
    progress = read_location(operation, Answer(202, {"location": moved, "retry-after": "15"}, None))
    assert (progress.state, progress.retry_after) == ("running", 15.0)
    assert progress.operation == Operation(None, moved, 15.0)
    assert read_location(operation, Answer(202, {}, None)).operation == operation


@pytest.mark.parametrize("code", [200, 204])
def test_a_location_that_no_longer_says_202_has_ended(code: int) -> None:
    assert read_location(Operation(None, GROUP), Answer(code, {}, None)).state == "succeeded"
