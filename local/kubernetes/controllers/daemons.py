"""The controller of DaemonSets: one pod on every node that takes it."""

from local.kubernetes.controllers.control import Control, active, template_hash
from local.kubernetes.controllers.scheduler import attracted, tolerates
from local.kubernetes.objects.budgets import is_ready, scaled
from local.kubernetes.objects.kinds import DAEMON_SET, NODE, POD
from local.kubernetes.objects.store import meta
from local.world import Document

_HASH = "controller-revision-hash"
_COMPONENT = "daemonset-controller"
# What Kubernetes lets every daemon bear, so that nodes in trouble keep theirs.
_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


def reconcile_daemon_sets(control: Control) -> None:
    for daemon_set in control.store.all(DAEMON_SET):
        if not meta(daemon_set).get("deletionTimestamp"):
            _reconcile(control, daemon_set)


def _spec(daemon_set: Document) -> Document:
    spec: Document = dict(daemon_set["spec"]["template"]["spec"])
    spec["tolerations"] = [*(spec.get("tolerations") or []), *_TOLERATIONS]
    return spec


def _takes(node: Document, spec: Document) -> bool:
    return attracted(spec, node) and all(tolerates(spec, taint) for taint in node["spec"].get("taints") or [])


def _reconcile(control: Control, daemon_set: Document) -> None:
    template = daemon_set["spec"]["template"]
    revision, spec = template_hash(template), _spec(daemon_set)
    wanted = {meta(node)["name"] for node in control.store.all(NODE) if _takes(node, spec)}
    pods = control.owned(POD, daemon_set)
    by_node = {pod["spec"].get("nodeName"): pod for pod in pods}
    for name in sorted(wanted - by_node.keys()):
        extra = {"tolerations": spec["tolerations"], "nodeName": name}
        control.create_pod(daemon_set, template, _COMPONENT, labels={_HASH: revision}, spec=extra)
    for pod in active(pods):
        if pod["spec"].get("nodeName") not in wanted or pod["status"].get("phase") == "Failed":
            control.delete_pod(daemon_set, pod, _COMPONENT)
    _update(control, daemon_set, revision, len(wanted))
    _status(control, daemon_set, revision, wanted)


def _update(control: Control, daemon_set: Document, revision: str, wanted: int) -> None:
    """Replaces pods of an old template, as many at a time as may be missing."""
    strategy = daemon_set["spec"]["updateStrategy"]
    pods = active(control.owned(POD, daemon_set))
    old = [pod for pod in pods if meta(pod)["labels"].get(_HASH) != revision]
    if strategy["type"] != "RollingUpdate" or not old:
        return
    most = scaled((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), wanted, up=True)
    missing = wanted - sum(map(is_ready, pods))
    old.sort(key=is_ready)
    for pod in old:
        if is_ready(pod) and missing >= most:
            break
        missing += is_ready(pod)
        control.delete_pod(daemon_set, pod, _COMPONENT)


def _status(control: Control, daemon_set: Document, revision: str, wanted: set[str]) -> None:
    pods = active(control.owned(POD, daemon_set))
    ready = sum(map(is_ready, pods))
    status = {
        "currentNumberScheduled": len(pods),
        "desiredNumberScheduled": len(wanted),
        "numberMisscheduled": 0,
        "numberReady": ready,
        "numberAvailable": ready,
        "numberUnavailable": max(0, len(wanted) - ready),
        "updatedNumberScheduled": sum(meta(pod)["labels"].get(_HASH) == revision for pod in pods),
        "observedGeneration": meta(daemon_set)["generation"],
    }
    optional = ("numberAvailable", "numberUnavailable", "updatedNumberScheduled")
    kept = {name: count for name, count in status.items() if count or name not in optional}
    control.set_status(DAEMON_SET, daemon_set, kept)
