"""No text tells whoever starts, stops or changes a hub to delete it: checked over every literal of the product."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runs.model import Kind
from shared.workflows import workflows
from tests.wording import GIVES_UP, STIFF

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]

OF_TEARDOWNS = {"snapshot_homes", "write_receipt"}
"""Steps of a teardown, which may speak of it."""
BY_KIND = {"worded", "begin_again", "overdue", "cancelled"}
"""Texts that are chosen by the run's kind; their own tests go through all kinds."""
SPEAK_OF_TEARDOWNS = {
    "delete_hub": "the request that begins one",
    "group_owner": "what a teardown keeps",
}
BEGIN_AGAIN = {
    "runs.recovery._other": "by kind",
    "runs.recovery.otherwise": "the same as a sentence",
    "resources.strangers.shut_out": "a create's hub is closed before anybody has it",
    "power.usable._not_usable": "by kind",
    "create.cluster._without_subnet": "of a create's step",
    "create.cluster.ensure_cluster": "of a create's step",
    "create.command._how_to_have": "where a create has let nobody in",
    "create.image_registry._registry": "of a create's step",
}
"""Who may propose to delete a hub and create it again, and why that is right there."""
ADVICE_OF = {
    "failed",
    "called_off",
    "BusyError",
    "NotAllowedError",
    "ProblemError",
    "Advice",
    "Problem",
    "error",
    "warning",
}
"""Calls that are given an advice."""


def _text(node: ast.AST) -> str:
    """A literal, with braces around what is put into it; empty when it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        return "".join(str(part) for part in parts)
    return ""


def _literals(node: ast.AST, function: str = "") -> Iterator[tuple[str, str]]:
    """Every literal with a space in it, docstrings left out, with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if text := _text(child):
            if " " in text:
                yield function, text
            continue
        name = child.name if isinstance(child, ast.FunctionDef) else function
        yield from _literals(child, name)


def _calls(node: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        yield from _calls(child, child.name if isinstance(child, ast.FunctionDef) else function)


def _named(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _modules() -> list[tuple[Path, ast.Module]]:
    paths = sorted((ROOT / "shared").rglob("*.py"))
    return [(path, ast.parse(path.read_text())) for path in paths if "meta" not in path.parts]


def test_no_literal_proposes_to_delete_a_hub_but_those_that_are_chosen_by_kind() -> None:
    allowed = OF_TEARDOWNS | BY_KIND | set(SPEAK_OF_TEARDOWNS)
    found = [
        f"{path.relative_to(ROOT)}: {function}: {text}"
        for path, module in _modules()
        for function, text in _literals(module)
        if function not in allowed and GIVES_UP.search(text)
    ]
    assert found == []


def test_steps_that_speak_of_teardowns_belong_to_them_alone() -> None:
    for workflow in workflows():
        if workflow.kind is not Kind.TEARDOWN:
            assert not {step.__name__ for step in workflow.functions().values()} & OF_TEARDOWNS


def test_only_what_a_create_alone_does_proposes_to_begin_again() -> None:
    callers = {
        f"{path.parent.name}.{path.stem}.{function}"
        for path, module in _modules()
        for function, call in _calls(module)
        if _named(call) in ("begin_again", "otherwise")
    }
    assert callers <= set(BEGIN_AGAIN), callers - set(BEGIN_AGAIN)


def test_advice_is_in_plain_english() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {text}"
        for path, module in _modules()
        for _, call in _calls(module)
        if _named(call) in ADVICE_OF
        for _, text in _literals(call)
        if STIFF.search(text)
    ]
    assert found == []
