"""Decisions about a hub's power: newest first, for 90 days."""

from datetime import datetime, timedelta

import pytest

from shared.azure.tables import Tables
from shared.power.decision_log import KEPT, Decisions
from tests.given import NOW


@pytest.fixture
def decisions(tables: Tables) -> Decisions:
    return Decisions(tables)


def noted(decisions: Decisions, hub: str, *moments: datetime) -> None:
    for moment in moments:
        decisions.note(hub, moment, "on", "start", f"because of {moment:%d %H:%M}")


def test_the_newest_come_first_and_each_hub_has_its_own(decisions: Decisions) -> None:
    noted(decisions, "r5", NOW, NOW + timedelta(days=2), NOW + timedelta(minutes=5))
    decisions.note("r6", NOW, "off", "stop", "x" * 1500)
    assert [found["reason"] for found in decisions.of_hub("r5", 10)] == [
        "because of 25 08:00",
        "because of 23 08:05",
        "because of 23 08:00",
    ]
    assert len(decisions.of_hub("r5", 2)) == 2
    assert decisions.of_hub("r6", 10) == [
        {"at": "2026-11-23T08:00:00Z", "state": "off", "did": "stop", "reason": "x" * 1000}
    ]
    assert decisions.of_hub("r7", 10) == []


def test_a_decision_noted_twice_is_one(decisions: Decisions) -> None:
    noted(decisions, "r5", NOW, NOW)
    assert len(decisions.of_hub("r5", 10)) == 1


def test_what_is_older_than_ninety_days_is_forgotten(decisions: Decisions) -> None:
    edge = NOW - KEPT
    noted(decisions, "r5", NOW, edge + timedelta(seconds=1), edge - timedelta(seconds=1), edge - timedelta(days=200))
    noted(decisions, "r6", edge - timedelta(days=1))
    assert decisions.purge("r5", NOW) == 2
    assert decisions.purge("r5", NOW) == 0
    assert len(decisions.of_hub("r5", 10)) == 2
    assert len(decisions.of_hub("r6", 10)) == 1


def test_more_than_a_batch_is_forgotten_at_once(decisions: Decisions) -> None:
    noted(decisions, "r5", *[NOW - KEPT - timedelta(minutes=number + 1) for number in range(205)])
    assert decisions.purge("r5", NOW) == 205
    assert decisions.of_hub("r5", 10) == []
