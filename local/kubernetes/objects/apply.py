"""Server-side apply: who manages which field, what a new application adds, changes and gives up.

Only applications are tracked field by field; for other writes `managedFields` names the writer and the time.
"""

import json
from typing import Any

from local.kubernetes.objects.errors import ApiError, Cause
from local.kubernetes.objects.schema import Schemas
from local.kubernetes.objects.store import clone, meta
from local.world import Document

MEDIA_TYPE = "application/apply-patch+yaml"
_NOT_OWNED = {"apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.managedFields"}

type Path = tuple[str, ...]


def record_update(document: Document, manager: str, now: str) -> None:
    """Notes who wrote the object last, other than by an application."""
    entries = meta(document).setdefault("managedFields", [])
    known = next((one for one in entries if one["manager"] == manager and one["operation"] == "Update"), None)
    if known is None:
        entries.append(
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": document["apiVersion"],
                "time": now,
                "fieldsType": "FieldsV1",
                "fieldsV1": {},
            }
        )
    else:
        known["time"] = now


class ServerSideApply:
    """Merging for one kind, by its schema's list keys."""

    def __init__(self, schemas: Schemas, root: Document) -> None:
        self._schemas = schemas
        self._root = root

    def own(self, stored: Document, applied: Document, manager: str, now: str) -> Document:
        """The stored object with `manager` noted as the owner of what was applied."""
        document = clone(stored)
        paths = self._paths(self._root, applied, ())
        entries = [one for one in meta(document).get("managedFields") or [] if not _is(one, manager)]
        entries = [one for one in entries if one["manager"] != manager or one["operation"] != "Update"]
        entries.append(
            {
                "manager": manager,
                "operation": "Apply",
                "apiVersion": document["apiVersion"],
                "time": now,
                "fieldsType": "FieldsV1",
                "fieldsV1": _tree(paths),
            }
        )
        meta(document)["managedFields"] = entries
        return document

    def merge(self, before: Document, applied: Document, manager: str, now: str, *, force: bool) -> Document:
        """Raises ApiError 409 when another application owns a field with another value, unless forced."""
        paths = self._paths(self._root, applied, ())
        entries = meta(before).get("managedFields") or []
        others = [one for one in entries if one["operation"] == "Apply" and one["manager"] != manager]
        merged = self._merged(self._root, before, applied)
        if not force:
            self._conflicts(before, merged, paths, others)
        mine = next((one for one in entries if _is(one, manager)), None)
        given_up = (_flat(mine["fieldsV1"]) if mine else set()) - paths
        held = set().union(*(_flat(one["fieldsV1"]) for one in others)) if others else set()
        for path in sorted(given_up - held, key=len, reverse=True):
            self._drop(merged, path)
        if "resourceVersion" not in meta(applied):
            meta(merged).pop("resourceVersion", None)
        return self.own(merged, applied, manager, now)

    def _conflicts(self, before: Document, merged: Document, paths: set[Path], others: list[Document]) -> None:
        causes: list[Cause] = []
        for entry in others:
            for path in sorted(_flat(entry["fieldsV1"]) & paths):
                if self._at(before, path) != self._at(merged, path):
                    detail = f'conflict with "{entry["manager"]}" using {entry["apiVersion"]}'
                    causes.append(Cause(_dotted(path), detail))
        if causes:
            listed = "\n".join(f"- {cause.field}" for cause in causes)
            message = f"Apply failed with {len(causes)} conflict(s): {causes[0].detail}:\n{listed}"
            found = [{"reason": "FieldManagerConflict", "message": one.detail, "field": one.field} for one in causes]
            raise ApiError(409, "Conflict", message, {"causes": found})

    def _merged(self, schema: Document, target: Any, applied: Any) -> Any:
        if isinstance(applied, dict) and isinstance(target, dict):
            if schema.get("x-kubernetes-map-type") == "atomic":
                return clone(applied)
            merged = clone(target)
            for name, value in applied.items():
                inner = self._schemas.property(schema, name) or {}
                merged[name] = self._merged(inner, merged.get(name), value)
            return merged
        keys = schema.get("x-kubernetes-list-map-keys")
        if isinstance(applied, list) and isinstance(target, list) and keys:
            return self._merged_list(schema, keys, target, applied)
        if isinstance(applied, list) and isinstance(target, list) and schema.get("x-kubernetes-list-type") == "set":
            return target + [item for item in applied if item not in target]
        return clone(applied)

    def _merged_list(self, schema: Document, keys: list[str], target: list[Any], applied: list[Any]) -> list[Any]:
        items = self._schemas.items(schema)
        merged = clone(target)
        for item in applied:
            place = next((at for at, one in enumerate(merged) if _key(one, keys) == _key(item, keys)), None)
            if place is None:
                merged.append(clone(item))
            else:
                merged[place] = self._merged(items, merged[place], item)
        return merged

    def _paths(self, schema: Document, value: Any, path: Path) -> set[Path]:
        """The leaves that an application names, in the form of `fieldsV1`."""
        keys = schema.get("x-kubernetes-list-map-keys")
        if isinstance(value, dict) and value and schema.get("x-kubernetes-map-type") != "atomic":
            found: set[Path] = set()
            for name, item in value.items():
                if ".".join([*(part[2:] for part in path), name]) not in _NOT_OWNED:
                    found |= self._paths(self._schemas.property(schema, name) or {}, item, (*path, f"f:{name}"))
            return found
        if isinstance(value, list) and keys:
            items = self._schemas.items(schema)
            return set().union(*(self._paths(items, item, (*path, f"k:{_key(item, keys)}")) for item in value))
        return {path}

    def _at(self, document: Any, path: Path) -> Any:
        for part in path:
            if document is None:
                return None
            if part.startswith("f:"):
                document = document.get(part[2:]) if isinstance(document, dict) else None
            else:
                document = next((one for one in document if _matches(one, part)), None)
        return document

    def _drop(self, document: Any, path: Path) -> None:
        parent, last = self._at(document, path[:-1]), path[-1]
        if isinstance(parent, dict):
            parent.pop(last[2:], None)
        self._drop_empty_item(document, path[:-1])

    def _drop_empty_item(self, document: Any, path: Path) -> None:
        """A list item of which only its key is left goes too."""
        if not path or not path[-1].startswith("k:"):
            return
        item, held = self._at(document, path), self._at(document, path[:-1])
        if isinstance(held, list) and isinstance(item, dict) and set(item) <= set(json.loads(path[-1][2:])):
            held.remove(item)


def _is(entry: Document, manager: str) -> bool:
    return bool(entry["manager"] == manager and entry["operation"] == "Apply")


_KEY_DEFAULTS = {"protocol": "TCP"}


def _key(item: Document, keys: list[str]) -> str:
    named = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    return json.dumps({key: value for key, value in named.items() if value is not None}, sort_keys=True)


def _matches(item: Document, part: str) -> bool:
    wanted: Document = json.loads(part[2:])
    return all(item.get(key, _KEY_DEFAULTS.get(key)) == value for key, value in wanted.items())


def _tree(paths: set[Path]) -> Document:
    tree: Document = {}
    for path in sorted(paths):
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
    return tree


def _flat(tree: Document, path: Path = ()) -> set[Path]:
    if not tree:
        return {path}
    return set().union(*(_flat(branch, (*path, part)) for part, branch in tree.items()))


def _dotted(path: Path) -> str:
    parts = [f".{part[2:]}" if part.startswith("f:") else f"[{part[2:]}]" for part in path]
    return "".join(parts)
