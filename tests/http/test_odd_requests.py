"""No address, no parameter and no body ends as an internal error, or as one of the tables behind the app."""

import itertools
from typing import Any

import pytest

from shared.runs.model import Kind
from tests.app import App, Route, routes, said

ODD_TEXTS = {
    "nothing": "",
    "NUL": "a\0b",
    "NUL in an id": "a\0b-12345678901234abcdef",
    "a line": "a\nb",
    "a quote": "a'b",
    "a quote in an id": "a' or '1' eq '1-12345678901234abcdef",
    "a slash": "a/b",
    "a backslash": "a\\b",
    "a fragment": "#",
    "a question": "a?b",
    "a percent sign": "%00",
    "two thousand letters": "x" * 2000,
    "five thousand digits": "9" * 5000,
    "an id of five thousand digits": "r5-" + "9" * 5000,
    "digits of another script": "r5-" + "٣" * 20,
    "upper case in an id": "r5-12345678901234ABCDEF",
    "a picture": "\U0001f600",
    "half a picture": "\ud83d",
    "a control character": "\x9f",
    "dots": "..",
    "two hyphens": "a--b",
    "upper case": "R5",
}
ODD_NUMBERS = [
    "",
    "\0",
    "9" * 5000,
    "-1",
    "1e400",
    "1.5",
    "nan",
    "Infinity",
    "²",
    "-",
    "0x10",
    "1\0",
    "x" * 2000,
    "None",
]
CALLERS_FAULT = range(400, 500)

PARAMETERS = [(route, name) for route in routes() for name in route.parameters]
ADDRESSED = [pytest.param(each, name, id=f"{each.method} {each.path} {name}") for each, name in PARAMETERS]


@pytest.fixture
def app() -> App:
    """With the hub r5, and a run of it."""
    made = App()
    made.place.ready()
    return made


@pytest.mark.parametrize(("route", "parameter"), ADDRESSED)
def test_an_odd_address_is_an_address_of_nothing(app: App, route: Route, parameter: str) -> None:
    body = b'{"value": "x"}' if route.path.endswith("{key}") else b"{}"
    answered = {
        case: app.ask(route.method, route.path, body, None, **{parameter: odd})
        for case, odd in ODD_TEXTS.items()
        if not (parameter == "key" and case.startswith("upper case"))  # which are good ones
    }
    # Lists of what is kept by a hub's name, be it gone or never there, have nothing in them.
    lists = (200,) if route.path in ("hubs/{name}/runs", "hubs/{name}/events") else ()
    wrong = {
        case: answer.status_code for case, answer in answered.items() if answer.status_code not in (400, 404, *lists)
    }
    assert wrong == {}
    assert all(said(answer)["advice"] for answer in answered.values() if answer.status_code in CALLERS_FAULT)


NUMBERS = [("hubs/{name}/runs", "limit"), ("hubs/{name}/events", "limit"), ("hubs/{name}/decisions", "limit")]
NUMBERS += [("hubs/{name}/calendar", "days")]
FLAGS = [("DELETE", "hubs/{name}", "keepHomes"), ("POST", "hubs", "dryRun"), ("PATCH", "hubs/{name}", "dryRun")]


@pytest.mark.parametrize(("path", "name"), NUMBERS)
def test_an_odd_number_is_a_bad_parameter(app: App, path: str, name: str) -> None:
    for text in ODD_NUMBERS:
        answer = app.ask("GET", path, query={name: text})
        assert (answer.status_code, said(answer)["code"]) == (400, "BadParameter"), text[:20]
        assert len(answer.get_body()) < 1000


@pytest.mark.parametrize(("method", "path", "name"), FLAGS)
def test_an_odd_flag_is_a_bad_parameter(app: App, method: str, path: str, name: str) -> None:
    for text in ["\0", "9" * 5000, "yes", "\ud83d", "truetrue"]:
        answer = app.ask(method, path, {"name": "r6"} if method == "POST" else {}, {name: text, "confirm": "r5"})
        assert (answer.status_code, said(answer)["code"]) == (400, "BadParameter"), text[:20]


def test_a_teardown_is_confirmed_with_the_name_alone(app: App) -> None:
    for text in ["", "\0", "r5\0", "R5", "x" * 5000]:
        answer = app.ask("DELETE", "hubs/{name}", query={"confirm": text})
        assert (answer.status_code, said(answer)["code"]) == (400, "NotConfirmed")


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"1e400",
    "null": b"null",
    "a text": b'"a"',
    "NUL": b'{"reason": "a\\u0000", "value": "a\\u0000", "name": "a\\u0000"}',
    "NUL in a name": b'{"\\u0000": 1}',
    "half a character": b'{"reason": "\\ud83d", "value": "\\ud83d"}',
    "a number beyond doubles": b'{"minutes": 1e400, "until": 1e400, "for": 1e400, "value": 1e400}',
    "a number beyond 64 bits": b'{"minutes": 9223372036854775808, "cluster": {"nodeCount": 99999999999999999999999999}}',
    "thousands of digits": b'{"minutes": ' + b"9" * 9000 + b"}",
    "lists in lists": b"[" * 15_000 + b"]" * 15_000,
    "objects": b'{"for": {}, "until": {}, "reason": {}, "minutes": {}, "value": {}, "timezone": {}, "windows": {}}',
    "odd times": b'{"until": "9999-12-31T23:59:59-12:00", "for": "99999999m"}',
    "too much": b'"' + b"a" * 30_000 + b'"',
}
WITH_BODY = [each for each in routes() if each.method in ("POST", "PUT", "PATCH")]


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda each: f"{each.method} {each.path}")
def test_an_odd_body_is_the_callers_fault(app: App, route: Route) -> None:
    if route.path.startswith("runs/"):
        return  # which read no body
    empty_is_enough = route.path.endswith(("/start", "/stop", "/force", "/postpone"))
    null_is_a_schedule = route.path.endswith("/schedule")
    for case, body in BODIES.items():
        if (case == "nothing" and empty_is_enough) or (case == "null" and null_is_a_schedule):
            continue
        answer = app.ask(route.method, route.path, body)
        assert answer.status_code in CALLERS_FAULT, (case, answer.get_body())
        assert said(answer)["errors"] or answer.status_code != 400, case


@pytest.mark.parametrize("kind", list(Kind))
def test_the_id_of_a_run_that_there_is_finds_it(app: App, kind: Kind) -> None:
    run = app.place.commands.begin("r5", kind, "because")
    answer = app.ask("GET", "runs/{id}", id=run.id)
    assert (answer.status_code, said(answer)["kind"]) == (200, kind.value)


def test_every_parameter_of_an_address_is_tried() -> None:
    assert {name for _, name in PARAMETERS} == {"name", "id", "key", "location"}
    assert len({path for path, _ in NUMBERS}) == 4


def test_bodies_of_all_classes_are_refused_in_every_field(app: App) -> None:
    """Through one place: the same complaint wherever it stands, by its path."""
    wrong: dict[str, Any] = {"NUL": '"a\\u0000"', "half": '"\\udc00"', "huge": "1e999", "long": "9" * 30}
    places = {
        "name": '{"name": %s}',
        "values.hub.extraEnv[0].value": '{"values": {"hub": {"extraEnv": [{"value": %s}]}}}',
        "tags.a": '{"tags": {"a": %s}}',
        "unknown[1]": '{"unknown": [1, %s]}',
        "": "%s",
    }
    for value, (field, template) in itertools.product(wrong.values(), places.items()):
        answer = app.ask("POST", "hubs", (template % value).encode())
        found = said(answer)
        assert (answer.status_code, found["code"]) == (400, "BadValue")
        assert [each["field"] for each in found["errors"]] == [field]
