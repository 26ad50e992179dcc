"""What is done to a managed cluster by POST: power, abort, credentials of people and of its service principal."""

import base64

from local.azure.arm.aks import body as bodies
from local.azure.arm.aks import rules, versions
from local.azure.arm.aks.cluster_state import ClusterState
from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId
from local.azure.arm.kinds import unknown_type
from local.azure.arm.operations import Operation
from local.azure.arm.wire import Answer, Call, Json, flat

START, STOP, ABORT, RESET, ROTATE = 293.0, 109.0, 5.0, 463.0, 463.0
"""Recorded medians, seconds; resetting a service principal makes all nodes anew, as a new node image does."""

_START_NOISE = {
    "code": "NotLatestOperation",
    "message": "Cannot proceed with the operation. Either the operation has been preempted by another one, or the "
    "information needed by the operation failed to be saved (or hasn't been saved yet).",
}
"""Recorded on every poll of starts that succeeded."""


class Power:
    def __init__(self, azure: Azure, state: ClusterState) -> None:
        self._azure = azure
        self._state = state

    def act(self, call: Call, resource: ResourceId, body: Json, action: str) -> Answer:
        actions = {
            "start": self._start,
            "stop": self._stop,
            "abort": self._abort,
            "resetserviceprincipalprofile": self._reset,
            "rotateclustercertificates": self._rotate,
            "listclusteradmincredential": self._admin_credential,
            "listclusterusercredential": self._user_credential,
        }
        if action.lower() not in actions:
            raise unknown_type(f"Microsoft.ContainerService/managedClusters/{action}", call)
        return actions[action.lower()](call, resource, body)

    def _stop(self, call: Call, resource: ResourceId, body: Json) -> Answer:
        rules.check_idle(self._azure.operations.open_on(resource.key))
        if body["properties"]["powerState"]["code"] == "Stopped":
            raise rules.wrong_power(body, "stopping", "BadRequest")
        pools = body["properties"]["agentPoolProfiles"]
        counts = {pool["name"]: {"count": pool["count"], "powerState": pool["powerState"]} for pool in pools}
        kept = self._state.private(body).get("counts") or {}
        bodies.set_states(body, "Stopping")
        self._state.save(body, counts=counts | kept)
        return self._begun(
            call, self._azure.begin(resource, "cluster.stop", STOP, title="stop managed cluster", final_status=204)
        )

    def _start(self, call: Call, resource: ResourceId, body: Json) -> Answer:
        """Also after a failed or cancelled operation, which it repairs."""
        rules.check_idle(self._azure.operations.open_on(resource.key))
        own = body["properties"]
        if own["powerState"]["code"] == "Running" and own["provisioningState"] == "Succeeded":
            raise rules.wrong_power(body, "starting", "BadRequest")
        if not self._state.private(body).get("built"):
            raise rules.wrong_power(body, "starting", "BadRequest")
        rules.check_quota(self._azure, body["location"], resource.key, self._state.wanted_pools(body))
        bodies.set_states(body, "Starting")
        bodies.set_power(body, "Running")
        self._state.save(body)
        operation = self._azure.begin(
            resource,
            "cluster.start",
            START,
            title="start managed cluster",
            final_status=204,
            noise=_START_NOISE,
            planned=self._bad_secret(body),
        )
        return self._begun(call, operation)

    def _bad_secret(self, body: Json) -> Json | None:
        """Nodes that start need a service principal that works."""
        client = body["properties"]["servicePrincipalProfile"]["clientId"]
        if client == "msi":
            return None
        return rules.secret_problem(self._azure, client, self._state.private(body).get("secret"))

    def _abort(self, call: Call, resource: ResourceId, body: Json) -> Answer:
        running = [op for op in self._azure.operations.open_on(resource.key) if op.kind != "cluster.abort"]
        if not running:
            message = "Cannot abort: there is no operation in progress on the managed cluster."
            raise flat(409, "OperationNotAllowed", message)
        operation = self._azure.begin(resource, "cluster.abort", ABORT, title="abort latest", final_status=204)
        return Answer(202, body, self._azure.polling.headers(call, operation, location=True))

    def _reset(self, call: Call, resource: ResourceId, body: Json) -> Answer:
        rules.check_idle(self._azure.operations.open_on(resource.key))
        rules.check_running(body)
        client, secret = str(call.document.get("clientId") or ""), call.document.get("secret")
        if body["properties"]["servicePrincipalProfile"]["clientId"] == "msi":
            message = "Updating service principal profile is not allowed on a cluster with managed identity."
            raise flat(400, "BadRequest", message)
        rules.check_principal(self._azure, client, secret)
        body["properties"]["servicePrincipalProfile"] = {"clientId": client}
        bodies.set_states(body, "Updating")
        self._state.save(body, secret=secret)
        operation = self._azure.begin(resource, "cluster.update", RESET, title="reset service principal profile")
        return Answer(202, None, self._azure.polling.headers(call, operation, asynchronous=False, location=True))

    def _rotate(self, call: Call, resource: ResourceId, body: Json) -> Answer:
        rules.check_idle(self._azure.operations.open_on(resource.key))
        rules.check_running(body)
        bodies.set_states(body, "RotatingClusterCertificates")
        self._state.save(body)
        return self._begun(
            call,
            self._azure.begin(
                resource, "cluster.update", ROTATE, title="rotate cluster certificates", final_status=204
            ),
        )

    def _begun(self, call: Call, operation: Operation) -> Answer:
        return Answer(202, None, self._azure.polling.headers(call, operation, location=True))

    def _admin_credential(self, _call: Call, resource: ResourceId, body: Json) -> Answer:
        if body["properties"].get("disableLocalAccounts"):
            message = "Getting static credential is not allowed because this cluster is set to disable local accounts."
            raise flat(400, "BadRequest", message)
        return self._credential(resource, body, admin=True)

    def _user_credential(self, _call: Call, resource: ResourceId, body: Json) -> Answer:
        return self._credential(resource, body, admin=False)

    def _credential(self, resource: ResourceId, body: Json, *, admin: bool) -> Answer:
        if not self._state.private(body).get("built"):
            reason = {"code": "Unspecified", "message": "rpc error: code = NotFound desc = Control Plane not found"}
            message = f"Could not find control plane with ID {body['properties']['resourceUID']}."
            raise flat(404, "ControlPlaneNotFound", message, details=[reason])
        group = body["id"].split("/")[4]
        text = self._azure.clusters.kubeconfig(resource.key, admin=admin, resource_group=group)
        value = base64.b64encode(text.encode()).decode()
        return Answer(200, {"kubeconfigs": [{"name": "clusterAdmin" if admin else "clusterUser", "value": value}]})


def upgrade_profile(body: Json) -> Json:
    """The answer of `upgradeProfiles/default`."""
    own = body["properties"]
    control = _upgrades(own["currentKubernetesVersion"])
    pools = [
        {"name": pool["name"]} | _upgrades(pool["currentOrchestratorVersion"]) for pool in own["agentPoolProfiles"]
    ]
    return {
        "id": f"{body['id']}/upgradeprofiles/default",
        "name": "default",
        "type": "Microsoft.ContainerService/managedClusters/upgradeprofiles",
        "properties": {"controlPlaneProfile": control, "agentPoolProfiles": pools},
    }


def _upgrades(version: str) -> Json:
    offered = [
        {"kubernetesVersion": target} | ({"isPreview": True} if preview else {})
        for target, preview in versions.upgrades(version)
    ]
    return {"kubernetesVersion": version, "osType": "Linux"} | ({"upgrades": offered} if offered else {})
