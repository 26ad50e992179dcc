"""A pod's status, from what its containers do."""

from local.kubernetes.node.containers import ContainerRun
from local.kubernetes.objects.admission import quality
from local.world import Document


def ended(pod: Document) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _waiting(container: Document, *, after_init: bool) -> Document:
    """The status of a container that has not been tried yet."""
    return {
        "name": container["name"],
        "state": {"waiting": {"reason": "PodInitializing" if after_init else "ContainerCreating"}},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "started": False,
    }


def _statuses(pod: Document, group: str, runs: dict[str, ContainerRun]) -> list[Document]:
    after_init = bool(pod["spec"].get("initContainers"))
    return [
        runs[one["name"]].status(pod) if one["name"] in runs else _waiting(one, after_init=after_init)
        for one in pod["spec"].get(group) or []
    ]


def _phase(pod: Document, init: list[Document], statuses: list[Document]) -> str:
    """By the rules of the pod lifecycle (kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle)."""
    never = pod["spec"]["restartPolicy"] == "Never"
    if never and any((one["state"].get("terminated") or {}).get("exitCode", 0) for one in init):
        return "Failed"
    ends = [one["state"].get("terminated") for one in statuses]
    if all(ends) and pod["spec"]["restartPolicy"] != "Always":
        codes = [end["exitCode"] for end in ends if end]
        return "Failed" if any(codes) else "Succeeded"
    untried = [one for one in statuses if "waiting" in one["state"] and not one["lastState"]]
    return "Pending" if untried else "Running"


def _condition(known: list[Document], type_: str, now: str, *, holds: bool, reason: str = "") -> Document:
    status = "True" if holds else "False"
    old = next((one for one in known if one["type"] == type_), None)
    entry: Document = {"type": type_, "status": status, "lastProbeTime": None}
    if reason and not holds:
        entry["reason"] = reason
    entry["lastTransitionTime"] = old["lastTransitionTime"] if old and old["status"] == status else now
    return entry


def pod_status(pod: Document, runs: dict[str, ContainerRun], ip: str, host: str, now: str) -> Document:
    """`ip` is "" as long as the pod has no network."""
    old = pod["status"]
    init, statuses = _statuses(pod, "initContainers", runs), _statuses(pod, "containers", runs)
    phase = _phase(pod, init, statuses)
    done = phase == "Succeeded"
    ready = phase == "Running" and all(one["ready"] for one in statuses)
    known: list[Document] = old.get("conditions") or []
    initialised = all(one["ready"] for one in init)
    reason = "PodCompleted" if done else "ContainersNotReady"
    status: Document = {
        "phase": phase,
        "qosClass": old.get("qosClass") or quality(pod["spec"]),
        "startTime": old.get("startTime") or now,
        "conditions": [
            _condition(known, "PodReadyToStartContainers", now, holds=bool(ip)),
            _condition(known, "Initialized", now, holds=initialised, reason="ContainersNotInitialized"),
            _condition(known, "Ready", now, holds=ready, reason=reason),
            _condition(known, "ContainersReady", now, holds=ready, reason=reason),
            _condition(known, "PodScheduled", now, holds=True),
        ],
        "containerStatuses": statuses,
    }
    if init:
        status["initContainerStatuses"] = init
    if host:
        status.update(hostIP=host, hostIPs=[{"ip": host}])
    if ip:
        status.update(podIP=ip, podIPs=[{"ip": ip}])
    return status
