"""One container of one pod: waiting for its image, running, ended, started again."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine

from local.kubernetes.controllers.control import Control
from local.kubernetes.node.podfiles import NotReadyError
from local.kubernetes.node.runtime import Process
from local.kubernetes.objects.store import meta
from local.world import Document

_PULL = 4.0
"""How long a node takes to pull an image, in Azure."""
_WORK = 3.0
"""How long a pretended init container or job works."""
_BACKOFF, _LONGEST_BACKOFF = 10.0, 300.0
_LEAST_REST = 0.5
"""Real seconds between two starts, doubled each time: a crashing process must not eat this machine."""


class ContainerRun:
    """A container's life. `starter` starts the real process, when there is one."""

    def __init__(self, control: Control, pod: Document, container: Document, *, init: bool, real: bool) -> None:
        self._control = control
        self._container = container
        self.is_real = real
        self._is_init = init
        self.starter: Callable[[], Coroutine[None, None, Process]] | None = None
        self._process: Process | None = None
        self._starting: asyncio.Task[Process] | None = None
        self._since = control.seconds()
        self._pulled = False
        self._restarts = 0
        self._reason = "PodInitializing" if not init and pod["spec"].get("initContainers") else "ContainerCreating"
        self._message = ""
        self._started: str | None = None
        self._ended: Document | None = None
        self._last: Document | None = None
        self._log = ""
        self._rest_until = 0.0
        self._adopt(pod)

    def _adopt(self, pod: Document) -> None:
        """Goes on where the pod's status says it was before the local cloud was started again."""
        statuses = pod["status"].get("initContainerStatuses" if self._is_init else "containerStatuses") or []
        known = next((one for one in statuses if one["name"] == self._container["name"]), None)
        if known is None:
            return
        self._restarts, state = known["restartCount"], known["state"]
        if "terminated" in state and (self._is_init or pod["spec"]["restartPolicy"] != "Always"):
            self._ended = state["terminated"]
        elif "running" in state:
            self._pulled = True
            if self.is_real:
                self._restarts += 1
                self._last = _terminated(state["running"]["startedAt"], self._control.now(), 137, "Error")
            else:
                self._started = state["running"]["startedAt"]

    @property
    def is_running(self) -> bool:
        return self._started is not None and self._ended is None

    @property
    def is_ready(self) -> bool:
        if not self.is_running:
            return False
        return self._process is not None and self._process.ready if self.is_real else True

    @property
    def exit_code(self) -> int | None:
        return self._ended["exitCode"] if self._ended else None

    def pulse(self) -> tuple[object, ...]:
        process = self._process
        seen = (process.ready, process.exit_code) if process is not None else None
        resting = self._rest_until > time.monotonic()
        return self._starting is not None and self._starting.done(), seen, resting

    def log(self) -> str:
        return self._process.log() if self._process is not None else self._log

    async def stop(self, grace: float) -> None:
        """Ends the process, also one that is only being started: a start cut off half-way could leave it behind."""
        if self._starting is not None:
            with contextlib.suppress(Exception):  # it did not start: there is nothing to end
                self._process = await self._starting
        if self._process is not None:
            await self._process.stop(grace)

    def advance(self, pod: Document) -> None:
        """One step, if there is one to take."""
        if self._ended is not None:
            self._maybe_again(pod)
        elif self._started is None:
            self._toward_start(pod)
        elif self._process is not None and (code := self._process.exit_code) is not None:
            self._finish(pod, code)

    def end_after(self, pod: Document) -> None:
        """A pretended container's work is done after a while."""
        if self._started is not None and self._control.passed(self._started, _WORK):
            self._finish(pod, 0)

    def _toward_start(self, pod: Document) -> None:
        if not self._pulled:
            if not self._control.passed(self._since, _PULL):
                return
            self._pulled = True
            message = f'Successfully pulled image "{self._container["image"]}"'
            self._tell(pod, "Pulled", message)
        if self.starter is None:
            self._run(pod)
        elif self._starting is None:
            self._starting = asyncio.create_task(self.starter())
        elif self._starting.done():
            self._take(pod, self._starting)

    def _take(self, pod: Document, starting: asyncio.Future[Process]) -> None:
        self._starting = None
        error = starting.exception()
        if error is None:
            self._process = starting.result()
            self._run(pod)
            return
        if isinstance(error, NotReadyError):
            self._reason, self._message = error.reason or "ContainerCreating", error.message
            self._tell(pod, "Failed", f"Error: {error.message}", warning=True)
        else:
            self._reason, self._message = "RunContainerError", f"{type(error).__name__}: {error}"
            self._tell(pod, "Failed", f"Error: failed to start container: {error}", warning=True)
        self._rest()
        self._ended = _terminated(None, self._control.now(), 128, "StartError")

    def _run(self, pod: Document) -> None:
        self._started = self._control.now()
        self._reason = self._message = ""
        self._tell(pod, "Started", f"Started container {self._container['name']}")

    def _finish(self, pod: Document, code: int) -> None:
        reason = "Completed" if code == 0 else "Error"
        self._ended = _terminated(self._started, self._control.now(), code, reason)
        self._log = self.log()
        self._process = None
        if self._again(pod):
            self._rest()

    def _again(self, pod: Document) -> bool:
        """An init container that has done its part is done, whatever the pod's policy."""
        policy = self._container.get("restartPolicy") or pod["spec"]["restartPolicy"]
        if self._is_init and self._container.get("restartPolicy") != "Always" and policy == "Always":
            policy = "OnFailure"
        return policy == "Always" or (policy == "OnFailure" and self.exit_code != 0)

    def _rest(self) -> None:
        self._since = self._control.seconds()
        self._rest_until = time.monotonic() + _LEAST_REST * 2 ** min(self._restarts, 4)

    def _maybe_again(self, pod: Document) -> None:
        """Starts an ended container again when its policy says so, later each time."""
        if not self._again(pod):
            return
        pause = min(_BACKOFF * 2**self._restarts, _LONGEST_BACKOFF) if self._restarts else 0.0
        if time.monotonic() < self._rest_until or not self._control.passed(self._since, pause):
            self._reason = self._reason or "CrashLoopBackOff"
            return
        self._last, self._ended, self._started = self._ended, None, None
        self._restarts += 1
        self._toward_start(pod)

    def _tell(self, pod: Document, reason: str, message: str, *, warning: bool = False) -> None:
        self._control.event(pod, reason, message, "kubelet", warning=warning)

    def status(self, pod: Document) -> Document:
        """The entry in the pod's `containerStatuses`."""
        image = self._container["image"]
        state: Document
        if self._ended is not None and not (self._again(pod) and self._reason):
            state = {"terminated": self._ended}
        elif self.is_running:
            state = {"running": {"startedAt": self._started}}
        else:
            state = {"waiting": {"reason": self._reason or "ContainerCreating"}}
            if self._message:
                state["waiting"]["message"] = self._message
        last = self._ended if "waiting" in state and self._ended else self._last
        identity = meta(pod)["uid"].replace("-", "")
        started = self.is_running
        return {
            "name": self._container["name"],
            "state": state,
            "lastState": {"terminated": last} if last else {},
            "ready": self.is_ready or (self._is_init and self.exit_code == 0),
            "restartCount": self._restarts,
            "image": image,
            "imageID": image if started else "",
            "containerID": f"containerd://{identity}{self._restarts:032x}" if started else "",
            "started": started,
        }


def _terminated(started: str | None, ended: str, code: int, reason: str) -> Document:
    return {"exitCode": code, "reason": reason, "startedAt": started or ended, "finishedAt": ended}
