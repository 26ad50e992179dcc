"""Every error of the API: application/problem+json (RFC 9457) with a stable code and an advice."""

import functools
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import azure.functions as func

from shared.errors import ConflictError, NotFoundError, OutsideError, TemporaryError
from shared.settings import SettingsError

log = logging.getLogger(__name__)


class ProblemError(Exception):
    """What the caller gets instead of an answer. errors: wrong fields, each {"field", "message"}."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        advice: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.advice = advice
        self.errors = list(errors)
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {detail}")

    def response(self) -> func.HttpResponse:
        body: dict[str, Any] = {
            "type": f"urn:hubkeeper:problem:{self.code}",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "advice": self.advice,
            "errors": self.errors,
        }
        return func.HttpResponse(
            json.dumps(body), status_code=self.status, mimetype="application/problem+json", headers=self.headers
        )


_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    500: "Internal error",
    502: "An outside system refused",
    503: "An outside system is not available",
}

type Handler = Callable[..., func.HttpResponse]
type AsyncHandler = Callable[..., Awaitable[func.HttpResponse]]


def endpoint(handler: Handler) -> Handler:
    """Turns everything that a route raises into a problem. The edge of the API: nothing passes it unexplained."""

    @functools.wraps(handler)
    def wrapped(req: func.HttpRequest, *args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return handler(req, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge of the API
            return _problem(error, req)

    return wrapped


def async_endpoint(handler: AsyncHandler) -> AsyncHandler:
    """The same for a route that is a coroutine."""

    @functools.wraps(handler)
    async def wrapped(req: func.HttpRequest, *args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return await handler(req, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge of the API
            return _problem(error, req)

    return wrapped


def _problem(error: Exception, req: func.HttpRequest) -> func.HttpResponse:
    if isinstance(error, ProblemError):
        return error.response()
    if isinstance(error, OutsideError):
        return from_outside(error).response()
    if isinstance(error, SettingsError):
        return _not_configured(error).response()
    incident = uuid.uuid4().hex[:12]
    log.error("incident %s: %s %s", incident, req.method, req.url.split("?", maxsplit=1)[0], exc_info=error)
    return ProblemError(
        500,
        "InternalError",
        f"Something went wrong that nobody foresaw (incident {incident}).",
        "Try again; if it happens again, look for the incident in the function app's log and report it.",
    ).response()


def _not_configured(error: SettingsError) -> ProblemError:
    """The message has names of variables, never a value."""
    return ProblemError(
        503,
        "NotConfigured",
        f"{error}.",
        "Correct these app settings; local.settings.sample.json has all of them.",
    )


def from_outside(error: OutsideError) -> ProblemError:
    """What an outside system said, as an answer of ours."""
    if isinstance(error, NotFoundError) and error.system == "Hubkeeper":
        return ProblemError(
            404, error.code, error.message, "GET /api/hubs lists the hubs, GET /api/hubs/{name}/runs their runs."
        )
    if isinstance(error, TemporaryError):
        wait = max(1, round(error.retry_after or 10))
        return ProblemError(
            503,
            error.code,
            f"{error.system} does not answer as it should: {error.message}",
            f"Try again in {wait} seconds.",
            headers={"Retry-After": str(wait)},
        )
    if isinstance(error, ConflictError):
        return ProblemError(
            409, error.code, f"{error.system}: {error.message}", "Read it again and repeat the request."
        )
    return ProblemError(
        502,
        error.code,
        f"{error.system}: {error.message}",
        f"Remove the cause that {error.system} names, then repeat the request.",
    )
