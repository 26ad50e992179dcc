"""The chart repository of the local cloud: the stand-in charts, packaged when asked for, the same bytes every time.

A chart's folder describes its newest release; releases.yaml beside the folders says how the others differ. The schema
of the values is derived from their defaults, so that a key is written down once and an unknown one is refused. A chart that
depends on another one holds it in its package.
"""

import gzip
import hashlib
import io
import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from local.world import Document, World

SOURCES = Path(__file__).parent
CHART = "jupyterhub"

BINDER = "binderhub"
NAMES = (BINDER, CHART)

FREE = {
    CHART: {"hub.config", "singleuser.extraLabels", "hub.deploymentStrategy"},
    BINDER: {
        "config",
        "jupyterhub",  # the chart inside has a schema of its own
        "resources",
        "service.annotations",
        "deployment.readinessProbe",
        "deployment.livenessProbe",
    },
}
"""Mappings that accept any key although their defaults have some, by chart."""

BINDER_TYPES: dict[str, Document] = {
    "imageBuilderType": {"enum": ["host", "dind", "pink"]},
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]},
    "extraEnv": {"type": ["object", "array"]},
    "imageCleaner.extraEnv": {"type": ["object", "array"]},
}
JUPYTERHUB_TYPES: dict[str, Document] = {
    "hub.baseUrl": {"type": "string"},
    "hub.extraEnv": {"type": ["object", "array"]},
    "hub.db.type": {"enum": ["sqlite-pvc", "sqlite-memory", "mysql", "postgres", "other"]},
    "hub.db.upgrade": {"type": ["boolean", "null"]},
    "proxy.chp.extraEnv": {"type": ["object", "array"]},
    "proxy.service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]},
    "proxy.https.type": {"enum": [None, "", "letsencrypt", "manual", "offload", "secret"]},
    "proxy.https.letsencrypt.contactEmail": {"type": ["string", "null"]},
    "singleuser.cmd": {"type": ["array", "string", "null"]},
    "singleuser.cpu.limit": {"type": ["number", "null"]},
    "singleuser.cpu.guarantee": {"type": ["number", "null"]},
    "singleuser.memory.limit": {"type": ["number", "string", "null"]},
    "singleuser.memory.guarantee": {"type": ["number", "string", "null"]},
    "singleuser.extraEnv": {"type": ["object", "array"]},
    "singleuser.storage.type": {"enum": ["dynamic", "static", "none"]},
    "scheduling.corePods.nodeAffinity.matchNodePurpose": {"enum": ["ignore", "prefer", "require"]},
    "scheduling.userPods.nodeAffinity.matchNodePurpose": {"enum": ["ignore", "prefer", "require"]},
}
"""What the defaults alone do not tell. Source: the charts' configuration references."""

CLASS_SECTIONS = {"type": "object", "patternProperties": {"^[A-Z]": {"type": "object"}}, "additionalProperties": False}
ANYTHING = {"type": ["object", "null"]}


def releases(chart: str = CHART) -> list[Document]:
    """Newest first: {"version", "appVersion", "values", "absent", "anyConfigSection"?, "holds"?}."""
    listed: dict[str, list[Document]] = yaml.safe_load((SOURCES / "releases.yaml").read_text())
    return listed[chart]


def release_of(version: str, chart: str = CHART) -> Document:
    """Raises LookupError for a version that is not there."""
    found = next((release for release in releases(chart) if release["version"] == version), None)
    if found is None:
        raise LookupError(version)
    return found


def default_values(release: Document, chart: str = CHART) -> Document:
    """The chart's values.yaml as that release has it."""
    written = yaml.safe_load((SOURCES / chart / "values.yaml").read_text())
    values: Document = json.loads(json.dumps(written))  # what anchors share in the file is apart from here on
    for path, value in release["values"].items():
        _parent(values, path)[_last(path)] = value
    for path in release["absent"]:
        del _parent(values, path)[_last(path)]
    filled: Document = _tagged(values, release["version"])
    return filled


def schema(release: Document, chart: str = CHART) -> Document:
    """JSON schema of the values: strict wherever the defaults have keys."""
    sections = {"type": "object"} if release.get("anyConfigSection") else CLASS_SECTIONS
    types = BINDER_TYPES if chart == BINDER else JUPYTERHUB_TYPES | {"hub.config": sections}
    known = types | dict.fromkeys(FREE[chart] - types.keys(), ANYTHING)
    own = {"$schema": "http://json-schema.org/draft-07/schema#"}
    return own | _schema(default_values(release, chart), "", known)


def _schema(default: Any, path: str, known: dict[str, Document]) -> Document:
    if path in known:
        return known[path]
    match default:
        case None:
            return {}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": ["integer", "null"]}
        case str():
            return {"type": ["string", "null"]}
        case list():
            return {"type": ["array", "null"]}
        case {} if not default:
            return ANYTHING
        case _:
            properties = {key: _schema(value, f"{path}.{key}".lstrip("."), known) for key, value in default.items()}
            # Helm adds `global` to every chart's values, and subcharts' parents put anything into it.
            if not path:
                properties["global"] = {"type": "object"}
            return {"type": "object", "properties": properties, "additionalProperties": False}


def _tagged(values: Any, version: str) -> Any:
    """The same values, with images that name no tag of their own tagged with the chart's version."""
    if isinstance(values, dict):
        filled = {key: _tagged(value, version) for key, value in values.items()}
        return filled | {"tag": version} if filled.get("tag") == "" and "name" in filled else filled
    return values


def _parent(values: Document, path: str) -> Document:
    for level in path.split(".")[:-1]:
        values = values[level]
    return values


def _last(path: str) -> str:
    return path.rpartition(".")[2]


@cache
def package(version: str, chart: str = CHART) -> bytes:
    """The chart's .tgz. Raises LookupError for a version that is not there."""
    files = _files(chart, release_of(version, chart))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(files):
            if "__pycache__" not in path.parts:
                entry = tarfile.TarInfo(path.as_posix())
                entry.size = len(files[path])
                tar.addfile(entry, io.BytesIO(files[path]))
    return gzip.compress(archive.getvalue(), mtime=0)


def _files(chart: str, release: Document) -> dict[Path, bytes]:
    """Everything in the chart's package, the charts that it holds included."""
    files = {path.relative_to(SOURCES): path.read_bytes() for path in (SOURCES / chart).rglob("*") if path.is_file()}
    folder = Path(chart)
    files[folder / "Chart.yaml"] = _yaml(_description(release, chart))
    files[folder / "values.yaml"] = _yaml(default_values(release, chart))
    files[folder / "values.schema.json"] = json.dumps(schema(release, chart), indent=1).encode()
    for held, version in release.get("holds", {}).items():
        inner = _files(held, release_of(version, held))
        files |= {folder / "charts" / path: content for path, content in inner.items()}
    return files


def _description(release: Document, chart: str) -> Document:
    described: Document = yaml.safe_load((SOURCES / chart / "Chart.yaml").read_text())
    own = {name: release[name] for name in ("version", "appVersion") if name in release}
    holds = [{"name": name, "version": version} for name, version in release.get("holds", {}).items()]
    return described | own | ({"dependencies": holds} if holds else {})


def _yaml(document: Document) -> bytes:
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text.encode()


def index() -> bytes:
    """The repository's index.yaml, with addresses relative to it."""
    entries = {
        chart: [
            _description(release, chart)
            | {
                "created": "2026-01-01T00:00:00Z",
                "digest": hashlib.sha256(package(release["version"], chart)).hexdigest(),
                "urls": [f"{chart}-{release['version']}.tgz"],
            }
            for release in releases(chart)
        ]
        for chart in NAMES
    }
    return _yaml({"apiVersion": "v1", "entries": entries, "generated": "2026-01-01T00:00:00Z"})


class Charts:
    """The repository as `helm repo add` and `--repo` want it; plain HTTP on `world.ports.charts`."""

    service = "charts"

    def __init__(self, world: World) -> None:
        self._world = world
        self.app: ASGIApp = Starlette(routes=[Route("/index.yaml", self._index), Route("/{file}.tgz", self._package)])

    async def _index(self, _: Request) -> Response:
        return PlainTextResponse(index(), media_type="application/yaml")

    async def _package(self, request: Request) -> Response:
        chart, _, version = request.path_params["file"].partition("-")
        try:
            return Response(package(version, chart), media_type="application/gzip")
        except LookupError:
            raise HTTPException(404) from None
