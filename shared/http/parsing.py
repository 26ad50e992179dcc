"""Requests in, answers out."""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from shared.http.problems import ProblemError

LARGEST_BODY = 30_000
"""Bytes. A long config.yaml has 10,000; a column of Table Storage takes 32,768 characters."""

DEEPEST_BODY = 50
"""Objects and lists inside each other. A config.yaml has 8; what walks through one recurses."""


def json_body(req: func.HttpRequest, *, empty: Any = None) -> Any:
    """The request's JSON. Raises ProblemError; `empty` is what no body at all means, when that is allowed."""
    raw = req.get_body()
    if len(raw) > LARGEST_BODY:
        raise ProblemError(
            413,
            "BodyTooLarge",
            f"The body has {len(raw)} bytes; at most {LARGEST_BODY} are read.",
            "Leave files out of the specification: an image or a volume is the place for them.",
        )
    if not raw.strip() and empty is not None:
        return empty
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        _check(body)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "it"
        raise ProblemError(
            400,
            "NotJson",
            f"The body is not JSON: {where} cannot be read.",
            'Send JSON, such as {"name": "r5"}, with Content-Type: application/json.',
            errors=[{"field": "", "message": "must be JSON"}],
        ) from None
    return body


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _check(body: Any) -> None:
    """Raises ValueError for what Python takes for JSON but nobody else can read: nested without end, half a character."""
    level, depth = [body], 0
    while level:
        depth += 1
        if depth > DEEPEST_BODY:
            msg = "nested too deeply"
            raise ValueError(msg)
        for value in level:
            if isinstance(value, str):
                value.encode()  # UnicodeEncodeError, a ValueError, for a surrogate without its other half
        inside = [value for value in level if isinstance(value, dict | list)]
        level = [part for value in inside for part in _parts(value)]


def _parts(value: dict[str, Any] | list[Any]) -> list[Any]:
    return value if isinstance(value, list) else [*value.keys(), *value.values()]


def flag(req: func.HttpRequest, name: str) -> bool:
    """A query parameter that is true or false; raises ProblemError for anything else."""
    value = req.params.get(name, "false").lower()
    if value not in ("true", "false", "1", "0", ""):
        raise ProblemError(
            400,
            "BadParameter",
            f"{name}={value[:20]} is neither true nor false.",
            f"Write ?{name}=true, or leave it out.",
            errors=[{"field": name, "message": "must be true or false"}],
        )
    return value in ("true", "1", "")


_DIGITS = 9
"""No number that is asked for has more; Python refuses to read one of thousands."""


def number(req: func.HttpRequest, name: str, default: int, low: int, high: int) -> int:
    text = req.params.get(name)
    if text is None:
        return default
    if len(text) > _DIGITS or not text.isdecimal() or not low <= int(text) <= high:
        raise ProblemError(
            400,
            "BadParameter",
            f"{name}={text[:20]} is not a whole number from {low} to {high}.",
            f"Write ?{name}={default}, or leave it out.",
            errors=[{"field": name, "message": f"must be a whole number from {low} to {high}"}],
        )
    return int(text)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(body, separators=(",", ":")),
        status_code=status,
        mimetype="application/json",
        headers=dict(headers or {}),
    )


def accepted(req: func.HttpRequest, run: str, body: Any) -> func.HttpResponse:
    """202 with the run's address as Location, absolute as the caller sees this app."""
    return answer(body, 202, {"Location": f"{base_url(req)}/runs/{run}"})


def base_url(req: func.HttpRequest) -> str:
    """Where the API is, up to and with its prefix: what the caller used, for the app may stand behind other names."""
    head, _, _ = req.url.partition("/api/")
    return f"{head}/api"
