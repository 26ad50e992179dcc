"""What a look at Azure, before anything is made, may come to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shared.hubs.spec.model import Hub
from shared.services import Services


@dataclass(frozen=True)
class Finding:
    """error: the create would fail; warning: it may, or something is worth knowing."""

    severity: Literal["error", "warning"]
    code: str
    message: str
    advice: str
    field: str = ""
    """Of the specification, as in the request; empty when it is about none in particular."""

    def wire(self) -> dict[str, str]:
        return {"severity": self.severity, "code": self.code, "message": self.message, "advice": self.advice}


@dataclass(frozen=True)
class Found:
    """What one check or all of them came to. kubernetes, chart: the versions that it will be."""

    findings: tuple[Finding, ...] = ()
    kubernetes: str | None = None
    chart: str | None = None


def error(code: str, message: str, advice: str, about: str = "") -> Found:
    """about: the field of the specification."""
    return Found((Finding("error", code, message, advice, about),))


def warning(code: str, message: str, advice: str, about: str = "") -> Found:
    return Found((Finding("warning", code, message, advice, about),))


CLEAR = Found()


type Check = Callable[[Services, Hub], Found]
"""Reads and changes nothing."""
