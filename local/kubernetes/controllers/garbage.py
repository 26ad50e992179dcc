"""What goes when something else goes: dependents of deleted owners, contents of deleted namespaces."""

import contextlib

from local.kubernetes.controllers.control import Control
from local.kubernetes.objects.errors import ApiError
from local.kubernetes.objects.kinds import CONFIG_MAP, EVENT, NAMESPACE, SERVICE_ACCOUNT, Kind
from local.kubernetes.objects.store import clone, meta, reference
from local.world import Document

_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_CERTIFICATES = "kube-root-ca.crt"


def collect_garbage(control: Control) -> None:
    """Deletes what no living owner holds, and lets owners go that waited for their dependents."""
    store = control.store
    everything = [(kind, one) for kind in store.kinds() if kind is not EVENT for one in store.all(kind)]
    living = {meta(one)["uid"] for _, one in everything}
    dependents: dict[str, list[tuple[Kind, Document]]] = {}
    for kind, one in everything:
        for owner in meta(one).get("ownerReferences") or []:
            dependents.setdefault(owner["uid"], []).append((kind, one))
    for kind, one in everything:
        finalizers = meta(one).get("finalizers") or []
        if meta(one).get("deletionTimestamp") and (_FOREGROUND in finalizers or _ORPHAN in finalizers):
            _release(control, kind, one, dependents.get(meta(one)["uid"], []))
    for uid in dependents.keys() - living:
        for kind, one in dependents[uid]:
            owners = meta(one)["ownerReferences"]
            if not any(owner["uid"] in living for owner in owners):
                _delete(control, kind, one, {"propagationPolicy": "Background"})


def _delete(control: Control, kind: Kind, document: Document, options: Document) -> None:
    if meta(document).get("deletionTimestamp"):
        return
    with contextlib.suppress(ApiError):
        control.registry.delete(kind, *reference(document), options)


def _release(control: Control, kind: Kind, owner: Document, dependents: list[tuple[Kind, Document]]) -> None:
    finalizers = meta(owner)["finalizers"]
    if _ORPHAN in finalizers:
        for held_kind, one in dependents:
            freed = clone(one)
            kept = [ref for ref in meta(one)["ownerReferences"] if ref["uid"] != meta(owner)["uid"]]
            meta(freed)["ownerReferences"] = kept
            control.store.update(held_kind, freed)
    elif dependents:
        for held_kind, one in dependents:
            _delete(control, held_kind, one, {"propagationPolicy": "Foreground"})
        return
    changed = clone(owner)
    meta(changed)["finalizers"] = [one for one in finalizers if one not in (_ORPHAN, _FOREGROUND)]
    control.store.update(kind, changed)


def reconcile_namespaces(control: Control, certificate: str) -> None:
    """New namespaces get what every namespace has; deleted ones are emptied, then go."""
    for namespace in control.store.all(NAMESPACE):
        if meta(namespace).get("deletionTimestamp"):
            _empty(control, namespace)
        else:
            _furnish(control, meta(namespace)["name"], certificate)


def _furnish(control: Control, name: str, certificate: str) -> None:
    control.registry.ensure(SERVICE_ACCOUNT, name, {"metadata": {"name": "default"}})
    body = {"metadata": {"name": _CERTIFICATES}, "data": {"ca.crt": certificate}}
    control.registry.ensure(CONFIG_MAP, name, body)


def _empty(control: Control, namespace: Document) -> None:
    name, store = meta(namespace)["name"], control.store
    left = False
    for kind in store.kinds():
        for one in store.all(kind, name) if kind.namespaced else []:
            _delete(control, kind, one, {})
            left = left or store.get(kind, *reference(one)) is not None
    if left:
        return
    changed = clone(store.require(NAMESPACE, "", name))
    changed["spec"]["finalizers"] = []
    store.update(NAMESPACE, changed)
