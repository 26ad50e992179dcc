"""Create, change and delete objects by the API server's rules: decoding, defaults, admission, validation, deletion."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.kubernetes.objects import admission, apply, defaults, rules
from local.kubernetes.objects.errors import Cause, bad_request, conflict, forbidden, invalid, not_found
from local.kubernetes.objects.kinds import BY_KIND, JOB, NAMESPACE, POD, SERVICE, Kind
from local.kubernetes.objects.patch import StrategicMerge, json_patch, merge_patch
from local.kubernetes.objects.schema import Decoded, Schemas
from local.kubernetes.objects.store import Store, clone, holds, meta, reference
from local.world import Document

_KEPT_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"
_SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


@dataclass(frozen=True)
class Options:
    """Query parameters of a write."""

    validation: str = "Warn"
    dry_run: bool = False
    manager: str = "unknown"
    force: bool = False


class Registry:
    """The operations on one cluster's store. `warnings` collects what the answer tells the client in headers."""

    def __init__(self, store: Store, schemas: Schemas) -> None:
        self.store = store
        self.schemas = schemas

    def decode(self, kind: Kind, document: Any, options: Options, warnings: list[str]) -> Decoded:
        """Reads a client's object. Raises ApiError 400 when it is not one of this kind."""
        if not isinstance(document, dict):
            raise bad_request("the object provided is unrecognized: it is not a JSON object")
        given = (document.get("apiVersion", kind.api_version), document.get("kind", kind.kind))
        if given != (kind.api_version, kind.kind):
            raise bad_request(
                f"the API version in the data ({given[0]}, Kind={given[1]}) does not match the expected API version "
                f"({kind.api_version}, Kind={kind.kind})"
            )
        decoded = self.schemas.decode(kind, {**document, "apiVersion": kind.api_version, "kind": kind.kind})
        decoded.document.setdefault("metadata", {})
        if decoded.unknown and options.validation == "Strict":
            listed = ", ".join(f'unknown field "{path}"' for path in decoded.unknown)
            raise bad_request(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
                f"strict decoding error: {listed}"
            )
        if options.validation == "Warn":
            warnings.extend(f'unknown field "{path}"' for path in decoded.unknown)
        return decoded

    def create(
        self, kind: Kind, namespace: str, document: Any, options: Options = Options(), warnings: list[str] | None = None
    ) -> Document:
        """Adds a client's object. Raises ApiError: 400, 403, 404 (namespace), 409 or 422."""
        decoded = self.decode(kind, document, options, [] if warnings is None else warnings)
        body = decoded.document
        metadata = self._new_metadata(kind, namespace, body)
        body.pop("status", None)
        if kind.namespaced:
            admission.namespace_open(self.store, kind, body)
        missing = [cause for cause in decoded.missing if not cause.field.startswith("status.")]
        self._refuse(kind, body, missing)
        defaults.fill(body)
        if (status := defaults.first_status(kind.kind)) is not None:
            body["status"] = clone(status)
        if kind is JOB:
            admission.job_labels(body, metadata["uid"])
        self._refuse(kind, body, [*rules.metadata(kind, body), *rules.content(body)])
        admission.admit(self.store, body)
        apply.record_update(body, options.manager, self.store.now())
        return self.store.create(kind, body, dry_run=options.dry_run)

    def _new_metadata(self, kind: Kind, namespace: str, body: Document) -> Document:
        metadata = meta(body)
        for name in (*_SERVER_FIELDS, "resourceVersion", "managedFields"):
            metadata.pop(name, None)
        self._place(kind, namespace, metadata)
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                detail = "Required value: name or generateName is required"
                raise invalid(kind, "", [Cause("metadata.name", detail)])
            metadata["name"] = metadata["generateName"][:58] + admission.suffix()
        metadata["uid"] = str(uuid.uuid4())
        return metadata

    def _place(self, kind: Kind, namespace: str, metadata: Document) -> None:
        if not kind.namespaced:
            metadata.pop("namespace", None)
            return
        if metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")

    def _refuse(self, kind: Kind, body: Document, causes: list[Cause]) -> None:
        if causes:
            raise invalid(kind, meta(body)["name"], causes)

    def replace(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        document: Any,
        subresource: str = "",
        options: Options = Options(),
        warnings: list[str] | None = None,
    ) -> Document:
        """Puts a client's object in the place of the stored one. Raises ApiError: 400, 404, 409 or 422."""
        before = self.store.require(kind, namespace, name)
        decoded = self.decode(kind, document, options, [] if warnings is None else warnings)
        body = decoded.document
        self._place(kind, namespace, meta(body))
        if meta(body).setdefault("name", name) != name:
            raise bad_request(
                f"the name of the object ({meta(body)['name']}) does not match the name on the URL ({name})"
            )
        return self._write(kind, before, body, subresource, options, decoded.missing)

    def _write(
        self,
        kind: Kind,
        before: Document,
        body: Document,
        subresource: str,
        options: Options,
        missing: list[Cause],
    ) -> Document:
        self._keep_server_fields(before, body)
        if subresource == "status":
            body = {**clone(before), "status": body.get("status") or {}, "metadata": _for_status(before, body)}
            return self.store.update(kind, body, dry_run=options.dry_run)
        if "status" in kind.subresources or kind is POD:
            body.pop("status", None)
            if "status" in before:
                body["status"] = clone(before["status"])
        self._refuse(kind, body, [cause for cause in missing if not cause.field.startswith("status.")])
        defaults.fill(body)
        if kind is SERVICE:
            self._keep_addresses(before, body)
        self._refuse(kind, body, [*rules.metadata(kind, body), *rules.content(body), *rules.change(before, body)])
        if kind.generation and body.get("spec") != before.get("spec"):
            meta(body)["generation"] = meta(before).get("generation", 0) + 1
        if body != before:
            apply.record_update(body, options.manager, self.store.now())
        return self.store.update(kind, body, dry_run=options.dry_run)

    def _keep_server_fields(self, before: Document, body: Document) -> None:
        metadata, old = meta(body), meta(before)
        if metadata.get("uid") not in (None, old["uid"]):
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {old['uid']}"
            raise conflict(self.kind_of(before), old["name"], why)
        for name in (*_SERVER_FIELDS, "generateName"):
            metadata.pop(name, None)
            if name in old:
                metadata[name] = old[name]
        if "managedFields" not in metadata and "managedFields" in old:
            metadata["managedFields"] = clone(old["managedFields"])

    def kind_of(self, document: Document) -> Kind:
        return BY_KIND[document["apiVersion"], document["kind"]]

    def _keep_addresses(self, before: Document, body: Document) -> None:
        """What was allocated stays, when a client leaves it out."""
        spec, old = body["spec"], before["spec"]
        if spec["type"] == "ExternalName":
            return
        for name in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
            if name in old and not spec.get(name):
                spec[name] = clone(old[name])
        if not spec.get("clusterIP"):
            admission.admit(self.store, body)
        ports = {(port["port"], port["protocol"]): port.get("nodePort") for port in old.get("ports") or []}
        for port in spec.get("ports") or []:
            kept = ports.get((port["port"], port["protocol"]))
            if kept and not port.get("nodePort"):
                port["nodePort"] = kept
        admission.node_ports(self.store, body)

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        media_type: str,
        patch: Any,
        subresource: str = "",
        options: Options = Options(),
        warnings: list[str] | None = None,
    ) -> Document:
        """Changes a stored object by a patch. Raises ApiError: 400, 404, 409, 415 or 422."""
        warnings = [] if warnings is None else warnings
        if media_type == apply.MEDIA_TYPE:
            return self._apply(kind, namespace, name, patch, subresource, options, warnings)
        before = self.store.require(kind, namespace, name)
        target = clone(before)
        if media_type == "application/json-patch+json":
            after = json_patch(target, patch)
        elif not isinstance(patch, dict):
            raise bad_request("error decoding patch: it is not a JSON object")
        elif media_type == "application/merge-patch+json":
            after = merge_patch(target, patch)
        else:
            after = StrategicMerge(self.schemas).merge(self.schemas.root(kind), target, patch)
        decoded = self.decode(kind, after, options, warnings)
        if reference(decoded.document) != reference(before):
            raise bad_request("the name and namespace of an object cannot be patched")
        return self._write(kind, before, decoded.document, subresource, options, decoded.missing)

    def _apply(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        subresource: str,
        options: Options,
        warnings: list[str],
    ) -> Document:
        decoded = self.decode(kind, patch, options, warnings)
        body = decoded.document
        self._place(kind, namespace, meta(body))
        meta(body)["name"] = name
        before = self.store.get(kind, namespace, name)
        merger = apply.ServerSideApply(self.schemas, self.schemas.root(kind))
        if before is None:
            created = self.create(kind, namespace, body, options, warnings)
            if options.dry_run:
                return created
            owned = merger.own(created, body, options.manager, self.store.now())
            return self.store.update(kind, owned)
        merged = merger.merge(before, body, options.manager, self.store.now(), force=options.force)
        again = self.decode(kind, merged, options, [])
        return self._write(kind, before, again.document, subresource, options, again.missing)

    def delete(self, kind: Kind, namespace: str, name: str, options: Document, *, dry_run: bool = False) -> Document:
        """Deletes as the options say: the object as it is afterwards. Raises ApiError: 403, 404 or 409."""
        before = self.store.require(kind, namespace, name)
        if kind is NAMESPACE and name in _KEPT_NAMESPACES:
            raise forbidden(kind, name, "this namespace may not be deleted")
        self._preconditions(kind, before, options.get("preconditions") or {})
        if dry_run:
            return before
        body = clone(before)
        finalizers = _finalizers(before, options)
        if finalizers:
            meta(body)["finalizers"] = finalizers
        else:
            meta(body).pop("finalizers", None)
        grace = _grace(kind, before, options)
        if not holds(body) and grace == 0:
            self.store.remove(kind, namespace, name)
            return before
        return self._mark(kind, before, body, grace)

    def _mark(self, kind: Kind, before: Document, body: Document, grace: int) -> Document:
        """Sets the deletion time; a second deletion can only shorten the grace period."""
        metadata = meta(body)
        if metadata.get("deletionTimestamp") and grace >= metadata.get("deletionGracePeriodSeconds", 0):
            return self.store.update(kind, body)
        end = datetime.fromisoformat(self.store.now()) + timedelta(seconds=grace)
        metadata["deletionTimestamp"] = end.strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["deletionGracePeriodSeconds"] = grace
        if kind.generation:
            metadata["generation"] = meta(before).get("generation", 0) + 1
        if kind is NAMESPACE:
            body["status"] = {**(body.get("status") or {}), "phase": "Terminating"}
        return self.store.update(kind, body)

    def _preconditions(self, kind: Kind, before: Document, wanted: Document) -> None:
        for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            if wanted.get(field) not in (None, meta(before)[field]):
                why = (
                    f"Precondition failed: {label} in precondition: {wanted[field]}, "
                    f"{label} in object meta: {meta(before)[field]}"
                )
                raise conflict(kind, meta(before)["name"], why)

    def evict(self, namespace: str, name: str, options: Document) -> None:
        """What `pods/eviction` does. Raises ApiError 404, or 429 when a disruption budget does not allow it."""
        from local.kubernetes.objects.budgets import refuse_eviction

        pod = self.store.get(POD, namespace, name)
        if pod is None:
            raise not_found(POD, name)
        refuse_eviction(self.store, pod)
        self.delete(POD, namespace, name, options)

    def ensure(self, kind: Kind, namespace: str, document: Document) -> Document:
        """Creates an object of the cluster's own unless it exists already."""
        name = meta(document)["name"]
        return self.store.get(kind, namespace, name) or self.create(kind, namespace, document)


def _for_status(before: Document, body: Document) -> Document:
    """A write to `status` may change labels, annotations and finalizers, nothing else of the metadata."""
    changeable = ("labels", "annotations", "finalizers", "resourceVersion")
    kept = {name: value for name, value in meta(before).items() if name not in changeable}
    return {**kept, **{name: meta(body)[name] for name in changeable if name in meta(body)}}


def _finalizers(before: Document, options: Document) -> list[str]:
    held = [one for one in meta(before).get("finalizers") or [] if one not in (_ORPHAN, _FOREGROUND)]
    policy = options.get("propagationPolicy")
    if policy == "Orphan" or options.get("orphanDependents"):
        return [*held, _ORPHAN]
    return [*held, _FOREGROUND] if policy == "Foreground" else held


def _grace(kind: Kind, before: Document, options: Document) -> int:
    """Seconds. Only pods that run somewhere are given time."""
    if kind is not POD or not before["spec"].get("nodeName"):
        return 0
    if before["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    wanted = options.get("gracePeriodSeconds")
    return int(before["spec"].get("terminationGracePeriodSeconds", 30) if wanted is None else wanted)
