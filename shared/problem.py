"""One shape for what is wrong: a field of a request, a rule that refuses it, a check that warns. Pure, and cheap to import."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    """Refuses what was asked for."""
    WARNING = "warning"
    """Worth knowing; nothing is refused."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, or probably not meant.

    code: stable, for programs; an outside system's own, or one of ours in CamelCase.
    message: what is wrong with what. advice: what to do about it; empty when the message says it already.
    field: the path in the request, as in shared.paths ("schedule.windows[0].to"); empty when it is about no single field.
    """

    code: str
    message: str
    advice: str = ""
    field: str = ""
    severity: Severity = Severity.ERROR

    @property
    def refuses(self) -> bool:
        return self.severity is Severity.ERROR

    def wire(self) -> dict[str, str]:
        """The form in the API, the same wherever problems are listed."""
        return {
            "field": self.field,
            "code": self.code,
            "message": self.message,
            "advice": self.advice,
            "severity": self.severity.value,
        }


INVALID = "InvalidValue"
"""Code of a field whose value is of no use, where no narrower one is known."""


def wrong(field: str, message: str, code: str = INVALID) -> Problem:
    """A wrong field of a request, whose message says what to write instead."""
    return Problem(code, message, field=field)


def caution(code: str, message: str, advice: str = "", field: str = "") -> Problem:
    """A warning: nothing is refused."""
    return Problem(code, message, advice, field, Severity.WARNING)


def joined_advice(problems: tuple[Problem, ...] | list[Problem]) -> str:
    """Every advice once, in the problems' order."""
    return " ".join(dict.fromkeys(problem.advice for problem in problems if problem.advice))
