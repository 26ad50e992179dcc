"""Helm, run as a program: works with Helm 3 and Helm 4.

Values go in on stdin and a kubeconfig in a 0600 file that is deleted afterwards, so that nothing secret is in an
argument, a log line or an exception. What helm prints on stdout is never logged: notes and manifests can hold secrets.
"""

import functools
import json
import logging
import os
import re
import shutil
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.errors import NotFoundError, PermanentError
from shared.kubernetes import charts, manifests
from shared.kubernetes.errors import HELM, Redaction, helm_error, helm_overdue
from shared.kubernetes.private import PrivateFolder, private_file
from shared.kubernetes.process import Finished, OverdueError, run

logger = logging.getLogger(__name__)

READING = timedelta(seconds=60)
"""Limit of a command that only reads."""
MARGIN = timedelta(seconds=60)
"""Given to helm beyond the timeout that it was told: that one counts for each of its operations, not for their sum."""
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
"""Helm is at work on the release, or was killed while it was."""

_BUNDLED = Path(__file__).parents[2] / "helm" / "helm"  # where scripts/package.py puts it
_PASSED_ON = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CHART = re.compile(r"(?P<chart>.+?)-(?P<version>v?\d+\.\d+\.\d+.*)")
# YAML reads these raw characters of a JSON string as line breaks or refuses them; as escapes they are the same string.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class HelmVersion:
    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "HelmVersion":
        """The version in "v3.17.3" or "v4.2.0-rc.1+g144ca65". Raises PermanentError when it is something else."""
        match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
        if not match:
            raise PermanentError(HELM, "NotHelm", "the executable does not answer as helm does")
        return cls(*(int(part) for part in match.groups()))


@dataclass(frozen=True)
class Release:
    name: str
    namespace: str
    revision: int
    status: str
    """Helm's word: deployed, failed, superseded, uninstalling, uninstalled or one of PENDING."""
    chart: str
    chart_version: str
    app_version: str
    updated: datetime
    """UTC."""
    description: str
    """Helm's sentence about the last thing done."""


class Helm:
    def __init__(self, executable: str, home: Path | None = None) -> None:
        """Nothing is run or written before the first command.

        executable: a path, or a name: "helm" is the one in the deployed package if there is one, else the one on PATH.
        home: a folder of the caller's for helm's caches and the short-lived files; none: a private temporary one.
        """
        self._executable = executable
        self._home = home
        self._preparing = threading.Lock()
        self._place: _Place | None = None

    def __repr__(self) -> str:
        return f"Helm({self._executable!r})"

    @functools.cached_property
    def _version(self) -> HelmVersion:
        return HelmVersion.parse(self._run(["version", "--template", "{{.Version}}"]).stdout)

    def version(self) -> HelmVersion:
        """Read once. Raises PermanentError when there is no helm."""
        return self._version

    def upgrade_install(  # noqa: PLR0913 - all but one by name; they are helm's own
        self,
        kubeconfig: str,
        *,
        release: str,
        namespace: str,
        chart: str,
        repository: str,
        version: str,
        values: Mapping[str, Any],
        timeout: timedelta,
        create_namespace: bool = True,
        wait: bool,
        cleanup_on_fail: bool = True,
        rollback_on_failure: bool = False,
    ) -> Release:
        """Installs the release or brings it to this chart and these values, which replace those of the release before.

        repository: its address; empty when `chart` is a file.
        timeout: for each operation that helm waits for (a hook, or with `wait` everything being ready).
        rollback_on_failure: helm itself goes back to the release before; implies `wait`.
        Raises TemporaryError with code HelmTimeout after timeout and MARGIN, and those of errors.helm_error.
        """
        command = ["upgrade", release, chart, "--install", "--namespace", namespace, *_source(repository, version)]
        # Without --reset-values helm takes the values of the release before when it is given none.
        command += ["--reset-values", "--values", "-", "--timeout", _duration(timeout)]
        command += ["--create-namespace"] if create_namespace else []
        command += ["--wait"] if wait else []
        command += ["--cleanup-on-fail"] if cleanup_on_fail else []
        command += [self._rollback_flag()] if rollback_on_failure else []
        self._run(command, kubeconfig=kubeconfig, values=values, limit=timeout + MARGIN)
        installed = self.status(kubeconfig, release, namespace)
        if installed is None:
            raise NotFoundError(HELM, "ReleaseNotFound", f"release {release} was removed while it was installed")
        return installed

    def status(self, kubeconfig: str, release: str, namespace: str) -> Release | None:
        """The newest revision. Read from the history: `helm status` would also print the release's values."""
        newest = self._history(kubeconfig, release, namespace, 1)
        return newest[-1] if newest else None

    def history(self, kubeconfig: str, release: str, namespace: str) -> list[Release]:
        """Oldest first; empty when there is no such release. Helm keeps 10 revisions."""
        return self._history(kubeconfig, release, namespace, 256)

    def rollback(
        self,
        kubeconfig: str,
        release: str,
        namespace: str,
        revision: int,
        *,
        timeout: timedelta = timedelta(minutes=5),
        wait: bool = False,
        cleanup_on_fail: bool = True,
    ) -> None:
        """Makes a new revision that is a copy of the given one."""
        command = ["rollback", release, str(revision), "--namespace", namespace, "--timeout", _duration(timeout)]
        command += ["--wait"] if wait else []
        command += ["--cleanup-on-fail"] if cleanup_on_fail else []
        self._run(command, kubeconfig=kubeconfig, limit=timeout + MARGIN)

    def uninstall(
        self,
        kubeconfig: str,
        release: str,
        namespace: str,
        *,
        timeout: timedelta = timedelta(minutes=5),
        wait: bool = False,
    ) -> None:
        """A release that is not there counts as uninstalled. Volumes that the hub made for its users are not helm's."""
        command = [
            "uninstall",
            release,
            "--namespace",
            namespace,
            "--ignore-not-found",
            "--timeout",
            _duration(timeout),
        ]
        self._run(command + (["--wait"] if wait else []), kubeconfig=kubeconfig, limit=timeout + MARGIN)

    def render(
        self, chart: str, repository: str, version: str, values: Mapping[str, Any], kube_version: str
    ) -> manifests.Rendered:
        """Renders the chart without a cluster. Raises PermanentError with code ValuesRefused and the chart's complaint.

        kube_version: as Azure writes it ("1.34.2") or with a "v".
        """
        command = ["template", "check", chart, *_source(repository, version), "--kube-version", kube_version]
        return manifests.read(self._run([*command, "--values", "-"], values=values).stdout)

    def chart_versions(self, repository: str, chart: str) -> list[charts.ChartVersion]:
        """Newest first. Read by HTTP: `helm search repo` would need a repository added and updated first."""
        return charts.versions(repository, chart)

    def unlock(self, kubeconfig: str, release: str, namespace: str) -> str | None:
        """Makes a release usable again that a killed helm left behind: what was done, or None when nothing was amiss.

        Helm refuses every change while the newest revision is pending, and cannot tell work from its remains. The
        caller has to know that no other helm is at work on the release: one run a hub at a time, and a helm ends with
        the process that started it (tether.py). Then:
        - a revision before it was good (deployed, else superseded, else failed but there): back to it;
        - none: the first install never ended. It is uninstalled, and with it nothing that was ever in use;
        - an uninstall that never ended is finished.
        """
        revisions = self.history(kubeconfig, release, namespace)
        status = revisions[-1].status if revisions else ""
        if status == "uninstalling":
            self.uninstall(kubeconfig, release, namespace)
            return f"release {release} was half uninstalled; the rest is uninstalled now"
        if status not in PENDING:
            return None
        good = _best(revisions[:-1])
        if good is None:
            self.uninstall(kubeconfig, release, namespace)
            return f"the first install of release {release} was cut off; its remains are uninstalled"
        self.rollback(kubeconfig, release, namespace, good.revision)
        return f"release {release} was cut off in {status}; it is back at revision {good.revision}"

    def _history(self, kubeconfig: str, release: str, namespace: str, revisions: int) -> list[Release]:
        command = ["history", release, "--namespace", namespace, "--max", str(revisions), "--output", "json"]
        try:
            listed = _json(self._run(command, kubeconfig=kubeconfig))
        except NotFoundError as error:
            if error.code != "ReleaseNotFound":
                raise
            return []
        return sorted((_release(item, release, namespace) for item in listed), key=lambda found: found.revision)

    def _rollback_flag(self) -> str:
        return "--atomic" if self.version().major < 4 else "--rollback-on-failure"

    def _run(
        self,
        arguments: list[str],
        *,
        kubeconfig: str | None = None,
        values: Mapping[str, Any] | None = None,
        limit: timedelta = READING,
    ) -> Finished:
        """The one place where helm is run. Raises what errors.helm_error makes of its stderr."""
        place = self._prepared()
        stdin = "" if values is None else _yaml(values)
        redact = Redaction(values, kubeconfig or "")
        # Helm insists on reading a file; without a cluster it gets one that describes none.
        try:
            with private_file(place.folder, "-kubeconfig", kubeconfig or "{}") as path:
                command = [place.program, *arguments, "--kubeconfig", str(path)]
                finished = run(command, stdin=stdin, environ=_environ(place.folder), limit=limit)
        except OverdueError:
            raise helm_overdue(limit.total_seconds()) from None
        except OSError as error:
            raise PermanentError(HELM, "NotHelm", f"helm cannot be run: {error.strerror}") from error
        logger.info("helm %s: exit code %d", " ".join(arguments), finished.code)
        if finished.code != 0:
            raise helm_error(finished.stderr, redact)
        return finished

    def _prepared(self) -> "_Place":
        """Made once, also when several threads come at the same time."""
        with self._preparing:
            if self._place is None:
                private = None
                folder = self._home
                if folder is None:
                    private = PrivateFolder()
                    folder = private.path
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._place = _Place(_runnable(_find(self._executable), folder), folder, private)
            return self._place


@dataclass(frozen=True)
class _Place:
    program: str
    folder: Path
    private: PrivateFolder | None
    """Kept, because the folder goes with it."""


def _environ(folder: Path) -> dict[str, str]:
    """The environment of helm: the way to the network, and no key of any kind."""
    names = {name for wanted in _PASSED_ON for name in (wanted, wanted.lower())}
    passed = {name: os.environ[name] for name in names if name in os.environ}
    homes = dict.fromkeys(("HOME", "TMPDIR"), str(folder))
    homes |= {f"HELM_{kind}_HOME": f"{folder}/{kind.lower()}" for kind in ("CACHE", "CONFIG", "DATA")}
    return passed | homes


def _find(executable: str) -> Path:
    if executable == "helm" and _BUNDLED.exists():
        return _BUNDLED
    found = Path(executable) if os.sep in executable else Path(shutil.which(executable) or "")
    if not found.is_file():
        raise PermanentError(HELM, "NotHelm", f"there is no executable {executable}")
    return found


def _runnable(program: Path, folder: Path) -> str:
    """The program itself, or a copy: a deployed package is read-only and may have lost the executable bit."""
    if os.access(program, os.X_OK):
        return str(program.absolute())
    copy, part = folder / "helm", folder / "helm.part"
    shutil.copyfile(program, part)
    part.chmod(stat.S_IRWXU)
    part.replace(copy)  # in one step: another thread never runs half a program
    return str(copy)


def _source(repository: str, version: str) -> list[str]:
    if urlsplit(repository).username is not None:
        raise PermanentError(HELM, "RepositoryRefused", "a chart repository's address must not hold credentials")
    return (["--repo", repository] if repository else []) + ["--version", version]


def _duration(time: timedelta) -> str:
    return f"{max(1, int(time.total_seconds()))}s"


def _yaml(values: Mapping[str, Any]) -> str:
    """JSON that reads the same as YAML. Not ASCII only: YAML knows no surrogate pairs, JSON's way to write an emoji."""
    text = json.dumps(values, ensure_ascii=False)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _json(finished: Finished) -> Any:
    try:
        return json.loads(finished.stdout)
    except ValueError:
        raise PermanentError(HELM, "HelmFailed", "helm's answer is not JSON") from None


def _release(item: Mapping[str, Any], name: str, namespace: str) -> Release:
    match = _CHART.fullmatch(item["chart"])
    return Release(
        name=name,
        namespace=namespace,
        revision=int(item["revision"]),
        status=item["status"],
        chart=match["chart"] if match else item["chart"],
        chart_version=match["version"] if match else "",
        app_version=item.get("app_version", ""),
        updated=datetime.fromisoformat(item["updated"]).astimezone(UTC),
        description=item.get("description", ""),
    )


def _best(revisions: list[Release]) -> Release | None:
    """The newest of the best kind."""
    for status in ("deployed", "superseded", "failed"):
        if kind := [revision for revision in revisions if revision.status == status]:
            return kind[-1]
    return None
