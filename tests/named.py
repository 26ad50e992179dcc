"""Tests that other tests and pages name as their proof."""

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent


@cache
def _names(file: str) -> frozenset[str]:
    path = TESTS / file
    tree = ast.parse(path.read_text() if path.is_file() else "")
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def exists(test: str) -> bool:
    """Whether there is such a test; written as pytest does, from this folder on: "stories/test_x.py::test_y"."""
    file, _, name = test.partition("::")
    return name in _names(file)
