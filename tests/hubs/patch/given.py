"""A hub, and the plan of what a patch makes of it."""

from typing import Any

from shared.hubs.patch.planning import (
    Plan,
    Versions,
    merge_patch,
    plan,
)
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse


def hub(**body: Any) -> Hub:
    return parse({"name": "r5", **body}, "westus")


def planned(old: dict[str, Any], patch: dict[str, Any], versions: Versions | None = None) -> Plan:
    before = hub(**old)
    return plan(before, parse(merge_patch(before.wire(), patch), "westus"), versions)
