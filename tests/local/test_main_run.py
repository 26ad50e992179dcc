import io
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.__main__ import main
from local.azurite import ROOT
from local.ports import Ports
from local.progress import View
from local.run import card, unpublishable
from tests.cloud import free_ports, wait_until

STEPS: list[dict[str, Any]] = [
    {"name": "network", "status": "succeeded", "message": "r5-vnet"},
    {"name": "cluster", "title": "Create the AKS cluster", "status": "running", "message": "creating\n3 nodes"},
    {"name": "chart", "status": "queued", "message": None},
]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_list_is_rewritten_in_place() -> None:
    out = _Terminal()
    view = View(out)
    view.show({"steps": STEPS, "percent": 40, "status": "running"})
    first = out.getvalue()
    view.show({"steps": STEPS, "percent": 41, "status": "running"})
    assert first.count("\n") == 4
    assert out.getvalue()[len(first) :].startswith("\x1b[4F\x1b[2K  done  network")
    assert "  ....  Create the AKS cluster                 creating 3 nodes\n" in first


def test_elsewhere_a_line_is_printed_for_each_change() -> None:
    out = io.StringIO()
    view = View(out)
    for _ in range(3):
        view.show({"steps": STEPS, "percent": 40, "status": "running"})
    done = [{**step, "status": "succeeded"} for step in STEPS]
    view.show({"steps": done, "percent": 100, "status": "succeeded"})
    assert [line.split()[:2] for line in out.getvalue().splitlines()] == [
        ["done", "network"],
        ["....", "Create"],
        ["done", "Create"],
        ["done", "chart"],
        ["100", "%"],
    ]


def test_a_failure_shows_its_advice() -> None:
    out = io.StringIO()
    error = {"code": "Quota", "message": "no cores are left", "advice": "Ask for more."}
    View(out).show({"steps": [], "percent": 10, "status": "failed", "error": error})
    assert "  Quota: no cores are left\n  Ask for more.\n" in out.getvalue()


def test_on_a_terminal_no_line_is_longer_than_a_row_and_an_error_is_told_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = _Terminal()
    error = {"code": "Quota", "message": "no cores are left " * 9, "advice": "Ask for more."}
    failed = {**STEPS[1], "status": "failed", "message": error["message"]}
    View(out).show({"steps": [failed], "percent": 10, "status": "failed", "error": error})
    lines = [line.removeprefix("\x1b[2K") for line in out.getvalue().splitlines()]
    assert max(len(line) for line in lines) < 60
    assert lines[0].endswith("\N{HORIZONTAL ELLIPSIS}")
    assert " ".join(" ".join(lines[2:]).split()) == f"Quota: {error['message']}Ask for more."


HUB: dict[str, Any] = {"name": "r5", "url": "http://127.20.0.4/", "power": {"actual": "on"}}


def test_a_hub_that_answers_is_shown_with_the_way_in() -> None:
    shown = card(HUB, "http://here", answers=True)
    assert "http://127.20.0.4/\nLog in" in shown
    assert "curl -s -H 'x-functions-key: local-admin' http://here/api/hubs/r5/password" in shown


def test_a_hub_that_is_off_is_shown_with_how_to_switch_it_on() -> None:
    shown = card({**HUB, "power": {"actual": "off"}}, "http://here", answers=False)
    assert "It is off." in shown
    assert "curl -s -X POST -H 'x-functions-key: local' http://here/api/hubs/r5/start" in shown
    assert "does not answer" in card(HUB, "http://here", answers=False)


@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [
        (PermissionError(13, "Permission denied"), "sysctl net.ipv4.ip_unprivileged_port_start=80"),
        (OSError(98, "Address already in use"), "Another program has that port"),
        (OSError(99, "Cannot assign requested address"), "needs Linux"),
        (OSError(5, "Input/output error"), "refused here: Input/output error"),
    ],
)
def test_where_hubs_cannot_be_published_it_says_why_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, refusal: OSError, remedy: str
) -> None:
    def refuse(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(socket.socket, "bind", refuse)
    said = unpublishable(Ports())
    assert "port 80 of addresses like 127.20.0." in said
    assert remedy in said


@pytest.mark.local
def test_an_interrupt_while_everything_starts_ends_it_without_a_fuss(tmp_path: Path) -> None:
    with (
        free_ports(first=14_000) as ports,
        subprocess.Popen(
            # A shell leaves interrupts ignored in what it starts in the background: these tests perhaps.
            ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "local", "run"],
            env={"PATH": "", "STATE": str(tmp_path), "PORT_OFFSET": str(ports.offset)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running,
    ):
        try:
            wait_until((tmp_path / "run" / "azurite.json").exists)
            running.send_signal(signal.SIGINT)
            output, errors = running.communicate(timeout=30)
        finally:
            running.terminate()
    assert (running.returncode, errors) == (0, "")
    assert output.splitlines()[-1] == "Ending what was started ..."
    assert str(tmp_path) not in " ".join(_environments())


def _environments() -> list[str]:
    return [_read(path) for path in Path("/proc").glob("[0-9]*/environ")]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("setting", "value"), [("PORT_OFFSET", "many"), ("PORT_OFFSET", "60000"), ("SPEED", "fast"), ("SPEED", "-1")]
)
def test_a_setting_that_makes_no_sense_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str, value: str
) -> None:
    monkeypatch.setattr("local.run.unpublishable", lambda _: "")
    monkeypatch.setenv("STATE", str(tmp_path / "state"))
    monkeypatch.setenv(setting, value)
    assert main(["run"]) != 0
    assert f"{setting} is {value}; it must be" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
