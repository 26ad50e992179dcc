"""Every error is a problem document with a stable code and an advice."""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable
from typing import Any

import azure.functions as func
import pytest

from shared.errors import (
    ConflictError,
    DomainError,
    InvalidError,
    MissingError,
    NotFoundError,
    OutsideError,
    PermanentError,
    RefusedError,
    TemporaryError,
)
from shared.http.problems import ProblemError, answers_for, async_endpoint, endpoint, problem_of
from shared.problem import Problem, wrong
from shared.settings import SettingsError

FIELDS = {"type", "title", "status", "code", "detail", "advice", "errors"}
ARM = "Azure Resource Manager"


def answered(error: Exception) -> tuple[func.HttpResponse, dict[str, Any]]:
    """What a route that raises this answers."""

    @endpoint
    def route(req: func.HttpRequest) -> func.HttpResponse:
        raise error

    response = route(func.HttpRequest("GET", "https://app.example/api/hubs?code=s3cret", body=b""))
    return response, json.loads(response.get_body())


CASES: dict[str, tuple[OutsideError, int]] = {
    "what Azure does not find is not the caller's address": (
        NotFoundError(ARM, "ResourceNotFound", "gone", status=404),
        502,
    ),
    "somebody else was faster": (
        ConflictError("Table Storage", "UpdateConditionNotSatisfied", "changed", status=412),
        409,
    ),
    "refused for good": (PermanentError(ARM, "RequestDisallowedByPolicy", "policy", status=403), 502),
    "fails for a while": (TemporaryError(ARM, "ServiceUnavailable", "later", status=503), 503),
    "throttled": (TemporaryError(ARM, "TooManyRequests", "slow down", status=429, retry_after=17.4), 503),
}


SUMMARY = Problem("TooSmall", "Hub r5 is too small.", "Make it larger.")
OURS: dict[type[DomainError], int] = {InvalidError: 400, MissingError: 404, RefusedError: 409}


@pytest.mark.parametrize("kind", OURS)
def test_what_hubkeeper_refuses_becomes_a_status_by_its_kind(kind: type[DomainError]) -> None:
    class NarrowerError(kind):  # type: ignore[valid-type, misc]  # a class of its own in some package
        pass

    fields = [wrong("cluster.nodeCount", "must be at least 1"), wrong("tags", "too many")]
    for error in (kind(SUMMARY, fields), NarrowerError(SUMMARY, fields)):
        response, body = answered(error)
        assert response.status_code == OURS[kind]
        assert (body["code"], body["detail"], body["advice"]) == ("TooSmall", SUMMARY.message, SUMMARY.advice)
        assert body["errors"] == [each.wire() for each in fields]


def test_every_kind_of_refusal_has_a_status() -> None:
    assert {kind for kind in DomainError.__subclasses__() if kind.__module__ == "shared.errors"} == set(OURS)


def test_a_package_registers_how_its_own_exception_is_answered() -> None:
    class TeapotError(Exception):
        pass

    class SmallTeapotError(TeapotError):
        pass

    @answers_for(TeapotError)
    def _teapot(error: TeapotError) -> ProblemError:
        return ProblemError(418, "Teapot", str(error), "Use it.")

    _, body = answered(SmallTeapotError("It is one."))
    assert (body["status"], body["title"], body["detail"]) == (418, "I'm a Teapot", "It is one.")


@pytest.mark.parametrize("case", CASES)
def test_what_an_outside_system_says_becomes_a_status(case: str) -> None:
    error, status = CASES[case]
    response, body = answered(error)
    assert (response.status_code, body["status"], body["code"]) == (status, status, error.code)
    assert response.mimetype == "application/problem+json"
    assert error.message in body["detail"]


def test_every_kind_of_error_has_a_case() -> None:
    kinds, waiting = set(), [OutsideError]
    while waiting:
        kind = waiting.pop()
        kinds.add(kind)
        waiting += kind.__subclasses__()
    own = {kind for kind in kinds if kind.__module__ == "shared.errors"} - {OutsideError}
    assert own == {type(error) for error, _ in CASES.values()}


@pytest.mark.parametrize(("asked", "told"), [(None, "10"), (17.4, "17"), (0.2, "1")])
def test_a_temporary_failure_says_when_to_try_again(asked: float | None, told: str) -> None:
    response, body = answered(TemporaryError(ARM, "TooManyRequests", "slow down", retry_after=asked))
    assert response.headers["Retry-After"] == told
    assert body["advice"] == f"Try again in {told} seconds."


@pytest.mark.parametrize(
    "error", [error for error, _ in CASES.values()] + [ProblemError(400, "Bad", "Wrong.", "Mend it.")]
)
def test_every_problem_has_every_field(error: Exception) -> None:
    _, body = answered(error)
    assert set(body) == FIELDS
    assert body["type"] == f"urn:hubkeeper:problem:{body['code']}"
    assert body["title"] not in ("", "Error")
    assert body["advice"]
    assert body["errors"] == []


def test_a_problem_names_its_fields_and_carries_its_headers() -> None:
    found = Problem("TooFew", "must be at least 1", "Write 1.", "cluster.nodeCount")
    response, body = answered(ProblemError(400, "InvalidHub", "d", "a", errors=[found], headers={"X-A": "b"}))
    assert body["errors"] == [
        {
            "field": "cluster.nodeCount",
            "code": "TooFew",
            "message": "must be at least 1",
            "advice": "Write 1.",
            "severity": "error",
        }
    ]
    assert response.headers["X-A"] == "b"


@pytest.mark.parametrize("error", [RuntimeError("s3cret"), KeyError("s3cret"), RecursionError()])
def test_what_nobody_foresaw_is_in_the_log_and_not_in_the_answer(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response, body = answered(error)
    assert (response.status_code, body["code"]) == (500, "InternalError")
    assert "s3cret" not in response.get_body().decode()
    incident = body["detail"].rsplit(" ", 1)[1].rstrip(").")
    assert incident in caplog.text
    assert "code=s3cret" not in caplog.records[0].getMessage()


BEHIND: dict[str, tuple[Exception, int, str]] = {
    "an outside system that refuses": (
        PermanentError(ARM, "RequestDisallowedByPolicy", "policy\nforbids", status=403),
        502,
        "502 RequestDisallowedByPolicy: Azure Resource Manager: policy forbids (HTTP 403)",
    ),
    "one that fails for a while": (TemporaryError(ARM, "Busy", "later"), 503, "503 Busy: Azure Resource Manager"),
    "settings": (
        SettingsError(["KEY_VAULT_URL is not set"]),
        503,
        "503 NotConfigured: Hubkeeper is not configured: KEY_VA",
    ),
    "a route's own": (ProblemError(503, "Full", "No room.", "Wait."), 503, "503 Full: No room."),
}


@pytest.mark.parametrize("case", BEHIND)
def test_an_answer_that_is_no_fault_of_the_callers_is_logged_with_what_was_behind_it(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    error, status, said = BEHIND[case]
    with caplog.at_level(logging.WARNING):
        response, _ = answered(error)
    (record,) = caplog.records
    assert response.status_code == status
    assert record.getMessage().startswith("GET https://app.example/api/hubs: ")
    assert said in record.getMessage()
    assert "\n" not in record.getMessage()
    assert "s3cret" not in caplog.text


def test_the_log_names_the_class_that_led_to_it_and_not_its_text(caplog: pytest.LogCaptureFixture) -> None:
    error = PermanentError(ARM, "Refused", "no")
    error.__cause__ = KeyError("s3cret")
    answered(error)
    assert "(after KeyError)" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("error", [RefusedError(SUMMARY), InvalidError(SUMMARY), ProblemError(400, "Bad", "d", "a")])
def test_an_answer_about_the_request_is_not_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    answered(error)
    assert caplog.records == []


def test_an_app_that_is_not_configured_says_what_is_missing() -> None:
    response, body = answered(SettingsError(["KEY_VAULT_URL is not set", "AZURE_TENANT_ID is not set"]))
    assert (response.status_code, body["code"]) == (503, "NotConfigured")
    assert "KEY_VAULT_URL is not set; AZURE_TENANT_ID is not set" in body["detail"]
    assert "app settings" in body["advice"]


def test_an_answer_passes_through() -> None:
    @endpoint
    def route(req: func.HttpRequest, client: str) -> func.HttpResponse:
        return func.HttpResponse(client, status_code=204)

    response = route(func.HttpRequest("GET", "https://app.example/api/hubs", body=b""), client="c")
    assert (response.status_code, response.get_body()) == (204, b"c")
    assert route.__name__ == "route"


@pytest.mark.parametrize("error", [ProblemError(418, "Teapot", "It is one.", "Use it."), KeyError("s3cret"), None])
def test_a_route_that_is_a_coroutine_answers_as_the_others_do(error: Exception | None) -> None:
    @async_endpoint
    async def route(req: func.HttpRequest) -> func.HttpResponse:
        if error:
            raise error
        return func.HttpResponse(status_code=204)

    assert inspect.iscoroutinefunction(route)  # so the worker tells one
    response = asyncio.run(_whole(route(func.HttpRequest("GET", "https://app.example/api/hubs", body=b""))))
    assert response.status_code == (answered(error)[0].status_code if error else 204)


async def _whole(response: Awaitable[func.HttpResponse]) -> func.HttpResponse:
    return await response


def test_the_code_is_the_outside_systems_own() -> None:
    assert problem_of(PermanentError("Helm", "ChartNotFound", "no chart")).detail == "Helm: no chart"
