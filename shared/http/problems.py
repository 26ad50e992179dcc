"""Every error of the API: application/problem+json (RFC 9457) with a stable code and an advice."""

import functools
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import azure.functions as func

from shared.errors import (
    ConflictError,
    DomainError,
    InvalidError,
    MissingError,
    OutsideError,
    RefusedError,
    TemporaryError,
)
from shared.problem import Problem
from shared.settings import SettingsError

log = logging.getLogger(__name__)


class ProblemError(Exception):
    """What the caller gets instead of an answer. errors: each field that is in the way."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        advice: str,
        *,
        errors: Sequence[Problem] = (),
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
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "advice": self.advice,
            "errors": [error.wire() for error in self.errors],
        }
        return func.HttpResponse(
            json.dumps(body), status_code=self.status, mimetype="application/problem+json", headers=self.headers
        )


type Handler = Callable[..., func.HttpResponse]
type AsyncHandler = Callable[..., Awaitable[func.HttpResponse]]


def endpoint(handler: Handler) -> Handler:
    """Turns everything that a route raises into a problem. The edge of the API: nothing passes it unexplained."""

    @functools.wraps(handler)
    def wrapped(req: func.HttpRequest, *args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return handler(req, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge of the API
            return _response(error, req)

    return wrapped


def async_endpoint(handler: AsyncHandler) -> AsyncHandler:
    """The same for a route that is a coroutine."""

    @functools.wraps(handler)
    async def wrapped(req: func.HttpRequest, *args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return await handler(req, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the edge of the API
            return _response(error, req)

    return wrapped


# Which exception becomes which problem


type Translation[E: Exception] = Callable[[E], ProblemError]

_translations: dict[type[Exception], Translation[Any]] = {}


def answers_for[E: Exception](kind: type[E]) -> Callable[[Translation[E]], Translation[E]]:
    """Registers the function as the one that makes a problem of such exceptions, and of their subclasses without one.

    A package whose own exception is none of those below registers it in its routes, so that whoever raises it need not know HTTP.
    """

    def register(translation: Translation[E]) -> Translation[E]:
        _translations[kind] = translation
        return translation

    return register


def problem_of(error: Exception) -> ProblemError:
    """By the nearest class that has a translation; Exception itself has one, so that every error becomes a problem."""
    kind = next(kind for kind in type(error).__mro__ if kind in _translations)
    return _translations[kind](error)


@answers_for(ProblemError)
def _itself(error: ProblemError) -> ProblemError:
    return error


@answers_for(InvalidError)
def _invalid(error: InvalidError) -> ProblemError:
    return _of_domain(400, error)


@answers_for(RefusedError)
def _refused(error: RefusedError) -> ProblemError:
    return _of_domain(409, error)


@answers_for(MissingError)
def _missing(error: MissingError) -> ProblemError:
    return _of_domain(404, error)


def _of_domain(status: int, error: DomainError) -> ProblemError:
    summary = error.summary
    return ProblemError(status, summary.code, summary.message, summary.advice, errors=error.problems)


@answers_for(TemporaryError)
def _for_a_while(error: TemporaryError) -> ProblemError:
    wait = max(1, round(error.retry_after or 10))
    return ProblemError(
        503,
        error.code,
        f"{error.system} does not answer as it should: {error.message}",
        f"Try again in {wait} seconds.",
        headers={"Retry-After": str(wait)},
    )


@answers_for(ConflictError)
def _raced(error: ConflictError) -> ProblemError:
    return ProblemError(409, error.code, f"{error.system}: {error.message}", "Read it again and repeat the request.")


@answers_for(OutsideError)
def _for_good(error: OutsideError) -> ProblemError:
    return ProblemError(
        502,
        error.code,
        f"{error.system}: {error.message}",
        "Remove the cause that the message names, then repeat the request.",
    )


@answers_for(SettingsError)
def _not_configured(error: SettingsError) -> ProblemError:
    """The message has names of variables, never a value."""
    return ProblemError(
        503,
        "NotConfigured",
        f"{error}.",
        "Correct these app settings; local.settings.sample.json has all of them.",
    )


@answers_for(Exception)
def _unforeseen(error: Exception) -> ProblemError:  # noqa: ARG001 - its text may have a secret: the log alone has it
    incident = uuid.uuid4().hex[:12]
    return ProblemError(
        500,
        "InternalError",
        f"Something went wrong that nobody foresaw (incident {incident}).",
        "Try again; if it happens again, look for the incident in the function app's log and report it.",
    )


def _response(error: Exception, req: func.HttpRequest) -> func.HttpResponse:
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log(problem, error, req)
    return problem.response()


def _log(problem: ProblemError, error: Exception, req: func.HttpRequest) -> None:
    """What was behind an answer that is no fault of the caller's: one line, and the traceback of what nobody foresaw.

    The address goes without its query, which may have the key. The detail holds no secret, for the caller gets it, too.
    """
    unforeseen = problem.status == HTTPStatus.INTERNAL_SERVER_ERROR
    log.log(
        logging.ERROR if unforeseen else logging.WARNING,
        "%s %s: %d %s: %s%s",
        req.method,
        req.url.split("?", maxsplit=1)[0],
        problem.status,
        problem.code,
        " ".join(problem.detail.split()),
        _behind(error),
        exc_info=error if unforeseen else None,
    )


def _behind(error: Exception) -> str:
    """What the outside system answered by, and the class of what led to it; never its text, which no adapter has looked over."""
    status = getattr(error, "status", None) if isinstance(error, OutsideError) else None
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    parts = [*([f"HTTP {status}"] if status else []), *([f"after {type(cause).__name__}"] if cause else [])]
    return f" ({', '.join(parts)})" if parts else ""
