"""The stand-in chart as helm sees it: rendered, refused, and served."""

import asyncio
import base64
import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import validate

from local.charts.repository import BINDER, CHART, Charts, index, package, releases, schema
from local.server import serving
from local.world import World
from tests.local.parts import PORTS

pytestmark = pytest.mark.local  # helm renders whole charts: seconds, not milliseconds

HELM = Path(__file__).parents[3] / ".venv/bin/helm"
VERSIONS = [release["version"] for release in releases()]
BINDERS = [release["version"] for release in releases(BINDER)]


def helm(folder: Path, version: str, values: Any = None, name: str = CHART) -> str:
    """What `helm template` prints for release jhub, or its complaint."""
    chart, file = folder / f"{version}.tgz", folder / "values.yaml"
    chart.write_bytes(package(version, name))
    file.write_text(yaml.safe_dump(values or {}))
    command = [str(HELM), "template", "jhub", str(chart), "--namespace", "jhub", "--values", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else done.stderr


def objects(rendered: str) -> dict[tuple[str, str], Any]:
    documents = [document for document in yaml.safe_load_all(rendered) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_renders_objects_that_kubernetes_accepts(tmp_path: Path, version: str) -> None:
    values = {
        "proxy": {
            "https": {"enabled": True, "hosts": ["hub.example.org"], "letsencrypt": {"contactEmail": "a@example.org"}}
        },
        "scheduling": {"podPriority": {"enabled": True}},
        "imagePullSecret": {"create": True, "registry": "example.org", "username": "u", "password": "p"},
        "ingress": {"enabled": True, "hosts": ["hub.example.org"]},
        "hub": {"services": {"a": {}}, "extraEnv": {"A": "1", "B": {"valueFrom": {"fieldRef": {"fieldPath": "x"}}}}},
        "singleuser": {"extraFiles": {"f": {"mountPath": "/etc/f.json", "data": {"a": 1}}}},
    }
    for document in objects(helm(tmp_path, version, values)).values():
        validate(document, "1.33", strict=True)


def test_the_newest_release_creates_what_the_public_chart_creates(tmp_path: Path) -> None:
    kinds = sorted(f"{kind} {name}" for kind, name in objects(helm(tmp_path, VERSIONS[0])))
    assert kinds == sorted([
        "ClusterRole jhub-user-scheduler", "ClusterRoleBinding jhub-user-scheduler", "ConfigMap hub",
        "ConfigMap user-scheduler", "DaemonSet continuous-image-puller", "DaemonSet hook-image-puller",
        "Deployment hub", "Deployment proxy", "Deployment user-scheduler", "Job hook-image-awaiter",
        "NetworkPolicy hub", "NetworkPolicy proxy", "NetworkPolicy singleuser", "PersistentVolumeClaim hub-db-dir",
        "PodDisruptionBudget user-placeholder", "PodDisruptionBudget user-scheduler", "Role hook-image-awaiter",
        "Role hub", "RoleBinding hook-image-awaiter", "RoleBinding hub", "Secret hub", "Service hub",
        "Service proxy-api", "Service proxy-public", "ServiceAccount continuous-image-puller",
        "ServiceAccount hook-image-awaiter", "ServiceAccount hook-image-puller", "ServiceAccount hub",
        "ServiceAccount user-scheduler", "StatefulSet user-placeholder",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"bogus": 1}, "bogus"),
        ({"hub": {"bogus": 1}}, "bogus"),
        ({"proxy": {"https": {"type": "magic"}}}, "type"),
        ({"singleuser": {"cpu": {"limit": "much"}}}, "limit"),
        ({"hub": {"config": {"loadRoles": {}}}}, "loadRoles"),
    ],
)
def test_values_that_the_schema_does_not_know_are_refused(tmp_path: Path, values: Any, complaint: str) -> None:
    answer = helm(tmp_path, VERSIONS[0], values)
    assert "values don't meet the specifications of the schema" in answer
    assert complaint in answer


def test_an_unknown_key_is_refused_in_helms_words(tmp_path: Path) -> None:
    assert "Additional property bogus is not allowed" in helm(tmp_path, VERSIONS[0], {"bogus": 1})


def test_a_key_that_came_later_is_refused_by_an_older_release(tmp_path: Path) -> None:
    values = {"httpRoute": {"enabled": True, "gateway": {"name": "g"}}}
    assert "Additional property httpRoute is not allowed" in helm(tmp_path, "4.2.0", values)
    assert ("HTTPRoute", "jupyterhub") in objects(helm(tmp_path, "4.4.0", values))


def test_releases_differ_in_images_and_labels(tmp_path: Path) -> None:
    for version in VERSIONS:
        rendered = objects(helm(tmp_path, version))
        pod = rendered["Deployment", "hub"]["spec"]["template"]["spec"]
        assert pod["containers"][0]["image"] == f"quay.io/jupyterhub/k8s-hub:{version}"
        assert rendered["Service", "hub"]["metadata"]["labels"]["helm.sh/chart"] == f"jupyterhub-{version}"


def test_https_without_a_host_is_none(tmp_path: Path) -> None:
    rendered = objects(helm(tmp_path, VERSIONS[0], {"proxy": {"https": {"enabled": True}}}))
    assert [port["port"] for port in rendered["Service", "proxy-public"]["spec"]["ports"]] == [80]


def test_letsencrypt_wants_a_contact(tmp_path: Path) -> None:
    values = {"proxy": {"https": {"enabled": True, "hosts": ["hub.example.org"]}}}
    assert "contactEmail" in helm(tmp_path, VERSIONS[0], values)


def test_a_certificate_of_ones_own_is_served_by_the_proxy(tmp_path: Path) -> None:
    values = {"proxy": {"https": {"enabled": True, "type": "secret", "secret": {"name": "mine"}}}}
    rendered = objects(helm(tmp_path, VERSIONS[0], values))
    assert {port["name"]: port["targetPort"] for port in rendered["Service", "proxy-public"]["spec"]["ports"]} == {
        "https": "https",
        "http": "http",
    }
    chp = rendered["Deployment", "proxy"]["spec"]["template"]["spec"]["containers"][0]
    assert "--ssl-cert=/etc/chp/tls/tls.crt" in chp["command"]


def test_a_chart_is_the_same_bytes_every_time() -> None:
    first = package("4.3.5")
    package.cache_clear()
    assert package("4.3.5") == first


def test_a_packaged_chart_holds_its_own_version_and_schema() -> None:
    with tarfile.open(fileobj=io.BytesIO(package("4.2.0"))) as chart:
        description = chart.extractfile("jupyterhub/Chart.yaml")
        assert description is not None
        assert yaml.safe_load(description)["appVersion"] == "5.3.0"
        assert "jupyterhub/values.schema.json" in chart.getnames()


def test_the_schema_accepts_the_parents_global_values() -> None:
    assert schema(releases()[0])["properties"]["global"] == {"type": "object"}


@pytest.mark.local
def test_helm_pulls_what_the_index_promises(tmp_path: Path) -> None:
    world = World(tmp_path / "state", PORTS)

    async def pull() -> int:
        async with serving(Charts(world).app, world.ports.charts):
            address = f"http://127.0.0.1:{world.ports.charts}"
            command = [str(HELM), "pull", "jupyterhub", "--repo", address, "--destination", str(tmp_path)]
            helm = await asyncio.create_subprocess_exec(*command, env={"HOME": str(tmp_path)})
            return await helm.wait()

    assert asyncio.run(pull()) == 0
    world.close()
    newest = yaml.safe_load(index())["entries"]["jupyterhub"][0]
    pulled = (tmp_path / f"jupyterhub-{VERSIONS[0]}.tgz").read_bytes()
    assert hashlib.sha256(pulled).hexdigest() == newest["digest"]


REGISTRY = {"registry": {"url": "https://r5.azurecr.io", "username": "u", "password": "p"}}


@pytest.mark.parametrize("version", BINDERS)
def test_every_binderhub_renders_objects_that_kubernetes_accepts(tmp_path: Path, version: str) -> None:
    inner = {"imagePullSecret": {"create": True, "registry": "r5.azurecr.io", "username": "u", "password": "p"}}
    for builder in ("host", "dind", "pink"):
        values = {**REGISTRY, "imageBuilderType": builder, "jupyterhub": inner}
        for document in objects(helm(tmp_path, version, values, BINDER)).values():
            validate(document, "1.33", strict=True)


def test_the_newest_binderhub_creates_what_the_public_chart_creates_besides_jupyterhubs(tmp_path: Path) -> None:
    kinds = {
        f"{kind} {name}" for kind, name in objects(helm(tmp_path, BINDERS[0], {"imageBuilderType": "dind"}, BINDER))
    }
    assert {
        "ClusterRole jhub-image-cleaner", "ClusterRoleBinding jhub-image-cleaner", "DaemonSet jhub-dind",
        "DaemonSet jhub-image-cleaner", "Deployment binder", "PodDisruptionBudget binderhub", "Role binderhub",
        "RoleBinding binderhub", "Secret binder-build-docker-config", "Secret binder-secret", "Service binder",
        "ServiceAccount binderhub", "ServiceAccount jhub-image-cleaner",
        "Deployment hub", "Deployment proxy", "Service proxy-public", "Secret hub",
    } <= kinds  # fmt: skip
    assert not any("image-puller" in kind for kind in kinds), "its defaults for JupyterHub pull no images beforehand"


def test_the_login_to_the_registry_is_in_its_own_secret_and_nowhere_else(tmp_path: Path) -> None:
    rendered = objects(helm(tmp_path, BINDERS[0], REGISTRY, BINDER))
    config = json.loads(base64.b64decode(rendered["Secret", "binder-build-docker-config"]["data"]["config.json"]))
    assert base64.b64decode(config["auths"]["https://r5.azurecr.io"]["auth"]) == b"u:p"
    assert "password" not in rendered["Secret", "binder-secret"]["stringData"]["values.yaml"]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"bogus": 1}, "bogus"),
        ({"hub": {}}, "hub"),
        ({"registry": {"prefix": "x"}}, "prefix"),
        ({"imageBuilderType": "magic"}, "imageBuilderType"),
        ({"jupyterhub": {"bogus": 1}}, "bogus"),
        ({"jupyterhub": {"hub": {"config": {"loadRoles": {}}}}}, "loadRoles"),
    ],
)
def test_values_that_neither_schema_knows_are_refused(tmp_path: Path, values: Any, complaint: str) -> None:
    answer = helm(tmp_path, BINDERS[0], values, BINDER)
    assert "values don't meet the specifications of the schema" in answer
    assert complaint in answer


def test_with_logins_a_binderhub_does_not_render_without_the_hubs_address(tmp_path: Path) -> None:
    service = {"hub": {"services": {"binder": {"oauth_client_id": "service-b"}}}}
    login: dict[str, Any] = {"config": {"BinderHub": {"auth_enabled": True}}, "jupyterhub": service}
    assert "expected string" in helm(tmp_path, BINDERS[0], login, BINDER)
    login["config"]["BinderHub"]["hub_url"] = ""
    assert ("Deployment", "binder") in objects(helm(tmp_path, BINDERS[0], login, BINDER))


def test_each_binderhub_holds_the_jupyterhub_that_the_index_names() -> None:
    for entry in yaml.safe_load(index())["entries"][BINDER]:
        (held,) = entry["dependencies"]
        with tarfile.open(fileobj=io.BytesIO(package(entry["version"], BINDER))) as chart:
            inner = chart.extractfile("binderhub/charts/jupyterhub/Chart.yaml")
            assert inner is not None
            assert yaml.safe_load(inner)["version"] == held["version"]
