"""The API's description says what there is: every route, with its methods, keys and parameters."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared import names
from shared.meta.openapi import OPERATIONS, PROBLEM, document

ROOT = Path(__file__).parents[2]
SERVER = "https://app.example/api"
PAGES: set[str] = set()
"""Routes that are pages for people or calls of chat services, not operations of the API."""


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return document(SERVER)


@pytest.fixture(scope="module")
def routes() -> dict[tuple[str, str], str]:
    """Of the app: method and path, with the level of the key."""
    code = (
        "import json, function_app\n"
        "triggers = [one.get_trigger().get_dict_repr() for one in function_app.app.get_functions()]\n"
        "print(json.dumps([found for found in triggers if found['type'] == 'httpTrigger'], default=str))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {
        (method.rpartition(".")[2].upper(), f"/{found['route']}"): found["authLevel"].rpartition(".")[2].lower()
        for found in json.loads(done.stdout)
        for method in found["methods"]
    }


@pytest.mark.source
def test_every_route_is_described_and_nothing_else_is(routes: dict[tuple[str, str], str]) -> None:
    described = [(operation.method.upper(), operation.path) for operation in OPERATIONS]
    assert len(described) == len(set(described))
    assert set(described) == {(method, path) for method, path in routes if path not in PAGES}


@pytest.mark.source
def test_what_needs_no_key_and_what_needs_the_admin_key_says_so(routes: dict[tuple[str, str], str]) -> None:
    for operation in OPERATIONS:
        level = routes[operation.method.upper(), operation.path]
        assert operation.anonymous == (level == "anonymous"), operation.path
        assert ("(admin key)" in operation.summary) == (level == "admin"), operation.path


def operations(description: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]


def test_the_description_is_openapi_3_1_at_the_address_asked(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    assert description["servers"] == [{"url": SERVER}]
    assert len(operations(description)) == len(OPERATIONS)


def test_operations_have_names_of_their_own(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(description)]
    assert len(ids) == len(set(ids))


def test_every_error_is_a_problem_but_the_hosts_own_401(description: dict[str, Any]) -> None:
    for where, operation in operations(description):
        errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        for status, answer in errors.items():
            expected = set() if status == "401" else {"application/problem+json"}
            assert set(answer.get("content", {})) == expected, (where, status)


def test_whatever_needs_a_key_can_be_answered_401_and_whatever_has_a_body_400_and_413(
    description: dict[str, Any],
) -> None:
    for where, operation in operations(description):
        statuses = set(operation["responses"])
        assert ("401" in statuses) == bool(operation["security"]), where
        if "requestBody" in operation:
            assert {"400", "413"} <= statuses, where


def test_path_parameters_carry_the_rules_of_their_names(description: dict[str, Any]) -> None:
    found = {
        parameter["name"]: parameter["schema"]
        for _, operation in operations(description)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path"
    }
    assert set(found) == {"name", "key", "id", "location"}
    assert found["name"]["maxLength"] == names.HUB.longest
    assert names.HUB.pattern.pattern in found["name"]["pattern"]


def test_the_body_of_a_hub_is_the_model_that_validates_it(description: dict[str, Any]) -> None:
    body = description["paths"]["/hubs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    hub = description["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert {"name", "resourceGroup", "cluster", "schedule", "values"} <= set(hub["properties"])
    assert hub["required"] == ["name"]
    assert hub["additionalProperties"] is False


def test_models_have_names_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        document(SERVER)
    assert caplog.messages == []


def test_a_problem_has_all_of_its_fields() -> None:
    assert set(PROBLEM["required"]) == set(PROBLEM["properties"])
