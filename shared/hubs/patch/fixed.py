"""What stays as it was made, why, and the way around. Pure."""

from shared.problem import Problem

ANEW = (
    "Make a second hub with POST /api/hubs and DELETE this one when it is no longer needed; "
    "keepHomes=true keeps the users' volumes as snapshots."
)

_FIXED: tuple[tuple[str, str, str], ...] = (
    ("name", "a hub keeps its name", ANEW),
    ("flavor", "a hub keeps its flavor: the other one is another chart, and nothing of it is there", ANEW),
    ("location", "Azure cannot move a cluster to another region", ANEW),
    ("resourceGroup", "Azure cannot move a cluster to another resource group", ANEW),
    (
        "network",
        "Azure cannot move a cluster to another network or subnet, or change the subnet's range under it",
        ANEW,
    ),
    (
        "registry.sku",
        "Hubkeeper does not change a registry's tier in place",
        "az acr update --sku does, with registry.name from GET /api/hubs/{name}.",
    ),
    (
        "registry",
        "Hubkeeper does not move a BinderHub's images to another registry",
        "Leave registry as it is, but for username, password, imagePrefix and tokenUrl of one that was brought along. For another: "
        + ANEW,
    ),
    (
        "cluster.sshPublicKey",
        "Hubkeeper does not change the nodes' SSH key in place",
        "az aks update --ssh-key-value does; it makes every node anew.",
    ),
    ("cluster", "AKS keeps this as the cluster was made with it", ANEW),
    ("release.chart", "the chart follows from the hub's flavor, which stays", ANEW),
    (
        "release",
        "Helm knows a release by its name, namespace and chart",
        "Only release.version can change. For another name or namespace: " + ANEW,
    ),
)


def fixed(field: str) -> Problem:
    reason, advice = next(
        ((reason, advice) for prefix, reason, advice in _FIXED if field == prefix or field.startswith(f"{prefix}.")),
        ("this cannot be changed on a hub that is there", ANEW),
    )
    return Problem("CannotChange", reason, advice, field)
