"""The controller of Jobs."""

from local.kubernetes.controllers.control import Control, active, parse
from local.kubernetes.objects.budgets import is_ready
from local.kubernetes.objects.kinds import JOB, POD
from local.kubernetes.objects.store import meta
from local.world import Document

_COMPONENT = "job-controller"


def reconcile_jobs(control: Control) -> None:
    for job in control.store.all(JOB):
        if meta(job).get("deletionTimestamp"):
            continue
        if _finished(job):
            _expire(control, job)
        else:
            _advance(control, job)


def _finished(job: Document) -> bool:
    conditions = job["status"].get("conditions") or []
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def _expire(control: Control, job: Document) -> None:
    """`ttlSecondsAfterFinished`: the job goes so long after its end."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None:
        return
    end = max(parse(one["lastTransitionTime"]) for one in job["status"]["conditions"]) + seconds
    if control.seconds() >= end:
        control.registry.delete(JOB, meta(job)["namespace"], meta(job)["name"], {"propagationPolicy": "Background"})
    else:
        control.wake_at(end)


def _advance(control: Control, job: Document) -> None:
    spec = job["spec"]
    pods = control.owned(POD, job)
    running = active(pods)
    succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
    failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
    status: Document = {**job["status"], "uncountedTerminatedPods": {}}
    status.setdefault("startTime", control.now())
    failure = _failure(control, job, status, pods, failed)
    if failure is not None:
        _stop(control, job, running)
        running = []
        _conclude(control, job, status, [("FailureTarget", failure), ("Failed", failure)])
    elif succeeded >= spec.get("completions", 1):
        status["completionTime"] = control.now()
        done = ("CompletionsReached", "Reached expected number of succeeded pods")
        _conclude(control, job, status, [("SuccessCriteriaMet", done), ("Complete", done)])
        control.event(job, "Completed", "Job completed", _COMPONENT)
    elif not spec.get("suspend"):
        running += _start(control, job, len(running), succeeded)
    _count(status, running, succeeded, failed)
    control.set_status(JOB, job, status)


def _count(status: Document, running: list[Document], succeeded: int, failed: int) -> None:
    counts = {
        "active": len(running),
        "ready": sum(map(is_ready, running)),
        "succeeded": succeeded,
        "failed": failed,
        "terminating": 0,
    }
    for name, count in counts.items():
        if count or name in ("ready", "terminating"):
            status[name] = count
        else:
            status.pop(name, None)


def _failure(
    control: Control, job: Document, status: Document, pods: list[Document], failed: int
) -> tuple[str, str] | None:
    """Reason and message when the job has failed for good."""
    spec = job["spec"]
    restarts = sum(
        one["restartCount"]
        for pod in pods
        if pod["spec"]["restartPolicy"] == "OnFailure"
        for one in pod["status"].get("containerStatuses") or []
    )
    if failed + restarts > spec["backoffLimit"]:
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        end = parse(status["startTime"]) + deadline
        if control.seconds() >= end:
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        control.wake_at(end)
    return None


def _stop(control: Control, job: Document, pods: list[Document]) -> None:
    for pod in pods:
        control.delete_pod(job, pod, _COMPONENT)


def _start(control: Control, job: Document, running: int, succeeded: int) -> list[Document]:
    spec = job["spec"]
    wanted = min(spec["parallelism"], max(0, spec.get("completions", 1) - succeeded))
    started: list[Document] = []
    for _ in range(wanted - running):
        pod = control.create_pod(job, spec["template"], _COMPONENT)
        if pod is None:
            break
        started.append(pod)
    return started


def _conclude(control: Control, job: Document, status: Document, conditions: list[tuple[str, tuple[str, str]]]) -> None:
    now = control.now()
    status["conditions"] = [
        {
            "type": type_,
            "status": "True",
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for type_, (reason, message) in conditions
    ]
    if conditions[-1][0] == "Failed":
        reason, message = conditions[-1][1]
        control.event(job, reason, message, _COMPONENT, warning=True)
