"""Every step that a teardown may have."""

from shared.runs.plan import Plan, Step

STEPS: Plan = (
    Step("homes", "Take snapshots of the users' volumes", 10),
    Step("name", "Delete the DNS record", 1, after=("homes",)),
    Step("cluster", "Delete the AKS cluster", 192, after=("homes",)),
    Step("role", "Remove the identity's role on the network", 1, after=("cluster",)),
    Step("identity", "Delete the cluster's identity", 2, after=("role",)),
    Step("network", "Delete the virtual network", 10, after=("role",)),
    Step("registry", "Delete the container registry", 10, after=("cluster",)),
    Step("group", "Delete the resource group", 76, after=("network", "registry", "identity")),
    Step("secrets", "Purge the secrets", 2, after=("group",)),
    Step("receipt", "List what is left", 3, after=("secrets", "name")),
)
