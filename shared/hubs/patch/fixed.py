"""What stays as it was made, why, and the way around. Pure."""

from shared.problem import Problem

ANOTHER = "Only another hub can have it: POST /api/hubs with another name. This one stays as it is."

_FIXED: tuple[tuple[str, str, str], ...] = (
    ("name", "a hub keeps its name", ANOTHER),
    ("flavor", "a hub keeps its flavor: the other one is another chart, and nothing of it is there", ANOTHER),
    ("location", "Azure cannot move a cluster to another region", ANOTHER),
    ("resourceGroup", "Azure cannot move a cluster to another resource group", ANOTHER),
    (
        "network",
        "Azure cannot move a cluster to another network or subnet, or change the subnet's range under it",
        ANOTHER,
    ),
    (
        "registry.sku",
        "Hubkeeper does not change a registry's tier in place",
        "az acr update --sku does, with registry.name from GET /api/hubs/{name}.",
    ),
    (
        "registry",
        "Hubkeeper does not move a BinderHub's images to another registry",
        "Leave registry as it is, except username, password, imagePrefix and tokenUrl of an existing one. " + ANOTHER,
    ),
    (
        "cluster.sshPublicKey",
        "Hubkeeper does not change the nodes' SSH key in place",
        "az aks update --ssh-key-value does; it replaces every node.",
    ),
    ("cluster", "AKS keeps this as the cluster was made with it", ANOTHER),
    ("release.chart", "the chart follows from the hub's flavor, which stays", ANOTHER),
    (
        "release",
        "Helm knows a release by its name, namespace and chart",
        "Only release.version can change. " + ANOTHER,
    ),
)


def fixed(field: str) -> Problem:
    reason, advice = next(
        ((reason, advice) for prefix, reason, advice in _FIXED if field == prefix or field.startswith(f"{prefix}.")),
        ("this cannot be changed on a hub that is there", ANOTHER),
    )
    return Problem("CannotChange", reason, advice, field)
