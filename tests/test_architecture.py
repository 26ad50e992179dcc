"""What the code keeps to everywhere, as far as a program can see it. Import directions are in .importlinter."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from shared.runs.model import Kind
from shared.runs.workflows import activity_name
from shared.settings import Settings, SettingsError
from shared.workflows import workflows

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]

LONG_MODULES: dict[str, str] = {}
"""Modules over 400 lines and why each is not split. Over 500 there are none."""

ENVIRONMENT = {
    "shared/services.py": "hands it to Settings",
    "shared/settings.py": "Settings",
    "shared/http/auth.py": "what App Service says about its authentication",
    "shared/azure/credentials.py": "what Azure says about its identity endpoint",
    "shared/kubernetes/helm.py": "passes the way to the network on to helm, and nothing else",
}
"""Who may read os.environ, and for what."""

EDGES = {
    "shared/http/problems.py": "a request gets an answer, whatever happens",
    "shared/runs/activities.py": "a step's failure is recorded, whatever it is",
    "shared/notifications/deliver.py": "a run does not fail because of the channel that reports it",
}
"""Who may catch everything, and why. Elsewhere a handler of everything raises it again."""

SDKS = {
    "kubernetes": "shared/kubernetes/",
}
"""Packages that one adapter alone knows. Azure's are in tests/azure/test_sdk_stays_inside.py."""

HOST_VARIABLES = {"FUNCTIONS_WORKER_RUNTIME", "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"}
"""Read by the Functions host and by the durable SDK."""

OTHER_FORMS = {"AzureWebJobsStorage__accountName", "AzureWebJobsStorage__tableServiceUri"}
"""In place of the connection string that a developer's machine has."""


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a module's nodes, at any depth."""
    return list(ast.walk(tree(path)))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(*folders: str) -> Iterator[tuple[str, int]]:
    """Every function, with its lines."""
    for path in modules(*folders):
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                yield f"{name(path)}:{node.name}", node.end_lineno - node.lineno + 1


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression that is names and dots, `?.c` of an attribute of something else, else ""."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value) or '?'}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def test_no_module_is_over_500_lines_and_those_over_400_say_why() -> None:
    sizes = {name(path): lines(path) for path in modules("shared", "local")}
    assert {path: size for path, size in sizes.items() if size > 500} == {}
    assert {path for path, size in sizes.items() if size > 400} == set(LONG_MODULES)
    assert sum(size < 300 for size in sizes.values()) / len(sizes) >= 0.85


def folders() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in modules("shared", "local"):
        if path.name != "__init__.py" and "files" not in path.parts:
            found.setdefault(path.parent.relative_to(ROOT).as_posix(), []).append(path)
    return found


def test_no_folder_has_over_20_modules() -> None:
    """A reader finds a behaviour by its folder's name."""
    assert {folder: len(paths) for folder, paths in folders().items() if len(paths) > 20} == {}


def test_every_package_says_what_is_in_it() -> None:
    silent = {
        folder
        for folder in folders()
        if folder.startswith("shared/") and not ast.get_docstring(tree(ROOT / folder / "__init__.py"))
    }
    assert silent == set()


def test_no_function_is_over_60_lines_and_half_have_10_at_most() -> None:
    sizes = dict(functions("shared", "local"))
    assert {function: size for function, size in sizes.items() if size > 60} == {}
    assert median(sizes.values()) <= 10


def test_function_app_only_registers() -> None:
    path = ROOT / "function_app.py"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node for node in nodes(path) if isinstance(node, kinds)] == []
    assert lines(path) <= 40


def test_the_environment_is_read_in_few_places() -> None:
    readers = {
        name(path)
        for path in modules("shared")
        for node in nodes(path)
        if dotted(node) in ("os.environ", "os.environb", "os.getenv", "os.putenv")
    }
    assert readers <= set(ENVIRONMENT)


def catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or dotted(each) in ("Exception", "BaseException") for each in caught)


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_only_named_edges_catch_everything() -> None:
    catchers = {
        name(path)
        for path in modules("shared")
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not raises_again(node)
    }
    assert catchers == set(EDGES)


def test_time_comes_from_the_clock() -> None:
    banned = ("datetime.now", "datetime.utcnow", "date.today", "time.time", "time.sleep", "datetime.today")
    users = {
        name(path)
        for path in modules("shared")
        for node in nodes(path)
        if any(dotted(node) == each or dotted(node).endswith(f".{each}") for each in banned)
    }
    assert users == {"shared/clock.py"}


def imported(path: Path) -> set[str]:
    """First names of what a module imports, anywhere in it."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", SDKS)
def test_one_adapter_alone_knows_an_sdk(package: str) -> None:
    users = [name(path) for path in modules("shared") if package in imported(path)]
    assert [path for path in users if not path.startswith(SDKS[package])] == []


def test_no_test_file_imports_another() -> None:
    """What several share is in tests/fakes, or in a module beside them that is no test."""
    importers = {
        name(path)
        for path in modules("tests")
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        and any(".test_" in f".{node.module}.{alias.name}" for alias in node.names)
        and (node.module or "").startswith("tests")
    }
    assert importers == set()


def test_importing_the_app_loads_no_model_and_no_sdk() -> None:
    heavy = ["pydantic", "holidays", "tzdata", "kubernetes", "cryptography", "yaml", "requests", "jinja2", "slack_sdk"]
    heavy += ["azure.core", "azure.identity", "azure.data", "azure.mgmt", "azure.keyvault"]
    code = f"import function_app, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def registered() -> dict[str, str]:
    """The app's functions and the types of their triggers."""
    code = (
        "import json, function_app\n"
        "found = function_app.app.get_functions()\n"
        "print(json.dumps({one.get_function_name(): one.get_trigger().type for one in found}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def called(method: str) -> set[str]:
    """Names that orchestrators pass to a method of their context as a literal."""
    return {
        str(node.args[0].value)
        for node in nodes(ROOT / "shared/runs/orchestrators.py")
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and isinstance(node.args[0], ast.Constant)
    }


def test_every_activity_that_an_orchestrator_calls_is_registered(registered: dict[str, str]) -> None:
    literal = called("call_activity")
    assert literal
    planned = {activity_name(workflow.kind, step) for workflow in workflows() for step in workflow.names}
    activities = {function for function, trigger in registered.items() if trigger == "activityTrigger"}
    assert (literal | planned) - activities == set()


def test_every_step_of_every_plan_has_a_function() -> None:
    assert {workflow.kind for workflow in workflows()} == set(Kind)
    for workflow in workflows():
        assert set(workflow.functions()) == {step.name for step in workflow.steps}
        assert set(workflow.aliases.values()) <= set(workflow.functions())


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # dict's is generic
        self.names.add(key)
        return default

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return False


def read_by_settings() -> set[str]:
    asked = Asked()
    with pytest.raises(SettingsError):
        Settings.from_environ(asked)
    return asked.names


def test_the_sample_has_every_setting_and_no_other() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())
    assert set(sample["Values"]) == (read_by_settings() - OTHER_FORMS) | HOST_VARIABLES


def test_the_sample_makes_a_configuration() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())
    assert sample["IsEncrypted"] is False
    settings = Settings.from_environ(sample["Values"])
    assert settings.location == "westus"
    assert settings.arm_endpoint == "https://management.azure.com"


def test_every_setting_says_what_it_is() -> None:
    """In a docstring below the field."""
    classes = [node for node in tree(ROOT / "shared/settings.py").body if isinstance(node, ast.ClassDef)]
    body = next(node.body for node in classes if node.name == "Settings")
    undocumented = [
        ast.unparse(field.target)
        for field, following in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant))
    ]
    assert undocumented == []


def test_host_json_says_what_the_app_relies_on() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    assert host["version"] == "2.0"
    assert host["extensions"]["http"]["routePrefix"] == "api"
    assert host["extensionBundle"]["id"] == "Microsoft.Azure.Functions.ExtensionBundle.Preview"


def test_host_json_lets_every_line_of_the_audit_through() -> None:
    """They are traces of level Information, in the category of the function that wrote them."""
    logging = json.loads((ROOT / "host.json").read_text())["logging"]
    assert logging["logLevel"]["default"] == "Information"
    assert [category for category in logging["logLevel"] if category.startswith("Function")] == []
    assert "Trace" in logging["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
