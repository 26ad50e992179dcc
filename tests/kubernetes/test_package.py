"""What make package does with helm and how it writes the zip. (Vendoring needs the registry: it is tried by make package.)"""

import hashlib
import importlib.util
import io
import stat
import tarfile
import urllib.error
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "package.py"


@pytest.fixture
def package() -> ModuleType:
    spec = importlib.util.spec_from_file_location("package_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def archive() -> bytes:
    """As get.helm.sh packs it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as opened:
        member = tarfile.TarInfo("linux-amd64/helm")
        member.size = 4
        opened.addfile(member, io.BytesIO(b"helm"))
    return content.getvalue()


def test_the_pin_names_an_official_version_and_a_sha256(package: ModuleType) -> None:
    pin = package.Pin.read(package.PIN.read_text())
    assert pin.archive == "helm-v3.22.0-linux-amd64.tar.gz"
    assert len(bytes.fromhex(pin.sha256)) == 32


def test_helm_comes_out_of_the_pinned_archive(package: ModuleType, archive: bytes) -> None:
    assert package.helm_from(archive, package.Pin("v1.2.3", hashlib.sha256(archive).hexdigest())) == b"helm"


def test_any_other_archive_is_refused(package: ModuleType, archive: bytes) -> None:
    with pytest.raises(package.PackageError, match="not the pinned helm"):
        package.helm_from(archive, package.Pin("v1.2.3", "0" * 64))


def test_an_archive_can_be_given_as_a_file(
    package: ModuleType, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helm.tar.gz").write_bytes(archive)
    monkeypatch.setenv("HELM_TARBALL", str(tmp_path / "helm.tar.gz"))
    assert package.archive(package.Pin("v1.2.3", "")) == archive


def test_without_a_network_the_way_out_is_told(package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError(OSError("no route"))

    monkeypatch.delenv("HELM_TARBALL", raising=False)
    monkeypatch.setattr(package.urllib.request, "urlopen", unreachable)
    with pytest.raises(package.PackageError) as caught:
        package.archive(package.Pin("v1.2.3", ""))
    assert str(caught.value) == (
        "get.helm.sh cannot be reached: no route\n"
        "Download https://get.helm.sh/helm-v1.2.3-linux-amd64.tar.gz where it can be, then: "
        "HELM_TARBALL=path/to/helm-v1.2.3-linux-amd64.tar.gz make package"
    )


def test_the_same_files_give_the_same_zip_and_helm_stays_executable(package: ModuleType, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    for name in ("helm/helm", "shared/b.py", "shared/a.py", "function_app.py"):
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).write_text(name)
    package.write_zip(stage, tmp_path / "one.zip")
    (stage / "function_app.py").write_text("function_app.py")  # another date
    package.write_zip(stage, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as opened:
        modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in opened.infolist()}
    assert modes == {"function_app.py": 0o644, "helm/helm": 0o755, "shared/a.py": 0o644, "shared/b.py": 0o644}
