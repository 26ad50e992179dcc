"""Finds the functions of an app, once, and what each of them is bound to."""

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

_SUPPORTED = {"httpTrigger", "timerTrigger", "activityTrigger", "orchestrationTrigger"}


@dataclass(frozen=True)
class Function:
    name: str
    trigger: dict[str, Any]
    """The trigger's binding: "type", "name" (of the parameter) and what the type adds."""
    bindings: tuple[dict[str, Any], ...]
    """All of them, the trigger included, as the decorators recorded them."""
    call: Callable[..., Any]
    asynchronous: bool
    clients: tuple[str, ...]
    """Parameters that take a durable client."""
    takes_context: bool
    """Whether a parameter named `context` wants the invocation's context (and no binding has that name)."""

    @property
    def kind(self) -> str:
        return str(self.trigger["type"])

    @property
    def durable_name(self) -> str:
        """The name under which orchestrators call it."""
        return str(self.trigger.get("activity") or self.trigger.get("orchestration") or self.name)


def load(folder: Path) -> ModuleType:
    """Imports `function_app` from this folder, its neighbours importable."""
    sys.path.insert(0, str(folder))
    return importlib.import_module("function_app")


def functions(module: ModuleType) -> list[Function]:
    """The app's functions but for the disabled ones. May be called once (azure-functions 2.3)."""
    found = [_function(each) for each in module.app.get_functions()]
    return [each for each in found if not _disabled(each.name)]


def _disabled(name: str) -> bool:
    return os.environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("1", "true")


def use_clock(folder: Path, clock: object) -> bool:
    """Hands the product's services our clock: `shared.services.use_clock(clock)`, if the app in this folder has it."""
    if not (folder / "shared" / "services.py").exists():
        return False
    services = importlib.import_module("shared.services")
    take = getattr(services, "use_clock", None)
    if take is None:
        return False
    take(clock)
    return True


def _function(indexed: Any) -> Function:
    trigger = indexed.get_trigger().get_dict_repr()
    name = indexed.get_function_name()
    if trigger["type"] not in _SUPPORTED:
        raise ValueError(f"function {name}: this host has no {trigger['type']}; it has {', '.join(sorted(_SUPPORTED))}")
    bindings = tuple(binding.get_dict_repr() for binding in indexed.get_bindings())
    call = indexed.get_user_function()
    bound = {binding["name"] for binding in bindings}
    return Function(
        name=name,
        trigger=trigger,
        bindings=bindings,
        call=call,
        asynchronous=inspect.iscoroutinefunction(call),
        clients=tuple(binding["name"] for binding in bindings if binding["type"] == "durableClient"),
        takes_context="context" in inspect.signature(call).parameters and "context" not in bound,
    )
