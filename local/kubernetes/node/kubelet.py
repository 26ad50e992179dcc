"""Runs pods: real processes where a runtime knows the image, else containers that only pretend to run."""

import asyncio
from pathlib import Path

from local.kubernetes.addresses import Addresses
from local.kubernetes.controllers.control import Control
from local.kubernetes.controllers.endpoints import resolve
from local.kubernetes.node.containers import ContainerRun
from local.kubernetes.node.podfiles import NotReadyError, PodVolumes, Surroundings, environment
from local.kubernetes.node.podstatus import ended, pod_status
from local.kubernetes.node.runtime import PodContext, Process, Runtime
from local.kubernetes.objects.kinds import NODE, POD
from local.kubernetes.objects.store import holds, meta
from local.world import Document

_LONGEST_GRACE = 10.0
"""Real seconds that a process is given at most: a person at a laptop does not wait longer."""


class PodRun:
    """One pod on this machine."""

    def __init__(self, pod: Document, ip: str, volumes: PodVolumes, directory: Path) -> None:
        self.key = (meta(pod)["namespace"], meta(pod)["name"])
        self.ip = ip
        self.volumes = volumes
        self.directory = directory
        self.containers: dict[str, ContainerRun] = {}
        self.prepared = False
        self.stopping: asyncio.Task[None] | None = None

    async def stop(self, grace: float) -> None:
        await asyncio.gather(*(one.stop(grace) for one in self.containers.values()))
        self.volumes.remove()


class Kubelet:
    """The kubelets of all nodes of one cluster."""

    def __init__(
        self,
        control: Control,
        cluster: str,
        identity: str,
        around: Surroundings,
        addresses: Addresses,
        folder: Path,
        runtimes: list[Runtime],
    ) -> None:
        self._control = control
        self._cluster = cluster
        self._id = identity
        self._around = around
        self._addresses = addresses
        self._folder = folder
        self._runtimes = runtimes
        self._runs: dict[str, PodRun] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def pulse(self) -> tuple[object, ...]:
        """Changes when a real process does: then there is something to do although no object changed."""
        return tuple(
            (uid, run.stopping is not None and run.stopping.done(), *(one.pulse() for one in run.containers.values()))
            for uid, run in self._runs.items()
        )

    def step(self) -> None:
        """Looks after every pod that has a node, and ends what has no pod any more."""
        pods = {meta(pod)["uid"]: pod for pod in self._control.store.all(POD) if pod["spec"].get("nodeName")}
        for uid, pod in pods.items():
            self._look_after(uid, pod)
        for uid in self._runs.keys() - pods.keys():
            self._end(uid, self._runs[uid], 1.0)

    def log(self, pod: Document, container: str) -> str:
        run = self._runs.get(meta(pod)["uid"])
        found = run.containers.get(container) if run else None
        return found.log() if found else ""

    async def close(self, grace: float = 3.0) -> None:
        """Ends all processes; pods stay as they are."""
        runs, self._runs = list(self._runs.values()), {}
        await asyncio.gather(*(run.stop(grace) for run in runs), *self._ending)

    def _look_after(self, uid: str, pod: Document) -> None:
        if meta(pod).get("deletionTimestamp"):
            self._terminate(uid, pod)
        elif ended(pod):
            self._put_away(uid)
        else:
            run = self._runs.get(uid)
            if run is None:
                run = self._runs[uid] = self._begin(uid, pod)
            self._drive(run, pod)

    def _owner(self, uid: str) -> str:
        return f"{self._id}|{uid}"

    def _begin(self, uid: str, pod: Document) -> PodRun:
        ip = self._addresses.of(self._owner(uid), "pod")
        directory = self._folder / uid
        return PodRun(pod, ip, PodVolumes(self._around, pod, ip, directory), directory)

    def _terminate(self, uid: str, pod: Document) -> None:
        """Ends a pod's processes in its grace period; only then the object goes."""
        run = self._runs.get(uid)
        if run is not None:
            wanted = float(meta(pod).get("deletionGracePeriodSeconds", 30))
            if not self._end(uid, run, min(wanted, _LONGEST_GRACE)):
                return
        if holds(pod):
            return
        self._addresses.release(self._owner(uid), "pod")
        self._control.store.remove(POD, *self._key(pod))

    @staticmethod
    def _key(pod: Document) -> tuple[str, str]:
        return meta(pod)["namespace"], meta(pod)["name"]

    def _end(self, uid: str, run: PodRun, grace: float) -> bool:
        """Whether everything of a pod has ended; begins to end it if not."""
        if run.stopping is None:
            run.stopping = asyncio.create_task(run.stop(grace))
            self._ending.add(run.stopping)
            run.stopping.add_done_callback(self._ending.discard)
            if any(one.is_real for one in run.containers.values()):
                return False
        if not run.stopping.done() and any(one.is_real for one in run.containers.values()):
            return False
        self._runs.pop(uid, None)
        if self._control.store.get(POD, *run.key) is None:
            self._addresses.release(self._owner(uid), "pod")
        return True

    def _put_away(self, uid: str) -> None:
        """An ended pod holds no address; its log stays readable."""
        self._addresses.release(self._owner(uid), "pod")

    def _drive(self, run: PodRun, pod: Document) -> None:
        if not run.prepared and not self._prepare(run, pod):
            return
        if self._initialised(run, pod):
            for container in pod["spec"]["containers"]:
                self._advance(run, pod, container, init=False)
        self._write(run)

    def _prepare(self, run: PodRun, pod: Document) -> bool:
        try:
            run.volumes.write()
        except NotReadyError as error:
            if error.reason:
                self._control.event(pod, error.reason, error.message, "kubelet", warning=True)
            self._write(run)
            return False
        run.prepared = True
        return True

    def _initialised(self, run: PodRun, pod: Document) -> bool:
        """Whether all init containers have done their part; they run one after the other."""
        for container in pod["spec"].get("initContainers") or []:
            one = self._advance(run, pod, container, init=True)
            done = one.is_ready if container.get("restartPolicy") == "Always" else one.exit_code == 0
            if not done:
                return False
        return True

    def _advance(self, run: PodRun, pod: Document, container: Document, *, init: bool) -> ContainerRun:
        one = run.containers.get(container["name"])
        if one is None:
            runtime = next((each for each in self._runtimes if each.handles(pod, container)), None)
            one = ContainerRun(self._control, pod, container, init=init, real=runtime is not None)
            run.containers[container["name"]] = one
            if runtime is not None:
                one.starter = lambda: self._start(runtime, run, container)
        one.advance(pod)
        if one.is_running and not one.is_real and self._ends_by_itself(pod, init=init, container=container):
            one.end_after(pod)
        return one

    def _ends_by_itself(self, pod: Document, *, init: bool, container: Document) -> bool:
        """Init containers and the pods of jobs do their work and end; what they would do has no effect here."""
        if init:
            return container.get("restartPolicy") != "Always"
        return any(owner["kind"] == "Job" for owner in meta(pod).get("ownerReferences") or [])

    async def _start(self, runtime: Runtime, run: PodRun, container: Document) -> Process:
        """Raises NotReadyError, and whatever a runtime raises."""
        pod = self._control.store.require(POD, *run.key)
        variables = environment(self._around, pod, container, run.ip)
        mounts = run.volumes.mounts(container, variables)
        run.directory.mkdir(parents=True, exist_ok=True)
        namespace = meta(pod)["namespace"]
        context = PodContext(
            cluster=self._cluster,
            pod=pod,
            container=container,
            ip=run.ip,
            directory=run.directory,
            mounts=mounts,
            environment=variables,
            service_account=run.volumes.service_account(),
            resolve=lambda host, port: resolve(self._control.store, namespace, host, port),
        )
        return await runtime.start(context)

    def _write(self, run: PodRun) -> None:
        fresh = self._control.store.get(POD, *run.key)
        if fresh is None:
            return
        node = self._control.store.get(NODE, "", fresh["spec"]["nodeName"])
        host = node["status"]["addresses"][0]["address"] if node else ""
        status = pod_status(fresh, run.containers, run.ip if run.prepared else "", host, self._control.now())
        self._control.set_status(POD, fresh, status)
