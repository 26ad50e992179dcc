"""Requests in, answers out."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from math import inf, isfinite
from typing import Any

import azure.functions as func

from shared import paths
from shared.http.problems import ProblemError
from shared.problem import Problem, wrong

LARGEST_BODY = 30_000
"""Bytes. A long config.yaml has 10,000; a column of Table Storage takes 32,768 characters."""

DEEPEST_BODY = 50
"""Objects and lists inside each other. A config.yaml has 8; what walks through one recurses."""

MOST_ERRORS = 20
"""Values that are named when they are wrong. A body can have thousands, each as deep as it is large."""

LONGEST_KEY = 100
"""Characters of a key that are shown."""


def json_body(req: func.HttpRequest, *, empty: Any = None) -> Any:
    """The request's JSON. Raises ProblemError; `empty` is what no body at all means, when that is allowed.

    This is the one place that refuses, in every field, what no other system takes: NUL characters, halves of characters, and
    numbers beyond 64 bits.
    """
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
        body = json.loads(raw, parse_constant=_no_constant, parse_int=_integer)
        found = list(islice(_unusable(body), MOST_ERRORS))
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "it"
        raise ProblemError(
            400,
            "NotJson",
            f"The body is not JSON: {where} cannot be read.",
            'Send JSON, such as {"name": "r5"}, with Content-Type: application/json.',
            errors=[wrong("", "must be JSON", "NotJson")],
        ) from None
    if found:
        raise _bad_value(found)
    return body


def _bad_value(found: list[Problem]) -> ProblemError:
    return ProblemError(
        400,
        "BadValue",
        "The body has values that cannot be kept or passed on. Wrong fields: "
        f"{len(found)}{' or more' if len(found) == MOST_ERRORS else ''}.",
        "Correct the fields listed under errors; nothing was changed.",
        errors=found,
    )


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


_DIGITS_OF_64_BITS = 20
"""With the sign. Python refuses to read thousands of digits, and takes its time over hundreds."""


def _integer(text: str) -> int | float:
    """What is longer than 64 bits is no number: it is found as one when all values are looked at."""
    return int(text) if len(text) <= _DIGITS_OF_64_BITS else inf


type _Place = tuple["_Place", int | str] | None
"""Where a value stands: its parent's place and its key there. A path is written out for the few that are shown."""


def _unusable(body: Any) -> Iterator[Problem]:
    """Values that are JSON, and that no table, process or other system takes, each once. One look at each value.

    Raises ValueError for what is nested without end.
    """
    level: list[tuple[Any, _Place]] = [(body, None)]
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST_BODY:
            msg = "nested too deeply"
            raise ValueError(msg)
        inside: list[tuple[Any, _Place]] = []
        for value, place in level:
            if isinstance(value, dict):
                yield from (_found((place, key), f"its name {wrong}") for key in value if (wrong := _wrong(key)))
                inside += [(part, (place, key)) for key, part in value.items()]
            elif isinstance(value, list):
                inside += [(part, (place, index)) for index, part in enumerate(value)]
            elif wrong := _wrong(value):
                yield _found(place, wrong)
        level = inside


def _wrong(value: Any) -> str | None:
    """Why a value without parts is of no use, as the rest of a sentence."""
    if isinstance(value, str):
        if "\0" in value:
            return "has a NUL character; leave it out"
        return "has half a surrogate pair; write the whole character" if _HALF.search(value) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        fits = -(2**63) <= value < 2**63 if isinstance(value, int) else isfinite(value)
        return None if fits else "is a number beyond 64 bits; write a smaller one"
    return None


_HALF = re.compile("[\ud800-\udfff]")


def _found(place: _Place, message: str) -> Problem:
    parts: list[int | str] = []
    while place:
        place, part = place
        parts.append(part if isinstance(part, int) else _shown(part))
    return wrong(paths.path(reversed(parts)), message, "BadValue")


def _shown(text: str) -> str:
    """Short, and with what cannot be printed as an escape."""
    cut = text if len(text) <= LONGEST_KEY else f"{text[:LONGEST_KEY]}..."
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


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
