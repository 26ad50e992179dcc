import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import names
from local.ports import Ports
from local.processes import Copy, StartError, free
from tests.cloud import copy_for_tests, wait_until

pytestmark = pytest.mark.local

APP = Path(__file__).parent / "sample_app"
SERVICES = ["azurite", "functions"]


@pytest.fixture(autouse=True)
def _sample_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAMPLE_NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("SAMPLE_SCHEDULE", "0 0 0 30 2 *")


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    with copy_for_tests(tmp_path / "state", APP, first=14_000) as copy:
        yield copy


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_up_and_down_may_be_repeated(copy: Copy) -> None:
    assert sorted(copy.up(SERVICES)) == SERVICES
    pids = [copy.pid(name) for name in SERVICES]
    assert copy.up(SERVICES) == []
    assert [copy.pid(name) for name in SERVICES] == pids
    assert sorted(copy.down()) == SERVICES
    assert copy.down() == []
    assert not any(_alive(pid) for pid in pids if pid)


def test_another_process_finds_and_ends_what_was_started(copy: Copy) -> None:
    copy.up(["azurite"])
    other = Copy(copy.state, copy.ports, APP)
    assert other.pid("azurite") == copy.pid("azurite")
    assert other.up(["azurite"]) == []
    assert other.down() == ["azurite"]
    assert copy.pid("azurite") is None


def test_down_ends_what_a_killed_service_left_behind(copy: Copy) -> None:
    script = "import subprocess, sys; subprocess.Popen(['sleep', '300'], start_new_session=True)"
    environment = {**os.environ, "HUBKEEPER_LOCAL_STATE": str(copy.state)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    mark = f"HUBKEEPER_LOCAL_STATE={copy.state}".encode()

    def left() -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes() and _alive(int(folder.name)):
                    found.append(folder.name)
            except OSError:
                continue
        return found

    assert len(left()) == 1
    copy.down()
    assert left() == []


def test_a_recycled_process_number_is_not_taken_for_a_service(copy: Copy) -> None:
    copy.state.joinpath("run").mkdir(parents=True)
    copy.state.joinpath("run", "azurite.json").write_text(f'{{"pid": {os.getpid()}, "began": 1}}')
    assert copy.pid("azurite") is None
    assert copy.down() == []


def test_a_taken_port_is_named_with_what_to_do(copy: Copy) -> None:
    with socket.create_server(("127.0.0.1", copy.ports.queues)), pytest.raises(StartError) as caught:
        copy.up(["azurite"])
    message = str(caught.value)
    assert f"port {copy.ports.queues} (queues) is taken" in message
    assert f"PORT_OFFSET={copy.ports.offset + 200}" in message


def test_a_service_that_runs_on_other_ports_is_named(copy: Copy) -> None:
    copy.up(["azurite"])
    with pytest.raises(StartError, match=f"PORT_OFFSET={copy.ports.offset}"):
        Copy(copy.state, Ports(copy.ports.offset + 200), APP).up(["azurite"])


def test_a_service_that_ends_early_shows_the_end_of_its_log(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_SCHEDULE", "every now and then")
    with pytest.raises(StartError, match="has 4 fields; an NCRONTAB expression has 6"):
        copy.up(["functions"])


def test_a_killed_service_can_be_started_again(copy: Copy) -> None:
    copy.up(["functions"])
    copy.kill("functions")
    assert copy.pid("functions") is None
    assert copy.up(["functions"]) == ["functions"]


def test_a_host_told_to_end_ends_quickly_even_while_a_function_runs(copy: Copy) -> None:
    copy.up(["functions"])
    pid = copy.pid("functions")
    assert pid is not None
    command = ["curl", "-s", "-m", "1", f"http://127.0.0.1:{copy.ports.functions}/api/slow?seconds=30"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as asking:
        wait_until(lambda: asking.poll() is not None)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: copy.pid("functions") is None, timeout=5)


def test_what_is_tied_ends_with_the_one_that_started_it(copy: Copy) -> None:
    script = (
        "import sys, time; from pathlib import Path; from local.ports import Ports; from local.processes import Copy;"
        "copy = Copy(Path(sys.argv[1]), Ports(int(sys.argv[2])), tied=True); copy.up(['azurite']); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(copy.state), str(copy.ports.offset)]) as starter:
        pid = wait_until(lambda: copy.pid("azurite")) or 0
        wait_until(lambda: not free(copy.ports.tables))
        starter.kill()
    wait_until(lambda: not _alive(pid))


def test_the_copys_settings_go_before_the_terminals_and_a_tests_before_both(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "from the terminal")
    monkeypatch.setenv("KEY_VAULT_URL", "from the terminal")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    copy.start("functions", {"KEY_VAULT_URL": "from the test"})
    copy.wait("functions")
    entries = Path(f"/proc/{copy.pid('functions')}/environ").read_text().split("\0")
    variables = dict(entry.split("=", 1) for entry in entries if entry)
    assert variables["AZURE_TENANT_ID"] == names.TENANT
    assert variables["KEY_VAULT_URL"] == "from the test"
    assert "HTTPS_PROXY" not in variables
