"""Counts the work that Python does, which is the same on every machine, where seconds are not."""

import sys
from collections.abc import Callable
from typing import Any

_EVENTS = sys.monitoring.events
_COUNTED = _EVENTS.PY_START | _EVENTS.PY_RESUME | _EVENTS.CALL | _EVENTS.JUMP
_TOOL = sys.monitoring.PROFILER_ID


def steps(work: Callable[[], object]) -> int:
    """Functions begun and gone on with, functions of C called, and turns of loops, while `work` runs.

    What goes on inside of one function of C, a regular expression or a sort, is one step.
    """
    count = 0

    def step(*_: Any) -> None:
        nonlocal count
        count += 1

    sys.monitoring.use_tool_id(_TOOL, "steps")
    try:
        for event in (_EVENTS.PY_START, _EVENTS.PY_RESUME, _EVENTS.CALL, _EVENTS.JUMP):
            sys.monitoring.register_callback(_TOOL, event, step)
        sys.monitoring.set_events(_TOOL, _COUNTED)
        work()
    finally:
        sys.monitoring.set_events(_TOOL, 0)
        for event in (_EVENTS.PY_START, _EVENTS.PY_RESUME, _EVENTS.CALL, _EVENTS.JUMP):
            sys.monitoring.register_callback(_TOOL, event, None)
        sys.monitoring.free_tool_id(_TOOL)
    return count
