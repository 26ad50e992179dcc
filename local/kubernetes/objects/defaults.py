"""The values that the API server fills in (see `defaults.go` of each of Kubernetes' API groups)."""

import base64
from collections.abc import Callable
from typing import Any

from local.kubernetes.objects.kinds import BY_KIND
from local.world import Document


def _set(document: Document, **values: Any) -> None:
    for name, value in values.items():
        if document.get(name) is None:
            document[name] = value


def _pull_policy(image: str) -> str:
    name = image.rpartition("/")[2]
    return "Always" if "@" not in name and (":" not in name or name.endswith(":latest")) else "IfNotPresent"


def _handler(handler: Document) -> None:
    if get := handler.get("httpGet"):
        _set(get, path="/", scheme="HTTP")


def _probe(probe: Document) -> None:
    _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    _handler(probe)


def _container(container: Document) -> None:
    _set(container, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    _set(container, imagePullPolicy=_pull_policy(container.get("image", "")), resources={})
    resources = container["resources"]
    if limits := resources.get("limits"):
        resources["requests"] = {**limits, **(resources.get("requests") or {})}
    for port in container.get("ports") or []:
        _set(port, protocol="TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(name):
            _probe(probe)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _handler(handler)
    for variable in container.get("env") or []:
        if field := (variable.get("valueFrom") or {}).get("fieldRef"):
            _set(field, apiVersion="v1")


def _volume(volume: Document) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "projected", "downwardAPI"):
        if name in volume:
            _set(volume[name], defaultMode=420)
    if "hostPath" in volume:
        _set(volume["hostPath"], type="")


def pod_spec(spec: Document) -> None:
    _set(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst")
    _set(spec, securityContext={}, schedulerName="default-scheduler")
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec.update(serviceAccountName=account, serviceAccount=account)
    for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
        _container(container)
    for volume in spec.get("volumes") or []:
        _volume(volume)


def _template(document: Document) -> None:
    template = document["spec"].setdefault("template", {})
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _pod(document: Document) -> None:
    pod_spec(document["spec"])
    _set(document["spec"], enableServiceLinks=True)


def _deployment(document: Document) -> None:
    spec = document["spec"]
    _set(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    _set(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _set(spec["strategy"], rollingUpdate={})
        _set(spec["strategy"]["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    _template(document)


def _replica_set(document: Document) -> None:
    _set(document["spec"], replicas=1)
    _template(document)


def _stateful_set(document: Document) -> None:
    spec = document["spec"]
    _set(spec, replicas=1, podManagementPolicy="OrderedReady", updateStrategy={}, revisionHistoryLimit=10)
    _set(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"}, serviceName="")
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"], rollingUpdate={"partition": 0})
    for claim in spec.get("volumeClaimTemplates") or []:
        _set(claim, apiVersion="v1", kind="PersistentVolumeClaim", status={"phase": "Pending"})
        _set(claim["spec"], volumeMode="Filesystem")
    _template(document)


def _daemon_set(document: Document) -> None:
    spec = document["spec"]
    _set(spec, updateStrategy={}, revisionHistoryLimit=10)
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"], rollingUpdate={})
        _set(spec["updateStrategy"]["rollingUpdate"], maxUnavailable=1, maxSurge=0)
    _template(document)


def job_spec(spec: Document) -> None:
    _set(spec, backoffLimit=6, completionMode="NonIndexed", suspend=False, parallelism=1, manualSelector=False)
    _set(spec, podReplacementPolicy="TerminatingOrFailed")
    _set(spec, completions=1)


def _job(document: Document) -> None:
    job_spec(document["spec"])
    _template(document)


def _cron_job(document: Document) -> None:
    spec = document["spec"]
    _set(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    _template(spec.setdefault("jobTemplate", {"spec": {}}))


def _service(document: Document) -> None:
    spec = document["spec"]
    _set(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or []:
        _set(port, protocol="TCP", targetPort=port.get("port"))
    if spec["type"] == "ExternalName":
        return
    _set(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"])
    # AKS clusters have one address family, so that PreferDualStack is satisfied with IPv4 alone.
    _set(spec, ipFamilyPolicy="SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _set(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _set(spec, allocateLoadBalancerNodePorts=True)


def _claim(document: Document) -> None:
    _set(document["spec"], volumeMode="Filesystem")


def _volume_object(document: Document) -> None:
    _set(document["spec"], persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")


def _secret(document: Document) -> None:
    _set(document, type="Opaque")
    for name, value in (document.pop("stringData", None) or {}).items():
        document.setdefault("data", {})[name] = base64.b64encode(value.encode()).decode()


def _storage_class(document: Document) -> None:
    _set(document, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _network_policy(document: Document) -> None:
    spec = document["spec"]
    _set(spec, podSelector={}, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    for rule in (spec.get("ingress") or []) + (spec.get("egress") or []):
        for port in rule.get("ports") or []:
            _set(port, protocol="TCP")


def _binding(document: Document) -> None:
    group = "rbac.authorization.k8s.io"
    _set(document.get("roleRef") or {}, apiGroup=group)
    for subject in document.get("subjects") or []:
        if subject.get("kind") == "ServiceAccount":
            _set(subject, **({"namespace": ""} if not document["metadata"].get("namespace") else {}))
        else:
            _set(subject, apiGroup=group)


def _namespace(document: Document) -> None:
    metadata = document["metadata"]
    metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = metadata["name"]
    _set(document, spec={})
    _set(document["spec"], finalizers=["kubernetes"])
    _set(document, status={"phase": "Active"})


def _autoscaler(document: Document) -> None:
    _set(document["spec"], minReplicas=1)


def _priority_class(document: Document) -> None:
    _set(document, preemptionPolicy="PreemptLowerPriority")


_DEFAULTS: dict[str, Callable[[Document], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume_object,
    "Secret": _secret,
    "StorageClass": _storage_class,
    "NetworkPolicy": _network_policy,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "Namespace": _namespace,
    "HorizontalPodAutoscaler": _autoscaler,
    "PriorityClass": _priority_class,
}
_WITH_SPEC = {
    "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "PersistentVolumeClaim",
    "PersistentVolume", "NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "ResourceQuota",
}  # fmt: skip

# What a new object's status is before any controller has seen it: fields that clients may rely on to be there.
_FIRST_STATUS: dict[str, Document] = {
    "Pod": {"phase": "Pending", "qosClass": "BestEffort"},
    "Service": {"loadBalancer": {}},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "PersistentVolume": {"phase": "Pending"},
    "Deployment": {},
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0},
    "Job": {},
    "CronJob": {},
    "Ingress": {"loadBalancer": {}},
    "PodDisruptionBudget": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    "HorizontalPodAutoscaler": {"desiredReplicas": 0, "currentMetrics": None},
    "ResourceQuota": {},
    "CustomResourceDefinition": {"conditions": [], "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": []},
    "VolumeAttachment": {"attached": False},
    "Node": {},
}


def fill(document: Document) -> None:
    """Fills in what a document of any kind leaves out."""
    if document["kind"] in _WITH_SPEC and document.get("spec") is None:
        document["spec"] = {}
    if filler := _DEFAULTS.get(document["kind"]):
        filler(document)


def first_status(kind: str) -> Document | None:
    status = _FIRST_STATUS.get(kind)
    return None if status is None else {name: value for name, value in status.items() if value is not None}


def has_status(api_version: str, kind: str) -> bool:
    return "status" in BY_KIND[api_version, kind].subresources
