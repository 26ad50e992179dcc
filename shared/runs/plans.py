"""What a run of each kind consists of: its steps, and which of them must be done before another can begin.

Steps that do not wait for each other run side by side. The order is the tutorials'; `seconds` is how long a step usually takes
in Azure (medians of the operations in the Azure CLI's test recordings), for the percentage and the expected end.
"""

from dataclasses import dataclass

from shared.runs.model import Kind


@dataclass(frozen=True)
class Step:
    name: str
    title: str
    seconds: float
    after: tuple[str, ...] = ()
    longest: float = 0.0
    """Seconds after which a step that only waits is given up; 0: four times its usual length and an hour."""

    @property
    def patience(self) -> float:
        return self.longest or 4 * self.seconds + 3600


CREATE = (
    Step("providers", "Register resource providers", 2),  # first: a provider that is not registered answers no question
    Step("preflight", "Check what Azure will allow", 3, after=("providers",)),
    Step("group", "Create the resource group", 1, after=("preflight",)),
    Step("ssh-key", "Make the SSH key pair", 1, after=("preflight",)),
    Step("network", "Create the virtual network and subnet", 6, after=("group",)),
    Step("registry", "Make the registry of a BinderHub's images", 20, after=("group",)),
    Step("identity", "Make the cluster's identity", 12, after=("group",)),
    Step("role", "Let the identity use the network", 8, after=("network", "identity")),
    Step("cluster", "Create the AKS cluster", 322, after=("role", "ssh-key")),
    Step("rules", "Set rules on the machines' scale set, if it is to have some", 2, after=("cluster",)),
    Step("credentials", "Reach the cluster", 3, after=("cluster",)),
    Step("certificate", "Put the hub's own certificate into the cluster", 1, after=("credentials",)),
    Step("release", "Install the Helm chart", 20, after=("certificate", "registry")),
    Step("name", "Lead the host name to the hub", 1, after=("release",)),
    Step("usable", "Wait until the hub answers", 60, after=("name",)),
)

UPGRADE = (
    Step("check", "Check what is to change", 5),
    Step("rest", "Let the cluster rest after its stop", 1, after=("check",)),
    Step("power-on", "Start the AKS cluster, if it is off", 5, after=("rest",)),
    Step("credentials", "Reach the cluster", 3, after=("power-on",)),
    Step("backup", "Keep a copy of the hub's keys", 3, after=("credentials",)),
    Step("new-identity", "Make a managed identity, if the cluster is to have one", 2, after=("check",)),
    Step("identity", "Give it to the cluster", 2, after=("backup", "new-identity")),
    Step("new-pool", "Make another pool of nodes, if they are to be others", 5, after=("identity",)),
    Step("people", "Warn the people whose servers end", 5, after=("new-pool",), longest=14 * 3600),
    Step("old-pool", "Empty and remove the old pool", 5, after=("people",), longest=2 * 3600),
    Step("cluster", "Upgrade Kubernetes", 30, after=("old-pool",)),
    Step("nodes", "Renew nodes that keep the old identity", 5, after=("cluster",), longest=3 * 3600),
    Step("pool", "Change the number of nodes", 30, after=("nodes",)),
    Step("rules", "Change the rules on the scale set", 2, after=("pool",)),
    Step("tags", "Change the tags", 2, after=("pool",)),
    Step("old-identity", "Remove the old identity", 2, after=("nodes",)),
    Step("certificate", "Put the hub's own certificate into the cluster", 1, after=("tags",)),
    Step("name", "Lead the new host name to the hub", 1, after=("certificate",)),
    Step("release", "Upgrade the release, try the hub, and go back if it fails", 75, after=("name",)),
    Step("leftovers", "Remove what the old name and certificate needed", 1, after=("release",)),
    Step(
        "power-off",
        "Put the cluster back to sleep, if it was woken",
        5,
        after=("leftovers", "rules", "old-identity"),
    ),
)

TEARDOWN = (
    Step("homes", "Keep what was asked to be kept", 10),
    Step("name", "Remove the host name's record", 1, after=("homes",)),
    Step("cluster", "Delete the AKS cluster", 192, after=("homes",)),
    Step("role", "Take the identity's role away", 1, after=("cluster",)),
    Step("identity", "Delete the cluster's identity", 2, after=("role",)),
    Step("network", "Delete the virtual network", 10, after=("role",)),
    Step("registry", "Delete the registry of a BinderHub's images", 10, after=("cluster",)),
    Step("group", "Delete the resource group", 76, after=("network", "registry", "identity")),
    Step("secrets", "Purge the secrets", 2, after=("group",)),
    Step("receipt", "List what is left", 3, after=("secrets", "name")),
)

START = (
    Step("rest", "Let the cluster rest after its stop", 1),
    Step("power-on", "Start the AKS cluster", 293, after=("rest",)),
    Step("usable", "Wait until the hub answers", 60, after=("power-on",)),
)

STOP = (
    Step("check", "See that the hub can be started again", 2),
    Step("people", "Warn the people who use it", 60, after=("check",), longest=14 * 3600),
    Step("servers", "Stop their servers", 15, after=("people",)),
    Step("new-password", "Make a new password, if the old one ends too soon", 1, after=("servers",)),
    Step("give-password", "Give it to the cluster", 1, after=("new-password",)),
    Step("old-passwords", "Remove the old one", 1, after=("give-password",)),
    Step("power-off", "Stop the AKS cluster", 109, after=("old-passwords",)),
)

ROTATE = (
    Step("check", "Look at the password", 2),
    Step("new-password", "Make a new password", 3, after=("check",)),
    Step("give-password", "Give it to the cluster", 600, after=("new-password",)),
    Step("old-passwords", "Remove the old one", 2, after=("give-password",)),
)

PLANS: dict[Kind, tuple[Step, ...]] = {
    Kind.CREATE: CREATE,
    Kind.UPGRADE: UPGRADE,
    Kind.TEARDOWN: TEARDOWN,
    Kind.START: START,
    Kind.STOP: STOP,
    Kind.ROTATE: ROTATE,
}


def planned(kind: Kind, name: str) -> Step:
    return next(step for step in PLANS[kind] if step.name == name)


def activity_name(kind: Kind, step: str) -> str:
    """The function that does the step, as the workflow engine and Azure's monitoring know it."""
    return f"{kind.value}_{step.replace('-', '_')}"


def ready(plan: tuple[Step, ...], done: set[str], begun: set[str]) -> list[str]:
    """The steps that can begin now: everything they come after is done, and they have not begun."""
    return [step.name for step in plan if step.name not in begun and set(step.after) <= done]


def chain(plan: tuple[Step, ...]) -> float:
    """Seconds that the longest chain of steps usually takes: what a run cannot be faster than."""
    ends: dict[str, float] = {}
    for step in plan:  # plans list a step after those it comes after
        ends[step.name] = step.seconds + max((ends[name] for name in step.after), default=0.0)
    return max(ends.values())
