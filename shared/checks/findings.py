"""The results of the checks before anything is created."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.hubs.spec.model import Hub
from shared.problem import Problem, caution
from shared.services import Services


@dataclass(frozen=True)
class Found:
    """The result of one check or of all. kubernetes, chart: the versions that it will be."""

    findings: tuple[Problem, ...] = ()
    kubernetes: str | None = None
    chart: str | None = None


def error(code: str, message: str, advice: str, about: str = "") -> Found:
    """about: the field of the specification."""
    return Found((Problem(code, message, advice, about),))


def warning(code: str, message: str, advice: str, about: str = "") -> Found:
    return Found((caution(code, message, advice, about),))


CLEAR = Found()


type Check = Callable[[Services, Hub], Found]
"""Reads and changes nothing."""
