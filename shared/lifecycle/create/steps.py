"""Every step that a create may have. The order is the tutorials'."""

from shared.runs.plan import Plan, Step

STEPS: Plan = (
    Step("providers", "Register the resource providers", 2),  # first: one that is not registered answers no question
    Step("preflight", "Check what Azure will allow", 3, after=("providers",)),
    Step("group", "Create the resource group", 1, after=("preflight",)),
    Step("ssh-key", "Create the SSH key pair", 1, after=("preflight",)),
    Step("network", "Create the virtual network and subnet", 6, after=("group",)),
    Step("registry", "Create the container registry for the images", 20, after=("group",)),
    Step("identity", "Create the cluster's identity", 12, after=("group",)),
    Step("role", "Give the identity a network role", 8, after=("network", "identity")),
    Step("cluster", "Create the AKS cluster", 322, after=("role", "ssh-key")),
    Step("rules", "Create the autoscale rules of the nodes", 2, after=("cluster",)),
    Step("credentials", "Connect to the cluster", 3, after=("cluster",)),
    Step("certificate", "Put the hub's certificate into the cluster", 1, after=("credentials",)),
    Step("release", "Install the Helm chart", 20, after=("certificate", "registry")),
    Step("name", "Point the DNS record at the hub", 1, after=("release",)),
    Step("usable", "Wait until the hub answers", 60, after=("name",)),
)
