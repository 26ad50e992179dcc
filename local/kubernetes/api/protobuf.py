r"""Kubernetes' protobuf envelope, as far as clients send it: helm stores its releases so (Secrets, ConfigMaps).

Wire format: `k8s\0`, then `runtime.Unknown` {1: TypeMeta, 2: raw}, where raw is the object. Field numbers are those of
`k8s.io/api/core/v1/generated.proto` and `k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto`.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from local.kubernetes.api.protobuf_messages import TYPES, Message, Scalar
from local.kubernetes.objects.errors import ApiError, bad_request
from local.world import Document

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire not in (1, 2, 5):
            raise ValueError(f"wire type {wire}")
        size, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
        if at + size > len(data):
            raise ValueError("cut short")
        yield tag >> 3, data[at : at + size]
        at += size


def _time(data: bytes) -> str | None:
    """A zero time (seconds before year 1) is no time: that is how Go writes an unset one."""
    seconds = next((value for number, value in _fields(data) if number == 1 and isinstance(value, int)), None)
    if seconds is None or seconds >= 1 << 63:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _choice(data: bytes) -> int | str:
    """An IntOrString: {1: 1 for text, 2: the number, 3: the text}."""
    held = dict(_fields(data))
    text, number = held.get(3), held.get(2, 0)
    return text.decode() if held.get(1) == 1 and isinstance(text, bytes) else int(number)


def _value(kind: Scalar | Message, raw: int | bytes) -> Any:
    if isinstance(raw, int):
        if kind in ("bool", "flag"):
            return True if raw else (False if kind == "bool" else None)
        return raw - (1 << 64) * (raw >> 63) if raw or kind == "int" else None
    if isinstance(kind, Message):
        return _message(kind, raw)
    if kind == "time":
        return _time(raw)
    if kind == "choice":
        return _choice(raw)
    return base64.b64encode(raw).decode() if kind == "bytes" else raw.decode()


def _json_only(what: str) -> ApiError:
    """Better refused than half understood: nothing that a client sends may get lost unnoticed."""
    return ApiError(415, "UnsupportedMediaType", f"{what} is accepted as JSON only")


def _message(shape: Message, data: bytes) -> Document:
    document: Document = {}
    for number, raw in _fields(data):
        known = shape.fields.get(number)
        if known is None:
            if number in shape.ignored:
                continue
            raise _json_only(f"field {number} of this object")
        if known.mapped and isinstance(raw, bytes):
            entry = dict(_fields(raw))
            document.setdefault(known.name, {})[_value("text", entry.get(1, b""))] = _value(
                known.kind, entry.get(2, b"")
            )
        elif known.repeated:
            document.setdefault(known.name, []).append(_value(known.kind, raw))
        else:
            document[known.name] = _value(known.kind, raw)
    return {name: value for name, value in document.items() if value not in ("", None)}


def decode(data: bytes) -> Document:
    """The object in an envelope. Raises ApiError: 400 when it is broken, 415 for a kind that is read as JSON only."""
    if not data.startswith(MAGIC):
        raise bad_request("unable to decode request: no protobuf envelope")
    try:
        outer = dict(_fields(data[len(MAGIC) :]))
        kinds = {number: _value("text", value) for number, value in _fields(_bytes(outer.get(1)))}
        shape = TYPES.get(kinds.get(2, ""))
        if shape is None:
            raise _json_only(str(kinds.get(2, "this kind")))
        return {"apiVersion": kinds.get(1, ""), "kind": kinds.get(2), **_message(shape, _bytes(outer.get(2)))}
    except (ValueError, IndexError) as error:
        raise bad_request(f"unable to decode request: {error}") from None


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""
