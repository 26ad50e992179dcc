"""The official OpenAPI schemas of Kubernetes, as `kubernetes-validate` carries them: what is a field, of which type.

The same schemas say how lists are merged (`x-kubernetes-patch-merge-key`, `x-kubernetes-list-map-keys`).
"""

import base64
import binascii
import functools
import importlib.util
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.kubernetes.objects.errors import Cause, bad_request, required
from local.kubernetes.objects.kinds import Kind
from local.kubernetes.objects.quantity import canonical
from local.world import Document

_GO_TYPES = {"integer": "int32", "boolean": "bool", "string": "string", "array": "[]", "object": "map[string]"}
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_FREE = {"metadata.managedFields", "metadata.generateName"}


@dataclass
class Decoded:
    """An object as the server understood it: nulls and unknown fields are gone."""

    document: Document
    unknown: list[str] = field(default_factory=list)
    """Paths of fields that no schema knows: a warning, or with `fieldValidation=Strict` a refusal."""
    missing: list[Cause] = field(default_factory=list)


@functools.cache
def _folder() -> Path:
    # Only its data is wanted: importing the package costs seconds (it builds dozens of grammars).
    found = importlib.util.find_spec("kubernetes_validate")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the package kubernetes-validate is missing: it holds the official schemas")
    return Path(found.origin).parent / "kubernetes-json-schema"


def _nearest(version: str) -> str:
    """The newest set of schemas that is not newer than this version, or the oldest one."""
    wanted = tuple(int(part) for part in version.split(".")[:2])
    known = sorted(
        (int(found[1]), int(found[2]))
        for folder in _folder().iterdir()
        if (found := re.match(r"^v(\d+)\.(\d+)\.0-local$", folder.name))
    )
    major, minor = max((one for one in known if one <= wanted), default=known[0])
    return f"{major}.{minor}"


@functools.cache
def _definitions(nearest: str) -> Document:
    text = (_folder() / f"v{nearest}.0-local" / "_definitions.json").read_text()
    definitions: Document = json.loads(text)["$defs"]
    return definitions


class Schemas:
    """One version's schemas."""

    def __init__(self, definitions: Document) -> None:
        self._definitions = definitions
        self._roots: dict[tuple[str, str, str], str] = {}
        for name, definition in definitions.items():
            for one in definition.get("x-kubernetes-group-version-kind") or []:
                self._roots[one["group"], one["version"], one["kind"]] = name

    def root(self, kind: Kind) -> Document:
        return self.definition(self._roots[kind.group, kind.version, kind.kind])

    def definition(self, name: str) -> Document:
        found: Document = self._definitions[name]
        return found

    def resolved(self, schema: Document) -> Document:
        """The schema behind a `$ref`, with the annotations (merge keys) that stand beside it."""
        reference = schema.get("$ref")
        if reference is None:
            return schema
        return {**self.definition(reference.rpartition("/")[2]), **{k: v for k, v in schema.items() if k != "$ref"}}

    def property(self, schema: Document, name: str) -> Document | None:
        """The schema of a field or map entry, or None when there is no such field."""
        found = (schema.get("properties") or {}).get(name)
        if found is None:
            found = schema.get("additionalProperties")
        return self.resolved(found) if isinstance(found, dict) else None

    def items(self, schema: Document) -> Document:
        return self.resolved(schema.get("items") or {})

    def decode(self, kind: Kind, document: Document) -> Decoded:
        """Reads an object as the API server does. Raises ApiError 400 for a value of the wrong JSON type."""
        reader = _Reader(self, kind)
        decoded = reader.read(self.root(kind), document, "", kind.kind)
        return Decoded(decoded, reader.unknown, reader.missing)


@functools.cache
def schemas(version: str) -> Schemas:
    """The schemas for a Kubernetes version ("1.35.2")."""
    return Schemas(_definitions(_nearest(version)))


class _Reader:
    """One pass over one object."""

    def __init__(self, schemas: Schemas, kind: Kind) -> None:
        self._schemas = schemas
        self._kind = kind
        self.unknown: list[str] = []
        self.missing: list[Cause] = []

    def read(self, schema: Document, value: Any, path: str, owner: str) -> Any:
        if schema.get("$ref", "").endswith(_QUANTITY):
            return self._quantity(value)
        owner = schema.get("$ref", owner).rpartition(".")[2]
        schema = self._schemas.resolved(schema)
        kinds = schema.get("type")
        allowed = kinds if isinstance(kinds, list) else [kinds]
        if "object" in allowed:
            return self._object(schema, self._check(value, dict, "object", path, owner, schema), path, owner)
        if "array" in allowed:
            listed = self._check(value, list, "array", path, owner, schema)
            items = schema.get("items") or {}
            return [self.read(items, item, f"{path}[{i}]", owner) for i, item in enumerate(listed)]
        return self._scalar(schema, value, path, owner)

    def _object(self, schema: Document, value: Document, path: str, owner: str) -> Document:
        properties = schema.get("properties")
        extra = schema.get("additionalProperties")
        read: Document = {}
        for name, item in value.items():
            inner = f"{path}.{name}" if path else name
            known = (properties or {}).get(name) or (extra if isinstance(extra, dict) else None)
            if item is None:
                continue
            if known is not None:
                read[name] = self.read(known, item, inner, owner)
            elif properties is None or inner in _FREE:
                read[name] = item
            else:
                self.unknown.append(inner)
        for name in schema.get("required") or []:
            if name not in read:
                self.missing.append(required(f"{path}.{name}" if path else name))
        return read

    def _scalar(self, schema: Document, value: Any, path: str, owner: str) -> Any:
        kind = next((one for one in _flat(schema.get("type")) if one != "null"), None)
        if kind == "integer":
            self._check(value, int, kind, path, owner, schema)
        elif kind == "string":
            self._check(value, str, kind, path, owner, schema)
            if schema.get("format") == "byte":
                self._base64(value)
        elif kind == "boolean":
            self._check(value, bool, kind, path, owner, schema)
        return value

    def _check(self, value: Any, wanted: type, kind: str, path: str, owner: str, schema: Document) -> Any:
        if isinstance(value, wanted) and (wanted is not int or not isinstance(value, bool)):
            return value
        target = schema.get("format") if kind == "integer" else None
        raise self._refusal(
            f"json: cannot unmarshal {_json_type(value)} into Go struct field {owner}.{re.sub(r'\[\d+\]', '', path)} "
            f"of type {target or _GO_TYPES[kind]}"
        )

    def _quantity(self, value: Any) -> Any:
        try:
            return canonical(value)
        except ValueError as error:
            raise self._refusal(str(error)) from None

    def _base64(self, value: str) -> None:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            raise self._refusal("illegal base64 data at input byte 0") from None

    def _refusal(self, why: str) -> Exception:
        name, version = self._kind.kind, self._kind.version
        return bad_request(f'{name} in version "{version}" cannot be handled as a {name}: {why}')


def _flat(kinds: Any) -> list[Any]:
    return kinds if isinstance(kinds, list) else [kinds]


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float | int):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
