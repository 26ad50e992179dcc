"""A system outside has one name, which its adapter says: a person must not see two for one service."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]
ADAPTERS = ("shared/azure", "shared/kubernetes")
ERRORS = {"OutsideError", "TemporaryError", "PermanentError", "NotFoundError", "ConflictError"}
NO_ADAPTER = {"Azure Monitor", "Hubkeeper", "Table Storage", "The workflow engine"}
"""Named in one place each, which is not an adapter of that system."""


def _named_in(path: Path) -> list[tuple[str, str]]:
    """Names of systems that errors are made with as literals, each with its place."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and node.args]
    return [
        (call.args[0].value, f"{path.relative_to(ROOT)}:{call.lineno}")
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ERRORS
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    ]


def test_errors_take_a_systems_name_from_its_adapter() -> None:
    found = [named for path in sorted((ROOT / "shared").rglob("*.py")) for named in _named_in(path)]
    assert [(name, where) for name, where in found if name not in NO_ADAPTER] == []


def test_two_adapters_do_not_share_a_name() -> None:
    names = []
    for path in (path for folder in ADAPTERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names += [node.value.value for target in node.targets if ast.unparse(target) == "SYSTEM"]
    assert "AKS" in names
    assert len(names) == len(set(names))
