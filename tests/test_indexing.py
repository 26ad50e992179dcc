"""The app as Azure's own Python worker library sees it: what it would load there, without a warning."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]

INDEX = """
import json, logging, sys, warnings
from types import SimpleNamespace

warnings.simplefilter("error")
heard = []
class Listen(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            heard.append(record.getMessage())
logging.getLogger().addHandler(Listen())

from azure_functions_runtime.functions import Registry
from azure_functions_runtime.loader import index_function_app, process_indexed_function
from azure_functions_runtime.bindings.meta import load_binding_registry

class Message(SimpleNamespace):
    # the constants of the host's protocol that the library compares with
    inout, out, undefined = 2, 1, 0

protos = SimpleNamespace(BindingInfo=Message, RpcFunctionMetadata=Message, RpcRetryOptions=Message)
load_binding_registry()
metadata, _ = process_indexed_function(protos, Registry(), index_function_app("function_app.py"), ".")
functions = {item.name: [json.loads(raw) for raw in item.raw_bindings] for item in metadata}
print(json.dumps({"functions": functions, "warnings": heard}))
"""


@pytest.fixture(scope="module")
def indexed() -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", INDEX], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def trigger(bindings: list[dict[str, str]]) -> dict[str, str]:
    return next(binding for binding in bindings if binding["type"].endswith("Trigger"))


def test_azures_worker_library_loads_the_app_without_a_warning(indexed: dict[str, object]) -> None:
    assert indexed["warnings"] == []


def test_it_finds_every_kind_of_function(indexed: dict[str, object]) -> None:
    functions = indexed["functions"]
    assert isinstance(functions, dict)
    types = {name: trigger(bindings)["type"] for name, bindings in functions.items()}
    assert types["create_hub"] == "httpTrigger"
    assert types["run"] == "orchestrationTrigger"
    assert types["create_cluster"] == "activityTrigger"
    assert types["reconcile_runs"] == "timerTrigger"


def test_only_health_and_the_description_are_open(indexed: dict[str, object]) -> None:
    functions = indexed["functions"]
    assert isinstance(functions, dict)
    levels: dict[str, set[str]] = {}
    for name, bindings in functions.items():
        if (found := trigger(bindings))["type"] == "httpTrigger":
            levels.setdefault(found["authLevel"].lower(), set()).add(name)
    assert levels["anonymous"] == {"health", "openapi"}
    assert levels["admin"] == {"get_kubeconfig", "get_password", "force_stop_hub", "put_network_role"}
