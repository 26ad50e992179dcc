"""What all controllers of one cluster share: its objects, its time, its way to tell people what happened."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.kubernetes.api.registry import Registry
from local.kubernetes.objects.admission import ALPHABET, suffix
from local.kubernetes.objects.errors import ApiError
from local.kubernetes.objects.kinds import EVENT, NAMESPACE, POD, Kind
from local.kubernetes.objects.store import Store, clone, meta
from local.world import Document

_REPEAT = 60.0
"""Virtual seconds within which the same event is not counted again."""


def stamp(seconds: float) -> str:
    """Virtual seconds since 1970 as Kubernetes writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@dataclass
class Control:
    """One cluster, as its controllers see it."""

    registry: Registry
    seconds: Callable[[], float]
    """Virtual time, seconds since 1970."""
    duration: Callable[[float], float]
    """Virtual seconds that something takes here, which takes so many in Azure."""
    due: float = field(default=float("inf"))
    """When something has to be looked at again although nothing changed: virtual seconds since 1970."""

    @property
    def store(self) -> Store:
        return self.registry.store

    def now(self) -> str:
        return stamp(self.seconds())

    def wake_at(self, seconds: float) -> None:
        self.due = min(self.due, seconds)

    def passed(self, since: str | float, seconds: float) -> bool:
        """Whether something that began at `since` and takes `seconds` in Azure is over; if not, it is looked at then."""
        start = parse(since) if isinstance(since, str) else since
        end = start + self.duration(seconds)
        if self.seconds() >= end:
            return True
        self.wake_at(end)
        return False

    def set_status(self, kind: Kind, document: Document, status: Document) -> Document:
        """Writes a status when it differs from the stored one."""
        if document.get("status") == status:
            return document
        return self.store.update(kind, {**clone(document), "status": status})

    def event(self, subject: Document, reason: str, message: str, component: str, *, warning: bool = False) -> None:
        """Tells people what happened to an object. The same thing again soon is not worth another write."""
        held = meta(subject)
        namespace = held.get("namespace", "default")
        known = self.store.get(NAMESPACE, "", namespace)
        if known is None or meta(known).get("deletionTimestamp"):
            return
        digest = hashlib.sha256(f"{held['uid']}{reason}{message}".encode()).hexdigest()[:16]
        name = f"{held['name']}.{digest}"
        earlier = self.store.get(EVENT, namespace, name)
        now = self.now()
        if earlier is not None:
            if parse(now) - parse(earlier["lastTimestamp"]) >= _REPEAT:
                self.store.update(EVENT, {**earlier, "count": earlier["count"] + 1, "lastTimestamp": now})
            return
        involved = {
            "kind": subject["kind"],
            "apiVersion": subject["apiVersion"],
            "name": held["name"],
            "uid": held["uid"],
            "resourceVersion": held["resourceVersion"],
        }
        if "namespace" in held:
            involved["namespace"] = namespace
        event = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning" if warning else "Normal",
        }
        self.store.create(EVENT, event)

    def owned(self, kind: Kind, owner: Document) -> list[Document]:
        """The objects that an owner controls."""
        found = self.store.all(kind, meta(owner).get("namespace", ""))
        return [one for one in found if controller_of(one) == meta(owner)["uid"]]

    def create_pod(
        self, owner: Document, template: Document, component: str, *, name: str = "", **extra: Any
    ) -> Document | None:
        """A pod from a template, or None when the API server refuses it: then an event says why.

        `extra`: labels, annotations (added to the template's), spec (fields put over the template's).
        """
        held = meta(owner)
        metadata = clone(template.get("metadata") or {})
        metadata.update(
            {"name": name or f"{held['name'][:52]}-{suffix()}", "ownerReferences": [owner_reference(owner)]}
        )
        if not name:
            metadata["generateName"] = f"{held['name']}-"
        for field_ in ("labels", "annotations"):
            if extra.get(field_):
                metadata[field_] = {**(metadata.get(field_) or {}), **extra[field_]}
        spec = {**clone(template["spec"]), **extra.get("spec", {})}
        try:
            pod = self.registry.create(POD, held["namespace"], {"metadata": metadata, "spec": spec})
        except ApiError as error:
            self.event(owner, "FailedCreate", f"Error creating: {error.message}", component, warning=True)
            return None
        self.event(owner, "SuccessfulCreate", f"Created pod: {meta(pod)['name']}", component)
        return pod

    def delete_pod(self, owner: Document, pod: Document, component: str) -> None:
        self.registry.delete(POD, meta(pod)["namespace"], meta(pod)["name"], {})
        self.event(owner, "SuccessfulDelete", f"Deleted pod: {meta(pod)['name']}", component)


def controller_of(document: Document) -> str | None:
    """The uid of the object that controls this one."""
    owners = meta(document).get("ownerReferences") or []
    return next((one["uid"] for one in owners if one.get("controller")), None)


def owner_reference(owner: Document) -> Document:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta(owner)["name"],
        "uid": meta(owner)["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def template_hash(template: Document) -> str:
    """A short name for a pod template: equal templates have equal ones."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:10])


def active(pods: list[Document]) -> list[Document]:
    """Those that still count: neither ended nor on their way out."""
    return [
        pod
        for pod in pods
        if pod["status"].get("phase") not in ("Succeeded", "Failed") and not meta(pod).get("deletionTimestamp")
    ]


def condition(known: list[Document], type_: str, now: str, **fields: str) -> Document:
    """A condition with its times: `lastTransitionTime` moves when the status does, `lastUpdateTime` with any change."""
    old = next((one for one in known if one["type"] == type_), None)
    if old is not None and all(old.get(name) == value for name, value in fields.items()):
        return old
    moved = old is None or old["status"] != fields["status"]
    transition = now if moved or old is None else old["lastTransitionTime"]
    return {"type": type_, **fields, "lastUpdateTime": now, "lastTransitionTime": transition}
