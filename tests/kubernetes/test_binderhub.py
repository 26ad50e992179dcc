"""BinderHub's own word on how it is, against a server that answers as it does."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from shared.errors import TemporaryError
from shared.kubernetes.binderhub import BinderHub, failing

CHECKS = [
    {"service": "Docker registry", "ok": False},
    {"service": "JupyterHub API", "ok": True},
    {"service": "Pod quota"},
]


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/login")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, {"ok": True}, lambda said: said == ""),
        (503, {"ok": False, "checks": CHECKS}, lambda said: "cannot reach: Docker registry." in said),
        (503, {}, lambda said: "answers 503" in said),
        (503, "<html>", lambda said: "answers 503" in said),
        (302, "", lambda said: "answers 302" in said),
    ],
)
def test_what_it_says_becomes_a_sentence(status: int, body: Any, says: Callable[[str], bool]) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    with answering(status, text.encode()) as (url, seen):
        assert says(BinderHub(f"{url}/binder/").trouble())
    assert seen == ["/binder/health"]


def test_one_that_is_not_there_does_not_answer() -> None:
    assert "does not answer" in BinderHub("http://127.0.0.1:9/").trouble()


@pytest.mark.parametrize("document", [None, [], {}, {"checks": None}, {"checks": [1]}, {"checks": [{"ok": True}]}])
def test_another_body_names_nothing(document: Any) -> None:
    assert failing(document) == []


@pytest.mark.parametrize(("status", "open_to_all"), [(200, True), (302, False), (403, False)])
def test_a_page_that_is_shown_to_strangers_is_open(status: int, open_to_all: bool) -> None:
    with answering(status, b"<h1>BinderHub</h1>") as (url, seen):
        assert BinderHub(f"{url}/binder/").lets_in() is open_to_all
    assert seen == ["/binder/"]


def test_a_page_that_does_not_answer_is_neither_open_nor_closed() -> None:
    with pytest.raises(TemporaryError):
        BinderHub("http://127.0.0.1:9/").lets_in()
