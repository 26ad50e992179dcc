"""The chart's pods as real processes, each started from the pod that helm renders."""

import asyncio
import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.responses import PlainTextResponse

from local.charts.repository import package, releases
from local.clock import FileClock
from local.kubernetes.node.runtime import PodContext, Process
from local.kubernetes.workloads import runtimes
from local.kubernetes.workloads.autohttps import AutohttpsRuntime
from local.kubernetes.workloads.filesystem import Root
from local.kubernetes.workloads.hooks import is_harmless, post_start
from local.kubernetes.workloads.hub import HubRuntime
from local.kubernetes.workloads.process import SUPERVISOR, SupervisedProcess
from local.kubernetes.workloads.proxy import ProxyRuntime
from local.server import Authority, serving

HELM = Path(__file__).parents[3] / ".venv/bin/helm"
NETWORK = "127.85"  # that of port offset 13000
HUB, PROXY, USER = (f"{NETWORK}.1.{last}" for last in (5, 6, 7))
VALUES = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "shared-password"},
            "SharedPasswordAuthenticator": {"user_password": "a-shared-password"},
            "Authenticator": {"allow_all": True},
        },
        "services": {"hubctl": {}},
        "loadRoles": {"hubctl": {"scopes": ["admin:users", "read:hub"], "services": ["hubctl"]}},
        "extraConfig": {"mark": "c.JupyterHub.template_vars = {'announcement': 'from extraConfig'}"},
    }
}


class Rendered:
    """The chart's objects, and contexts for its pods such as a kubelet makes."""

    def __init__(self, folder: Path, values: Any) -> None:
        self.folder = folder
        chart, file = folder / "chart.tgz", folder / "values.yaml"
        chart.write_bytes(package(releases()[0]["version"]))
        file.write_text(yaml.safe_dump(values))
        command = [str(HELM), "template", "jhub", str(chart), "--namespace", "jhub", "--values", str(file)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        documents = [document for document in yaml.safe_load_all(text) if document]
        self.objects = {(document["kind"], document["metadata"]["name"]): document for document in documents}

    def secret(self, key: str) -> str:
        return base64.b64decode(self.objects["Secret", "hub"]["data"][key]).decode()

    def context(self, deployment: str, ip: str) -> PodContext:
        template = self.objects["Deployment", deployment]["spec"]["template"]
        metadata = {"name": f"{deployment}-0", "namespace": "jhub", "labels": template["metadata"]["labels"]}
        spec = template["spec"]
        pod = {"metadata": metadata, "spec": spec}
        environment = {
            "HUB_SERVICE_HOST": HUB,
            "HUB_SERVICE_PORT": "8081",
            "PROXY_API_SERVICE_HOST": PROXY,
            "PROXY_API_SERVICE_PORT": "8001",
            "PROXY_HTTP_SERVICE_HOST": PROXY,
            "CONFIGPROXY_AUTH_TOKEN": self.secret("hub.config.ConfigurableHTTPProxy.auth_token"),
            "POD_NAMESPACE": "jhub",
        }
        return made(self.folder, pod, spec["containers"][0], ip, mounts=self.mounts(spec), environment=environment)

    def mounts(self, spec: Any) -> dict[str, Path]:
        found = {}
        for volume in spec.get("volumes") or []:
            folder = self.folder / "volumes" / volume["name"]
            folder.mkdir(parents=True, exist_ok=True)
            if "configMap" in volume:
                for key, text in self.objects["ConfigMap", volume["configMap"]["name"]]["data"].items():
                    (folder / key).write_text(text)
            if "secret" in volume:
                for key, encoded in self.objects["Secret", volume["secret"]["secretName"]]["data"].items():
                    (folder / key).write_bytes(base64.b64decode(encoded))
            for mount in spec["containers"][0]["volumeMounts"]:
                if mount["name"] == volume["name"]:
                    found[mount["mountPath"]] = folder / mount.get("subPath", "")
        return found


def made(
    folder: Path,
    pod: Any,
    container: Any,
    ip: str,
    mounts: dict[str, Path] | None = None,
    environment: dict[str, str] | None = None,
) -> PodContext:
    """A pod's context with a service account of its own."""
    account, directory = folder / "account", folder / "pods" / pod["metadata"]["name"]
    for path in (account, directory):
        path.mkdir(parents=True, exist_ok=True)
    (account / "token").write_text("a-token")
    api = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}

    def resolve(service: str, port: int) -> tuple[str, int]:
        raise LookupError(service, port)

    return PodContext("r5", pod, container, ip, directory, mounts or {}, api | (environment or {}), account, resolve)


def user_context(folder: Path, **container: Any) -> PodContext:
    """The context of a user's pod, with a claim at home."""
    claim = folder / "claim"
    claim.mkdir(exist_ok=True)
    pod = {
        "metadata": {"name": "jupyter-ada", "namespace": "jhub", "labels": {"component": "singleuser-server"}},
        "spec": {"volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-ada"}}]},
    }
    spec = {"name": "notebook", "volumeMounts": [{"name": "home", "mountPath": "/home/jovyan"}], **container}
    return made(folder, pod, spec, USER, {"/home/jovyan": claim}, {"HUB_SERVICE_HOST": HUB})


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return Rendered(tmp_path_factory.mktemp("chart"), VALUES)


async def until(condition: Callable[[], bool], process: Process | None = None, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, process.log() if process else "too late"
        assert process is None or process.exit_code is None, process.log()
        await asyncio.sleep(0.05)


async def get(url: str, token: str = "", method: str = "GET", trust: ssl.SSLContext | None = None) -> tuple[int, str]:
    def call() -> tuple[int, str]:
        headers = {"Authorization": f"token {token}"} if token else {}
        request = urllib.request.Request(url, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=trust) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    return await asyncio.to_thread(call)


def command(folder: Path, code: str) -> Awaitable[SupervisedProcess]:
    """A supervised process that runs this Python code, ready when it has made the file `up`."""

    async def probe() -> bool:
        return (folder / "up").exists()

    return SupervisedProcess.start(
        [sys.executable, "-c", textwrap.dedent(code)],
        environment={"PATH": os.environ["PATH"]},
        folder=folder,
        log=folder / "log",
        probe=probe,
    )


DETACHED = """
    import pathlib, subprocess, sys, time
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = subprocess.Popen(sleeper, start_new_session=True)
    pathlib.Path("child").write_text(str(child.pid))
    pathlib.Path("up").touch()
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.local
def test_a_stopped_process_leaves_no_detached_child_behind(tmp_path: Path) -> None:
    async def story() -> None:
        process = await command(tmp_path, DETACHED + "    time.sleep(60)\n")
        await until(lambda: process.ready, process)
        child = int((tmp_path / "child").read_text())
        assert alive(child)
        await process.stop(grace=5)
        assert not alive(child)
        assert process.exit_code == 128 + signal.SIGTERM
        assert not process.ready

    asyncio.run(story())


@pytest.mark.local
def test_a_process_that_ends_takes_its_children_with_it(tmp_path: Path) -> None:
    async def story() -> None:
        process = await command(tmp_path, DETACHED + "    print('done'); sys.exit(3)\n")
        await until(lambda: process.exit_code is not None)
        assert process.exit_code == 3
        assert process.log() == "done\n"
        assert not alive(int((tmp_path / "child").read_text()))

    asyncio.run(story())


@pytest.mark.local
def test_a_process_that_does_not_want_to_end_is_killed(tmp_path: Path) -> None:
    deaf = "    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"

    async def story() -> None:
        process = await command(tmp_path, deaf + DETACHED + "    time.sleep(60)\n")
        await until(lambda: process.ready, process)
        await process.stop(grace=0.2)
        assert process.exit_code == 128 + signal.SIGKILL
        assert not alive(int((tmp_path / "child").read_text()))

    asyncio.run(story())


@pytest.mark.local
def test_nothing_outlives_a_killed_local_cloud(tmp_path: Path) -> None:
    sleeper = "import time, os; open('child', 'w').write(str(os.getpid())); open('up', 'w'); time.sleep(60)"
    starter = f"""
        import os, subprocess, sys, time
        subprocess.Popen([sys.executable, "-I", "-S", {str(SUPERVISOR)!r}, str(os.getpid()), sys.executable, "-c",
                          {sleeper!r}], start_new_session=True)
        time.sleep(60)
    """
    cloud = subprocess.Popen([sys.executable, "-c", textwrap.dedent(starter)], cwd=tmp_path)
    asyncio.run(until((tmp_path / "up").exists))
    child = int((tmp_path / "child").read_text())
    cloud.kill()
    cloud.wait()
    asyncio.run(until(lambda: not alive(child)))


@pytest.mark.local
def test_a_process_left_alone_by_its_event_loop_still_has_its_supervisor(tmp_path: Path) -> None:
    async def story() -> SupervisedProcess:
        process = await command(tmp_path, DETACHED + "    time.sleep(60)\n")
        await until(lambda: process.ready, process)
        return process

    process = asyncio.run(story())
    assert process.exit_code is None
    os.kill(process.pid, signal.SIGQUIT)
    asyncio.run(until(lambda: process.exit_code is not None))
    assert not alive(int((tmp_path / "child").read_text()))


@pytest.mark.local
def test_a_killed_supervisor_takes_its_command_with_it(tmp_path: Path) -> None:
    sleeper = "import os, pathlib, time; pathlib.Path('up').write_text(str(os.getpid())); time.sleep(60)"

    async def story() -> None:
        process = await command(tmp_path, sleeper)
        await until(lambda: process.ready, process)
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: not alive(int((tmp_path / "up").read_text())))
        assert process.exit_code == 128 + signal.SIGKILL

    asyncio.run(story())


@pytest.mark.local
def test_a_program_that_is_not_there_is_said_in_the_log(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    async def story() -> None:
        environment = {"PATH": os.environ["PATH"]}
        log = tmp_path / "log"
        process = await SupervisedProcess.start(
            ["no-such-program"], environment=environment, folder=tmp_path, log=log, probe=never
        )
        await until(lambda: process.exit_code is not None)
        assert process.exit_code == 127
        assert "no-such-program: No such file" in process.log()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("/srv/jupyterhub/x.sqlite", "{root}/srv/jupyterhub/x.sqlite"),
        ("'/usr/local/etc/jupyterhub/{source}'", "'{root}/usr/local/etc/jupyterhub/{source}'"),
        ("https://example.org/srv/jupyterhub", "https://example.org/srv/jupyterhub"),
        ("/srv/jupyterhub-old", "/srv/jupyterhub-old"),
        ("http://hub:8081/hub/api", f"http://{HUB}:8081/hub/api"),
        ("http://hub.jhub.svc.cluster.local:8081", f"http://{HUB}:8081"),
        ("http://hub.example.org:8081", "http://hub.example.org:8081"),
        ("http://unknown:80", "http://unknown:80"),
        ("http://localhost:8081/hub", f"http://{USER}:8081/hub"),
        ("http://0.0.0.0:8888/user/ada/", f"http://{USER}:8888/user/ada/"),
        ("http://:8888/user/ada/", f"http://{USER}:8888/user/ada/"),
        ("http://[::]:8888/", f"http://{USER}:8888/"),
    ],
)
def test_paths_and_addresses_of_a_container_are_translated(tmp_path: Path, inside: str, outside: str) -> None:
    root = Root(user_context(tmp_path))
    assert root.translate(inside) == outside.replace("{root}", str(root.folder))


def test_python_files_of_a_configmap_are_translated_and_values_are_not(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for name in ("a.py", "values.yaml"):
        (config / name).write_text("path: '/srv/jupyterhub'")
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"volumes": [{"name": "c", "configMap": {}}]}}
    container = {"name": "x", "volumeMounts": [{"name": "c", "mountPath": "/etc/c"}]}
    root = Root(made(tmp_path, pod, container, USER, {"/etc/c": config}))
    root.build()
    assert root.path("/etc/c/a.py").read_text() == f"path: '{root.folder}/srv/jupyterhub'"
    assert root.path("/etc/c/values.yaml").read_text() == "path: '/srv/jupyterhub'"


@pytest.mark.local
def test_every_container_of_the_chart_has_the_runtime_it_needs(rendered: Rendered) -> None:
    handlers = {"hub": HubRuntime, "proxy": ProxyRuntime, "user-scheduler": None}
    for name, expected in handlers.items():
        context = rendered.context(name, HUB) if name != "user-scheduler" else None
        pod = rendered.objects["Deployment", name]["spec"]["template"]
        container = pod["spec"]["containers"][0]
        found = [type(runtime) for runtime in runtimes() if runtime.handles(pod, container)]
        assert found == ([expected] if expected else [])
        assert context is None or context.container == container


@pytest.mark.parametrize(
    ("hook", "harmless"),
    [
        (["mkdir", "-p", "/root/home/jovyan/work"], True),
        (["touch", "note"], True),
        (["cp", "/root/etc/a", "/etc/passwd"], False),
        (["cp", "--target-directory=/etc", "a"], False),
        (["touch", "../../x"], False),
        (["sh", "-c", "true"], False),
        (["gitpuller", "https://example.org/x.git", "main", "x"], False),
    ],
)
def test_only_hooks_that_stay_in_the_container_are_harmless(hook: list[str], harmless: bool) -> None:
    assert is_harmless(hook, Path("/root")) is harmless


@pytest.mark.local
def test_a_hook_runs_at_home_or_is_noted_in_the_log(tmp_path: Path) -> None:
    def run(*hook: str) -> str:
        context = user_context(tmp_path, lifecycle={"postStart": {"exec": {"command": list(hook)}}})
        root = Root(context)
        root.build()
        log = tmp_path / "log"
        variables = {"HOME": str(tmp_path / "claim"), "PATH": os.environ["PATH"]}
        asyncio.run(post_start(context, root, variables, log))
        return log.read_text()

    assert run("mkdir", "/home/jovyan/work") == ""
    assert (tmp_path / "claim/work").is_dir()
    assert "postStart ended with 1" in run("mkdir", "/home/jovyan/work")
    assert "postStart is not run" in run("bash", "-c", "rm -rf ~")


@pytest.mark.local
def test_hub_and_proxy_serve_each_other_at_their_own_addresses(rendered: Rendered) -> None:
    async def story() -> None:
        proxy = await ProxyRuntime().start(rendered.context("proxy", PROXY))
        hub = await HubRuntime().start(rendered.context("hub", HUB))
        try:
            await until(lambda: proxy.ready, proxy)
            await until(lambda: hub.ready, hub)
            front = f"http://{PROXY}:8000/hub"
            assert await get(f"{front}/health") == (200, "")
            assert (await get(f"{front}/api"))[1].startswith('{"version"')
            assert "Sign in" in (await get(f"{front}/login"))[1]
            assert "from extraConfig" in (await get(f"{front}/login"))[1]
            assert (await get(f"{front}/api/info"))[0] == 403
            status, info = await get(f"{front}/api/info", rendered.secret("hub.services.hubctl.apiToken"))
            assert (status, "SharedPasswordAuthenticator" in info, "KubeSpawner" in info) == (200, True, True)
            assert (rendered.folder / "volumes/pvc/jupyterhub.sqlite").exists()
            assert "jupyterhub_idle_culler" in hub.log()
        finally:
            await hub.stop(5)
            await proxy.stop(5)
        assert not hub.ready

    asyncio.run(story())


@pytest.mark.local
def test_a_hub_config_section_that_is_no_class_ends_the_hub(tmp_path: Path) -> None:
    chart = Rendered(tmp_path, VALUES)
    values = yaml.safe_load(chart.secret("values.yaml"))
    values["hub"]["config"]["loadRoles"] = {}
    chart.objects["Secret", "hub"]["data"]["values.yaml"] = base64.b64encode(yaml.safe_dump(values).encode())

    async def story() -> None:
        hub = await HubRuntime().start(chart.context("hub", HUB))
        await until(lambda: hub.exit_code is not None)
        assert hub.exit_code == 1
        assert "hub.config.loadRoles" in hub.log()

    asyncio.run(story())


@pytest.mark.local
def test_what_people_do_is_dated_by_the_local_clouds_clock(rendered: Rendered) -> None:
    clock = FileClock(rendered.folder / "clock.json")
    clock.set(datetime(2031, 5, 6, 7, 8, tzinfo=UTC), rate=0)
    token = rendered.secret("hub.services.hubctl.apiToken")

    async def story() -> None:
        proxy = await ProxyRuntime(rendered.folder / "clock.json").start(rendered.context("proxy", PROXY))
        hub = await HubRuntime(rendered.folder / "clock.json").start(rendered.context("hub", HUB))
        try:
            await until(lambda: proxy.ready, proxy)
            await until(lambda: hub.ready, hub)
            users = f"http://{PROXY}:8000/hub/api/users"
            assert (await get(f"{users}/ada", token, "POST"))[0] == 201
            assert json.loads((await get(f"{users}/ada", token))[1])["created"].startswith("2031-05-06T07:08:00")
            clock.advance(timedelta(hours=9))
            await get(users, token)
            assert (await get(f"{users}/bob", token, "POST"))[0] == 201
            assert json.loads((await get(f"{users}/bob", token))[1])["created"].startswith("2031-05-06T16:08:00")
            secret = rendered.secret("hub.config.ConfigurableHTTPProxy.auth_token")
            routes = json.loads((await get(f"http://{PROXY}:8001/api/routes", secret))[1])
            assert routes["/"]["last_activity"].startswith("2031-05-06T16:08:00")
        finally:
            await hub.stop(5)
            await proxy.stop(5)

    asyncio.run(story())


@pytest.mark.local
def test_a_certificate_of_ones_own_is_served(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    chain, key = authority.issue(PROXY)
    manual = {"cert": chain.read_text(), "key": key.read_text()}
    chart = Rendered(tmp_path, {"proxy": {"https": {"enabled": True, "type": "manual", "manual": manual}}})
    trust = ssl.create_default_context(cafile=authority.certificate)

    async def story() -> None:
        proxy = await ProxyRuntime().start(chart.context("proxy", PROXY))
        try:
            await until(lambda: proxy.ready, proxy)
            assert (await get(f"https://{PROXY}:8443/_chp_healthz", trust=trust))[0] == 200
            reader, writer = await asyncio.open_connection(PROXY, 8000)
            writer.write(f"GET /hub/login HTTP/1.0\r\nHost: {PROXY}\r\n\r\n".encode())
            assert b"301" in await reader.readline()
            writer.close()
            with pytest.raises(OSError, match="Connect call failed"):  # it listens at its pod's address, and no other
                await asyncio.open_connection(USER, 8000)
        finally:
            await proxy.stop(5)

    asyncio.run(story())


@pytest.mark.local
def test_letsencrypt_has_a_certificate_of_the_local_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    https = {"enabled": True, "hosts": [USER], "letsencrypt": {"contactEmail": "a@example.org"}}
    chart = Rendered(tmp_path, {"proxy": {"https": https}})
    trust = ssl.create_default_context(cafile=authority.certificate)

    async def story() -> None:
        proxy = await ProxyRuntime().start(chart.context("proxy", PROXY))
        front = await AutohttpsRuntime(authority).start(chart.context("autohttps", USER))
        try:
            await until(lambda: proxy.ready, proxy)
            await until(lambda: front.ready, front)
            async with serving(PlainTextResponse("the hub"), 8081, host=HUB):
                assert await get(f"https://{USER}:8443/hub/health", trust=trust) == (200, "the hub")
        finally:
            await front.stop(5)
            await proxy.stop(5)

    asyncio.run(story())
