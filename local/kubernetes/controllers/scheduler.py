"""Which node a pod goes to: node selectors and affinity, taints, capacity."""

from collections import Counter
from decimal import Decimal

from local.kubernetes.controllers.claims import claim_names
from local.kubernetes.controllers.control import Control
from local.kubernetes.objects.admission import requested
from local.kubernetes.objects.kinds import CLAIM, NODE, POD, STORAGE_CLASS
from local.kubernetes.objects.quantity import parse
from local.kubernetes.objects.store import Store, clone, meta
from local.world import Document

_RESOURCES = ("cpu", "memory")


def tolerates(pod_spec: Document, taint: Document) -> bool:
    """Whether a pod bears a taint (effect PreferNoSchedule is always borne)."""
    if taint.get("effect") == "PreferNoSchedule":
        return True
    for one in pod_spec.get("tolerations") or []:
        if one.get("effect") not in (None, "", taint.get("effect")):
            continue
        if one.get("operator") == "Exists" and one.get("key") in (None, "", taint["key"]):
            return True
        if one.get("key") == taint["key"] and one.get("value", "") == taint.get("value", ""):
            return True
    return False


def _expression(labels: dict[str, str], one: Document) -> bool:
    key, operator, values = one["key"], one["operator"], one.get("values") or []
    held = labels.get(key)
    if operator in ("Gt", "Lt"):
        if held is None or not held.isdigit():
            return False
        return int(held) > int(values[0]) if operator == "Gt" else int(held) < int(values[0])
    return {"In": held in values, "NotIn": held not in values, "Exists": held is not None}.get(operator, held is None)


def attracted(pod_spec: Document, node: Document) -> bool:
    """Whether a pod's node selector and required node affinity let it on a node."""
    labels = meta(node).get("labels") or {}
    if not (pod_spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    name = {"metadata.name": meta(node)["name"]}
    return any(
        all(_expression(labels, one) for one in term.get("matchExpressions") or [])
        and all(_expression(name, one) for one in term.get("matchFields") or [])
        for term in required["nodeSelectorTerms"]
    )


class _Usage:
    """What the pods on every node ask for."""

    def __init__(self, store: Store) -> None:
        self._used: dict[str, Counter[str]] = {}
        for pod in store.all(POD):
            name = pod["spec"].get("nodeName")
            if name and pod["status"].get("phase") not in ("Succeeded", "Failed"):
                self.add(name, pod)

    def add(self, node: str, pod: Document) -> None:
        held = self._used.setdefault(node, Counter())
        held["pods"] += 1
        for resource in _RESOURCES:
            # Whole milli-units are exact enough, and a Counter holds integers.
            held[resource] += int(requested(pod["spec"], resource) * 1000)

    def lacks(self, node: Document, pod: Document) -> list[str]:
        """What a node has too little of for a pod, in the scheduler's words."""
        free, used = node["status"]["allocatable"], self._used.get(meta(node)["name"], Counter())
        lacking = ["Too many pods"] if used["pods"] + 1 > int(free["pods"]) else []
        for resource in _RESOURCES:
            wanted = requested(pod["spec"], resource) * 1000
            if wanted and Decimal(used[resource]) + wanted > parse(free[resource]) * 1000:
                lacking.append(f"Insufficient {resource}")
        return lacking

    def load(self, node: Document) -> tuple[int, int]:
        held = self._used.get(meta(node)["name"], Counter())
        return held["cpu"], held["pods"]


def _refusal(node: Document, pod: Document, usage: _Usage) -> list[str]:
    """Why a pod cannot be on a node; nothing when it can."""
    if node["spec"].get("unschedulable") and not tolerates(pod["spec"], _CORDON):
        return ["node(s) were unschedulable"]
    for taint in node["spec"].get("taints") or []:
        if not tolerates(pod["spec"], taint):
            return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
    if not attracted(pod["spec"], node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    return usage.lacks(node, pod)


_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def _unbound(store: Store, pod: Document) -> str:
    """Why a pod's claims keep it from being scheduled, "" when they do not."""
    for name in sorted(claim_names(pod)):
        claim = store.get(CLAIM, meta(pod)["namespace"], name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if meta(claim).get("deletionTimestamp"):
            return f'persistentvolumeclaim "{name}" is being deleted'
        if claim["status"].get("phase") == "Bound":
            continue
        found = store.get(STORAGE_CLASS, "", claim["spec"].get("storageClassName") or "")
        if found is None or found["volumeBindingMode"] == "Immediate":
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def schedule(control: Control) -> None:
    """Puts every pod that waits for a node on the least loaded one that takes it."""
    store = control.store
    waiting = [pod for pod in store.all(POD) if _waits(pod)]
    if not waiting:
        return
    nodes, usage = store.all(NODE), _Usage(store)
    waiting.sort(key=lambda pod: (-pod["spec"].get("priority", 0), meta(pod)["creationTimestamp"]))
    for pod in waiting:
        refusals = {meta(node)["name"]: _refusal(node, pod, usage) for node in nodes}
        taking = [node for node in nodes if not refusals[meta(node)["name"]]]
        problem = _unbound(store, pod)
        if problem or not taking:
            _fail(control, pod, _explain(len(nodes), refusals, problem))
            continue
        chosen = min(taking, key=lambda node: (usage.load(node), meta(node)["name"]))
        usage.add(meta(chosen)["name"], pod)
        _bind(control, pod, meta(chosen)["name"])


def _waits(pod: Document) -> bool:
    gated = pod["spec"].get("schedulingGates")
    return not pod["spec"].get("nodeName") and not meta(pod).get("deletionTimestamp") and not gated


def _explain(total: int, refusals: dict[str, list[str]], problem: str) -> str:
    if total == 0:
        return "no nodes available to schedule pods"
    if problem:
        return f"0/{total} nodes are available: {problem}."
    counts = Counter(reason for reasons in refusals.values() for reason in reasons)
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items(), key=lambda one: one[0]))
    return (
        f"0/{total} nodes are available: {listed}. preemption: 0/{total} nodes are available: "
        f"{total} No preemption victims found for incoming pod."
    )


def _fail(control: Control, pod: Document, message: str) -> None:
    control.event(pod, "FailedScheduling", message, "default-scheduler", warning=True)
    conditions: list[Document] = pod["status"].get("conditions") or []
    known = next((one for one in conditions if one["type"] == "PodScheduled"), None) or {}
    if known.get("message") == message:
        return
    entry = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": known.get("lastTransitionTime") or control.now(),
    }
    control.set_status(POD, pod, {**pod["status"], "phase": "Pending", "conditions": [entry]})


def _bind(control: Control, pod: Document, node: str) -> None:
    bound = clone(pod)
    bound["spec"]["nodeName"] = node
    bound["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": control.now()}
    ]
    stored = control.store.update(POD, bound)
    held = meta(stored)
    message = f"Successfully assigned {held['namespace']}/{held['name']} to {node}"
    control.event(stored, "Scheduled", message, "default-scheduler")
