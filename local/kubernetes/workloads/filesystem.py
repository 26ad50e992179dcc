"""A container's view of files and of the network, without a container: paths and addresses are translated."""

import re
import shutil
from pathlib import Path
from typing import Any

from local.kubernetes.node.runtime import PodContext

IMAGE_FOLDERS = ("/usr/local/etc/jupyterhub", "/srv/jupyterhub", "/home/jovyan")
"""What the images bring along, whether something is mounted there or not."""

WRITTEN_OUT = ("configMap", "secret", "projected", "downwardAPI")
"""Kinds of volumes whose files are made from objects: these may name paths, and are copied to be translated."""

LOCAL = r"localhost|127\.0\.0\.1|0\.0\.0\.0|\[::\]|"


class Root:
    """The root folder of one container: /etc/x of the container is `folder`/etc/x here."""

    def __init__(self, context: PodContext) -> None:
        self.folder: Path = context.directory / "root" / str(context.container["name"])
        self._context = context
        self._mounts = {path.rstrip("/"): source for path, source in context.mounts.items()}
        known = (self._mounts.keys() | set(IMAGE_FOLDERS)) - {""}
        longest_first = "|".join(re.escape(path) for path in sorted(known, key=len, reverse=True))
        self._paths = re.compile(rf"(?<![\w.\-/])({longest_first})(?![\w.\-])")
        self._urls = re.compile(rf"(?<=://)({LOCAL}|[a-z][a-z0-9\-]*)((?:\.[a-z0-9\-]+)*):(\d+)")

    def build(self) -> None:
        """Lays the folders out; what an earlier start of the container left outside its mounts is gone."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in IMAGE_FOLDERS:
            if folder not in self._mounts:
                self.path(folder).mkdir(parents=True)
        copied = self._copied()
        for path, source in sorted(self._mounts.items()):
            target = self.path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_symlink() or target.is_file():
                target.unlink()
            if path in copied:
                self._copy(source, target)
            else:
                target.symlink_to(source, target_is_directory=source.is_dir())

    def path(self, inside: str) -> Path:
        return self.folder / inside.lstrip("/")

    def translate(self, text: str) -> str:
        """The text with the container's paths and the URLs of its services as they are reached from here."""
        return self._urls.sub(self._reached, self._paths.sub(lambda found: f"{self.folder}{found[1]}", text))

    def _reached(self, found: re.Match[str]) -> str:
        host, domain, port = found.groups()
        if re.fullmatch(LOCAL, host) and not domain:
            return f"{self._context.ip}:{port}"
        address = self._context.environment.get(f"{host.upper().replace('-', '_')}_SERVICE_HOST")
        in_cluster = not domain or domain.split(".")[1] == self._namespace or ".svc" in domain
        return f"{address}:{port}" if address and in_cluster else found[0]

    @property
    def _namespace(self) -> str:
        return str(self._context.pod["metadata"].get("namespace"))

    def _copied(self) -> set[str]:
        """Paths at which volumes made from objects are mounted."""
        volumes: list[dict[str, Any]] = self._context.pod["spec"].get("volumes") or []
        names = {volume["name"] for volume in volumes if any(kind in volume for kind in WRITTEN_OUT)}
        mounts = self._context.container.get("volumeMounts") or []
        return {mount["mountPath"].rstrip("/") for mount in mounts if mount["name"] in names}

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            for entry in source.iterdir():
                if not entry.name.startswith(".."):  # the kubelet's own links
                    self._copy(entry, target / entry.name)
        elif source.suffix == ".py":
            target.write_text(self.translate(source.read_text()))
        else:
            shutil.copyfile(source, target)
            target.chmod(0o600)
