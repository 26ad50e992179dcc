"""The cold start: what importing the app costs beyond the two SDKs that no app of its kind can do without.

Processor time, not wall time: an import waits for nothing but the disk, and a neighbour on the machine must not decide the ratio.
"""

import subprocess
import sys

from local.azurite import ROOT
from tests.bench.rows import Row

TRIES = 7
LIMIT = 1.5
BASE = "import azure.functions, azure.durable_functions"
APP = "import function_app"
CLOCK = "import time; begun = time.process_time(); {}; print(time.process_time() - begun)"


def cold_start() -> list[Row]:
    """The best of several fresh interpreters each, in turn, so that both see the same machine."""
    base, app = [], []
    for _ in range(TRIES):
        base.append(_seconds(BASE))
        app.append(_seconds(APP))
    fastest = min(app)
    note = f"{BASE}: {min(base) * 1000:.0f} ms"
    return [Row("cold_start", fastest * 1000, "ms", fastest / min(base), LIMIT, note)]


def _seconds(statement: str) -> float:
    command = [sys.executable, "-c", CLOCK.format(statement)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)
