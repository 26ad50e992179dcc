"""The local cloud's time: one clock for every process of a copy, that can be moved and made to run faster.

The clock is a small file, so that the local cloud, the functions host and a test agree on it without asking each other,
and so that it survives the death of any of them.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """Virtual time `base` (seconds since 1970, UTC) stood at real time `real`, and runs `rate` times as fast since."""

    base: float
    real: float
    rate: float

    def at(self, real: float) -> float:
        return self.base + (real - self.real) * self.rate


class FileClock:
    """Virtual time, read from a file on every call (a `stat` when nothing changed)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        real = time.time()  # noqa: TID251 - here virtual time is made from real time
        self._setting = Setting(real, real, 1.0)

    @property
    def rate(self) -> float:
        """Virtual seconds a real second; 0 when the clock stands still."""
        return self._read().rate

    def seconds(self) -> float:
        """Virtual seconds since 1970, UTC."""
        return self._read().at(time.time())  # noqa: TID251 - see above

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def real_delay(self, virtual_seconds: float) -> float:
        """Real seconds until that many virtual ones have passed, should nobody move the clock (inf: standing still)."""
        rate = self.rate
        if virtual_seconds <= 0:
            return 0.0
        return virtual_seconds / rate if rate > 0 else float("inf")

    def set(self, now: datetime | None = None, rate: float | None = None) -> None:
        """Moves the clock to `now`, or leaves it where it is, and makes it run at `rate` from there."""
        base = self.seconds() if now is None else now.timestamp()
        self._write(Setting(base, time.time(), self.rate if rate is None else rate))  # noqa: TID251 - see above

    def advance(self, by: timedelta) -> None:
        self.set(self.now() + by)

    def _read(self) -> Setting:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return self._setting
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._seen:
            self._setting = Setting(**json.loads(self._path.read_text()))
            self._seen = stamp
        return self._setting

    def _write(self, setting: Setting) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(setting)))
        fresh.replace(self._path)
