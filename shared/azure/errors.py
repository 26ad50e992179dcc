"""Every refusal of Azure, Graph, Key Vault and Table Storage, sorted into the kinds of shared.errors in one place.

Nothing else in the product catches an SDK's exception. The rules are those of the services themselves: two envelopes of
Resource Manager (wrapped in "error", or flat from the AKS provider), OData's of Table Storage, and Entra's of tokens.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError

IDENTITY = "Microsoft Entra ID"

TEMPORARY_CODES = frozenset(
    {
        # A new principal is not known everywhere yet (7 to 78 s).
        "ServicePrincipalNotFound",
        "PrincipalNotFound",
        # Locks: another operation holds the resource.
        "EtagMismatch",
        "OriginalEtagNotExpect",
        "OperationPreempted",
        "AKSOperationPreempted",
        "AnotherOperationInProgress",
        "CanceledAndSupersededDueToAnotherOperation",
        "RetryableError",
        "RetryableErrorDueToAnotherOperation",
        "ResourceGroupBeingDeleted",
        "ObjectIsBeingDeleted",
        "ObjectIsBeingRecovered",
        "TableBeingDeleted",
        "Directory_ConcurrencyViolation",
        # Throttled or short of something behind the scenes.
        "FailedIdentityOperation",
        "GetVnetError",
        "AksCapacityHeavyUsage",
        # The token ran out on its way; the pipeline forgets a refused token, so the next call brings a new one.
        "ExpiredAuthenticationToken",
    }
)
"""Codes whose request may be repeated unchanged, whatever HTTP status they came with."""

SERVER_CODES = frozenset(
    {
        "InternalServerError",
        "InternalOperationError",
        "ServerTimeout",
        "GatewayTimeout",
        "ServiceUnavailable",
        "OperationTimedOut",
    }
)
"""Codes of an operation that failed by Azure's own fault; there is no HTTP status to tell it by."""

_WRONG_QUESTION = frozenset(
    {"InvalidResourceType", "SubscriptionNotFound", "NoRegisteredProviderFound", "InvalidResourceNamespace"}
)
"""404s that do not mean "it does not exist": what they complain about is the question."""

_NOT_A_CONFLICT = frozenset({"MissingSubscriptionRegistration", "MissingRegistrationForLocation", "QuotaExceeded"})
"""409s that do not mean "it exists already, or changed"."""

_BUSY = re.compile(
    r"(?<!no operation )\bin[ -]progress\b|\banother operation\b|\bis being (?:updated|deleted|created)\b",
    re.IGNORECASE,
)
_SECONDS = re.compile(r"\b(?:retry|retried|try)\b[^.\d]{0,30}(\d+)'?\s*seconds?\b", re.IGNORECASE)
_REFUSED_TOKEN = re.compile(r"Token request error: \(\w+\) (?:(?P<status>\d{3})|None), (?P<said>.*)")
"""How azure-identity repeats an answer of the identity endpoint; it keeps the status nowhere else."""
_URL_PATH = re.compile(r"with url: \S+")


@dataclass(frozen=True)
class Complaint:
    """A service's complaint. `codes`: every code in it, the nested ones too; `details`: the rest, as JSON."""

    code: str
    message: str
    codes: frozenset[str]
    details: dict[str, Any] | None

    @property
    def words(self) -> str:
        """The message and the nested ones, which say how long to wait for a lock."""
        nested = (self.details or {}).get("details") or []
        return " ".join([self.message, *(str(item.get("message")) for item in nested if isinstance(item, dict))])


def read_complaint(body: object, fallback: str = "") -> Complaint:
    """The complaint in a decoded error body of any of the known envelopes; `fallback` is said of a body without one."""
    found = _unwrap(body)
    if found is None:
        text = body if isinstance(body, str) else ""
        return Complaint("Unknown", text.strip() or fallback or "no explanation was given", frozenset(), None)
    inner = found.get("innererror") or found.get("innerError")
    inner_code = inner.get("code") if isinstance(inner, dict) else None
    outer_code = str(found.get("code") or "Unknown")
    details = {
        name: found[name]
        for name in ("target", "subcode", "details", "additionalInfo", "innererror", "innerError")
        if found.get(name)
    }
    if inner_code:
        details["code"] = outer_code
    nested = [item.get("code") for item in found.get("details") or [] if isinstance(item, dict)]
    codes = {str(code) for code in (outer_code, inner_code, found.get("subcode"), *nested) if code}
    message = found.get("message") or fallback or "no explanation was given"
    return Complaint(str(inner_code or outer_code), str(message), frozenset(codes), details or None)


def _unwrap(body: object) -> dict[str, Any] | None:
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("error"), dict):
        wrapped: dict[str, Any] = body["error"]
        return wrapped
    if isinstance(body.get("odata.error"), dict):
        said = body["odata.error"].get("message")
        message = said.get("value") if isinstance(said, dict) else said
        return {"code": body["odata.error"].get("code"), "message": message}
    if isinstance(body.get("error"), str):
        return _token_refusal(body["error"], str(body.get("error_description") or ""))
    return body if "code" in body or "message" in body else None


def _token_refusal(error: str, description: str) -> dict[str, Any]:
    """Entra's own number tells more than OAuth's word: AADSTS7000215 is a wrong secret, invalid_client anything."""
    number = re.search(r"AADSTS\d+", description)
    return {
        "code": number.group() if number else error,
        "message": description.splitlines()[0] if description else error,
    }


def classify(
    system: str, status: int | None, body: object, headers: Mapping[str, str] | None = None, reason: str = ""
) -> OutsideError:
    """The error for an HTTP answer (decoded body), or for a failed operation's `error` object (status None)."""
    complaint = read_complaint(body, reason)
    code = complaint.code if complaint.code != "Unknown" or status is None else f"HTTP{status}"
    if is_temporary(status, complaint):
        wait = retry_after(headers or {}, complaint.words)
        return TemporaryError(
            system, code, complaint.message, status=status, details=complaint.details, retry_after=wait
        )
    kind = _permanent_kind(status, complaint)
    return kind(system, code, complaint.message, status=status, details=complaint.details)


def is_temporary(status: int | None, complaint: Complaint) -> bool:
    if status is None and complaint.codes & SERVER_CODES:
        return True
    if status in (408, 429) or (status is not None and status >= 500):
        return True
    if complaint.codes & TEMPORARY_CODES:
        return True
    # One code for four things: busy, quota, stopped, a bad upgrade path. Only the words tell them apart.
    return "OperationNotAllowed" in complaint.codes and _BUSY.search(complaint.message) is not None


def _permanent_kind(status: int | None, complaint: Complaint) -> type[PermanentError]:
    if status == 404 and not complaint.codes & _WRONG_QUESTION:
        return NotFoundError
    if status == 412:
        return ConflictError
    if status == 409 and not complaint.codes & (_NOT_A_CONFLICT | {"OperationNotAllowed"}):
        return ConflictError
    return PermanentError


def retry_after(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds to wait as the service asked: by header (seconds, or a date beside the answer's), else in its words."""
    lowered = {name.lower(): value for name, value in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if lowered.get(name, "").isdigit():
            return int(lowered[name]) / 1000
    asked = lowered.get("retry-after", "").strip()
    if asked:
        try:
            return max(0.0, float(asked))
        except ValueError:
            return _until(asked, lowered.get("date", ""))
    said = _SECONDS.search(message)
    return float(said.group(1)) if said else None


def _until(moment: str, answered: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(moment) - parsedate_to_datetime(answered)).total_seconds())
    except (TypeError, ValueError):
        return None


@contextmanager
def outside(system: str) -> Iterator[None]:
    """Around every use of an Azure SDK: its exceptions leave as errors of shared.errors, naming `system`."""
    from azure.core.exceptions import AzureError, DecodeError

    try:
        yield
    except DecodeError:
        # The cause is not shown: its text repeats the body that could not be read, which may hold a secret.
        raise TemporaryError(system, "UnreadableAnswer", "the answer was cut short or is not JSON") from None
    except AzureError as error:
        raise translate(system, error) from error


@contextmanager
def also_temporary(*codes: str) -> Iterator[None]:
    """Around a call whose caller knows better: a permanent error with one of these codes leaves as a temporary one.

    For AuthorizationFailed just after a role was granted, for instance, which takes minutes to be known everywhere.
    """
    try:
        yield
    except PermanentError as error:
        if error.code not in codes:
            raise
        raise TemporaryError(
            error.system, error.code, error.message, status=error.status, details=error.details
        ) from error


def translate(system: str, error: Exception) -> OutsideError:
    """The error for an exception of azure-core or of an SDK built on it."""
    from azure.core import exceptions

    if isinstance(error, exceptions.HttpResponseError) and error.response is not None:
        return _answered(system, error)
    if isinstance(error, exceptions.ServiceRequestTimeoutError | exceptions.ServiceResponseTimeoutError):
        return TemporaryError(system, "Timeout", _without_url(error))
    if _untrusted(error):
        return PermanentError(system, "CertificateNotTrusted", _without_url(error))
    if isinstance(error, exceptions.ServiceRequestError | exceptions.ServiceResponseError):
        return TemporaryError(system, "ConnectionFailed", _without_url(error))
    if isinstance(error, exceptions.ClientAuthenticationError):
        return _no_token(error)
    return PermanentError(system, type(error).__name__, _without_url(error))


def _answered(system: str, error: Any) -> OutsideError:
    response = error.response
    body = _decoded(response)
    code = getattr(error, "error_code", None)
    if _unwrap(body) is None and code:
        # Table Storage's transactions: the refusal is inside a multipart answer, which only the SDK has read.
        body = {"code": getattr(code, "value", code), "message": error.message}
    return classify(system, error.status_code, body, dict(response.headers), str(response.reason or ""))


def _decoded(response: Any) -> object:
    from azure.core.exceptions import AzureError

    try:
        text: str = response.text()
    except AzureError:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _no_token(error: Exception) -> OutsideError:
    """No token could be had. Temporary unless the identity endpoint refused, or no credential is configured at all."""
    from azure.core import exceptions

    if isinstance(error.__cause__, exceptions.ServiceRequestError | exceptions.ServiceResponseError):
        return TemporaryError(IDENTITY, "ConnectionFailed", _without_url(error.__cause__))
    message = str(error).split("\n", maxsplit=1)[0]
    refusal = _REFUSED_TOKEN.search(message)
    if refusal is None:
        return PermanentError(IDENTITY, "CredentialUnavailable", message)
    status = int(refusal["status"]) if refusal["status"] else 500
    return classify(IDENTITY, status, {"code": "TokenRefused", "message": refusal["said"]})


def _untrusted(error: BaseException) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _without_url(error: BaseException) -> str:
    """The error's words without path and query: a polling address carries a signature."""
    return _URL_PATH.sub("", str(error)).strip() or type(error).__name__
