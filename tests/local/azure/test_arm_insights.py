"""Autoscale settings of the emulated ARM: what they must say, and what they must be about."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure.arm_lab import SUB, Lab, lab

pytestmark = pytest.mark.local

GROUP = f"{SUB}/resourceGroups/MC_r5-rg_r5_westus/providers"
SETTINGS = f"{GROUP}/microsoft.insights/autoscalesettings"
VERSION = "2022-10-01"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        made.made()
        yield made


def scale_set(arm: Lab) -> str:
    (found,) = arm.call("GET", f"{GROUP}/Microsoft.Compute/virtualMachineScaleSets").json()["value"]
    return str(found["id"])


def body(target: str) -> dict[str, Any]:
    trigger = {
        "metricName": "Percentage CPU",
        "metricResourceUri": target,
        "timeGrain": "PT1M",
        "statistic": "Average",
        "timeWindow": "PT10M",
        "timeAggregation": "Average",
        "operator": "GreaterThan",
        "threshold": 70,
    }
    action = {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT10M"}
    capacity = {"minimum": "3", "maximum": "6", "default": "3"}
    profile = {"name": "CPU", "capacity": capacity, "rules": [{"metricTrigger": trigger, "scaleAction": action}]}
    return {"location": "westus", "properties": {"targetResourceUri": target, "profiles": [profile]}}


def test_nobody_uses_the_provider_before_it_is_registered(arm: Lab) -> None:
    answer = arm.call("PUT", f"{SETTINGS}/cpu", body(scale_set(arm)), VERSION)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "MissingSubscriptionRegistration")
    assert arm.call("POST", "/providers/microsoft.insights/register").status_code == 200
    arm.advance(61)
    assert arm.call("PUT", f"{SETTINGS}/cpu", body(scale_set(arm)), VERSION).status_code == 201
    (listed,) = arm.call("GET", SETTINGS, version=VERSION).json()["value"]
    assert listed["properties"]["enabled"] is True
    assert arm.call("DELETE", f"{SETTINGS}/cpu", version=VERSION).status_code == 200
    assert arm.call("GET", SETTINGS, version=VERSION).json()["value"] == []


def test_a_setting_has_one_target_that_is_there_and_stays(arm: Lab) -> None:
    arm.set("providers", states={"microsoft.insights": "Registered"})
    target = scale_set(arm)
    unknown = arm.call("PUT", f"{SETTINGS}/cpu", body(f"{target}x"), VERSION)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TargetResourceNotFound")
    assert arm.call("PUT", f"{SETTINGS}/cpu", body(target), VERSION).status_code == 201
    assert arm.call("PUT", f"{SETTINGS}/cpu", body(target), VERSION).status_code == 200
    second = arm.call("PUT", f"{SETTINGS}/other", body(target), VERSION)
    assert (second.status_code, second.text) == (409, "")
    moved = arm.call("PUT", f"{SETTINGS}/cpu", body(f"{target}x"), VERSION)
    assert (moved.status_code, moved.json()["code"]) == (400, "TargetResourceIdIsImmutable")


@pytest.mark.parametrize(
    ("path", "value", "about"),
    [
        (("targetResourceUri",), "nodes", "targetResourceUri"),
        (("profiles",), [], "profiles"),
        (("profiles", 0, "name"), "", "profiles.name"),
        (("profiles", 0, "capacity", "minimum"), "few", "profiles.capacity"),
        (("profiles", 0, "capacity", "default"), "7", "profiles.capacity"),
        (("profiles", 0, "rules", 0, "metricTrigger", "threshold"), None, "metricTrigger"),
        (("profiles", 0, "rules", 0, "metricTrigger", "timeWindow"), "PT4M", "metricTrigger.timeWindow"),
        (("profiles", 0, "rules", 0, "metricTrigger", "operator"), "Above", "metricTrigger.operator"),
        (("profiles", 0, "rules", 0, "scaleAction", "direction"), "Up", "scaleAction.direction"),
        (("profiles", 0, "rules", 0, "scaleAction", "type"), "Count", "scaleAction.type"),
        (("profiles", 0, "rules", 0, "scaleAction", "cooldown"), "10 minutes", "scaleAction.cooldown"),
    ],
)
def test_what_a_setting_cannot_say(arm: Lab, path: tuple[Any, ...], value: Any, about: str) -> None:
    arm.set("providers", states={"microsoft.insights": "Registered"})
    asked = deepcopy(body(scale_set(arm)))
    place: Any = asked["properties"]
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    answer = arm.call("PUT", f"{SETTINGS}/cpu", asked, VERSION)
    assert answer.status_code == 400
    assert f"'{about}'" in answer.json()["message"]
