"""Every step that an upgrade may have."""

from shared.runs.plan import Plan, Step

STEPS: Plan = (
    Step("check", "Check what is to change", 5),
    Step("rest", "Wait until the cluster may start again after its stop", 1, after=("check",)),
    Step("power-on", "Start the AKS cluster if it is off", 5, after=("rest",)),
    Step("credentials", "Connect to the cluster", 3, after=("power-on",)),
    Step("backup", "Keep a copy of the hub's keys", 3, after=("credentials",)),
    Step("new-identity", "Create the managed identity", 2, after=("check",)),
    Step("identity", "Give the managed identity to the cluster", 2, after=("backup", "new-identity")),
    Step("new-pool", "Create the new node pool", 5, after=("identity",)),
    Step("people", "Warn the people whose servers end", 5, after=("new-pool",), longest=14 * 3600),
    Step("old-pool", "Drain and delete the old node pool", 5, after=("people",), longest=2 * 3600),
    Step("cluster", "Upgrade the cluster", 30, after=("old-pool",)),
    Step("nodes", "Replace the nodes that use the old identity", 5, after=("cluster",), longest=3 * 3600),
    Step("pool", "Change the number of nodes", 30, after=("nodes",)),
    Step("rules", "Update the autoscale rules of the nodes", 2, after=("pool",)),
    Step("tags", "Update the tags", 2, after=("pool",)),
    Step("old-identity", "Delete the old identity", 2, after=("nodes",)),
    Step("certificate", "Put the hub's certificate into the cluster", 1, after=("tags",)),
    Step("name", "Point the DNS record at the hub", 1, after=("certificate",)),
    Step("release", "Upgrade the Helm release and test the hub; roll back if the test fails", 75, after=("name",)),
    Step("leftovers", "Delete the old DNS records and certificates", 1, after=("release",)),
    Step(
        "power-off",
        "Stop the cluster again if it was off before",
        5,
        after=("leftovers", "rules", "old-identity"),
    ),
)
