"""A run of the product's, shown to the person at the terminal while it goes on."""

import shutil
import textwrap
from typing import Any, TextIO

ENDED = ("succeeded", "failed", "cancelled")
_MARKS = {"succeeded": "done", "running": "....", "failed": "FAIL", "cancelled": "stop"}
_PLAIN = 120
"""Columns where there is no terminal."""


class View:
    """A run as a plain list: rewritten in place on a terminal, elsewhere a line a change."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._height = 0
        self._said: dict[str, str] = {}

    def show(self, run: dict[str, Any]) -> None:
        steps = run.get("steps", [])
        if self._terminal:
            columns = shutil.get_terminal_size().columns
            lines = [_cut(line(step), columns) for step in steps] + _ending(run, columns)
            up_again = f"\x1b[{self._height}F" if self._height else ""
            self._out.write(up_again + "".join(f"\x1b[2K{text}\n" for text in lines))
            self._height = len(lines)
        else:
            for step in steps:
                if self._said.get(step["name"]) != step["status"] and step["status"] in _MARKS:
                    self._out.write(line(step) + "\n")
                self._said[step["name"]] = step["status"]
            if run.get("status") in ENDED:
                self._out.writelines(f"{text}\n" for text in _ending(run, _PLAIN))
        self._out.flush()


def line(step: dict[str, Any]) -> str:
    message = " ".join(str(step.get("message") or "").split())
    title = step.get("title") or step["name"]
    return f"  {_MARKS.get(step['status'], '    ')}  {title:<38} {message}".rstrip()


def _cut(text: str, columns: int) -> str:
    """To one row: what a terminal breaks into two could not be rewritten in place."""
    return text if len(text) < columns else text[: columns - 2] + "\N{HORIZONTAL ELLIPSIS}"


def _ending(run: dict[str, Any], columns: int) -> list[str]:
    """The run's status, below its steps; an error is told in full, in lines of the terminal's width."""
    lines = [f"  {run.get('percent', 0):>3} %  {run.get('status', '')}"]
    error = run.get("error")
    if error:
        said = [f"{error.get('code')}: {error.get('message')}", str(error.get("advice") or "")]
        for text in said:
            lines += textwrap.wrap(
                text, columns - 1, initial_indent="  ", subsequent_indent="  ", break_long_words=False
            )
    return lines
