"""Why pods do not run, told from their statuses and events. Pure.

Decisions are taken from the kinds of the causes; sentences are for people. The reasons are those that the kubelet, the scheduler
and the volume and service controllers report (in kubernetes: pkg/kubelet/images, kuberuntime and events).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LONGEST = 3
"""Sentences of a summary: more repeat themselves, since what keeps one pod from running usually keeps the others too."""

LAST_WORDS = 300
"""Characters of a container's last words that a sentence repeats."""

Json = Mapping[str, Any]


class CauseKind(StrEnum):
    """In the order of weight: what explains most comes first."""

    OUT_OF_MEMORY = "out of memory"
    """A container used more memory than its limit, and was killed."""
    CRASH = "crash"
    """A container ends, or cannot be run, each time it is started."""
    IMAGE = "image"
    CONFIG = "config"
    """A secret, a config map or a key of one is missing."""
    EVICTED = "evicted"
    """The node ran out of something, and the pod had to leave it."""
    ADDRESS = "address"
    """A service gets no load balancer."""
    VOLUME = "volume"
    NO_ROOM = "no room"
    """No node takes the pod."""
    UNREADY = "unready"
    """Not ready, for a reason that Kubernetes does not tell, or one of none of the other kinds."""


CRASHES = frozenset({CauseKind.OUT_OF_MEMORY, CauseKind.CRASH})
"""Each means that the container was tried and fails; waiting longer seldom helps."""


@dataclass(frozen=True)
class Cause:
    """One reason why something does not run. object: as "Pod hub-1". log_tail: a container's last words, where it left any."""

    kind: CauseKind
    object: str
    sentence: str
    log_tail: str = ""


_IMAGE = {
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_STARTING = {"ContainerCreating", "PodInitializing"}
_NOT_RUN = {"CrashLoopBackOff", "RunContainerError", "StartError", "ContainerCannotRun", "PostStartHookError"}
"""Reasons of a container that was tried. CreateContainerError is none: it passes by itself when a node is slow."""

_OF_EVENTS = {
    "FailedScheduling": CauseKind.NO_ROOM,
    "FailedMount": CauseKind.VOLUME,
    "FailedAttachVolume": CauseKind.VOLUME,
    "FailedMapVolume": CauseKind.VOLUME,
    "ProvisioningFailed": CauseKind.VOLUME,
    "FailedBinding": CauseKind.VOLUME,
    "Evicted": CauseKind.EVICTED,
    "SyncLoadBalancerFailed": CauseKind.ADDRESS,
    "ErrImageNeverPull": CauseKind.IMAGE,
}
_MISSING = re.compile(
    r'\b(secret|configmap)s? "[^"]*" not found|references non-existent (secret|config) key', re.IGNORECASE
)
"""The kubelet mounts secrets and config maps as volumes: FailedMount says this of one that is not there."""
_CLAIM = re.compile(r"persistentvolumeclaim|volume node affinity conflict", re.IGNORECASE)
"""The scheduler reports a claim that cannot be used as Unschedulable, like a lack of room."""


def causes(pods: Sequence[Json], events: Sequence[Json]) -> tuple[Cause, ...]:
    """All of them, the weightiest first; none when every pod runs and nothing that pods wait for complains."""
    waiting = [pod for pod in pods if not _well(pod)]
    found = [cause for pod in waiting for cause in _from_status(pod)]
    found += _from_events(events, {_object(pod) for pod in waiting})
    explained = {cause.object for cause in found}
    found += [_cause(CauseKind.UNREADY, pod, "is not ready yet.") for pod in waiting if _object(pod) not in explained]
    order = list(CauseKind)
    return tuple(sorted(dict.fromkeys(found), key=lambda cause: order.index(cause.kind)))


def crashes(found: Iterable[Cause]) -> bool:
    return any(cause.kind in CRASHES for cause in found)


def summary(found: Iterable[Cause]) -> str:
    """A few sentences for a person; empty when there is no cause."""
    return " ".join([*dict.fromkeys(cause.sentence for cause in found)][:LONGEST])


def _well(pod: Json) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    conditions = status.get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _from_status(pod: Json) -> Iterator[Cause]:
    status = pod.get("status") or {}
    if status.get("reason") == "Evicted":
        yield _cause(CauseKind.EVICTED, pod, f"was evicted from its node: {_detail(status)}")
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = condition.get("message") or "Unschedulable"
            kind = CauseKind.VOLUME if _CLAIM.search(message) else CauseKind.NO_ROOM
            yield _cause(kind, pod, f"finds no node: {_sentence(message)}")
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if cause := _from_container(pod, container):
            yield cause


def _from_container(pod: Json, container: Json) -> Cause | None:
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated")
    if container.get("ready") or (ended and ended.get("exitCode") == 0):
        return None  # what an earlier try came to does not matter any more
    reason = waiting.get("reason", "")
    if reason in _IMAGE:
        return _cause(CauseKind.IMAGE, pod, f"cannot pull its image {container.get('image', '')}: {_detail(waiting)}")
    ended = (container.get("lastState") or {}).get("terminated") or ended
    if ended and (ended.get("exitCode", 0) != 0 or ended.get("reason") == "OOMKilled"):
        return _ended(pod, ended)
    if reason in _NOT_RUN:
        return _not_run(pod, waiting, ended)
    if reason and reason not in _STARTING:
        kind = CauseKind.CONFIG if reason == "CreateContainerConfigError" else CauseKind.UNREADY
        return _cause(kind, pod, f"does not start: {_detail(waiting)}")
    return None


def _ended(pod: Json, ended: Json) -> Cause:
    words = str(ended.get("message") or "")
    if ended.get("reason") == "OOMKilled":
        said = "was ended because it used more memory than it may (OOMKilled)."
        return _cause(CauseKind.OUT_OF_MEMORY, pod, said, words)
    last = _sentence(_tail(words)) if words.strip() else "see its log."
    said = f"stops with exit code {ended['exitCode']} each time it starts: {last}"
    return _cause(CauseKind.CRASH, pod, said, words)


def _not_run(pod: Json, waiting: Json, ended: Json | None) -> Cause:
    """A container that is tried again and again, without an exit code that says why."""
    if ended:
        return _cause(CauseKind.CRASH, pod, "stops without an error (exit code 0) each time it starts: see its log.")
    return _cause(CauseKind.CRASH, pod, f"does not start: {_detail(waiting)}")


def _from_events(events: Sequence[Json], waiting: set[str]) -> Iterator[Cause]:
    """Warnings about those pods, and about what pods wait for (claims, services), newest first."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    for event in sorted(warnings, key=_when, reverse=True):
        about = event.get("involvedObject") or {}
        kind, name = about.get("kind", ""), f"{about.get('kind', '')} {about.get('name', '')}"
        if name in waiting or kind in ("PersistentVolumeClaim", "Service"):
            reason, message = event.get("reason", ""), event.get("message") or ""
            yield Cause(_kind_of(reason, message), name, f"{name}: {reason}: {_sentence(message)}")


def _kind_of(reason: str, message: str) -> CauseKind:
    kind = _OF_EVENTS.get(reason, CauseKind.UNREADY)
    if kind is CauseKind.VOLUME and _MISSING.search(message):
        return CauseKind.CONFIG
    if kind is CauseKind.NO_ROOM and _CLAIM.search(message):
        return CauseKind.VOLUME
    return kind


def _when(event: Json) -> str:
    """RFC 3339 in UTC sorts as text."""
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def _cause(kind: CauseKind, pod: Json, said: str, log_tail: str = "") -> Cause:
    return Cause(kind, _object(pod), f"{_object(pod)} {said}", log_tail)


def _detail(state: Json) -> str:
    return _sentence(state.get("message") or state.get("reason", ""))


def _tail(text: str) -> str:
    """The end of a text, where a log says what happened."""
    text = " ".join(text.split())
    return text if len(text) <= LAST_WORDS else f"…{text[1 - LAST_WORDS :]}"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith(".") else text + "."


def _object(pod: Json) -> str:
    return f"Pod {pod['metadata']['name']}"
