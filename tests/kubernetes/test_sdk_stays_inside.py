"""The Kubernetes client and what it is made of are known to shared/kubernetes alone, and cost nothing until used."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.source

SHARED = Path(__file__).parents[2] / "shared"
HEAVY = {"kubernetes", "requests", "urllib3", "websocket", "yaml"}
MODULES = sorted(path.stem for path in (SHARED / "kubernetes").glob("*.py") if path.stem not in ("__init__", "tether"))


def _imports(tree: ast.AST) -> Iterator[str]:
    """Root names of everything imported anywhere below."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_the_client_is_imported_nowhere_else() -> None:
    inside = SHARED / "kubernetes"
    strangers = [
        str(path.relative_to(SHARED))
        for path in SHARED.rglob("*.py")
        if inside not in path.parents and "kubernetes" in set(_imports(ast.parse(path.read_text())))
    ]
    assert strangers == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_heavy_is_imported_at_module_level(module: str) -> None:
    tree = ast.parse((SHARED / "kubernetes" / f"{module}.py").read_text())
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    assert not HEAVY & set(_imports(top))


@pytest.mark.local
def test_importing_every_adapter_loads_nothing_heavy() -> None:
    names = ", ".join(f"shared.kubernetes.{module}" for module in MODULES)
    code = f"import sys, {names}\nprint([name for name in sys.modules if name in {sorted(HEAVY)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SHARED.parent)
    assert done.stdout.strip() == "[]"
