"""Why pods do not run, told from their statuses and events. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONGEST = 3
"""Sentences told: more repeat themselves, since what keeps one pod from running usually keeps the others too."""

_IMAGE = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}
_STARTING = {"ContainerCreating", "PodInitializing"}

Json = Mapping[str, Any]


def explain(pods: Sequence[Json], events: Sequence[Json]) -> str:
    """Sentences for a person, the telling ones first; empty when every pod runs and nothing else complains."""
    waiting = [pod for pod in pods if not _well(pod)]
    told = [sentence for pod in waiting if (sentence := _from_status(pod))]
    told += _from_events(events, {_name(pod) for pod in waiting})
    told += [f"Pod {_name(pod)} is not ready yet." for pod in waiting if not any(_name(pod) in said for said in told)]
    return " ".join(dict.fromkeys(told).keys() if len(told) <= LONGEST else list(dict.fromkeys(told))[:LONGEST])


def _well(pod: Json) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    conditions = status.get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _from_status(pod: Json) -> str:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"Pod {_name(pod)} finds no node: {_sentence(condition.get('message', 'Unschedulable'))}"
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return next((said for container in containers if (said := _from_container(pod, container))), "")


def _from_container(pod: Json, container: Json) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason in _IMAGE:
        return f"Pod {_name(pod)} cannot pull its image {container.get('image', '')}: {_detail(waiting)}"
    ended = (container.get("lastState") or {}).get("terminated") or (container.get("state") or {}).get("terminated")
    if ended and ended.get("reason") == "OOMKilled":
        return f"Pod {_name(pod)} was ended because it used more memory than it may (OOMKilled)."
    if ended and ended.get("exitCode", 0) != 0:
        last = _detail(ended) if ended.get("message") else "see its log."
        return f"Pod {_name(pod)} stops with exit code {ended['exitCode']} each time it starts: {last}"
    if reason and reason not in _STARTING:
        return f"Pod {_name(pod)} does not start: {_detail(waiting)}"
    return ""


def _from_events(events: Sequence[Json], waiting: set[str]) -> Iterator[str]:
    """Warnings about those pods, and about what pods wait for (claims, services), newest first."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    for event in sorted(warnings, key=_when, reverse=True):
        about = event.get("involvedObject") or {}
        kind, name = about.get("kind", ""), about.get("name", "")
        if (kind == "Pod" and name in waiting) or kind in ("PersistentVolumeClaim", "Service"):
            yield f"{kind} {name}: {event.get('reason', '')}: {_sentence(event.get('message', ''))}"


def _when(event: Json) -> str:
    """RFC 3339 in UTC sorts as text."""
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def _detail(state: Json) -> str:
    return _sentence(state.get("message") or state.get("reason", ""))


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith(".") else text + "."


def _name(pod: Json) -> str:
    return str(pod["metadata"]["name"])
