"""How every part of the local cloud is served: one event loop, TLS by a CA of this copy's own, faults and the call log."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from local.clock import FileClock
from local.faults import Call, CallLog, Fault, Faults


class Gate:
    """Stands before a part's app: applies faults, writes the log."""

    def __init__(self, app: ASGIApp, service: str, clock: FileClock, faults: Faults, log: CallLog) -> None:
        self._app = app
        self._service = service
        self._clock = clock
        self._faults = faults
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        method = scope.get("method", "GET")  # a WebSocket is asked for with a GET
        query = scope["query_string"].decode()
        path = scope["path"] + (f"?{query}" if query else "")
        fault = self._faults.take(self._service, method, path)
        status = 0
        started = self._clock.now()

        async def watched(message: Any) -> None:
            nonlocal status
            if message["type"] == "websocket.accept":
                status = 101
            elif message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            await send(message)

        try:
            if fault is None:
                await self._app(scope, receive, watched)
            elif fault.happens == "answer":
                await _answer(fault, scope, receive, watched)
            else:
                await self._cut(fault, scope, receive, send)
        finally:
            when = started.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self._log.add(Call(when, self._service, method, path, status))

    async def _cut(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.happens in ("lost", "held") and scope["type"] == "http":  # a handshake carries nothing out

            async def dropped(_: Any) -> None:
                return

            await self._app(scope, receive, dropped)
        if fault.happens in ("held", "hang"):
            await asyncio.sleep(fault.seconds)
        # uvicorn gives no other way to cut a connection: its send is a method of the object that holds the transport.
        send.__self__.transport.abort()  # type: ignore[attr-defined]
        if scope["type"] == "websocket":  # which uvicorn would want answered if it did not know yet
            while (await receive())["type"] != "websocket.disconnect":
                pass


async def _answer(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    body = b"" if fault.body is None else json.dumps(fault.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **fault.headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": fault.status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": body})


class Authority:
    """The certificate authority of one copy, kept in its state folder so that it survives a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.pem"
        key = folder / "ca.key"
        if self.certificate.exists():
            self._ca = trustme.CA.from_pem(self.certificate.read_bytes(), key.read_bytes())
        else:
            self._ca = trustme.CA()
            self._ca.cert_pem.write_to_path(str(self.certificate))
            self._ca.private_key_pem.write_to_path(str(key))
            key.chmod(0o600)
        self._folder = folder

    def issue(self, *names: str) -> tuple[Path, Path]:
        """A certificate for these host names or addresses: paths of the chain and of the key."""
        stem = names[0].replace(":", "_").replace("*", "any")
        chain, key = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        issued = self._ca.issue_cert(*names)
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        key.chmod(0o600)
        return chain, key


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, port: int, host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None
) -> AsyncIterator[uvicorn.Server]:
    """Serves `app` while the block runs. Raises OSError when the port is taken."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
        ws_ping_interval=None,  # an API server sends none
        ws_per_message_deflate=False,  # nor does it compress
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    try:
        await server.startup()
    except SystemExit:  # how uvicorn says that it cannot listen
        msg = f"nothing can listen on {host}:{port}: the port is taken or not allowed"
        raise OSError(msg) from None
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield server
    finally:
        server.should_exit = True
        await ticking
        await server.shutdown()
