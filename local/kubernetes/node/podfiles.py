"""What a container finds around it: its environment variables, and its volumes as folders of this machine."""

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.kubernetes.objects.admission import TOKEN_PATH
from local.kubernetes.objects.kinds import CLAIM, CONFIG_MAP, SECRET, SERVICE
from local.kubernetes.objects.selectors import value_at
from local.kubernetes.objects.store import Store, meta
from local.world import Document


class NotReadyError(Exception):
    """Something that a pod refers to is not there (yet). `reason` is the kubelet's word for it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Surroundings:
    """What a pod's containers are given, apart from what their specs say themselves."""

    store: Store
    volumes: Path
    """Folders of the cluster's disks, by name of the volume."""
    token: Callable[[str, str], str]
    """A token for a service account, by namespace and name."""
    inner_address: Callable[[Document], str]
    """Loopback address that stands for a service."""
    api: tuple[str, int]


def _lookup(store: Store, pod: Document, reference: Document, secret: bool) -> dict[str, bytes] | None:
    """The content of a Secret or ConfigMap. None: it is missing, and may be. Raises NotReadyError."""
    kind, word = (SECRET, "secret") if secret else (CONFIG_MAP, "configmap")
    name = reference.get("secretName") or reference.get("name") or ""
    found = store.get(kind, meta(pod)["namespace"], name)
    if found is None:
        if reference.get("optional"):
            return None
        raise NotReadyError("CreateContainerConfigError", f'{word} "{name}" not found')
    encoded = found.get("data") or {} if secret else found.get("binaryData") or {}
    content = {key: base64.b64decode(value) for key, value in encoded.items()}
    if not secret:
        content |= {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return content


def _field(pod: Document, ip: str, path: str) -> str:
    """A field of the pod as the downward API gives it."""
    if found := re.match(r"^metadata\.(labels|annotations)\['(.+)'\]$", path):
        return str((meta(pod).get(found[1]) or {}).get(found[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        entries = meta(pod).get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
    if path in ("status.podIP", "status.podIPs"):
        return ip
    return value_at(pod, path)


def _resource(container: Document, reference: Document) -> str:
    group, _, name = reference["resource"].partition(".")
    return str(((container.get("resources") or {}).get(group) or {}).get(name, "0"))


def _value_from(store: Store, pod: Document, container: Document, ip: str, source: Document) -> str | None:
    if field := source.get("fieldRef"):
        return _field(pod, ip, field["fieldPath"])
    if resource := source.get("resourceFieldRef"):
        return _resource(container, resource)
    secret = "secretKeyRef" in source
    reference = source.get("secretKeyRef") or source.get("configMapKeyRef") or {}
    content = _lookup(store, pod, reference, secret)
    if content is None:
        return None
    if reference["key"] not in content:
        if reference.get("optional"):
            return None
        where = "Secret" if secret else "ConfigMap"
        message = f"couldn't find key {reference['key']} in {where} {meta(pod)['namespace']}/{reference['name']}"
        raise NotReadyError("CreateContainerConfigError", message)
    return content[reference["key"]].decode(errors="replace")


def _expanded(text: str, known: dict[str, str]) -> str:
    """`$(NAME)` is replaced by an earlier variable, `$$(NAME)` is an escape."""

    def replace(found: re.Match[str]) -> str:
        if found[0].startswith("$$"):
            return found[0][1:]
        return known.get(found[1], found[0])

    return re.sub(r"\$?\$\(([^)]+)\)", replace, text)


def _service_variables(around: Surroundings, namespace: str) -> Iterator[tuple[str, str]]:
    for service in around.store.all(SERVICE, namespace):
        spec = service["spec"]
        ports = spec.get("ports") or []
        if spec.get("clusterIP") in (None, "None") or not ports or not spec.get("selector"):
            continue
        prefix = meta(service)["name"].upper().replace("-", "_")
        host = around.inner_address(service)
        yield f"{prefix}_SERVICE_HOST", host
        yield f"{prefix}_SERVICE_PORT", str(ports[0]["port"])
        yield f"{prefix}_PORT", f"tcp://{host}:{ports[0]['port']}"
        for port in ports:
            if port.get("name"):
                yield f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}", str(port["port"])


def environment(around: Surroundings, pod: Document, container: Document, ip: str) -> dict[str, str]:
    """All environment variables of a container. Raises NotReadyError when a reference leads nowhere."""
    host, port = around.api
    found = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}
    found |= {"KUBERNETES_SERVICE_PORT_HTTPS": str(port), "KUBERNETES_PORT": f"tcp://{host}:{port}"}
    found["HOSTNAME"] = pod["spec"].get("hostname") or meta(pod)["name"]
    if pod["spec"].get("enableServiceLinks", True):
        found |= dict(_service_variables(around, meta(pod)["namespace"]))
    for source in container.get("envFrom") or []:
        reference = source.get("secretRef") or source.get("configMapRef") or {}
        content = _lookup(around.store, pod, reference, "secretRef" in source) or {}
        found |= {source.get("prefix", "") + key: value.decode(errors="replace") for key, value in content.items()}
    for variable in container.get("env") or []:
        if source := variable.get("valueFrom"):
            value = _value_from(around.store, pod, container, ip, source)
            if value is not None:
                found[variable["name"]] = value
        else:
            found[variable["name"]] = _expanded(variable.get("value", ""), found)
    return found


class PodVolumes:
    """The volumes of one pod, written out below its own folder."""

    def __init__(self, around: Surroundings, pod: Document, ip: str, directory: Path) -> None:
        self._around = around
        self._pod = pod
        self._ip = ip
        self._folder = directory / "volumes"

    def write(self) -> dict[str, Path]:
        """The folder of every volume, by the volume's name. Raises NotReadyError."""
        return {volume["name"]: self._volume(volume) for volume in self._pod["spec"].get("volumes") or []}

    def _volume(self, volume: Document) -> Path:
        folder = self._folder / str(volume["name"])
        if claim := volume.get("persistentVolumeClaim"):
            return self._disk(claim["claimName"])
        if source := volume.get("hostPath"):
            # Never this machine's own files: a folder that stands for the node's.
            folder = self._folder / "host" / str(source["path"]).strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            files = self._files(volume)
        except NotReadyError as error:
            message = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error.message}'
            raise NotReadyError("FailedMount", message) from None
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
                path.chmod(0o600)
        return folder

    def _disk(self, name: str) -> Path:
        claim = self._around.store.get(CLAIM, meta(self._pod)["namespace"], name)
        if claim is None:
            raise NotReadyError("FailedMount", f'persistentvolumeclaim "{name}" not found')
        if claim["status"].get("phase") != "Bound":
            raise NotReadyError("", f'persistentvolumeclaim "{name}" is not bound')
        folder = self._around.volumes / str(claim["spec"]["volumeName"])
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _files(self, volume: Document) -> dict[str, bytes]:
        """Contents by path for the kinds of volume that hold files from the start."""
        if "projected" in volume:
            found: dict[str, bytes] = {}
            for source in volume["projected"].get("sources") or []:
                found |= self._files(source)
            return found
        if "serviceAccountToken" in volume:
            namespace, account = meta(self._pod)["namespace"], self._pod["spec"]["serviceAccountName"]
            return {volume["serviceAccountToken"]["path"]: self._around.token(namespace, account).encode()}
        if "downwardAPI" in volume:
            items = volume["downwardAPI"].get("items") or []
            fields = ((one["path"], one["fieldRef"]["fieldPath"]) for one in items if "fieldRef" in one)
            return {path: _field(self._pod, self._ip, field).encode() for path, field in fields}
        for name in ("secret", "configMap"):
            if name in volume:
                return self._content(volume[name], secret=name == "secret")
        return {}

    def _content(self, source: Document, *, secret: bool) -> dict[str, bytes]:
        content = _lookup(self._around.store, self._pod, source, secret) or {}
        items = source.get("items")
        if items is None:
            return content
        missing = [one["key"] for one in items if one["key"] not in content]
        if missing and not source.get("optional"):
            raise NotReadyError("FailedMount", f"references non-existent secret key: {missing[0]}")
        return {one["path"]: content[one["key"]] for one in items if one["key"] in content}

    def mounts(self, container: Document, environment_: dict[str, str]) -> dict[str, Path]:
        """Folder or file by mount path, `subPath` honoured. Raises NotReadyError."""
        folders = self.write()
        found: dict[str, Path] = {}
        for mount in container.get("volumeMounts") or []:
            path = folders[mount["name"]]
            part: Any = mount.get("subPath") or _expanded(mount.get("subPathExpr", ""), environment_)
            if part:
                path = path / part
                if not path.exists():
                    path.mkdir(parents=True)
            found[mount["mountPath"]] = path
        return found

    def service_account(self) -> Path:
        """The folder with token, certificate and namespace."""
        for container in self._pod["spec"]["containers"]:
            for mount in container.get("volumeMounts") or []:
                if mount["mountPath"] == TOKEN_PATH:
                    return self._folder / str(mount["name"])
        return self._folder / "no-service-account"

    def remove(self) -> None:
        shutil.rmtree(self._folder.parent, ignore_errors=True)
