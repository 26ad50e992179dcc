"""The controllers of volumes: claims get a disk (a folder), disks go when their claims do."""

import shutil
from pathlib import Path

from local.kubernetes.controllers.control import Control
from local.kubernetes.objects.kinds import CLAIM, POD, STORAGE_CLASS, VOLUME
from local.kubernetes.objects.quantity import parse
from local.kubernetes.objects.store import Store, clone, meta
from local.world import Document

_SECONDS = 3.0
"""How long Azure takes to make a disk."""
_CONTROLLER = "persistentvolume-controller"
_PROTECTED = "kubernetes.io/pvc-protection"


def claim_names(pod: Document) -> set[str]:
    """The claims that a pod mounts."""
    volumes = pod["spec"].get("volumes") or []
    return {one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one}


def _users(store: Store, claim: Document) -> list[Document]:
    return [
        pod
        for pod in store.all(POD, meta(claim)["namespace"])
        if meta(claim)["name"] in claim_names(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]


def reconcile_claims(control: Control, folder: Path) -> None:
    for claim in control.store.all(CLAIM):
        if meta(claim).get("deletionTimestamp"):
            _let_go(control, claim)
        elif claim["status"].get("phase") == "Bound":
            _grow(control, claim)
        elif volume := _waiting_volume(control.store, claim):
            _bind(control, claim, volume)
        else:
            _provision(control, claim, folder)
    for volume in control.store.all(VOLUME):
        _reclaim(control, volume, folder)


def _let_go(control: Control, claim: Document) -> None:
    finalizers = meta(claim).get("finalizers") or []
    if _PROTECTED in finalizers and not _users(control.store, claim):
        changed = clone(claim)
        meta(changed)["finalizers"] = [one for one in finalizers if one != _PROTECTED]
        control.store.update(CLAIM, changed)


def _waiting_volume(store: Store, claim: Document) -> Document | None:
    """A volume that exists already and suits the claim: named by it, or of its class and large enough."""
    spec, held = claim["spec"], meta(claim)
    wanted = parse(spec["resources"]["requests"]["storage"])
    for volume in store.all(VOLUME):
        bound = volume["spec"].get("claimRef") or {}
        if bound and (bound.get("namespace"), bound.get("name")) != (held["namespace"], held["name"]):
            continue
        if bound.get("uid") not in (None, held["uid"]) or meta(volume).get("deletionTimestamp"):
            continue
        if spec.get("volumeName") == meta(volume)["name"]:
            return volume
        same_class = volume["spec"].get("storageClassName", "") == spec.get("storageClassName", "")
        if not spec.get("volumeName") and same_class and parse(volume["spec"]["capacity"]["storage"]) >= wanted:
            return volume
    return None


def _provision(control: Control, claim: Document, folder: Path) -> None:
    name = claim["spec"].get("storageClassName")
    if not name:
        return
    storage_class = control.store.get(STORAGE_CLASS, "", name)
    if storage_class is None:
        message = f'storageclass.storage.k8s.io "{name}" not found'
        control.event(claim, "ProvisioningFailed", message, _CONTROLLER, warning=True)
        return
    users = _users(control.store, claim)
    if storage_class["volumeBindingMode"] == "WaitForFirstConsumer" and not users:
        message = "waiting for first consumer to be created before binding"
        control.event(claim, "WaitForFirstConsumer", message, _CONTROLLER)
        return
    begun = max([meta(claim)["creationTimestamp"], *(meta(pod)["creationTimestamp"] for pod in users[:1])])
    if control.passed(begun, _SECONDS):
        volume = _create(control, claim, storage_class, folder)
        message = f"Successfully provisioned volume {meta(volume)['name']}"
        control.event(claim, "ProvisioningSucceeded", message, storage_class["provisioner"])
        _bind(control, claim, volume)


def _create(control: Control, claim: Document, storage_class: Document, folder: Path) -> Document:
    name = f"pvc-{meta(claim)['uid']}"
    (folder / name).mkdir(parents=True, exist_ok=True)
    body = {
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": storage_class["provisioner"]},
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "csi": {
                "driver": storage_class["provisioner"],
                "volumeHandle": name,
                "volumeAttributes": storage_class.get("parameters") or {},
            },
            "persistentVolumeReclaimPolicy": storage_class["reclaimPolicy"],
            "storageClassName": meta(storage_class)["name"],
        },
    }
    return control.registry.create(VOLUME, "", body)


def _bind(control: Control, claim: Document, volume: Document) -> None:
    held = meta(claim)
    bound = clone(volume)
    bound["spec"]["claimRef"] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": held["namespace"],
        "name": held["name"],
        "uid": held["uid"],
    }
    bound["status"] = {"phase": "Bound"}
    control.store.update(VOLUME, bound)
    changed = clone(claim)
    changed["spec"]["volumeName"] = meta(volume)["name"]
    meta(changed).setdefault("annotations", {})["pv.kubernetes.io/bind-completed"] = "yes"
    spec = volume["spec"]
    changed["status"] = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": spec["capacity"]}
    control.store.update(CLAIM, changed)


def _grow(control: Control, claim: Document) -> None:
    wanted = claim["spec"]["resources"]["requests"]["storage"]
    if parse(wanted) <= parse(claim["status"]["capacity"]["storage"]):
        return
    volume = control.store.get(VOLUME, "", claim["spec"]["volumeName"])
    if volume is None:
        return
    grown = clone(volume)
    grown["spec"]["capacity"] = {"storage": wanted}
    control.store.update(VOLUME, grown)
    control.set_status(CLAIM, claim, {**claim["status"], "capacity": {"storage": wanted}})


def _reclaim(control: Control, volume: Document, folder: Path) -> None:
    """A volume without its claim is deleted, with its data, or released, as its policy says."""
    name, bound = meta(volume)["name"], volume["spec"].get("claimRef")
    claim = control.store.get(CLAIM, bound["namespace"], bound["name"]) if bound else None
    alive = claim is not None and bound is not None and meta(claim)["uid"] == bound.get("uid", meta(claim)["uid"])
    policy = volume["spec"]["persistentVolumeReclaimPolicy"]
    if meta(volume).get("deletionTimestamp") or (bound and not alive and policy == "Delete"):
        if alive:
            return
        if policy == "Delete":
            shutil.rmtree(folder / name, ignore_errors=True)
        control.store.remove(VOLUME, "", name)
    elif bound and not alive:
        control.set_status(VOLUME, volume, {"phase": "Released"})
    elif not bound:
        control.set_status(VOLUME, volume, {"phase": "Available"})


def azure_disks(store: Store) -> list[Document]:
    """Azure's view of the bound claims: a disk each, with its size in whole GiB and its kind of storage."""
    disks = []
    for claim in store.all(CLAIM):
        if claim["status"].get("phase") != "Bound":
            continue
        volume = store.get(VOLUME, "", claim["spec"]["volumeName"])
        attributes = ((volume or {}).get("spec", {}).get("csi") or {}).get("volumeAttributes") or {}
        size = parse(claim["status"]["capacity"]["storage"])
        disks.append(
            {
                "name": claim["spec"]["volumeName"],
                "sizeGiB": int(-(-size // (1 << 30))),
                "sku": attributes.get("skuname", "StandardSSD_LRS"),
                "claim": f"{meta(claim)['namespace']}/{meta(claim)['name']}",
            }
        )
    return disks
