"""What the API server refuses in an otherwise well-formed object, worded as Kubernetes words it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from local.kubernetes.objects.errors import Cause, required, unsupported, wrong
from local.kubernetes.objects.kinds import Kind
from local.kubernetes.objects.selectors import selects
from local.world import Document

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_SERVICE = "[a-z]([-a-z0-9]*[a-z0-9])?"

_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SERVICE_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{_SERVICE}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_LABEL_VALUE}')"
)
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_TEMPLATED = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_ANY_NAME = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def _name(kind: str, name: str) -> Iterator[Cause]:
    field = "metadata.name"
    if kind in _ANY_NAME:
        if "/" in name or "%" in name or name in (".", ".."):
            yield wrong(field, name, "may not contain '/'")
        return
    pattern, rule, longest = _SUBDOMAIN, _SUBDOMAIN_RULE, 253
    if kind == "Namespace":
        pattern, rule, longest = _LABEL, _LABEL_RULE, 63
    elif kind == "Service":
        pattern, rule, longest = _SERVICE, _SERVICE_RULE, 63
    if len(name) > longest:
        yield wrong(field, name, f"must be no more than {longest} characters")
    if not re.fullmatch(pattern, name):
        yield wrong(field, name, rule)


def _labels(labels: dict[str, str], field: str) -> Iterator[Cause]:
    for key, value in labels.items():
        prefix, slash, last = key.rpartition("/")
        if slash and not re.fullmatch(_SUBDOMAIN, prefix):
            yield wrong(field, key, f"prefix part {_SUBDOMAIN_RULE}")
        if not re.fullmatch(_QUALIFIED, last):
            yield wrong(field, key, _KEY_RULE)
        if len(last) > 63:
            yield wrong(field, key, "name part must be no more than 63 characters")
        if len(value) > 63:
            yield wrong(field, value, "must be no more than 63 characters")
        if not re.fullmatch(_LABEL_VALUE, value):
            yield wrong(field, value, _VALUE_RULE)


def metadata(kind: Kind, document: Document) -> list[Cause]:
    """Wrong names, labels and annotations."""
    held = document["metadata"]
    causes = list(_name(kind.kind, held["name"]))
    causes += _labels(held.get("labels") or {}, "metadata.labels")
    for key in held.get("annotations") or {}:
        if not re.fullmatch(_QUALIFIED, key.rpartition("/")[2]):
            causes.append(wrong("metadata.annotations", key, _KEY_RULE))
    return causes


def _containers(spec: Document, field: str, claimed: frozenset[str]) -> Iterator[Cause]:
    volumes = {volume["name"] for volume in spec.get("volumes") or []} | claimed
    for group in ("initContainers", "containers"):
        seen: set[str] = set()
        for place, container in enumerate(spec.get(group) or []):
            path = f"{field}.{group}[{place}]"
            yield from _container(container, path, seen, volumes)
            seen.add(container["name"])
    if not spec.get("containers"):
        yield required(f"{field}.containers")


def _container(container: Document, path: str, seen: set[str], volumes: set[str]) -> Iterator[Cause]:
    name = container["name"]
    if not name:
        yield required(f"{path}.name")
    elif not re.fullmatch(_LABEL, name) or len(name) > 63:
        yield wrong(f"{path}.name", name, _LABEL_RULE)
    if name in seen:
        yield Cause(f"{path}.name", f'Duplicate value: "{name}"')
    if not container.get("image"):
        yield required(f"{path}.image")
    for place, mount in enumerate(container.get("volumeMounts") or []):
        if mount["name"] not in volumes:
            yield Cause(f"{path}.volumeMounts[{place}].name", f'Not found: "{mount["name"]}"')
    for place, port in enumerate(container.get("ports") or []):
        yield from _port(port["containerPort"], f"{path}.ports[{place}].containerPort")


def _port(number: Any, field: str) -> Iterator[Cause]:
    if isinstance(number, int) and not 1 <= number <= 65535:
        yield wrong(field, number, "must be between 1 and 65535, inclusive")


def _pod_spec(
    spec: Document, field: str, policies: list[str], claimed: frozenset[str] = frozenset()
) -> Iterator[Cause]:
    """`claimed`: volumes that a StatefulSet adds for its claim templates."""
    yield from _containers(spec, field, claimed)
    if spec.get("restartPolicy") not in policies:
        yield unsupported(f"{field}.restartPolicy", spec.get("restartPolicy", ""), policies)


def _pod(document: Document) -> Iterator[Cause]:
    yield from _pod_spec(document["spec"], "spec", ["Always", "OnFailure", "Never"])


def _go_map(labels: dict[str, str]) -> str:
    inner = ", ".join(f'"{key}":"{value}"' for key, value in sorted(labels.items()))
    return f"map[string]string{{{inner}}}"


def _templated(document: Document) -> Iterator[Cause]:
    spec = document["spec"]
    labels = spec["template"]["metadata"].get("labels") or {}
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield wrong("spec.selector", "{}", f"empty selector is invalid for {document['kind'].lower()}")
    elif not selects(selector, labels):
        detail = f"Invalid value: {_go_map(labels)}: `selector` does not match template `labels`"
        yield Cause("spec.template.metadata.labels", detail)
    yield from _labels(labels, "spec.template.labels")
    yield from _at_least(spec, "replicas", 0)
    claimed = frozenset(one["metadata"]["name"] for one in spec.get("volumeClaimTemplates") or [])
    yield from _pod_spec(spec["template"]["spec"], "spec.template.spec", ["Always"], claimed)


def _at_least(spec: Document, name: str, least: int) -> Iterator[Cause]:
    if name in spec and spec[name] < least:
        yield wrong(f"spec.{name}", spec[name], f"must be greater than or equal to {least}")


def _deployment(document: Document) -> Iterator[Cause]:
    yield from _templated(document)
    strategy = document["spec"]["strategy"]
    if strategy["type"] not in ("Recreate", "RollingUpdate"):
        yield unsupported("spec.strategy.type", strategy["type"], ["Recreate", "RollingUpdate"])
    if strategy["type"] == "Recreate" and strategy.get("rollingUpdate"):
        detail = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        yield Cause("spec.strategy.rollingUpdate", detail)


def _job(document: Document) -> Iterator[Cause]:
    spec = document["spec"]
    for name in ("parallelism", "completions", "backoffLimit"):
        yield from _at_least(spec, name, 0)
    yield from _pod_spec(spec["template"]["spec"], "spec.template.spec", ["OnFailure", "Never"])


def _service(document: Document) -> Iterator[Cause]:
    spec = document["spec"]
    kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
    if spec["type"] not in kinds:
        yield unsupported("spec.type", spec["type"], kinds)
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    for place, port in enumerate(ports):
        yield from _port(port["port"], f"spec.ports[{place}].port")
        yield from _port(port.get("targetPort"), f"spec.ports[{place}].targetPort")
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{place}].name")


def _claim(document: Document) -> Iterator[Cause]:
    spec = document["spec"]
    if not spec.get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
        yield required("spec.resources[storage]")


def _secret(document: Document) -> Iterator[Cause]:
    data = document.get("data") or {}
    for key in data:
        if not re.fullmatch(r"[-._a-zA-Z0-9]+", key):
            detail = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
            yield wrong(f"data[{key}]", key, detail)
    if sum(len(value) * 3 // 4 for value in data.values()) > 1 << 20:
        yield Cause("data", "Too long: may not be more than 1048576 bytes")


def _config_map(document: Document) -> Iterator[Cause]:
    data = document.get("data") or {}
    if sum(len(value.encode()) for value in data.values()) > 1 << 20:
        yield Cause("", "Too long: may not be more than 1048576 bytes")


_RULES: dict[str, Callable[[Document], Iterator[Cause]]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _templated,
    "StatefulSet": _templated,
    "DaemonSet": _templated,
    "Job": _job,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
    "Secret": _secret,
    "ConfigMap": _config_map,
}


def content(document: Document) -> list[Cause]:
    """Wrong values of a complete object: defaults are filled in, nothing required is missing."""
    rule = _RULES.get(document["kind"])
    return list(rule(document)) if rule else []


_STATEFUL_MUTABLE = {
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
}  # fmt: skip
_POD_MUTABLE = {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"}


def _immutable(before: Document, after: Document, *fields: str) -> Iterator[Cause]:
    for field in fields:
        if before["spec"].get(field) != after["spec"].get(field):
            yield Cause(f"spec.{field}", "Invalid value: field is immutable")


def _without_images(spec: Document) -> Document:
    kept = {name: value for name, value in spec.items() if name not in _POD_MUTABLE}
    for group in ("containers", "initContainers"):
        kept[group] = [{**one, "image": "", "resources": {}} for one in spec.get(group) or []]
    return kept


def _changed_pod(before: Document, after: Document) -> Iterator[Cause]:
    if _without_images(before["spec"]) != _without_images(after["spec"]):
        allowed = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
        more = "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`"
        yield Cause("spec", f"Forbidden: pod updates may not change fields other than {allowed}{more}")


def _changed_stateful_set(before: Document, after: Document) -> Iterator[Cause]:
    old = {name: value for name, value in before["spec"].items() if name not in _STATEFUL_MUTABLE}
    new = {name: value for name, value in after["spec"].items() if name not in _STATEFUL_MUTABLE}
    if old != new:
        listed = "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        more = "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        yield Cause("spec", f"Forbidden: updates to statefulset spec for fields other than {listed}{more}")


def _changed_claim(before: Document, after: Document) -> Iterator[Cause]:
    fixed = {"resources": {}} if before["spec"].get("volumeName") else {"resources": {}, "volumeName": ""}
    old, new = ({**one["spec"], **fixed} for one in (before, after))
    if old != new:
        detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName"
        yield Cause("spec", f"Forbidden: {detail} for bound claims")


def _changed_service(before: Document, after: Document) -> Iterator[Cause]:
    old, new = before["spec"].get("clusterIP"), after["spec"].get("clusterIP")
    if old and new and old != new and after["spec"]["type"] != "ExternalName":
        yield Cause("spec.clusterIPs[0]", f'Invalid value: ["{new}"]: may not change once set')


def _changed_binding(before: Document, after: Document) -> Iterator[Cause]:
    if before["roleRef"] != after["roleRef"]:
        yield Cause("roleRef", "Invalid value: cannot change roleRef")


def _changed_data(before: Document, after: Document) -> Iterator[Cause]:
    if before.get("type") != after.get("type"):
        yield wrong("type", after.get("type", ""), "field is immutable")
    if before.get("immutable") and before.get("data") != after.get("data"):
        yield Cause("data", "Forbidden: field is immutable when `immutable` is set")


_CHANGES: dict[str, Callable[[Document, Document], Iterator[Cause]]] = {
    "Pod": _changed_pod,
    "Deployment": lambda before, after: _immutable(before, after, "selector"),
    "ReplicaSet": lambda before, after: _immutable(before, after, "selector"),
    "DaemonSet": lambda before, after: _immutable(before, after, "selector"),
    "Job": lambda before, after: _immutable(before, after, "selector", "template", "completions"),
    "StatefulSet": _changed_stateful_set,
    "PersistentVolumeClaim": _changed_claim,
    "Service": _changed_service,
    "RoleBinding": _changed_binding,
    "ClusterRoleBinding": _changed_binding,
    "Secret": _changed_data,
    "ConfigMap": _changed_data,
}


def change(before: Document, after: Document) -> list[Cause]:
    """Changes of fields that cannot be changed."""
    rule = _CHANGES.get(after["kind"])
    return list(rule(before, after)) if rule else []
