"""Builds build/hubkeeper.zip, the package that Azure Functions runs: `make package`.

In it: function_app.py, host.json, shared/, the packages of requirements.txt under .python_packages/, all compiled, and the
pinned helm. The same sources give the same bytes. HELM_TARBALL=path takes helm's archive from a file instead of the network;
its checksum has to be the pinned one all the same.
"""

import compileall
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).parents[1]
PIN = ROOT / "shared" / "kubernetes" / "helm-version"
STAGE = ROOT / "build" / "package"
PACKAGE = ROOT / "build" / "hubkeeper.zip"
SITE = Path(".python_packages/lib/site-packages")  # where the Functions worker looks for them
DEPLOYED_AT = "/home/site/wwwroot"  # what tracebacks show
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's first day
UNTRACKED = ("__pycache__", "*.pyc")


class PackageError(Exception):
    """The package cannot be built; the message says what to do."""


@dataclass(frozen=True)
class Pin:
    version: str
    sha256: str

    @classmethod
    def read(cls, text: str) -> "Pin":
        lines = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
        return cls(**{key.strip(): value.strip() for key, _, value in lines})

    @property
    def archive(self) -> str:
        return f"helm-{self.version}-linux-amd64.tar.gz"


def main() -> None:
    """Stages everything, compiles it, zips it."""
    missing = [name for name in ("function_app.py", "host.json", "shared") if not (ROOT / name).exists()]
    if missing:
        raise PackageError(f"not in {ROOT}: {', '.join(missing)}")
    pin = Pin.read(PIN.read_text())
    helm = helm_from(archive(pin), pin)  # first: it fails soonest
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    own()
    vendor()
    compile_all()
    (STAGE / "helm").mkdir()
    (STAGE / "helm" / "helm").write_bytes(helm)
    write_zip(STAGE, PACKAGE)
    digest = hashlib.sha256(PACKAGE.read_bytes()).hexdigest()
    print(f"{PACKAGE.relative_to(ROOT)}: {PACKAGE.stat().st_size / 1e6:.1f} MB, helm {pin.version}, sha256 {digest}")


def archive(pin: Pin) -> bytes:
    """Helm's official archive, unchecked. Raises PackageError when it cannot be had."""
    if given := os.environ.get("HELM_TARBALL"):
        return Path(given).read_bytes()
    address = f"https://get.helm.sh/{pin.archive}"
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            content: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise PackageError(
            f"get.helm.sh cannot be reached: {getattr(error, 'reason', None) or error}\n"
            f"Download {address} where it can be, then: HELM_TARBALL=path/to/{pin.archive} make package"
        ) from error
    return content


def helm_from(content: bytes, pin: Pin) -> bytes:
    """The executable in the archive. Raises PackageError when the archive is not the pinned one."""
    found = hashlib.sha256(content).hexdigest()
    if found != pin.sha256:
        raise PackageError(
            f"this is not the pinned {pin.archive}: its sha256 is {found}, {PIN.relative_to(ROOT)} says {pin.sha256}"
        )
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as opened:
        member = opened.extractfile("linux-amd64/helm")
        if member is None:
            raise PackageError(f"{pin.archive} holds no linux-amd64/helm")
        return member.read()


def own() -> None:
    """The product itself."""
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, STAGE / name)
    shutil.copytree(ROOT / "shared", STAGE / "shared", ignore=shutil.ignore_patterns(*UNTRACKED))


def vendor() -> None:
    """The packages of requirements.txt, for the platform that they run on there, each with the pinned hash."""
    command = [str(ROOT / ".tools" / "bin" / "uv"), "pip", "install", "--quiet", "--target", str(STAGE / SITE)]
    command += ["--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"]
    command += ["--require-hashes", "--no-deps", "--link-mode", "copy", "-r", str(ROOT / "requirements.txt")]
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        raise PackageError("uv could not install requirements.txt; what it said stands above")
    shutil.rmtree(STAGE / SITE / "bin", ignore_errors=True)  # scripts that name this machine's interpreter
    for name in (".lock", ".gitignore"):  # uv's own
        (STAGE / SITE / name).unlink(missing_ok=True)


def compile_all() -> None:
    """The deployed folder is read-only: what is not compiled here is compiled again at every start.

    Unchecked: the zip's dates are not the sources', and dates are what Python would compare.
    """
    if sys.version_info[:2] != (3, 13):
        raise PackageError("bytecode has to be made by the Python that runs it: 3.13")
    compileall.compile_dir(
        STAGE,
        quiet=2,
        workers=0,
        stripdir=STAGE,
        prependdir=DEPLOYED_AT,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )


def write_zip(stage: Path, package: Path) -> None:
    """Sorted, with fixed dates and modes: the same files give the same bytes."""
    package.unlink(missing_ok=True)
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as opened:
        for path in files(stage):
            entry = zipfile.ZipInfo(str(path.relative_to(stage)), EPOCH)
            mode = 0o755 if path == stage / "helm" / "helm" else 0o644
            entry.external_attr = (0o100000 | mode) << 16  # a regular file
            entry.create_system = 3  # Unix, or the mode would not count
            entry.compress_type = zipfile.ZIP_DEFLATED
            opened.writestr(entry, path.read_bytes())


def files(stage: Path) -> Iterator[Path]:
    yield from sorted(
        (path for path in stage.rglob("*") if path.is_file()), key=lambda path: path.relative_to(stage).parts
    )


if __name__ == "__main__":
    try:
        main()
    except PackageError as error:
        sys.exit(f"make package: {error}")
