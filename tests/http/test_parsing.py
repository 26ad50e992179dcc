"""Requests in, answers out."""

import json
from typing import Any

import azure.functions as func
import pytest

from shared.http.auth import caller
from shared.http.parsing import DEEPEST_BODY, LARGEST_BODY, accepted, answer, base_url, flag, json_body, number
from shared.http.problems import ProblemError


def request(body: bytes = b"", url: str = "https://app.example/api/hubs", **more: Any) -> func.HttpRequest:
    return func.HttpRequest("POST", url, body=body, **more)


def refused(body: bytes) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        json_body(request(body))
    return caught.value


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("text", ['{"name": "r5"}', '[1, null, "\\u00e9\\ud83d\\ude00"]', "null", '"text"', " 1 "])
def test_json_is_read(text: str) -> None:
    assert json_body(request(text.encode())) == json.loads(text)


@pytest.mark.parametrize(
    "body",
    {
        "nothing": b"",
        "white space": b" \n",
        "half an object": b'{"name": ',
        "yaml": b"name: r5",
        "two values": b"{} {}",
        "not a number": b'{"a": NaN}',
        "without end": b'{"a": -Infinity}',
        "not utf-8": b'{"a": "\xff"}',
        "half a character": b'{"a": "\\ud83d"}',
        "half a character as a name": b'{"\\ud83d": 1}',
        "a number of 5000 digits": b"9" * 5000,
        "nested": nested(DEEPEST_BODY + 1),
        "nested beyond the parser": nested(LARGEST_BODY // 2),
    }.values(),
)
def test_what_is_not_json_is_refused_by_name(body: bytes) -> None:
    problem = refused(body)
    assert (problem.status, problem.code) == (400, "NotJson")
    assert problem.errors == [{"field": "", "message": "must be JSON"}]
    assert "Content-Type: application/json" in problem.advice


def test_the_place_of_the_mistake_is_named() -> None:
    assert "line 2, column 11" in refused(b'{\n  "name": r5}').detail


def test_objects_may_be_inside_each_other() -> None:
    assert json_body(request(nested(DEEPEST_BODY))) == json.loads(nested(DEEPEST_BODY))


def test_the_largest_body_is_read_and_a_larger_one_is_not() -> None:
    largest = b'"' + b"a" * (LARGEST_BODY - 2) + b'"'
    assert len(json_body(request(largest))) == LARGEST_BODY - 2
    problem = refused(b" " + largest)
    assert (problem.status, problem.code) == (413, "BodyTooLarge")


def test_no_body_can_stand_for_something() -> None:
    assert json_body(request(b""), empty={}) == {}
    assert json_body(request(b"{}"), empty={"a": 1}) == {}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("true", True), ("TRUE", True), ("1", True), ("", True), ("false", False), ("0", False), (None, False)],
)
def test_flags(text: str | None, *, meaning: bool) -> None:
    params = {} if text is None else {"dryRun": text}
    assert flag(request(params=params), "dryRun") is meaning


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(ProblemError) as caught:
        flag(request(params={"dryRun": "yes"}), "dryRun")
    assert (caught.value.status, caught.value.code) == (400, "BadParameter")
    assert caught.value.errors == [{"field": "dryRun", "message": "must be true or false"}]


@pytest.mark.parametrize(("text", "value"), [(None, 20), ("1", 1), ("200", 200), ("007", 7)])
def test_numbers(text: str | None, value: int) -> None:
    params = {} if text is None else {"limit": text}
    assert number(request(params=params), "limit", 20, 1, 200) == value


@pytest.mark.parametrize("text", ["0", "201", "-1", "1.5", "ten", "", " 5", "1e2", "²", "9" * 5000])
def test_a_number_is_whole_and_in_its_range(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        number(request(params={"limit": text}), "limit", 20, 1, 200)
    assert (caught.value.status, caught.value.code) == (400, "BadParameter")
    assert caught.value.errors == [{"field": "limit", "message": "must be a whole number from 1 to 200"}]
    assert len(caught.value.detail) < 100


def test_an_answer_is_json() -> None:
    response = answer({"a": [1, "é"]}, 201, {"Cache-Control": "no-store"})
    assert json.loads(response.get_body()) == {"a": [1, "é"]}
    assert (response.status_code, response.mimetype) == (201, "application/json")
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("url", ["https://app.example/api/hubs?dryRun=true", "http://127.0.0.1:7071/api/hubs/r5/stop"])
def test_a_run_is_named_by_the_address_that_the_caller_used(url: str) -> None:
    head = url.split("/api/", maxsplit=1)[0]
    assert base_url(request(url=url)) == f"{head}/api"
    response = accepted(request(url=url), "r5-1", {"run": {}})
    assert (response.status_code, response.headers["Location"]) == (202, f"{head}/api/runs/r5-1")


def test_a_callers_name_counts_only_while_the_platform_vouches_for_it() -> None:
    forged = request(headers={"X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.org"})
    assert caller(forged, {}) == "api"
    assert caller(forged, {"WEBSITE_AUTH_ENABLED": "False"}) == "api"
    assert caller(forged, {"WEBSITE_AUTH_ENABLED": "True"}) == "ada@example.org"
    assert caller(request(), {"WEBSITE_AUTH_ENABLED": "True"}) == "api"
