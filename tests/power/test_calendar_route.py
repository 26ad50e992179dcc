"""The calendar as it is answered: its fixed form, and what it says when it is cut."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from shared.hubs.spec.validation import parse
from shared.hubs.store import HubStore
from shared.power.routes import _calendar
from tests.fakes.memory import MemoryTables
from tests.schedules.given import EVERY_DAY, OFFICE, window, wire
from tests.steps import steps

NOW = datetime(2026, 7, 13, 12, tzinfo=UTC)
OFTEN = [window(EVERY_DAY, f"{hour:02}:{half}0", f"{hour:02}:{half}1") for hour in range(24) for half in (0, 3)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    tables = MemoryTables()

    def answer(schedule: dict[str, Any] | None, days: int) -> dict[str, Any]:
        HubStore(tables).insert(parse({"name": "r5", "schedule": schedule}, "westus2"), NOW, "made")
        found: dict[str, Any] = json.loads(_calendar(REQUEST, days).get_body())
        return found

    monkeypatch.setattr(
        "shared.services.services", lambda: SimpleNamespace(tables=tables, clock=SimpleNamespace(now=lambda: NOW))
    )
    return answer


REQUEST = func.HttpRequest("GET", "https://app.example/api/hubs/r5/calendar", route_params={"name": "r5"}, body=b"")


def test_a_whole_calendar_has_its_edges_alone(asked: Any) -> None:
    found = asked(wire("UTC", OFFICE), 7)
    assert list(found) == ["edges"]
    assert [edge["to"] for edge in found["edges"]] == ["off", "on", "off", "on", "off", "on", "off", "on", "off", "on"]


def test_a_hub_without_a_schedule_has_none(asked: Any) -> None:
    assert asked(None, 400) == {"edges": []}


def test_one_that_is_cut_says_until_when_nothing_is_missing(asked: Any) -> None:
    found = asked(wire("UTC", *OFTEN), 400)
    assert (len(found["edges"]), found["complete"]) == (2_000, False)
    assert found["edges"][-1]["at"] < found["until"]
    short = json.loads(_calendar(REQUEST, 20).get_body())
    assert short == {"edges": [edge for edge in found["edges"] if edge["at"] < "2026-08-02T12:00:00Z"]}


def test_the_largest_answer_has_a_limit(asked: Any) -> None:
    asked(wire("UTC", *OFTEN), 1)
    assert steps(lambda: _calendar(REQUEST, 400)) < 800_000
