"""The API server's refusals, worded as Kubernetes words them (apimachinery's `api/errors` package)."""

from dataclasses import dataclass
from typing import Any

from local.kubernetes.objects.kinds import Kind
from local.world import Document


class ApiError(Exception):
    """An answer other than success: becomes a `Status` object with this HTTP code."""

    def __init__(self, code: int, reason: str, message: str, details: Document | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Document:
        body: Document = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


@dataclass(frozen=True)
class Cause:
    """One wrong field. `detail` starts with the kind of wrong: "Required value", "Invalid value: 3: must be ..."."""

    field: str
    detail: str

    @property
    def reason(self) -> str:
        reasons = {
            "Required value": "FieldValueRequired",
            "Invalid value": "FieldValueInvalid",
            "Unsupported value": "FieldValueNotSupported",
            "Duplicate value": "FieldValueDuplicate",
            "Forbidden": "FieldValueForbidden",
            "Not found": "FieldValueNotFound",
            "Too long": "FieldValueTooLong",
        }
        return reasons[self.detail.split(":")[0]]


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, f"Required value: {detail}" if detail else "Required value")


def wrong(field: str, value: Any, detail: str) -> Cause:
    return Cause(field, f"Invalid value: {_quoted(value)}: {detail}")


def unsupported(field: str, value: str, allowed: list[str]) -> Cause:
    listed = ", ".join(f'"{one}"' for one in sorted(allowed))
    return Cause(field, f"Unsupported value: {_quoted(value)}: supported values: {listed}")


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _details(kind: Kind, name: str) -> Document:
    details: Document = {"name": name, "kind": kind.plural}
    if kind.group:
        details["group"] = kind.group
    return details


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: Kind, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    reason = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {reason}'
    return ApiError(409, "Conflict", message, _details(kind, name))


def invalid(kind: Kind, name: str, causes: list[Cause]) -> ApiError:
    texts = [f"{cause.field}: {cause.detail}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details: Document = {
        "name": name,
        "kind": kind.kind,
        "causes": [{"reason": cause.reason, "message": cause.detail, "field": cause.field} for cause in causes],
    }
    if kind.group:
        details["group"] = kind.group
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details)


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    subject = f'{kind.resource} "{name}"' if name else kind.resource
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", _details(kind, name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def expired(wanted: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {wanted} ({oldest})")


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")
