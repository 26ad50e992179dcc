"""Pod disruption budgets: their status, and the evictions that they refuse."""

import math
from typing import Any

from local.kubernetes.objects.errors import ApiError
from local.kubernetes.objects.kinds import DISRUPTION_BUDGET, POD
from local.kubernetes.objects.selectors import selects
from local.kubernetes.objects.store import Store, meta
from local.world import Document


def is_ready(pod: Document) -> bool:
    conditions = pod["status"].get("conditions") or []
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not meta(pod).get("deletionTimestamp")


def scaled(value: Any, total: int, *, up: bool) -> int:
    """An int-or-percentage of a total, rounded up or down."""
    if isinstance(value, int):
        return value
    share = total * int(str(value).rstrip("%")) / 100
    return math.ceil(share) if up else math.floor(share)


def budget_status(store: Store, budget: Document) -> Document:
    """The status that a budget has for the pods as they are now."""
    spec = budget["spec"]
    pods = [
        pod
        for pod in store.all(POD, meta(budget)["namespace"])
        if selects(spec.get("selector"), meta(pod).get("labels") or {})
    ]
    healthy, expected = sum(map(is_ready, pods)), len(pods)
    if "maxUnavailable" in spec:
        desired = max(0, expected - scaled(spec["maxUnavailable"], expected, up=True))
    else:
        desired = scaled(spec.get("minAvailable", 1), expected, up=True)
    allowed = max(0, healthy - desired) if expected else 0
    return {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": meta(budget).get("generation", 1),
    }


def refuse_eviction(store: Store, pod: Document) -> None:
    """Raises ApiError 429 when a budget that covers the pod allows no disruption now."""
    for budget in store.all(DISRUPTION_BUDGET, meta(pod)["namespace"]):
        covered = selects(budget["spec"].get("selector"), meta(pod).get("labels") or {})
        if covered and is_ready(pod) and budget_status(store, budget)["disruptionsAllowed"] == 0:
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            why = (
                f"The disruption budget {meta(budget)['name']} needs {budget['status']['desiredHealthy']} healthy pods"
            )
            cause = {"reason": "DisruptionBudget", "message": why}
            raise ApiError(429, "TooManyRequests", message, {"causes": [cause]})
