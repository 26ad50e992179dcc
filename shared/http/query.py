"""Query parameters, declared once: for the route that reads them and for the API's description."""

from dataclasses import dataclass
from typing import Any

import azure.functions as func

from shared.http.problems import ProblemError
from shared.problem import wrong

_DIGITS = 9
"""No number that is asked for has more; Python refuses to read one of thousands."""


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds, both included."""

    name: str
    default: int
    low: int
    high: int

    def of(self, req: func.HttpRequest) -> int:
        """Raises ProblemError."""
        text = req.params.get(self.name)
        if text is None:
            return self.default
        if len(text) > _DIGITS or not text.isdecimal() or not self.low <= int(text) <= self.high:
            bounds = f"a whole number from {self.low} to {self.high}"
            raise ProblemError(
                400,
                "BadParameter",
                f"{self.name}={text[:20]} is not {bounds}.",
                f"Write ?{self.name}={self.default}, or leave it out.",
                errors=[wrong(self.name, f"must be {bounds}", "BadParameter")],
            )
        return int(text)

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high, "default": self.default}


@dataclass(frozen=True)
class Flag:
    """true or false; false when it is left out."""

    name: str

    def of(self, req: func.HttpRequest) -> bool:
        """Raises ProblemError."""
        value = req.params.get(self.name, "false").lower()
        if value not in ("true", "false", "1", "0", ""):
            raise ProblemError(
                400,
                "BadParameter",
                f"{self.name}={value[:20]} is neither true nor false.",
                f"Write ?{self.name}=true, or leave it out.",
                errors=[wrong(self.name, "must be true or false", "BadParameter")],
            )
        return value in ("true", "1", "")

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean", "default": False}


@dataclass(frozen=True)
class Text:
    """Any text; empty when it is left out."""

    name: str

    def of(self, req: func.HttpRequest) -> str:
        return req.params.get(self.name) or ""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


DRY_RUN = Flag("dryRun")
"""A dry run answers with the plan and changes nothing."""
