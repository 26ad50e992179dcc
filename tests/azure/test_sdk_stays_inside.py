"""Azure's SDKs are known to shared/azure alone, and there only to the functions that use them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.source

SHARED = Path(__file__).parents[2] / "shared"
SDKS = ("azure.core", "azure.data", "azure.identity", "azure.keyvault", "azure.mgmt")


def imports(tree: ast.AST, *, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Every module that is imported at run time, and whether that is inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((f"{node.module}.{alias.name}", inside) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (pair for part in node.orelse for pair in imports(ast.Module([part], []), inside=inside))
        else:
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, inside=inside or function)


def is_sdk(module: str) -> bool:
    return any(module == sdk or module.startswith(sdk + ".") for sdk in SDKS)


def found() -> list[tuple[str, str, bool]]:
    files = sorted(SHARED.rglob("*.py"))
    assert files
    return [
        (path.relative_to(SHARED).as_posix(), module, inside)
        for path in files
        for module, inside in imports(ast.parse(path.read_text(encoding="utf-8")))
        if is_sdk(module)
    ]


def test_nothing_but_shared_azure_knows_an_sdk() -> None:
    assert [(path, module) for path, module, _ in found() if not path.startswith("azure/")] == []


def test_no_sdk_is_imported_with_its_module() -> None:
    assert [(path, module) for path, module, inside in found() if not inside] == []


def test_the_search_sees_what_it_is_for() -> None:
    source = (
        "import azure.core.rest\nfrom azure import identity\nclass A:\n  def f(self):\n    import azure.mgmt.core\n"
    )
    seen = [(module, inside) for module, inside in imports(ast.parse(source)) if is_sdk(module)]
    assert seen == [("azure.core.rest", False), ("azure.identity", False), ("azure.mgmt.core", True)]


def test_importing_every_adapter_loads_no_sdk() -> None:
    names = sorted(path.stem for path in (SHARED / "azure").glob("*.py"))
    code = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module('shared.azure.' + name)\n"
        "print([name for name in sys.modules if name == 'azure' or name.startswith('azure.') or name == 'requests'])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=SHARED.parent, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"
