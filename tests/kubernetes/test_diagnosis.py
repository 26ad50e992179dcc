"""Why pods do not run, in sentences."""

from typing import Any

import pytest

from shared.kubernetes.diagnosis import explain


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


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        pytest.param(
            {"containerStatuses": [waiting("ImagePullBackOff", 'Back-off pulling image "a/b:1"')]},
            'Pod hub-1 cannot pull its image a/b:1: Back-off pulling image "a/b:1".',
            id="image",
        ),
        pytest.param(
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "message": "0/3 nodes are available: 3 Insufficient cpu.",
                    }
                ]
            },
            "Pod hub-1 finds no node: 0/3 nodes are available: 3 Insufficient cpu.",
            id="no node",
        ),
        pytest.param(
            {"initContainerStatuses": [waiting("CreateContainerConfigError", 'secret "x" not found')]},
            'Pod hub-1 does not start: secret "x" not found.',
            id="config",
        ),
        pytest.param(
            {"containerStatuses": [waiting("CrashLoopBackOff") | {"lastState": {"terminated": {"exitCode": 1}}}]},
            "Pod hub-1 stops with exit code 1 each time it starts: see its log.",
            id="crash",
        ),
        pytest.param(
            {
                "containerStatuses": [
                    waiting("CrashLoopBackOff") | {"lastState": {"terminated": {"reason": "OOMKilled"}}}
                ]
            },
            "Pod hub-1 was ended because it used more memory than it may (OOMKilled).",
            id="memory",
        ),
        pytest.param({"containerStatuses": [waiting("ContainerCreating")]}, "Pod hub-1 is not ready yet.", id="young"),
        pytest.param({}, "Pod hub-1 is not ready yet.", id="nothing said"),
    ],
)
def test_a_pods_status_becomes_a_sentence(status: dict[str, Any], sentence: str) -> None:
    assert explain([pod(**status)], []) == sentence


def test_nothing_is_said_of_pods_that_run_or_are_done() -> None:
    pods = [pod("a", ready=True, phase="Running"), pod("b", phase="Succeeded")]
    assert explain(pods, [event("Pod", "a", "Unhealthy", "was")]) == ""


def test_an_event_tells_what_the_status_does_not() -> None:
    said = explain([pod()], [event("Pod", "hub-1", "FailedMount", "timed out\nwaiting for disk")])
    assert said == "Pod hub-1: FailedMount: timed out waiting for disk."


def test_services_and_claims_speak_too_newest_first() -> None:
    events = [
        event("PersistentVolumeClaim", "hub-db-dir", "ProvisioningFailed", "quota", "2026-11-22T05:00:00Z"),
        event("Service", "proxy-public", "SyncLoadBalancerFailed", "DnsRecordInUse", "2026-11-22T05:01:00Z"),
    ]
    assert explain([], events) == (
        "Service proxy-public: SyncLoadBalancerFailed: DnsRecordInUse. "
        "PersistentVolumeClaim hub-db-dir: ProvisioningFailed: quota."
    )


def test_three_sentences_are_enough() -> None:
    assert explain([pod(f"p{number}") for number in range(9)], []).count(".") == 3
