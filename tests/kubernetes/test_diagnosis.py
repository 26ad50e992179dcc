"""Why pods do not run: kinds for decisions, sentences for people."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kubernetes.diagnosis import CauseKind, causes, crashes, summary


def pod(name: str = "hub-1", *, ready: bool = False, phase: str = "Pending", **status: Any) -> dict[str, Any]:
    conditions = [*status.pop("conditions", []), {"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name}, "status": {"phase": phase, "conditions": conditions, **status}}


def event(kind: str, name: str, reason: str, message: str, at: str = "2026-11-22T05:00:00Z") -> dict[str, Any]:
    return {
        "type": "Warning",
        "metadata": {},
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"image": "a/b:1", "state": {"waiting": {"reason": reason, "message": message}}}


def terminated(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def unscheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"conditions": [condition]}


def container(**fields: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"image": "a/b:1"} | fields]}


def waits(reason: str, message: str = "", last: dict[str, Any] | None = None) -> dict[str, Any]:
    return container(**waiting(reason, message), lastState=last or {})


NO_CPU = "0/3 nodes are available: 3 Insufficient cpu."

CRASHED = {
    "exit code": waits("CrashLoopBackOff", last=terminated(1)),
    "exit code, between two tries": container(state=terminated(1)),
    "exit code, at its next try": container(state={"running": {}}, ready=False, lastState=terminated(1)),
    "killed by a signal": waits("CrashLoopBackOff", last=terminated(139)),
    "ended by its probe": waits("CrashLoopBackOff", last=terminated(137)),
    "ends without an error": waits("CrashLoopBackOff", last=terminated(0, "Completed")),
    "nothing known of its end": waits("CrashLoopBackOff", "back-off 5m0s restarting failed container"),
    "no such command": waits("RunContainerError", 'exec: "jupyterhubb": executable file not found in $PATH'),
    "cannot be started": waits("CrashLoopBackOff", last=terminated(128, "StartError", "exec: no such file")),
    "its hook fails": waits("PostStartHookError", "command exited with 1"),
    "in an init container": {"initContainerStatuses": [waiting("CrashLoopBackOff") | {"lastState": terminated(2)}]},
    "out of memory": waits("CrashLoopBackOff", last=terminated(137, "OOMKilled")),
    "out of memory, between two tries": container(state=terminated(137, "OOMKilled")),
    "out of memory, exit code 0": waits("CrashLoopBackOff", last=terminated(0, "OOMKilled")),
}
OTHERS = {
    "image": waits("ImagePullBackOff", "no such manifest"),
    "room": unscheduled(NO_CPU),
    "config": waits("CreateContainerConfigError", 'secret "x" not found'),
    "young": waits("ContainerCreating"),
    "silent": {},
}


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        pytest.param(
            waits("ImagePullBackOff", 'Back-off pulling image "a/b:1"'),
            CauseKind.IMAGE,
            'Pod hub-1 cannot pull its image a/b:1: Back-off pulling image "a/b:1".',
            id="image",
        ),
        pytest.param(
            waits("ErrImagePull", "unauthorized"),
            CauseKind.IMAGE,
            "Pod hub-1 cannot pull its image a/b:1: unauthorized.",
            id="image refused",
        ),
        pytest.param(unscheduled(NO_CPU), CauseKind.NO_ROOM, f"Pod hub-1 finds no node: {NO_CPU}", id="no node"),
        pytest.param(
            unscheduled('0/3 nodes are available: persistentvolumeclaim "x" not found.'),
            CauseKind.VOLUME,
            'Pod hub-1 finds no node: 0/3 nodes are available: persistentvolumeclaim "x" not found.',
            id="no claim",
        ),
        pytest.param(
            unscheduled("0/3 nodes are available: 3 node(s) had volume node affinity conflict."),
            CauseKind.VOLUME,
            "Pod hub-1 finds no node: 0/3 nodes are available: 3 node(s) had volume node affinity conflict.",
            id="volume in another zone",
        ),
        pytest.param(
            {"initContainerStatuses": [waiting("CreateContainerConfigError", 'secret "x" not found')]},
            CauseKind.CONFIG,
            'Pod hub-1 does not start: secret "x" not found.',
            id="config",
        ),
        pytest.param(
            CRASHED["exit code"],
            CauseKind.CRASH,
            "Pod hub-1 stops with exit code 1 each time it starts: see its log.",
            id="crash",
        ),
        pytest.param(
            CRASHED["ends without an error"],
            CauseKind.CRASH,
            "Pod hub-1 stops without an error (exit code 0) each time it starts: see its log.",
            id="ends",
        ),
        pytest.param(
            waits("CrashLoopBackOff", last={"terminated": {"reason": "OOMKilled"}}),
            CauseKind.OUT_OF_MEMORY,
            "Pod hub-1 was ended because it used more memory than it may (OOMKilled).",
            id="memory",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
            CauseKind.EVICTED,
            "Pod hub-1 was evicted from its node: The node was low on resource: memory.",
            id="evicted",
        ),
        pytest.param(
            waits("CreateContainerError", "context deadline exceeded"),
            CauseKind.UNREADY,
            "Pod hub-1 does not start: context deadline exceeded.",
            id="slow node",
        ),
        pytest.param(OTHERS["young"], CauseKind.UNREADY, "Pod hub-1 is not ready yet.", id="young"),
        pytest.param({}, CauseKind.UNREADY, "Pod hub-1 is not ready yet.", id="nothing said"),
        pytest.param(
            {"initContainerStatuses": [{"state": terminated(0, "Completed"), "lastState": terminated(1)}]},
            CauseKind.UNREADY,
            "Pod hub-1 is not ready yet.",
            id="an init container that succeeded at its second try",
        ),
    ],
)
def test_a_pods_status_becomes_a_cause(status: dict[str, Any], kind: CauseKind, sentence: str) -> None:
    (cause,) = causes([pod(**status)], [])
    assert (cause.kind, cause.object, cause.sentence) == (kind, "Pod hub-1", sentence)


@pytest.mark.parametrize("status", CRASHED.values(), ids=CRASHED)
def test_every_crash_counts_as_one(status: dict[str, Any]) -> None:
    assert crashes(causes([pod(**status)], []))


@pytest.mark.parametrize("status", OTHERS.values(), ids=OTHERS)
def test_nothing_else_counts_as_a_crash(status: dict[str, Any]) -> None:
    assert not crashes(causes([pod(**status)], []))


def test_a_containers_last_words_are_kept_whole_and_told_from_their_end() -> None:
    words = "\n".join(f"line {number}" for number in range(200))
    (cause,) = causes([pod(**waits("CrashLoopBackOff", last=terminated(1, "Error", words)))], [])
    assert cause.log_tail == words
    assert cause.sentence.endswith("line 198 line 199.")
    assert len(cause.sentence) < 400


sick = st.sampled_from([*CRASHED.values(), *OTHERS.values()])


@given(st.lists(sick, max_size=12), st.sampled_from([*CRASHED.values(), *OTHERS.values()]), st.data())
def test_no_number_of_other_sick_pods_hides_a_cause(others: list[Any], status: dict[str, Any], data: Any) -> None:
    alone = causes([pod("its", **status)], [])
    pods = [pod(f"other-{number}", **other) for number, other in enumerate(others)]
    pods.insert(data.draw(st.integers(0, len(pods))), pod("its", **status))
    found = causes(pods, [])
    assert set(alone) <= set(found)
    assert {cause.object for cause in found} == {f"Pod {each['metadata']['name']}" for each in pods}
    weights = [list(CauseKind).index(cause.kind) for cause in found]
    assert weights == sorted(weights)
    assert summary(found).startswith(found[0].sentence)


def test_nothing_is_said_of_pods_that_run_or_are_done() -> None:
    pods = [pod("a", ready=True, phase="Running"), pod("b", phase="Succeeded")]
    assert causes(pods, [event("Pod", "a", "Unhealthy", "was")]) == ()
    assert summary(()) == ""


@pytest.mark.parametrize(
    ("reason", "message", "kind"),
    [
        ("FailedMount", "timed out\nwaiting for disk", CauseKind.VOLUME),
        ("FailedAttachVolume", "Multi-Attach error for volume", CauseKind.VOLUME),
        ("FailedMount", 'MountVolume.SetUp failed for volume "config" : configmap "hub" not found', CauseKind.CONFIG),
        ("FailedMount", 'MountVolume.SetUp failed for volume "s" : secret "hub" not found', CauseKind.CONFIG),
        ("FailedMount", "references non-existent secret key: values.yaml", CauseKind.CONFIG),
        ("FailedScheduling", NO_CPU, CauseKind.NO_ROOM),
        ("FailedScheduling", "pod has unbound immediate PersistentVolumeClaims.", CauseKind.VOLUME),
        ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", CauseKind.UNREADY),
        ("FailedCreatePodSandBox", "the network is not ready", CauseKind.UNREADY),
    ],
)
def test_an_event_tells_what_the_status_does_not(reason: str, message: str, kind: CauseKind) -> None:
    (cause,) = causes([pod()], [event("Pod", "hub-1", reason, message)])
    assert (cause.kind, cause.object) == (kind, "Pod hub-1")
    assert cause.sentence == f"Pod hub-1: {reason}: {' '.join(message.split()).rstrip('.')}."


def test_an_event_of_another_pod_with_a_longer_name_explains_nothing() -> None:
    found = causes([pod("hub-1"), pod("hub-12")], [event("Pod", "hub-12", "FailedMount", "no disk")])
    assert [cause.object for cause in found] == ["Pod hub-12", "Pod hub-1"]


def test_services_and_claims_speak_too_newest_first() -> None:
    events = [
        event("PersistentVolumeClaim", "hub-db-dir", "ProvisioningFailed", "quota", "2026-11-22T05:00:00Z"),
        event("Service", "proxy-public", "SyncLoadBalancerFailed", "DnsRecordInUse", "2026-11-22T05:01:00Z"),
    ]
    assert summary(causes([], events)) == (
        "Service proxy-public: SyncLoadBalancerFailed: DnsRecordInUse. "
        "PersistentVolumeClaim hub-db-dir: ProvisioningFailed: quota."
    )


def test_three_sentences_are_enough() -> None:
    found = causes([pod(f"p{number}") for number in range(9)], [])
    assert summary(found).count(".") == 3
    assert len(found) == 9
