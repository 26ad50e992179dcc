"""The local Functions host: one app folder, one event loop, one durable engine."""

import asyncio
import contextlib
import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

from local.clock import FileClock
from local.functions import hostjson, index, logs, publicdns
from local.functions.alarms import Alarms
from local.functions.bridge import Bridge
from local.functions.engine import Engine
from local.functions.hostjson import HostSettings
from local.functions.index import Function
from local.functions.invoke import Invoker
from local.functions.timers import Timer
from local.functions.web import HOST_KEY, Web
from local.ports import Ports
from local.server import serving

_log = logging.getLogger("host")


async def run(app: Path, state: Path, ports: Ports) -> None:
    """Hosts the app in this folder until SIGINT or SIGTERM. Raises OSError or RuntimeError when a port is taken."""
    clock = FileClock(state / "clock.json")
    settings = hostjson.read(app)
    logs.configure(clock, settings.log_levels)
    publicdns.install(publicdns.in_resources(f"http://127.0.0.1:{ports.control}"))
    functions = index.functions(index.load(app))
    index.use_clock(app, clock)
    threads = int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "0")) or min(32, (os.cpu_count() or 1) + 4)
    invoker = Invoker(app, client_binding(settings, ports), settings.timeout, threads, settings.max_activities)
    host = _Host(functions, invoker, settings, clock, state, ports)
    await host.serve()


def client_binding(settings: HostSettings, ports: Ports) -> str:
    """What a durable client binding hands to the function: the extension's JSON, with our addresses."""
    webhooks = f"http://127.0.0.1:{ports.functions}/runtime/webhooks/durabletask"
    document = {
        "taskHubName": settings.hub_name,
        "connectionName": "Storage",
        "creationUrls": {},
        "managementUrls": {},
        "baseUrl": webhooks,
        "httpBaseUrl": webhooks,
        "rpcBaseUrl": f"http://127.0.0.1:{ports.engine}",
        "requiredQueryStringParameters": f"taskHub={settings.hub_name}&connection=Storage&code={HOST_KEY}",
        "maxGrpcMessageSizeInBytes": 104_857_600,
    }
    return json.dumps(document)


class _Host:
    def __init__(
        self,
        functions: list[Function],
        invoker: Invoker,
        settings: HostSettings,
        clock: FileClock,
        state: Path,
        ports: Ports,
    ) -> None:
        self._invoker = invoker
        self._ports = ports
        self._alarms = Alarms(clock)
        self._engine = Engine(ports.engine, clock, self._alarms)
        self._bridge = Bridge(self._engine, invoker, functions, settings.max_orchestrators, settings.max_activities)
        folder = state / "functions" / "timers"
        self._timers = {
            each.name: Timer(each, folder, clock, self._alarms, invoker)
            for each in functions
            if each.kind == "timerTrigger"
        }
        self._web = Web(functions, invoker, settings.route_prefix, self._by_hand)
        self._background: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        self._go(self._alarms.run())
        await asyncio.sleep(0)  # the alarms learn their loop before anybody sets one
        self._engine.start()
        self._bridge.start()
        try:
            async with serving(self._web, self._ports.functions):
                for timer in self._timers.values():
                    self._go(timer.run())
                _log.info("host started on http://127.0.0.1:%s", self._ports.functions)
                await stop.wait()
        finally:
            self._engine.stop(grace=0)
            for task in self._background:
                task.cancel()
            self._invoker.close()

    async def _by_hand(self, function: Function, given: Any) -> None:
        if function.name in self._timers:
            self._go(self._timers[function.name].fire())
        else:
            self._go(self._once(function, given))

    async def _once(self, function: Function, given: Any) -> None:
        with contextlib.suppress(Exception):  # the invoker has logged it
            await self._invoker.call(function, given)

    def _go(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("the host lost one of its loops", exc_info=task.exception())
