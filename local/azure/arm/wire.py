"""Calls, answers and the two error envelopes of Azure's management plane."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

type Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request. Header and query names are lower-cased; `base` is scheme and host as the caller wrote them."""

    method: str
    base: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    claims: Mapping[str, Any]

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def document(self) -> Json:
        """The body, which must be a JSON object. Raises Refusal."""
        if not isinstance(self.body, dict):
            message = "The request content was invalid and could not be deserialized: 'a JSON object was expected'."
            raise wrapped(400, "InvalidRequestContent", message)
        return self.body


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - not an error of ours: an answer that Azure gives
    """An error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}")
        self.answer = answer


def wrapped(
    status: int,
    code: str,
    message: str,
    *,
    cause: Literal["gateway", "service"] | None = "gateway",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Refusal:
    """`{"error": {...}}`, as ARM itself, Network, Compute and Authorization answer."""
    marks = {"x-ms-failure-cause": cause} if cause else {}
    return Refusal(Answer(status, {"error": {"code": code, "message": message, **more}}, marks | (headers or {})))


def flat(status: int, code: str, message: str, *, details: list[Json] | None = None, **more: Any) -> Refusal:
    """`{"code", "details", "message", "subcode"}`, as AKS and DNS answer; `more`: subcode, target."""
    body = {"code": code, "details": details, "message": message, "subcode": ""} | more
    return Refusal(Answer(status, body, {"x-ms-failure-cause": "service"}))


def timestamp(seconds: float) -> str:
    """RFC 3339 UTC with up to six decimals, trailing zeros dropped as in AKS's answers."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0")
    return text.rstrip(".") + "Z"


def digest(*parts: str) -> str:
    """64 hexadecimal digits that depend on the parts alone: for names that Azure makes up."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def stable_guid(*parts: str) -> str:
    return str(uuid.UUID(digest(*parts)[:32]))


def same(one: str | None, other: str | None) -> bool:
    """Azure compares names and ids without regard to case."""
    return (one or "").lower() == (other or "").lower()
