"""What a command refuses, as problems of the API."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.http.problems import ProblemError


@contextmanager
def refusing() -> Iterator[None]:
    """Turns what does not fit the hub's or the run's state into a conflict, and a start that cannot be meant into a bad request."""
    from shared.runs.commands import BusyError
    from shared.runs.transitions import NotAllowedError
    from shared.schedules.overrides import OverrideError

    try:
        yield
    except BusyError as error:
        raise ProblemError(409, error.code, str(error), error.advice) from None
    except NotAllowedError as error:
        raise ProblemError(409, "RunStatus", str(error), error.advice) from None
    except OverrideError as error:
        raise ProblemError(
            400,
            "BadEnd",
            f"The start cannot be held so: {error}.",
            'Send {"for": "2h"} or {"until": "2026-12-01T18:00:00Z"}.',
            errors=[{"field": "until", "message": str(error)}],
        ) from None
