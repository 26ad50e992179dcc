"""What the API server says about itself: versions, groups, resources, and an OpenAPI document."""

from local.kubernetes.objects.kinds import KINDS, Kind
from local.world import Document

_SUBRESOURCES = {
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "binding": ("", "v1", "Binding", ("create",)),
    "portforward": ("", "v1", "PodPortForwardOptions", ("create", "get")),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
}


def version(kubernetes: str) -> Document:
    """`/version` for a version like "1.35.2"."""
    major, minor = kubernetes.split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{kubernetes}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.24.6",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _subresource(kind: Kind, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    if name == "log":
        return kind.group, kind.version, kind.kind, ("get",)
    return _SUBRESOURCES.get(name, (kind.group, kind.version, kind.kind, ("get", "patch", "update")))


def _groups() -> dict[str, str]:
    return {kind.group: kind.version for kind in KINDS.values() if kind.group}


def _kinds(group: str) -> list[Kind]:
    return [kind for (name, _), kind in sorted(KINDS.items()) if name == group]


def _group(name: str, version_: str) -> Document:
    held = {"groupVersion": f"{name}/{version_}", "version": version_}
    return {"name": name, "versions": [held], "preferredVersion": held}


def group_list() -> Document:
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, one) for name, one in _groups().items()],
    }


def group(name: str) -> Document | None:
    if name not in _groups():
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, _groups()[name])}


def core_versions(address: str) -> Document:
    """`/api`."""
    servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}


def resource_list(group_name: str, version_: str) -> Document | None:
    """The resources of one group and version, or None when it is not served."""
    kinds = [kind for kind in _kinds(group_name) if kind.version == version_]
    if not kinds:
        return None
    resources: list[Document] = []
    for kind in kinds:
        entry: Document = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(kind.verbs),
        }
        if kind.short:
            entry["shortNames"] = list(kind.short)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        resources.append(entry)
        resources.extend(_subresource_entry(kind, name) for name in kind.subresources)
    api_version = f"{group_name}/{version_}" if group_name else version_
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources}


def _subresource_entry(kind: Kind, name: str) -> Document:
    group_name, version_, kind_name, verbs = _subresource(kind, name)
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "group": group_name,
        "version": version_,
        "kind": kind_name,
        "verbs": list(verbs),
    }


def _aggregated(kind: Kind) -> Document:
    entry: Document = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [_aggregated_subresource(kind, name) for name in kind.subresources]
    return entry


def _aggregated_subresource(kind: Kind, name: str) -> Document:
    group_name, version_, kind_name, verbs = _subresource(kind, name)
    return {
        "subresource": name,
        "responseKind": {"group": group_name, "version": version_, "kind": kind_name},
        "verbs": list(verbs),
    }


def aggregated(*, core: bool, api_version: str) -> Document:
    """Everything in one answer (`APIGroupDiscoveryList`, KEP-3352): of `/api` or of `/apis`."""
    items = []
    for name, version_ in [("", "v1")] if core else _groups().items():
        resources = [_aggregated(kind) for kind in _kinds(name)]
        versions = [{"version": version_, "resources": resources, "freshness": "Current"}]
        items.append({"metadata": {"name": name} if name else {}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}
