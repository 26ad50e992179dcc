"""Files that hold credentials for the few seconds in which another program or library insists on reading a file.

Folders are 0700 and files 0600. Each folder is locked by its process as long as it lives; folders whose process was
killed are found by their free lock and removed by the next process that makes one.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "hubkeeper-"


class PrivateFolder:
    """A folder of this process alone, under the system's folder for temporary files; removed with the object."""

    def __init__(self) -> None:
        _remove_orphans()
        self.path, lock = _make()
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def close(self) -> None:
        self._finalizer()


@contextlib.contextmanager
def private_file(folder: Path, name: str, content: str | bytes) -> Iterator[Path]:
    """A 0600 file with this content while the block runs. `name` is its suffix."""
    handle, path = tempfile.mkstemp(suffix=name, dir=folder)  # mkstemp creates 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


def _make() -> tuple[Path, int]:
    """A new folder and its lock, held. Made again when another process took it for an orphan before it was locked."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))  # mkdtemp creates 0700
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return path, lock
        os.close(lock)


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _remove_orphans() -> None:
    """Folders of processes that were killed. One without a lock file was made this very moment and is left alone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except OSError:  # another user's, or not finished
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
