"""The host's log: one line a record on standard error, in virtual time, filtered by host.json's levels."""

import contextvars
import logging
import sys
from datetime import datetime

from local.clock import FileClock

current_function: contextvars.ContextVar[str | None] = contextvars.ContextVar("current_function", default=None)
"""The function in whose invocation this code runs; its records carry the name."""

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


def level(levels: dict[str, str], category: str) -> int:
    """The level of the longest configured prefix of this category, as .NET's logging finds it; Information if none."""
    parts = category.split(".")
    candidates = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    name = next((levels[each] for each in [*candidates, "default"] if each in levels), "Information")
    return _LEVELS[name.lower()]


class _Handler(logging.StreamHandler):  # type: ignore[type-arg] # generic in the stubs alone
    def __init__(self, clock: FileClock, levels: dict[str, str]) -> None:
        super().__init__(sys.stderr)
        self._clock = clock
        self._levels = levels

    def emit(self, record: logging.LogRecord) -> None:
        name = current_function.get()
        category = f"Function.{name}.User" if name else "Host"
        if record.levelno >= level(self._levels, category):
            record.function = name or "host"
            record.virtual = _stamp(self._clock.now())
            super().emit(record)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure(clock: FileClock, levels: dict[str, str]) -> None:
    """Sends all logging of this process there. Libraries' own chatter is kept at warnings, as the worker does."""
    handler = _Handler(clock, levels)
    handler.setFormatter(logging.Formatter("%(virtual)s %(levelname)s [%(function)s] %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(min([level(levels, "default"), *(_LEVELS[name.lower()] for name in levels.values())]))
    for noisy in ("azure", "durabletask", "grpc", "urllib3", "asyncio", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
