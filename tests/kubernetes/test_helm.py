"""How helm is called and what becomes of its answers, with a stand-in executable for both majors."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import OutsideError, PermanentError, TemporaryError
from shared.kubernetes import process
from shared.kubernetes.helm import Helm, HelmVersion
from tests.fakes.helm import FakeHelm, revisions

pytestmark = pytest.mark.local

KUBECONFIG = "users: [{name: u, user: {token: very-secret-token}}]\n"
VALUES = {"hub": {"password": "hunter2-hunter2", "list": ["another secret value"]}}


@pytest.fixture
def fake(tmp_path: Path) -> FakeHelm:
    return FakeHelm(tmp_path / "fake")


@pytest.fixture
def helm(fake: FakeHelm, tmp_path: Path) -> Helm:
    return Helm(str(fake.executable), tmp_path / "home")


def install(helm: Helm, values: dict[str, Any] | None = None, **how: Any) -> Any:
    settings: dict[str, Any] = {
        "release": "jhub",
        "namespace": "jhub",
        "chart": "jupyterhub",
        "repository": "https://hub.jupyter.org/helm-chart/",
        "version": "4.4.0",
        "values": VALUES if values is None else values,
        "timeout": timedelta(minutes=10),
        "wait": False,
    }
    return helm.upgrade_install(KUBECONFIG, **(settings | how))


def test_an_install_is_one_argument_list_with_values_on_stdin(fake: FakeHelm, helm: Helm) -> None:
    install(helm, wait=True)
    (call,) = fake.calls("upgrade")
    path = call["kubeconfig"]["path"]
    expected = (
        "upgrade jhub jupyterhub --install --namespace jhub --repo https://hub.jupyter.org/helm-chart/ --version 4.4.0 "
        f"--reset-values --values - --timeout 600s --create-namespace --wait --cleanup-on-fail --kubeconfig {path}"
    )
    assert call["argv"] == expected.split()
    assert json.loads(call["stdin"]) == VALUES


def test_the_switches_of_an_install_can_be_left_out(fake: FakeHelm, helm: Helm) -> None:
    install(helm, create_namespace=False, cleanup_on_fail=False)
    argv = fake.calls("upgrade")[0]["argv"]
    assert not {"--create-namespace", "--cleanup-on-fail", "--wait"} & set(argv)


@pytest.mark.parametrize(("version", "flag"), [("v3.17.3", "--atomic"), ("v4.2.4", "--rollback-on-failure")])
def test_rolling_back_on_failure_is_called_what_the_major_calls_it(
    fake: FakeHelm, helm: Helm, version: str, flag: str
) -> None:
    fake.answer("version", version)
    install(helm, rollback_on_failure=True)
    assert flag in fake.calls("upgrade")[0]["argv"]


def test_an_install_tells_the_release_that_came_of_it(helm: Helm) -> None:
    release = install(helm)
    assert (release.revision, release.status, release.chart, release.chart_version) == (
        1,
        "deployed",
        "jupyterhub",
        "4.4.0",
    )
    assert release.updated == datetime(2026, 11, 22, 4, 43, 37, 123456, tzinfo=UTC)


def test_a_development_version_of_a_chart_is_told_apart_from_its_name(fake: FakeHelm, helm: Helm) -> None:
    fake.answer("history", revisions(("deployed", 1), chart="binder-hub-1.0.0-0.dev.git.3983.h383374de"))
    release = install(helm)
    assert (release.chart, release.chart_version) == ("binder-hub", "1.0.0-0.dev.git.3983.h383374de")


def test_the_kubeconfig_is_a_file_for_us_alone_and_only_while_helm_runs(fake: FakeHelm, helm: Helm) -> None:
    install(helm)
    for call in fake.calls("upgrade") + fake.calls("history"):
        assert call["kubeconfig"]["mode"] == 0o600
        assert call["kubeconfig"]["text"] == KUBECONFIG
        assert not Path(call["kubeconfig"]["path"]).exists()


def test_nothing_secret_is_in_arguments_environment_or_log(
    fake: FakeHelm, helm: Helm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountKey=storage-secret")
    caplog.set_level("DEBUG")
    install(helm)
    for call in fake.calls():
        seen = json.dumps([call["argv"], call["env"]]) + caplog.text
        assert not any(word in seen for word in ("hunter2", "another secret", "very-secret-token", "storage-secret"))
    assert "helm upgrade jhub" in caplog.text


@pytest.mark.parametrize(
    "words",
    [
        'Error: failed to create: "hunter2-hunter2" is wrong',
        "Error: hub.list.0: another secret value",
        "Error: data: aHVudGVyMi1odW50ZXIy",
        "Error: token very-secret-token refused",
    ],
)
def test_nothing_that_stood_in_values_or_credentials_is_repeated(fake: FakeHelm, helm: Helm, words: str) -> None:
    fake.refuse("upgrade", words)
    with pytest.raises(OutsideError) as caught:
        install(helm)
    said = str(caught.value) + repr(caught.value) + repr(caught.value.__context__)
    assert "•••" in said
    assert not any(word in said for word in ("hunter2", "another secret", "aHVudGVy", "very-secret-token"))


def test_a_secret_of_several_lines_is_masked_line_by_line(fake: FakeHelm, helm: Helm) -> None:
    fake.refuse("upgrade", "Error: bad line MIIEpAIBAAKCAQEA1234 found")
    with pytest.raises(OutsideError) as caught:
        install(helm, values={"key": "-----BEGIN RSA-----\nMIIEpAIBAAKCAQEA1234\n-----END RSA-----\n"})
    assert "MIIE" not in str(caught.value)


def test_helm_keeps_its_files_in_the_home_that_it_was_given(fake: FakeHelm, helm: Helm, tmp_path: Path) -> None:
    helm.version()
    env = fake.calls("version")[0]["env"]
    for name in ("HOME", "TMPDIR", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"):
        assert env[name].startswith(str(tmp_path / "home"))


def test_the_version_is_asked_for_once(fake: FakeHelm, helm: Helm) -> None:
    assert helm.version() == helm.version() == HelmVersion(3, 17, 3)
    assert len(fake.calls("version")) == 1


@pytest.mark.parametrize("text", ["v4.2.0-rc.1+g144ca65", "v4.2.0", "4.2.0\n"])
def test_a_version_is_read_from_helms_own_form(text: str) -> None:
    assert HelmVersion.parse(text) == HelmVersion(4, 2, 0)


def test_a_program_that_is_not_helm_is_refused(fake: FakeHelm, helm: Helm) -> None:
    fake.answer("version", "I am a kettle")
    with pytest.raises(PermanentError, match="does not answer as helm"):
        helm.version()


def test_a_helm_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no executable"):
        Helm(str(tmp_path / "none"), tmp_path).version()


def test_a_helm_without_its_executable_bit_is_copied_and_run(fake: FakeHelm, tmp_path: Path) -> None:
    fake.executable.chmod(0o444)
    helm = Helm(str(fake.executable), tmp_path / "home")
    assert helm.version().major == 3
    assert os.access(tmp_path / "home" / "helm", os.X_OK)
    assert not os.access(fake.executable, os.X_OK)


def test_a_helm_that_does_not_end_is_ended_with_its_children(
    fake: FakeHelm, helm: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.kubernetes.helm.MARGIN", timedelta(seconds=2))
    fake.answer("upgrade", sleep=60, child=True)
    with pytest.raises(TemporaryError) as caught:
        install(helm, timeout=timedelta(0))
    assert caught.value.code == "HelmTimeout"
    for name in ("pid", "child.pid"):
        _wait(lambda name=name: _ended(int((fake.folder / name).read_text())))
    assert not list(helm._prepared().folder.glob("*-kubeconfig"))


def test_a_helm_that_ignores_the_request_to_end_is_killed(
    fake: FakeHelm, helm: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.kubernetes.helm.MARGIN", timedelta(seconds=2))
    monkeypatch.setattr(process, "GRACE", timedelta(seconds=0.2))
    script = fake.executable.read_text().replace(
        "argv = sys.argv", "import signal; signal.signal(15, signal.SIG_IGN)\nargv = sys.argv"
    )
    fake.executable.write_text(script)
    fake.answer("upgrade", sleep=60)
    with pytest.raises(TemporaryError):
        install(helm, timeout=timedelta(0))
    _wait(lambda: _ended(int((fake.folder / "pid").read_text())))


def test_helm_ends_with_a_process_that_is_killed(fake: FakeHelm, tmp_path: Path) -> None:
    """A host that is killed leaves no helm behind that works on beside the next one, and no kubeconfig for long."""
    fake.answer("history", sleep=60)
    code = (
        "from shared.kubernetes.helm import Helm\n"
        f"Helm({str(fake.executable)!r}).history({KUBECONFIG!r}, 'jhub', 'jhub')"
    )
    environ = dict(os.environ, TMPDIR=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], env=environ) as host:
        _wait((fake.folder / "pid").exists)
        host.kill()
        host.wait()
    _wait(lambda: _ended(int((fake.folder / "pid").read_text())))
    left = next(tmp_path.glob("hubkeeper-*"))
    fake.answer("version", "v3.17.3")
    code = f"from shared.kubernetes.helm import Helm\nHelm({str(fake.executable)!r}).version()"
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)
    assert not left.exists()
    assert not list(tmp_path.glob("hubkeeper-*"))


def test_status_and_history_of_an_unknown_release_are_empty(fake: FakeHelm, helm: Helm) -> None:
    fake.refuse("history", "Error: release: not found\n")
    assert helm.status(KUBECONFIG, "jhub", "jhub") is None
    assert helm.history(KUBECONFIG, "jhub", "jhub") == []


def test_history_is_oldest_first(fake: FakeHelm, helm: Helm) -> None:
    fake.answer("history", revisions(("deployed", 2), ("superseded", 1)))
    assert [release.revision for release in helm.history(KUBECONFIG, "jhub", "jhub")] == [1, 2]


def test_uninstalling_ignores_what_is_not_there(fake: FakeHelm, helm: Helm) -> None:
    helm.uninstall(KUBECONFIG, "jhub", "jhub", wait=True)
    assert {"--ignore-not-found", "--wait"} <= set(fake.calls("uninstall")[0]["argv"])


def test_values_are_checked_without_a_cluster(fake: FakeHelm, helm: Helm) -> None:
    helm.render("jupyterhub", "https://charts.example/", "4.4.0", VALUES, "1.35.2")
    (call,) = fake.calls("template")
    assert call["argv"][-6:-2] == ["--kube-version", "1.35.2", "--values", "-"]
    assert call["kubeconfig"]["text"] == "{}"
    assert json.loads(call["stdin"]) == VALUES


def test_refused_values_are_told_in_the_charts_words(fake: FakeHelm, helm: Helm) -> None:
    fake.refuse(
        "template",
        "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n"
        "hub:\n- (root): Additional property x is not allowed\n- hub.db: Invalid type\n\n",
    )
    with pytest.raises(PermanentError) as caught:
        helm.render("jupyterhub", "https://charts.example/", "4.4.0", {}, "1.35")
    assert caught.value.code == "ValuesRefused"
    assert caught.value.message == (
        "the chart refuses these values: hub: (root): Additional property x is not allowed; hub.db: Invalid type"
    )


def test_a_repository_with_credentials_in_its_address_is_refused(fake: FakeHelm, helm: Helm) -> None:
    with pytest.raises(PermanentError) as caught:
        install(helm, repository="https://me:pass-word@charts.example/")
    assert "pass-word" not in str(caught.value)
    assert not fake.calls("upgrade")


@pytest.mark.parametrize(
    ("states", "done"),
    [
        pytest.param([], None, id="no release"),
        pytest.param([("deployed", 1)], None, id="deployed"),
        pytest.param([("failed", 1)], None, id="failed first install: the next install replaces it"),
        pytest.param([("pending-install", 1)], "uninstall", id="first install cut off"),
        pytest.param([("deployed", 1), ("pending-upgrade", 2)], "rollback 1", id="upgrade cut off"),
        pytest.param(
            [("superseded", 1), ("deployed", 2), ("failed", 3), ("pending-upgrade", 4)],
            "rollback 2",
            id="last deployed",
        ),
        pytest.param(
            [("superseded", 1), ("superseded", 2), ("pending-rollback", 3)], "rollback 2", id="rollback cut off"
        ),
        pytest.param(
            [("failed", 1), ("pending-upgrade", 2)], "rollback 1", id="never good, but there: nothing is deleted"
        ),
        pytest.param([("deployed", 1), ("uninstalling", 2)], "uninstall", id="uninstall cut off"),
    ],
)
def test_a_release_left_behind_by_a_killed_helm_is_made_usable(
    fake: FakeHelm, helm: Helm, states: list[tuple[str, int]], done: str | None
) -> None:
    if states:
        fake.answer("history", revisions(*states))
    else:
        fake.refuse("history", "Error: release: not found")
    said = helm.unlock(KUBECONFIG, "jhub", "jhub")
    changes = [call["argv"] for call in fake.calls() if call["argv"][0] in ("uninstall", "rollback")]
    assert bool(said) is bool(done)
    assert [" ".join([argv[0], *argv[2:3]]) if argv[0] == "rollback" else argv[0] for argv in changes] == (
        [done] if done else []
    )


def test_a_home_of_its_own_is_private_and_goes_with_it(
    fake: FakeHelm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    helm = Helm(str(fake.executable))
    helm.version()
    (folder,) = tmp_path.glob("hubkeeper-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    del helm
    assert not folder.exists()


def test_threads_that_start_together_share_one_home(
    fake: FakeHelm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    helm = Helm(str(fake.executable))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: helm.status(KUBECONFIG, "jhub", "jhub"), range(8)))
    assert all(found)
    assert len(list(tmp_path.glob("hubkeeper-*"))) == 1


def _ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "Z"


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 10 s"
        time.sleep(0.02)
