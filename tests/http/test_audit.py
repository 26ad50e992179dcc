"""Who read a kubeconfig or a password, who changed a secret, who forced a stop: one line each, whatever came of it."""

import json
import logging
from typing import Any

import azure.functions as func
import pytest

from shared import names
from shared.azure.keyvault import Secret
from shared.errors import TemporaryError
from shared.http.audit import WORD, audited
from shared.http.problems import ProblemError, endpoint
from shared.lifecycle.teardown.command import teardown
from tests.app import KNOWN, App, Route, routes

LOGGER = "hubkeeper.audit"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """As a search finds them: a word, then JSON."""
    said = [record for record in caplog.records if record.name == LOGGER]
    assert all(record.levelno == logging.INFO for record in said)
    texts = [record.getMessage().removeprefix(f"{WORD} ") for record in said]
    return [json.loads(text) for text in texts]


def to_be_audited() -> list[Route]:
    return [each for each in routes() if each.admin or "/secrets" in each.path or "/network-role" in each.path]


@pytest.fixture
def app(caplog: pytest.LogCaptureFixture) -> App:
    caplog.set_level(logging.INFO)
    made = App()
    made.place.ready()
    return made


def test_what_is_audited() -> None:
    found = {(each.method, each.path) for each in to_be_audited()}
    assert found >= {
        ("GET", "hubs/{name}/kubeconfig"),
        ("GET", "hubs/{name}/password"),
        ("GET", "hubs/{name}/secrets"),
        ("PUT", "hubs/{name}/secrets/{key}"),
        ("DELETE", "hubs/{name}/secrets/{key}"),
        ("POST", "hubs/{name}/stop/force"),
    }


@pytest.mark.parametrize("route", to_be_audited(), ids=lambda each: f"{each.method} {each.path}")
@pytest.mark.parametrize("hub", ["r5", "nobody", "No Hub"])
def test_every_route_with_the_admin_key_and_every_one_of_secrets_leaves_one_line(
    app: App, caplog: pytest.LogCaptureFixture, route: Route, hub: str
) -> None:
    answer = app.ask(route.method, route.path, b'{"value": "s3cret"}', name=hub)
    (line,) = lines(caplog)
    key = {"key": KNOWN["key"]} if "key" in route.parameters else {}
    what = line.pop("what")
    assert line == {"who": "api", "hub": hub, **key, "status": answer.status_code}
    assert "s3cret" not in caplog.text
    assert what


def test_no_two_routes_say_the_same(app: App, caplog: pytest.LogCaptureFixture) -> None:
    for route in to_be_audited():
        app.ask(route.method, route.path, b"{}")
    said = [line["what"] for line in lines(caplog)]
    assert len(set(said)) == len(said) == len(to_be_audited())


def test_other_routes_leave_none(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.ask("GET", "hubs/{name}/schedule")
    app.ask("GET", "hubs/{name}/runs")
    assert lines(caplog) == []


REFUSALS: dict[str, tuple[str, str, Any, int]] = {
    "no body": ("PUT", "token", b"", 400),
    "a bad value": ("PUT", "token", b'{"value": "s3cret\\u0000"}', 400),
    "too large": ("PUT", "token", b" " * 30_001, 413),
    "a secret of ours": ("PUT", "shared-password", {"value": "s3cret"}, 409),
    "a bad name": ("DELETE", "a--b", b"", 400),
    "done": ("PUT", "token", {"value": "s3cret"}, 204),
    "gone": ("DELETE", "token", b"", 204),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_told_as_what_is_done(app: App, caplog: pytest.LogCaptureFixture, case: str) -> None:
    method, key, body, status = REFUSALS[case]
    app.ask(method, "hubs/{name}/secrets/{key}", body, key=key)
    (line,) = lines(caplog)
    assert (line["key"], line["status"]) == (key, status)
    assert "s3cret" not in caplog.text


def test_a_password_is_read_and_not_told(app: App, caplog: pytest.LogCaptureFixture) -> None:
    name = names.own_vault_name("r5", names.SHARED_PASSWORD)
    app.vault.kept[name] = Secret(name, "s3cret", "1", None, {})
    assert app.ask("GET", "hubs/{name}/password").status_code == 200
    assert lines(caplog) == [{"who": "api", "what": "password.read", "hub": "r5", "status": 200}]
    assert "s3cret" not in caplog.text


def told(caplog: pytest.LogCaptureFixture, error: Exception | None, **parameters: str) -> dict[str, Any]:
    @audited("test")
    @endpoint
    def route(req: func.HttpRequest) -> func.HttpResponse:
        if error:
            raise error
        return func.HttpResponse("s3cret", status_code=200)

    with caplog.at_level(logging.INFO, LOGGER):
        route(func.HttpRequest("GET", "https://app.example/api/x?code=s3cret", body=b"", route_params=parameters))
    (line,) = lines(caplog)
    return line


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, 200),
        (ProblemError(409, "No", "s3cret", "s3cret"), 409),
        (TemporaryError("Key Vault", "Busy", "s3cret"), 503),
        (RuntimeError(), 500),
    ],
)
def test_the_outcome_is_the_status(caplog: pytest.LogCaptureFixture, error: Exception | None, status: int) -> None:
    assert told(caplog, error) == {"who": "api", "what": "test", "status": status}
    assert all("s3cret" not in record.getMessage() for record in caplog.records if record.name == LOGGER)


def test_what_passes_the_edge_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    @audited("test")
    def route(req: func.HttpRequest) -> func.HttpResponse:
        raise RuntimeError

    with caplog.at_level(logging.INFO, LOGGER), pytest.raises(RuntimeError):
        route(func.HttpRequest("GET", "https://app.example/api/x", body=b""))
    assert [line["status"] for line in lines(caplog)] == [500]


def test_no_name_makes_a_second_line(caplog: pytest.LogCaptureFixture) -> None:
    forged = 'r5"}\naudit {"who": "ann", "what": "kubeconfig.read", "status": 200}\u2028'
    assert told(caplog, None, name=forged, key="k" * 5000)["hub"] == forged[:100]
    (record,) = [each for each in caplog.records if each.name == LOGGER]
    assert len(record.getMessage().splitlines()) == 1
    assert record.getMessage().isascii()
    assert len(record.getMessage()) < 1000


def test_the_signed_in_person_is_named(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")

    @audited("test")
    def route(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(status_code=204)

    person = {"X-MS-CLIENT-PRINCIPAL-NAME": "ada@example.org"}
    with caplog.at_level(logging.INFO, LOGGER):
        route(func.HttpRequest("GET", "https://app.example/api/x", body=b"", headers=person))
    assert [line["who"] for line in lines(caplog)] == ["ada@example.org"]


def test_a_hub_that_is_going_takes_no_secret(app: App, caplog: pytest.LogCaptureFixture) -> None:
    run = teardown(app.place.commands, "r5", "because", keep_homes=False)
    answer = app.ask("PUT", "hubs/{name}/secrets/{key}", {"value": "s3cret"})
    problem = json.loads(answer.get_body())
    assert (answer.status_code, problem["code"]) == (409, "HubGoing")
    assert run.id in problem["advice"]
    assert app.vault.kept == {}
    assert lines(caplog)[-1]["status"] == 409
    assert app.ask("DELETE", "hubs/{name}/secrets/{key}").status_code == 204
    assert app.ask("PUT", "hubs/{name}/secrets/{key}", {"value": "s3cret"}, name="other").status_code == 204
