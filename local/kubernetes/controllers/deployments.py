"""The controllers of Deployments and ReplicaSets."""

from local.kubernetes.controllers.control import Control, active, condition, owner_reference, parse, template_hash
from local.kubernetes.objects.budgets import is_ready, scaled
from local.kubernetes.objects.errors import ApiError
from local.kubernetes.objects.kinds import DEPLOYMENT, POD, REPLICA_SET
from local.kubernetes.objects.store import clone, meta
from local.world import Document

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def reconcile_replica_sets(control: Control) -> None:
    for stored in control.store.all(REPLICA_SET):
        if not meta(stored).get("deletionTimestamp"):
            _scale_pods(control, stored)
        _replica_set_status(control, stored)


def _scale_pods(control: Control, replica_set: Document) -> None:
    pods = active(control.owned(POD, replica_set))
    wanted = replica_set["spec"]["replicas"]
    for _ in range(wanted - len(pods)):
        if control.create_pod(replica_set, replica_set["spec"]["template"], "replicaset-controller") is None:
            break
    surplus = len(pods) - wanted
    if surplus > 0:
        # Those that serve nobody go first, then the youngest.
        pods.sort(key=lambda pod: (is_ready(pod), -int(meta(pod)["resourceVersion"])))
        for pod in pods[:surplus]:
            control.delete_pod(replica_set, pod, "replicaset-controller")


def _replica_set_status(control: Control, replica_set: Document) -> None:
    pods = active(control.owned(POD, replica_set))
    ready = sum(map(is_ready, pods))
    status: Document = {"replicas": len(pods), "observedGeneration": meta(replica_set)["generation"]}
    if pods:
        status["fullyLabeledReplicas"] = len(pods)
    if ready:
        status.update(readyReplicas=ready, availableReplicas=ready)
    control.set_status(REPLICA_SET, replica_set, status)


def reconcile_deployments(control: Control) -> None:
    for deployment in control.store.all(DEPLOYMENT):
        if not meta(deployment).get("deletionTimestamp"):
            _Rollout(control, deployment).advance()


class _Rollout:
    """One deployment on its way to its newest template."""

    def __init__(self, control: Control, deployment: Document) -> None:
        self._control = control
        self._deployment = deployment
        self._spec = deployment["spec"]
        self._hash = template_hash(self._spec["template"])
        self._sets = control.owned(REPLICA_SET, deployment)

    def advance(self) -> None:
        if not self._spec.get("paused"):
            newest = self._newest() or self._create()
            if newest is not None:
                self._mark_revision(newest)
                self._refresh()
                if self._spec["strategy"]["type"] == "Recreate":
                    self._recreate()
                else:
                    self._roll()
                self._forget_old()
        self._refresh()
        self._write_status()

    def _refresh(self) -> None:
        self._sets = self._control.owned(REPLICA_SET, self._deployment)
        self._deployment = self._control.store.require(
            DEPLOYMENT, meta(self._deployment)["namespace"], meta(self._deployment)["name"]
        )

    def _newest(self) -> Document | None:
        return next((one for one in self._sets if meta(one)["labels"].get(_HASH) == self._hash), None)

    def _older(self) -> list[Document]:
        return [one for one in self._sets if meta(one)["labels"].get(_HASH) != self._hash]

    def _create(self) -> Document | None:
        held = meta(self._deployment)
        template = clone(self._spec["template"])
        template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), _HASH: self._hash}
        selector = clone(self._spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _HASH: self._hash}
        body = {
            "metadata": {
                "name": f"{held['name']}-{self._hash}",
                "labels": template["metadata"]["labels"],
                "ownerReferences": [owner_reference(self._deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        try:
            created = self._control.registry.create(REPLICA_SET, held["namespace"], body)
        except ApiError as error:
            self._event("ReplicaSetCreateError", error.message, warning=True)
            return None
        self._sets.append(created)
        return created

    def _mark_revision(self, newest: Document) -> None:
        """The newest template has the highest revision, also when it is an old one come back."""
        revisions = [int((meta(one).get("annotations") or {}).get(_REVISION, 0)) for one in self._older()]
        own = int((meta(newest).get("annotations") or {}).get(_REVISION, 0))
        number = str(max([own, *(revision + 1 for revision in revisions), 1]))
        for kind, document in ((REPLICA_SET, newest), (DEPLOYMENT, self._deployment)):
            notes = meta(document).get("annotations") or {}
            if notes.get(_REVISION) != number:
                changed = clone(document)
                meta(changed)["annotations"] = {**notes, _REVISION: number}
                self._control.store.update(kind, changed)

    def _scale(self, replica_set: Document, count: int) -> None:
        if replica_set["spec"]["replicas"] == count:
            return
        before = replica_set["spec"]["replicas"]
        changed = clone(replica_set)
        changed["spec"]["replicas"] = count
        meta(changed)["generation"] += 1
        self._control.store.update(REPLICA_SET, changed)
        way = "up" if count > before else "down"
        name = meta(replica_set)["name"]
        self._event("ScalingReplicaSet", f"Scaled {way} replica set {name} from {before} to {count}")

    def _recreate(self) -> None:
        for old in self._older():
            self._scale(old, 0)
        if any(self._control.owned(POD, old) for old in self._older()):
            return
        newest = self._newest()
        if newest is not None:
            self._scale(newest, self._spec["replicas"])

    def _roll(self) -> None:
        newest, wanted = self._newest(), self._spec["replicas"]
        if newest is None:
            return
        older = [one for one in self._older() if one["spec"]["replicas"] > 0]
        if not older:
            self._scale(newest, wanted)
            return
        surge, unavailable = self._bounds()
        total = newest["spec"]["replicas"] + sum(one["spec"]["replicas"] for one in older)
        room = wanted + surge - total
        if newest["spec"]["replicas"] < wanted and room > 0:
            self._scale(newest, min(wanted, newest["spec"]["replicas"] + room))
        elif newest["spec"]["replicas"] > wanted:
            self._scale(newest, wanted)
        self._retire(older, newest, wanted - unavailable)

    def _retire(self, older: list[Document], newest: Document, least: int) -> None:
        """Takes away old pods: first those that are not ready, then as many ready ones as can be spared."""
        ready = {meta(one)["uid"]: self._ready(one) for one in (*older, newest)}
        spare = sum(ready.values()) - least
        for old in older:
            count = old["spec"]["replicas"]
            dead = max(0, count - ready[meta(old)["uid"]])
            taken = max(0, min(spare, count - dead))
            spare -= taken
            self._scale(old, count - dead - taken)

    def _ready(self, replica_set: Document) -> int:
        return sum(map(is_ready, active(self._control.owned(POD, replica_set))))

    def _bounds(self) -> tuple[int, int]:
        """How many pods may be too many, and how many may be missing, while the rollout goes on."""
        rolling, wanted = self._spec["strategy"].get("rollingUpdate") or {}, self._spec["replicas"]
        surge = scaled(rolling.get("maxSurge", "25%"), wanted, up=True)
        unavailable = scaled(rolling.get("maxUnavailable", "25%"), wanted, up=False)
        return surge, unavailable if surge or unavailable else 1

    def _forget_old(self) -> None:
        empty = [one for one in self._older() if one["spec"]["replicas"] == 0 and not self._control.owned(POD, one)]
        empty.sort(key=lambda one: int((meta(one).get("annotations") or {}).get(_REVISION, 0)))
        for old in empty[: max(0, len(empty) - self._spec["revisionHistoryLimit"])]:
            self._control.registry.delete(REPLICA_SET, meta(old)["namespace"], meta(old)["name"], {})

    def _write_status(self) -> None:
        pods = [pod for one in self._sets for pod in active(self._control.owned(POD, one))]
        newest = self._newest()
        updated = len(active(self._control.owned(POD, newest))) if newest else 0
        ready = sum(map(is_ready, pods))
        old = self._deployment["status"]
        missing = max(0, self._spec["replicas"] - ready)
        counts = {
            "replicas": len(pods),
            "updatedReplicas": updated,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": missing,
        }
        status: Document = {"observedGeneration": meta(self._deployment)["generation"]}
        status.update({name: count for name, count in counts.items() if count})
        moved = any(old.get(name, 0) != count for name, count in counts.items())
        complete = updated == len(pods) == self._spec["replicas"] and ready >= self._spec["replicas"]
        status["conditions"] = [self._available(old, ready), self._progressing(old, moved=moved, complete=complete)]
        self._control.set_status(DEPLOYMENT, self._deployment, status)

    def _available(self, old: Document, ready: int) -> Document:
        enough = ready >= self._spec["replicas"] - (
            self._bounds()[1] if self._spec["strategy"]["type"] == "RollingUpdate" else 0
        )
        reason, word = (
            ("MinimumReplicasAvailable", "has") if enough else ("MinimumReplicasUnavailable", "does not have")
        )
        fields = {"status": str(enough), "reason": reason, "message": f"Deployment {word} minimum availability."}
        return condition(old.get("conditions") or [], "Available", self._control.now(), **fields)

    def _progressing(self, old: Document, *, moved: bool, complete: bool) -> Document:
        known = old.get("conditions") or []
        name = f"{meta(self._deployment)['name']}-{self._hash}"
        earlier = next((one for one in known if one["type"] == "Progressing"), None)
        if complete:
            fields = ("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
        elif earlier and not moved and self._stalled(earlier):
            fields = ("False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.')
        else:
            fields = ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
        named = dict(zip(("status", "reason", "message"), fields, strict=True))
        found = condition(known, "Progressing", self._control.now(), **named)
        return {**found, "lastUpdateTime": self._control.now()} if moved and not complete else found

    def _stalled(self, earlier: Document) -> bool:
        if earlier["reason"] == "ProgressDeadlineExceeded":
            return True
        if earlier["reason"] == "NewReplicaSetAvailable":
            return False
        end = parse(earlier["lastUpdateTime"]) + float(self._spec["progressDeadlineSeconds"])
        self._control.wake_at(end)
        return self._control.seconds() >= end

    def _event(self, reason: str, message: str, *, warning: bool = False) -> None:
        self._control.event(self._deployment, reason, message, "deployment-controller", warning=warning)
