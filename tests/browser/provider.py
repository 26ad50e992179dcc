"""A small OpenID provider on loopback: a page that asks who one is, codes that are good once, tokens, and user data."""

import base64
import hashlib
import html
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID = "hubkeeper-test"


class Provider(ThreadingHTTPServer):
    """callback: the one address that people are sent back to, as registered; whatever else is asked for is refused."""

    daemon_threads = True

    def __init__(self, callback: str, client_secret: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.callback = callback
        self.client_secret = client_secret
        self.codes: dict[str, tuple[str, str]] = {}
        """By code: who has logged in here, and the challenge (RFC 7636) that the client must know the answer to."""
        self.tokens: dict[str, str] = {}
        self.logins: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        path, query = self._asked()
        if path == "/authorize":
            self._authorize(query)
        elif path == "/me":
            self._me()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        path, _ = self._asked()
        form = {
            name: values[0]
            for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
        }
        if path == "/login":
            self._login(form)
        elif path == "/token":
            self._token(form)
        else:
            self.send_error(404)

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _authorize(self, query: dict[str, str]) -> None:
        if query.get("redirect_uri") != self.server.callback or query.get("client_id") != CLIENT_ID:
            self.send_error(400, "not a registered client or callback")
            return
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(query.get(name, ""))}">'
            for name in ("state", "code_challenge")
        )
        self._send(
            "text/html",
            f'<form method="post" action="/login"><label>Account <input name="account"></label>{hidden}'
            '<button type="submit">Continue</button></form>',
        )

    def _login(self, form: dict[str, str]) -> None:
        code = secrets.token_urlsafe(16)
        self.server.codes[code] = (form["account"], form.get("code_challenge", ""))
        self.server.logins.append(form["account"])
        self.send_response(302)
        self.send_header("Location", f"{self.server.callback}?{urlencode({'code': code, 'state': form['state']})}")
        self.end_headers()

    def _token(self, form: dict[str, str]) -> None:
        """For the code, once, and for the client alone: by its secret in the form or as HTTP Basic."""
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        given = base64.b64decode(basic).decode().partition(":")[::2] if basic else None
        client = given or (form.get("client_id"), form.get("client_secret"))
        account, challenge = self.server.codes.pop(form.get("code", ""), ("", ""))
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if client != (CLIENT_ID, self.server.client_secret) or challenge != proof.decode().rstrip("="):
            self._send("application/json", json.dumps({"error": "invalid_grant"}), 400)
            return
        token = secrets.token_urlsafe(16)
        self.server.tokens[token] = account
        self._send("application/json", json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 600}))

    def _me(self) -> None:
        account = self.server.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if account is None:
            self._send("application/json", json.dumps({"error": "invalid_token"}), 401)
            return
        self._send("application/json", json.dumps({"sub": f"id-of-{account}", "preferred_username": account}))

    def _send(self, kind: str, body: str, status: int = 200) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: codes and states stand in the addresses."""


@contextmanager
def running(callback: str, client_secret: str) -> Iterator[Provider]:
    with Provider(callback, client_secret) as provider:
        thread = threading.Thread(target=provider.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
