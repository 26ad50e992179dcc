"""The controller of StatefulSets: numbered pods, each with claims of its own."""

from local.kubernetes.controllers.control import Control, active, owner_reference, template_hash
from local.kubernetes.objects.budgets import is_ready
from local.kubernetes.objects.kinds import CLAIM, POD, REVISION, STATEFUL_SET
from local.kubernetes.objects.store import clone, meta
from local.world import Document

_HASH = "controller-revision-hash"
_COMPONENT = "statefulset-controller"


def reconcile_stateful_sets(control: Control) -> None:
    for stateful_set in control.store.all(STATEFUL_SET):
        if not meta(stateful_set).get("deletionTimestamp"):
            _reconcile(control, stateful_set)


def _number(pod: Document) -> int:
    return int(meta(pod)["name"].rpartition("-")[2])


def _reconcile(control: Control, stateful_set: Document) -> None:
    revision = _revision(control, stateful_set)
    spec = stateful_set["spec"]
    for pod in control.owned(POD, stateful_set):
        if pod["status"].get("phase") in ("Succeeded", "Failed") and not meta(pod).get("deletionTimestamp"):
            control.delete_pod(stateful_set, pod, _COMPONENT)
    pods = {_number(pod): pod for pod in control.owned(POD, stateful_set)}
    in_order = spec["podManagementPolicy"] == "OrderedReady"
    start = (spec.get("ordinals") or {}).get("start", 0)
    wanted = range(start, start + spec["replicas"])
    whole = True
    for number in wanted:
        if number not in pods:
            _create(control, stateful_set, number, revision)
            whole = False
        elif not is_ready(pods[number]):
            whole = False
        if in_order and not whole:
            break
    if whole or not in_order:
        _shrink(control, stateful_set, pods, wanted, in_order=in_order)
    if whole:
        _update(control, stateful_set, revision)
    _status(control, stateful_set, revision)


def _revision(control: Control, stateful_set: Document) -> str:
    """Name of the revision of the present template; revisions are kept as objects, as in Kubernetes."""
    held, template = meta(stateful_set), stateful_set["spec"]["template"]
    name = f"{held['name']}-{template_hash(template)}"
    if control.store.get(REVISION, held["namespace"], name) is None:
        known = control.owned(REVISION, stateful_set)
        body = {
            "metadata": {
                "name": name,
                "namespace": held["namespace"],
                "labels": {**(template["metadata"].get("labels") or {}), _HASH: name},
                "ownerReferences": [owner_reference(stateful_set)],
            },
            "data": {"spec": {"template": {**clone(template), "$patch": "replace"}}},
            "revision": 1 + max((one["revision"] for one in known), default=0),
        }
        control.store.create(REVISION, body)
    return name


def _create(control: Control, stateful_set: Document, number: int, revision: str) -> None:
    held, spec = meta(stateful_set), stateful_set["spec"]
    name = f"{held['name']}-{number}"
    volumes = {volume["name"]: volume for volume in spec["template"]["spec"].get("volumes") or []}
    for template in spec.get("volumeClaimTemplates") or []:
        claim = f"{meta(template)['name']}-{name}"
        metadata = {**meta(template), "name": claim, "labels": spec["selector"].get("matchLabels") or {}}
        control.registry.ensure(CLAIM, held["namespace"], {"metadata": metadata, "spec": template["spec"]})
        source = {"persistentVolumeClaim": {"claimName": claim}}
        volumes[meta(template)["name"]] = {"name": meta(template)["name"], **source}
    labels = {
        _HASH: revision,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(number),
    }
    extra: Document = {"hostname": name, "volumes": list(volumes.values())}
    if spec.get("serviceName"):
        extra["subdomain"] = spec["serviceName"]
    control.create_pod(stateful_set, spec["template"], _COMPONENT, name=name, labels=labels, spec=extra)


def _shrink(
    control: Control, stateful_set: Document, pods: dict[int, Document], wanted: range, *, in_order: bool
) -> None:
    surplus = sorted((number for number in pods if number not in wanted), reverse=True)
    if in_order and any(meta(pods[number]).get("deletionTimestamp") for number in surplus):
        return
    for number in surplus[:1] if in_order else surplus:
        if not meta(pods[number]).get("deletionTimestamp"):
            control.delete_pod(stateful_set, pods[number], _COMPONENT)


def _update(control: Control, stateful_set: Document, revision: str) -> None:
    """Replaces pods of an old template, the highest number first, one at a time."""
    strategy = stateful_set["spec"]["updateStrategy"]
    if strategy["type"] != "RollingUpdate":
        return
    first = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    for pod in sorted(control.owned(POD, stateful_set), key=_number, reverse=True):
        if meta(pod).get("deletionTimestamp"):
            return
        if _number(pod) >= first and meta(pod)["labels"].get(_HASH) != revision:
            control.delete_pod(stateful_set, pod, _COMPONENT)
            return


def _status(control: Control, stateful_set: Document, revision: str) -> None:
    pods = active(control.owned(POD, stateful_set))
    ready = sum(map(is_ready, pods))
    updated = sum(meta(pod)["labels"].get(_HASH) == revision for pod in pods)
    before = stateful_set["status"].get("currentRevision") or revision
    current = revision if updated == len(pods) == stateful_set["spec"]["replicas"] else before
    status: Document = {
        "replicas": len(pods),
        "availableReplicas": ready,
        "observedGeneration": meta(stateful_set)["generation"],
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    counts = {
        "readyReplicas": ready,
        "updatedReplicas": updated,
        "currentReplicas": sum(meta(pod)["labels"].get(_HASH) == current for pod in pods),
    }
    status.update({name: count for name, count in counts.items() if count})
    control.set_status(STATEFUL_SET, stateful_set, status)
