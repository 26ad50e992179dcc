"""Everything that is raised on purpose: what outside systems refuse, and what Hubkeeper itself refuses.

Outside systems fail in two kinds, temporary and permanent. Adapters translate every failure of their SDK into one of these, so
that nothing above them knows an SDK's exceptions. Messages are the outside system's own words, cut short; adapters leave out
anything secret.

Hubkeeper refuses in three kinds: the request is wrong, the state of the hub or the run does not allow it, or there is no such hub
or run. shared.http.problems turns all of them into answers.
"""

from collections.abc import Iterable

from shared.problem import Problem

MESSAGE_LIMIT = 1000
"""Characters kept of what an outside system says: enough for Azure's longest refusals, too few for a page of HTML."""


class OutsideError(Exception):
    """A call to an outside system did not do what was asked.

    system: who refused, as a person would call it ("Azure Resource Manager", "Key Vault", "Helm").
    code: the system's own stable code ("RequestDisallowedByPolicy"), or a short one of ours where it has none.
    message: the system's own words.
    status: HTTP status, when the system speaks HTTP and answered at all.
    details: what else it said, as JSON (Azure's `details`, `additionalInfo`, `subcode`).
    """

    def __init__(
        self,
        system: str,
        code: str,
        message: str,
        *,
        status: int | None = None,
        details: object = None,
    ) -> None:
        self.system = system
        self.code = code
        self.message = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
        self.status = status
        self.details = details
        super().__init__(f"{system}: {code}: {self.message}")


class TemporaryError(OutsideError):
    """The same call may succeed later. retry_after: seconds the system asked us to wait, if it did."""

    def __init__(
        self,
        system: str,
        code: str,
        message: str,
        *,
        status: int | None = None,
        details: object = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(system, code, message, status=status, details=details)
        self.retry_after = retry_after


class PermanentError(OutsideError):
    """The same call will be refused again until somebody changes something."""


class NotFoundError(PermanentError):
    """What was asked for does not exist."""


class ConflictError(PermanentError):
    """It exists already, or changed since it was read (a failed precondition)."""


class DomainError(Exception):
    """Hubkeeper does not do what was asked.

    summary: what is told first. problems: each field that is in the way, when it is about fields.
    """

    def __init__(self, summary: Problem, problems: Iterable[Problem] = ()) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{each.field}: {each.message}" for each in self.problems) or summary.message)

    @property
    def code(self) -> str:
        return self.summary.code

    @property
    def advice(self) -> str:
        return self.summary.advice


class InvalidError(DomainError):
    """The request itself is wrong, whatever the state of the hub."""


class RefusedError(DomainError):
    """The state of the hub or the run does not allow it."""


class MissingError(DomainError):
    """There is no such hub or run, or the hub has no such part."""
