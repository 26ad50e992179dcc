"""Three ways to change a document: JSON merge patch (RFC 7386), JSON patch (RFC 6902), strategic merge patch.

All are pure: they return a new document.
"""

from typing import Any

from local.kubernetes.objects.errors import ApiError, bad_request
from local.kubernetes.objects.schema import Schemas
from local.kubernetes.objects.store import clone
from local.world import Document


def merge_patch(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return clone(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def _unprocessable(message: str) -> ApiError:
    return ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {message}")


def _find(document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        try:
            document = document[int(token)] if isinstance(document, list) else document[token]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _unprocessable(f"path /{'/'.join(tokens)} does not exist") from None
    return document


def _tokens(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _put(document: Any, tokens: list[str], value: Any, *, replace: bool) -> Any:
    if not tokens:
        return value
    parent, last = _find(document, tokens[:-1]), tokens[-1]
    if isinstance(parent, list):
        if replace:
            _find(parent, [last])
            parent[int(last)] = value
        else:
            parent.insert(len(parent) if last == "-" else int(last), value)
    elif isinstance(parent, dict):
        if replace:
            _find(parent, [last])
        parent[last] = value
    else:
        raise _unprocessable(f"path /{'/'.join(tokens)} does not exist")
    return document


def _take(document: Any, tokens: list[str]) -> Any:
    value = _find(document, tokens)
    parent = _find(document, tokens[:-1])
    del parent[int(tokens[-1]) if isinstance(parent, list) else tokens[-1]]
    return value


def json_patch(target: Document, operations: Any) -> Document:
    """Raises ApiError 422 when a path is missing or a `test` fails, 400 when it is not a JSON patch."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    document = clone(target)
    for operation in operations:
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: Document) -> Any:
    kind, tokens = operation.get("op"), _tokens(operation.get("path", ""))
    value = clone(operation.get("value"))
    if kind in ("add", "replace"):
        return _put(document, tokens, value, replace=kind == "replace")
    if kind == "remove":
        _take(document, tokens)
    elif kind == "test":
        if _find(document, tokens) != value:
            raise _unprocessable(f"testing value {operation['path']} failed")
    elif kind in ("move", "copy"):
        source = _tokens(operation.get("from", ""))
        value = _take(document, source) if kind == "move" else clone(_find(document, source))
        return _put(document, tokens, value, replace=False)
    else:
        raise bad_request(f"error decoding patch: Unexpected kind: {kind}")
    return document


class StrategicMerge:
    """Strategic merge patch: lists with a merge key are merged by it, directives (`$patch` and so on) are honoured.

    Rules: community/contributors/devel/sig-api-machinery/strategic-merge-patch.md in kubernetes/community.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def merge(self, schema: Document, target: Any, patch: Any) -> Any:
        if not isinstance(patch, dict):
            return clone(patch)
        if patch.get("$patch") == "replace":
            return {name: clone(value) for name, value in patch.items() if name != "$patch"}
        if patch.get("$patch") == "delete":
            return {}
        merged = dict(target) if isinstance(target, dict) else {}
        if "$retainKeys" in patch:
            merged = {name: value for name, value in merged.items() if name in patch["$retainKeys"]}
        for name, value in patch.items():
            if name.startswith("$"):
                self._directive(merged, name, value)
            elif value is None:
                merged.pop(name, None)
            else:
                merged[name] = self._field(schema, name, merged.get(name), value)
        return self._ordered(schema, merged, patch)

    def _directive(self, merged: Document, name: str, value: Any) -> None:
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            merged[field] = [item for item in merged.get(field) or [] if item not in value]

    def _field(self, schema: Document, name: str, target: Any, value: Any) -> Any:
        inner = self._schemas.property(schema, name) or {}
        if not isinstance(value, list):
            return self.merge(inner, target, value)
        if "merge" not in str(inner.get("x-kubernetes-patch-strategy", "")):
            return [clone(item) for item in value]
        key = inner.get("x-kubernetes-patch-merge-key")
        if key is None:
            known = list(target or [])
            return known + [item for item in value if item not in known]
        return self._list(self._schemas.items(inner), key, target or [], value)

    def _list(self, items: Document, key: str, target: list[Any], patch: list[Any]) -> list[Any]:
        if any(item.get("$patch") == "replace" for item in patch):
            return [clone(item) for item in patch if item.get("$patch") != "replace"]
        merged = list(target)
        for item in patch:
            places = [place for place, one in enumerate(merged) if one.get(key) == item.get(key)]
            if item.get("$patch") == "delete":
                merged = [one for place, one in enumerate(merged) if place not in places]
            elif places:
                merged[places[0]] = self.merge(items, merged[places[0]], item)
            else:
                merged.append(self.merge(items, {}, item))
        return merged

    def _ordered(self, schema: Document, merged: Document, patch: Document) -> Document:
        """Sorts lists as `$setElementOrder/<field>` says; what it does not name stays behind, in its old order."""
        for name, order in patch.items():
            if not name.startswith("$setElementOrder/"):
                continue
            field = name.partition("/")[2]
            key = (self._schemas.property(schema, field) or {}).get("x-kubernetes-patch-merge-key")
            wanted = [one.get(key) if key and isinstance(one, dict) else one for one in order]
            places = {value: place for place, value in enumerate(wanted)}
            held = merged.get(field) or []
            held.sort(key=lambda one: places.get(one.get(key) if key else one, len(places)))
        return merged
