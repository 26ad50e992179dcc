"""A stand-in for the helm executable: answers as told, and writes down how it was called."""

import json
import sys
from pathlib import Path
from typing import Any

_SCRIPT = """#!{python} -IS
import json, os, pathlib, stat, sys, time
here = pathlib.Path({folder!r})
argv = sys.argv[1:]
stdin = "" if sys.stdin is None else sys.stdin.read()
call = {{"argv": argv, "stdin": stdin, "env": dict(os.environ), "parent": os.getppid()}}
if "--kubeconfig" in argv:
    path = pathlib.Path(argv[argv.index("--kubeconfig") + 1])
    call["kubeconfig"] = {{"path": str(path), "text": path.read_text(), "mode": stat.S_IMODE(path.stat().st_mode)}}
with (here / "calls.jsonl").open("a") as log:
    log.write(json.dumps(call) + "\\n")
answer = json.loads((here / "answers.json").read_text()).get(argv[0], {{}})
if isinstance(answer, list):
    count = sum(json.loads(line)["argv"][0] == argv[0] for line in (here / "calls.jsonl").read_text().splitlines())
    answer = answer[min(count, len(answer)) - 1]
if answer.get("child"):
    import subprocess
    child = subprocess.Popen(["sleep", "60"])
    (here / "child.pid").write_text(str(child.pid))
(here / "pid").write_text(str(os.getpid()))
time.sleep(answer.get("sleep", 0))
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
sys.exit(answer.get("code", 0))
"""


class FakeHelm:
    def __init__(self, folder: Path, version: str = "v3.17.3") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.executable = folder / "helm"
        self.executable.write_text(_SCRIPT.format(python=sys.executable, folder=str(folder)))
        self.executable.chmod(0o755)
        self._answers: dict[str, Any] = {"version": {"stdout": version}}
        self.answer("history", revisions(("deployed", 1)))

    def answer(self, command: str, *stdout: str, **how: Any) -> None:
        """What a command prints, one after the other when several; or stderr, code, sleep (seconds), child."""
        self._answers[command] = [{"stdout": text} for text in stdout] if stdout else how
        (self.folder / "answers.json").write_text(json.dumps(self._answers))

    def refuse(self, command: str, stderr: str) -> None:
        self.answer(command, stderr=stderr, code=1)

    def calls(self, command: str | None = None) -> list[dict[str, Any]]:
        log = self.folder / "calls.jsonl"
        calls = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [call for call in calls if command in (None, call["argv"][0])]


def revisions(*states: tuple[str, int], chart: str = "jupyterhub-4.4.0") -> str:
    """What `helm history -o json` prints."""
    return json.dumps(
        [
            {
                "revision": number,
                "updated": "2026-11-22T04:43:37.123456789Z",
                "status": status,
                "chart": chart,
                "app_version": "5.5.0",
                "description": "Install complete",
            }
            for status, number in states
        ]
    )
