"""Microsoft.Insights: autoscale settings, as far as they are checked when they are written. Nothing is measured and nothing scaled.

Sources: the API's own description (2022-10-01) and pasted answers: TargetResourceNotFound (azure-powershell#11710),
TargetResourceIdIsImmutable (Azure/Moodle#311), 409 without a body for a second setting of one target
(terraform-provider-azurerm#12035).
"""

import re
from typing import Any

from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId
from local.azure.arm.kinds import Kind
from local.azure.arm.provider import Provider
from local.azure.arm.wire import Answer, Call, Json, Refusal, flat, same

SETTING = "microsoft.insights/autoscalesettings"
_DURATION = re.compile(r"PT(\d+H)?(\d+M)?(\d+S)?")
_TRIGGER = (
    "metricName",
    "metricResourceUri",
    "timeGrain",
    "statistic",
    "timeWindow",
    "timeAggregation",
    "operator",
    "threshold",
)


class AutoscaleSettings(Kind):
    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        asked = call.document.get("properties") or {}
        target = str(asked.get("targetResourceUri") or "")
        self._check_target(resource, existing, target)
        return await super().put(call, resource)

    def _check_target(self, resource: ResourceId, existing: Json | None, target: str) -> None:
        if not target.startswith("/subscriptions/"):
            raise _invalid("targetResourceUri", "it is no resource id")
        before = existing["properties"]["targetResourceUri"] if existing else target
        if not same(before, target):
            message = (
                f"The autoscale setting '{resource.name}' under resource group '{resource.group}' is referencing target resource "
                f"'{before}'. The target resource reference is immutable. If you want to change it, please create a new autoscale "
                "setting with a different name."
            )
            raise flat(400, "TargetResourceIdIsImmutable", message)
        if self.store.get(target.lower()) is None:
            raise flat(404, "TargetResourceNotFound", f"The target resource id '{target}' could not be found.")
        for other in self.store.under("/subscriptions/", SETTING):
            if other["id"].lower() != resource.key and same(other["properties"]["targetResourceUri"], target):
                raise Refusal(Answer(409))

    def properties(self, asked: Json, body: Json) -> Json:
        profiles = asked.get("profiles")
        if not isinstance(profiles, list) or not 1 <= len(profiles) <= 20:
            raise _invalid("profiles", "there must be 1 to 20")
        for profile in profiles:
            _check_profile(profile)
        return {"enabled": True, "name": body["name"], "notifications": []} | asked


class Insights(Provider):
    namespace = "microsoft.insights"

    def __init__(self, azure: Azure) -> None:
        super().__init__(azure, [AutoscaleSettings(azure, SETTING)])


def _check_profile(profile: Json) -> None:
    if not profile.get("name"):
        raise _invalid("profiles.name", "a profile has a name")
    capacity = profile.get("capacity") or {}
    try:
        least, usual, most = (int(capacity[name]) for name in ("minimum", "default", "maximum"))
    except (KeyError, ValueError, TypeError):
        raise _invalid(
            "profiles.capacity", "minimum, maximum and default are whole numbers, written as strings"
        ) from None
    if not 0 <= least <= usual <= most:
        raise _invalid(
            "profiles.capacity", f"minimum {least}, default {usual} and maximum {most} must be in this order"
        )
    for rule in profile.get("rules") or []:
        _check_rule(rule)


def _check_rule(rule: Json) -> None:
    trigger: Json = rule.get("metricTrigger") or {}
    action: Json = rule.get("scaleAction") or {}
    missing = [name for name in _TRIGGER if trigger.get(name) is None]
    if missing:
        raise _invalid("metricTrigger", f"it lacks {', '.join(missing)}")
    for name in ("timeGrain", "timeWindow"):
        _check_duration(f"metricTrigger.{name}", trigger[name], least=5 if name == "timeWindow" else 1)
    if trigger["operator"] not in (
        "Equals",
        "NotEquals",
        "GreaterThan",
        "GreaterThanOrEqual",
        "LessThan",
        "LessThanOrEqual",
    ):
        raise _invalid("metricTrigger.operator", f"'{trigger['operator']}' is none")
    if action.get("direction") not in ("Increase", "Decrease", "None"):
        raise _invalid("scaleAction.direction", "it is Increase, Decrease or None")
    if action.get("type") not in ("ChangeCount", "PercentChangeCount", "ExactCount", "ServiceAllowedNextValue"):
        raise _invalid("scaleAction.type", "it is none of those that there are")
    _check_duration("scaleAction.cooldown", action.get("cooldown"), least=1)


def _check_duration(name: str, value: Any, *, least: int) -> None:
    """ISO 8601, between so many minutes (a window has at least five) and a week."""
    found = _DURATION.fullmatch(str(value))
    hours, minutes = (int((part or "0 ")[:-1] or 0) for part in (found[1], found[2])) if found else (0, 0)
    if found is None or not least <= 60 * hours + minutes <= 7 * 24 * 60:
        raise _invalid(name, f"'{value}' must be a duration of {least} minutes to a week")


def _invalid(name: str, why: str) -> Refusal:
    return flat(400, "InvalidArgument", f"The property '{name}' has an invalid value: {why}.")
