"""Requests in, answers out."""

import contextlib
import json
from math import isfinite
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.auth import caller
from shared.http.parsing import (
    DEEPEST_BODY,
    LARGEST_BODY,
    MOST_ERRORS,
    accepted,
    answer,
    base_url,
    json_body,
)
from shared.http.problems import ProblemError
from shared.http.query import DRY_RUN, Whole
from shared.problem import wrong
from tests.steps import steps

LIMIT = Whole("limit", 20, 1, 200)


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
        "nested": nested(DEEPEST_BODY + 1),
        "nested beyond the parser": nested(LARGEST_BODY // 2),
    }.values(),
)
def test_what_is_not_json_is_refused_by_name(body: bytes) -> None:
    problem = refused(body)
    assert (problem.status, problem.code) == (400, "NotJson")
    assert problem.errors == [wrong("", "must be JSON", "NotJson")]
    assert "Content-Type: application/json" in problem.advice


TOO_LARGE = "is a number beyond 64 bits; write a smaller one"
NUL = "has a NUL character; leave it out"
HALF = "has half a surrogate pair; write the whole character"
BAD_VALUES: dict[str, tuple[bytes, dict[str, str]]] = {
    "a float beyond doubles": (b'{"a": 1e400}', {"a": TOO_LARGE}),
    "below them": (b'{"a": -1e400}', {"a": TOO_LARGE}),
    "with a fraction": (b'{"a": 1.5E999999}', {"a": TOO_LARGE}),
    "an integer beyond 64 bits": (b'{"a": 9223372036854775808}', {"a": TOO_LARGE}),
    "below them, too": (b'{"a": -9223372036854775809}', {"a": TOO_LARGE}),
    "a number of thousands of digits": (b'{"a": ' + b"9" * 9000 + b"}", {"a": TOO_LARGE}),
    "a number alone": (b"9" * 5000, {"": TOO_LARGE}),
    "NUL": (b'{"a": "x\\u0000y"}', {"a": NUL}),
    "NUL alone": (b'"\\u0000"', {"": NUL}),
    "NUL in a name": (b'{"a": {"b\\u0000": 1}}', {"a.b\\x00": f"its name {NUL}"}),
    "half a character": (b'{"a": "\\ud83d"}', {"a": HALF}),
    "the other half": (b'{"a": "\\ude00"}', {"a": HALF}),
    "the halves in the wrong order": (b'{"a": "\\ude00\\ud83d"}', {"a": HALF}),
    "half a character as a name": (b'{"\\ud83d": 1}', {"\\ud83d": f"its name {HALF}"}),
    "half a character as bytes": (b'"\xed\xa0\xbd"', {"": HALF}),
    "deep inside": (
        b'{"values": {"hub": {"extraEnv": [{"name": "A", "value": "\\u0000"}]}}}',
        {"values.hub.extraEnv[0].value": NUL},
    ),
    "lists in lists": (b"[1, [2, [3, 1e999]]]", {"[1][1][1]": TOO_LARGE}),
    "several at once": (
        b'{"a": [1e400, "ok", "\\u0000"], "b": {"c": 99999999999999999999}}',
        {"a[0]": TOO_LARGE, "a[2]": NUL, "b.c": TOO_LARGE},
    ),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_what_nothing_can_keep_is_refused_with_its_field(case: str) -> None:
    body, fields = BAD_VALUES[case]
    problem = refused(body)
    assert (problem.status, problem.code) == (400, "BadValue")
    assert {error.field: error.message for error in problem.errors} == fields
    assert f"Wrong fields: {len(fields)}." in problem.detail
    problem.response().get_body().decode("ascii")


@pytest.mark.parametrize(
    "text",
    ["9223372036854775807", "-9223372036854775808", "1e308", "-1e308", "1e-400", "0.1", "true", '"\\ud83d\\ude00"'],
)
def test_what_just_fits_is_read(text: str) -> None:
    assert json_body(request(text.encode())) == json.loads(text)


def test_of_very_many_wrong_values_some_are_named_and_keys_are_cut() -> None:
    deep = b"1e400," * 3000
    problem = refused(b'{"' + b"k" * 10_000 + b'": [' + deep + b"1]}")
    assert len(problem.errors) == MOST_ERRORS
    assert "or more" in problem.detail
    assert len(problem.response().get_body()) < 10_000


WORST = {
    "one long number": b"9" * LARGEST_BODY,
    "many numbers": b"[" + b",".join([b"9" * 20] * (LARGEST_BODY // 21 - 1)) + b"]",
    "many small ones": b"[" + b"1," * (LARGEST_BODY // 2 - 2) + b"1]",
    "many keys": b"{" + b",".join(b'"%d":0' % number for number in range(2500)) + b"}",
    "long and deep": nested(DEEPEST_BODY)[:DEEPEST_BODY] + b"1e999," * 4900 + b"1" + b"]" * DEEPEST_BODY,
    "a number with a long exponent": b"1e" + b"9" * (LARGEST_BODY - 2),
    "a long fraction": b"0." + b"9" * (LARGEST_BODY - 2),
}


@pytest.mark.parametrize("case", WORST)
def test_the_worst_of_bodies_costs_as_much_as_its_length(case: str) -> None:
    body = WORST[case]
    assert len(body) <= LARGEST_BODY

    def read() -> None:
        with contextlib.suppress(ProblemError):
            json_body(request(body))

    assert steps(read) < 10 * len(body)


TEXT = st.text().filter(lambda text: "Infinity" not in text)
"""Python writes so what it has no number for."""
ANY_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT, st.just("\0"), st.just("\ud800")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)


def clean(value: Any) -> bool:
    """Whether nothing in it is beyond what can be kept."""
    match value:
        case dict():
            return all(clean(part) for pair in value.items() for part in pair)
        case list():
            return all(map(clean, value))
        case str():
            return not set(value) & {"\0", *map(chr, range(0xD800, 0xE000))}
        case float():
            return isfinite(value)
    return value is None or -(2**63) <= value < 2**63


@given(ANY_JSON)
def test_a_body_is_read_as_it_is_or_refused_by_field(value: Any) -> None:
    body = json.dumps(value).replace("Infinity", "1e400").encode()
    if clean(value):
        assert json_body(request(body)) == value
    else:
        assert refused(body).code == "BadValue"


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
    assert DRY_RUN.of(request(params=params)) is meaning


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(ProblemError) as caught:
        DRY_RUN.of(request(params={"dryRun": "yes"}))
    assert (caught.value.status, caught.value.code) == (400, "BadParameter")
    assert caught.value.errors == [wrong("dryRun", "must be true or false", "BadParameter")]


@pytest.mark.parametrize(("text", "value"), [(None, 20), ("1", 1), ("200", 200), ("007", 7)])
def test_numbers(text: str | None, value: int) -> None:
    params = {} if text is None else {"limit": text}
    assert LIMIT.of(request(params=params)) == value


@pytest.mark.parametrize("text", ["0", "201", "-1", "1.5", "ten", "", " 5", "1e2", "²", "9" * 5000])
def test_a_number_is_whole_and_in_its_range(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        LIMIT.of(request(params={"limit": text}))
    assert (caught.value.status, caught.value.code) == (400, "BadParameter")
    assert caught.value.errors == [wrong("limit", "must be a whole number from 1 to 200", "BadParameter")]
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
