"""Runs functions: coroutines on the event loop, the others in a pool of threads, all of them within functionTimeout."""

import asyncio
import contextvars
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import azure.functions as func

from local.functions.index import Function
from local.functions.logs import current_function

_log = logging.getLogger("host")


class FunctionTimeoutException(Exception):  # noqa: N818 - the name that the real host reports
    """A function took longer than host.json's functionTimeout."""


class InvocationContext(func.Context):
    """What a function sees of its own invocation."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._id = str(uuid.uuid4())
        self._storage = threading.local()

    @property
    def invocation_id(self) -> str:
        return self._id

    @property
    def thread_local_storage(self) -> Any:
        return self._storage

    @property
    def function_name(self) -> str:
        return self._name

    @property
    def function_directory(self) -> str:
        return str(self._folder)

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None


class Invoker:
    def __init__(self, folder: Path, client: str, timeout: float | None, threads: int, activity_threads: int) -> None:
        """`client`: the durable client binding's JSON; `timeout` in real seconds, None: no limit."""
        self._folder = folder
        self._client = client
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="function")
        # Durable functions scale apart from the others on Flex Consumption: a long activity holds up no page.
        self._activity_threads = ThreadPoolExecutor(activity_threads, thread_name_prefix="activity")

    async def call(self, function: Function, value: object) -> Any:
        """The function's result for this trigger value.

        Raises what the function raises, its traceback logged, and FunctionTimeoutException.
        """
        arguments: dict[str, Any] = {function.trigger["name"]: value}
        arguments |= dict.fromkeys(function.clients, self._client)
        if function.takes_context:
            arguments["context"] = InvocationContext(function.name, self._folder)
        current_function.set(function.name)
        try:
            async with asyncio.timeout(self._timeout) as limit:
                return await self._run(function, arguments)
        except Exception as error:
            if limit.expired():
                _log.error("%s took longer than functionTimeout", function.name)
                message = f"Timeout value of {self._timeout:g} s was exceeded by function: {function.name}"
                raise FunctionTimeoutException(message) from error
            _log.exception("%s failed", function.name)
            raise

    async def _run(self, function: Function, arguments: dict[str, Any]) -> Any:
        if function.asynchronous:
            return await function.call(**arguments)
        context = contextvars.copy_context()
        threads = self._activity_threads if function.kind == "activityTrigger" else self._threads
        return await asyncio.get_running_loop().run_in_executor(
            threads, lambda: context.run(function.call, **arguments)
        )

    def close(self) -> None:
        """Waits for nobody: what still runs dies with the process, as in a host that is shut down."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._activity_threads.shutdown(wait=False, cancel_futures=True)
