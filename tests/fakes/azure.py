"""A small Azure for the steps on nodes and identity: every change is done at once, and noted in `asked`, in order."""

from dataclasses import dataclass, field
from typing import Any, Self

from shared.azure.aks import Cluster, read_cluster
from shared.azure.authorization import Permission, assignment_id
from shared.azure.compute import Disk, VmSize
from shared.azure.network import Network
from shared.azure.operations import Operation, Progress
from shared.errors import NotFoundError, TemporaryError
from tests.fakes.adapters import SUCCEEDED, Secrets

type Json = dict[str, Any]

OLD_IMAGE, NEW_IMAGE = "image-1", "image-2"
CLUSTER = "/subscriptions/s/resourcegroups/r5-rg/providers/Microsoft.ContainerService/managedClusters/r5"
OWNED = {"hubkeeper-hub": "r5"}


def profile(name: str = "nodepool1", **more: Any) -> Json:
    fields = {
        "name": name,
        "count": 3,
        "vmSize": "Standard_D2s_v3",
        "maxPods": 30,
        "mode": "System",
        "provisioningState": "Succeeded",
        "currentOrchestratorVersion": "1.35.5",
        "nodeImageVersion": OLD_IMAGE,
        "tags": OWNED,
    }
    return {**fields, **more}


def pod(name: str, node: str, **metadata: Any) -> Json:
    return {"metadata": {"name": name, "namespace": "jhub", **metadata}, "spec": {"nodeName": node}}


@dataclass
class Azure:
    """AKS, ARM, roles, directory, Key Vault, Compute and Kubernetes of hub r5. `fails`: what the named call raises, once."""

    pools: dict[str, Json] = field(default_factory=lambda: {"nodepool1": profile()})
    identity: Json | None = None
    tier: str = "Free"
    latest: str = NEW_IMAGE
    asked: list[str] = field(default_factory=list)
    resources: dict[str, Json] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    applications: set[str] = field(default_factory=lambda: {"app-object"})
    vault: Secrets = field(default_factory=Secrets)
    fails: dict[str, Exception] = field(default_factory=dict)
    unready: set[str] = field(default_factory=set)
    pods: list[Json] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    """Pods that a disruption budget keeps."""
    unschedulable: set[str] = field(default_factory=set)
    registered: bool = True
    disks_there: list[Disk] = field(default_factory=list)
    sizes: dict[str, VmSize] = field(default_factory=dict)
    limit: int = 100
    subnet: str = "10.240.0.0/16"
    network_tags: dict[str, str] = field(default_factory=lambda: OWNED)
    given: dict[str, tuple[Permission, ...]] = field(default_factory=dict)
    """What a principal may do on the subnet by roles that others gave it."""

    def note(self, what: str) -> None:
        self.asked.append(what)
        if error := self.fails.pop(what, None):
            raise error

    def adapters(self) -> dict[str, Any]:
        return {
            "clusters": self,
            "arm": self,
            "roles": self,
            "directory": self,
            "secrets": self,
            "quotas": self,
            "networks": self,
            "kubernetes": self,
        }

    # AKS

    def get(self, *place: str) -> Any:
        if place == ("r5-rg", "r5"):
            return self.cluster()
        if place[0] == "r5--own--service-principal-password":
            return self.vault.get(place[0])
        return self.resources.get(place[0].lower())

    def cluster(self) -> Cluster:
        own: Json = {"provisioningState": "Succeeded", "powerState": {"code": "Running"}}
        own |= {"kubernetesVersion": "1.35.5", "currentKubernetesVersion": "1.35.5"}
        own["agentPoolProfiles"] = [dict(each) for each in self.pools.values()]
        sku = {"sku": {"name": "Base", "tier": self.tier}}
        body = {"id": CLUSTER, "name": "r5", "location": "westus", "tags": OWNED, "properties": own, **sku}
        return read_cluster(body | ({"identity": self.identity} if self.identity else {}))

    def put(self, *given: Any) -> Any:
        """Of the cluster (group, name, body), or of any resource (id, version, body)."""
        if given[:2] == ("r5-rg", "r5"):
            self.note("put cluster")
            self.identity, self.tier = given[2].get("identity"), given[2]["sku"]["tier"]
            return Operation("https://arm/put", None)
        identity, _, body = given
        self.note(f"put {identity.rsplit('/', 1)[-1]}")
        made = {"id": identity, "name": identity.rsplit("/", 1)[-1], **body}
        if "userAssignedIdentities" in identity:
            made["properties"] = {"principalId": "new-principal"}
        self.resources[identity.lower()] = made
        return made, None

    def put_pool(self, group: str, name: str, pool: str, body: Json) -> Operation:
        self.note(f"put {pool}")
        given = body["properties"]
        version = given.get("orchestratorVersion") or "1.35.5"
        before = self.pools.get(pool) or {"nodeImageVersion": self.latest}
        self.pools[pool] = profile() | before | given | {"name": pool, "currentOrchestratorVersion": version}
        self.pools[pool]["provisioningState"] = "Succeeded"
        return Operation("https://arm/pool", None)

    def delete_pool(self, group: str, name: str, pool: str) -> Operation | None:
        self.note(f"delete {pool}")
        return Operation("https://arm/gone", None) if self.pools.pop(pool, None) else None

    def latest_image(self, group: str, name: str, pool: str) -> str:
        return self.latest

    def renew_image(self, group: str, name: str, pool: str) -> Operation:
        self.note(f"renew {pool}")
        self.pools[pool]["nodeImageVersion"] = self.latest
        return Operation("https://arm/image", None)

    def list_all(self) -> list[Cluster]:
        return [self.cluster()]

    def admin_kubeconfig(self, group: str, name: str) -> str:
        return "kubeconfig"

    # ARM

    def progress(self, operation: Operation) -> Progress:
        return SUCCEEDED

    def provider_state(self, namespace: str) -> str:
        return "Registered" if self.registered else "NotRegistered"

    def register_provider(self, namespace: str) -> None:
        self.note(f"register {namespace}")

    def delete(self, *given: str) -> None:
        """Of any resource (id, version), or of a secret (name)."""
        self.note(f"delete {given[0].rsplit('/', 1)[-1]}")
        self.resources.pop(given[0].lower(), None)
        self.vault.kept.pop(given[0], None)

    def scale_set(self, group: str, pool: str) -> str | None:
        return f"/subscriptions/s/x/aks-{pool}-vmss" if pool in self.pools else None

    def disks(self, group: str) -> list[Disk]:
        return self.disks_there

    def sku(self, location: str, size: str) -> VmSize | None:
        return self.sizes.get(size, VmSize(size, 4, 16.0, "family", 8, ()))

    def usages(self, location: str) -> dict[str, tuple[int, int]]:
        return {"family": (6, self.limit), "cores": (6, self.limit)}

    def network(self, resource_id: str) -> Network:
        subnets: dict[str, tuple[str, ...]] = {"R5-subnet": (self.subnet,)}
        return Network(resource_id, "r5-vnet", "westus", self.network_tags, "Succeeded", (), subnets)

    # roles, directory, Key Vault

    def assign(self, scope: str, principal: str, role: str) -> str:
        self.note(f"assign {principal}")
        self.assigned.add(principal)
        return assignment_id(scope, principal, role)

    def granted(self, scope: str, principal: str) -> tuple[Permission, ...]:
        assert scope.endswith("/subnets/r5-subnet")
        return self.given.get(principal, ())

    def remove(self, assignment: str) -> None:
        self.note(f"unassign {assignment}")

    def delete_application(self, object_id: str, principal: str) -> None:
        self.note(f"delete {object_id} with {principal}")
        self.applications.discard(object_id)

    def purge(self, name: str) -> None:
        self.note(f"purge {name}")

    # Kubernetes: one node a pool is enough

    def __call__(self, kubeconfig: str) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def list(self, path: str, *_: Any, fields: str = "") -> list[Json]:
        if "autoscalesettings" in path:
            return [one for key, one in self.resources.items() if "/autoscalesettings/" in key]
        if path == "/api/v1/nodes":
            return [self._node(name) for name, pool in self.pools.items() for _ in range(int(pool["count"]))]
        assert path == "/api/v1/pods"
        return [one for one in self.pods if one["spec"]["nodeName"] == fields.removeprefix("spec.nodeName=")]

    def _node(self, pool: str) -> Json:
        ready = "False" if pool in self.unready else "True"
        spec = {"unschedulable": True} if f"{pool}-node" in self.unschedulable else {}
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        return {"metadata": {"name": f"{pool}-node", "labels": {"agentpool": pool}}, "spec": spec, "status": status}

    def patch(self, path: str, body: Json) -> Json:
        node = path.rsplit("/", 1)[-1]
        if node not in self.unschedulable:  # all nodes of a pool have one name here
            self.note(f"cordon {node}")
        self.unschedulable.add(node)
        return body

    def create(self, path: str, body: Json) -> Json:
        name = body["metadata"]["name"]
        self.note(f"evict {name}")
        if name in self.kept:
            causes = {"causes": [{"message": f"The disruption budget of {name} needs 1 healthy pods"}]}
            raise TemporaryError("Kubernetes", "TooManyRequests", "not now", status=429, details=causes)
        before = len(self.pods)
        self.pods = [one for one in self.pods if one["metadata"]["name"] != name]
        if len(self.pods) == before:
            raise NotFoundError("Kubernetes", "NotFound", name, status=404)
        return body
