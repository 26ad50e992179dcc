"""What AKS makes of a request: the whole body of a cluster and its pools, with the defaults filled in."""

from typing import Any

from local.azure.arm import naming
from local.azure.arm.wire import Json, same, stable_guid

_READ_ONLY = (
    "provisioningState",
    "currentKubernetesVersion",
    "fqdn",
    "azurePortalFQDN",
    "maxAgentPools",
    "resourceUID",
)
_POOL_READ_ONLY = ("provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag", "status")


def properties(
    cluster_id: str, location: str, asked: Json, current: Json | None, version: str, image: str, *, managed: bool
) -> Json:
    """The properties wanted: what was asked for over what is there, over the defaults.

    `version`: the patch version to run; `image`: the newest node image; `managed`: the cluster has an identity of its own, and no
    service principal. The secret of a service principal is never part of it.
    """
    wanted = (current or {}) | {name: value for name, value in asked.items() if _given(name, value, _READ_ONLY)}
    prefix = wanted.get("dnsPrefix") or cluster_id.rpartition("/")[2]
    host = (current or {}).get("fqdn") or naming.api_server(cluster_id, prefix, location)
    group = cluster_id.split("/")[4]
    network = network_profile(asked.get("networkProfile") or {}, (current or {}).get("networkProfile"))
    wanted |= {
        "powerState": (current or {}).get("powerState") or {"code": "Running"},
        "kubernetesVersion": wanted.get("kubernetesVersion") or version,
        "currentKubernetesVersion": version,
        "dnsPrefix": prefix,
        "fqdn": host,
        "azurePortalFQDN": host.replace(".hcp.", ".portal.hcp."),
        "servicePrincipalProfile": {"clientId": "msi" if managed else _client(wanted)},
        "nodeResourceGroup": wanted.get("nodeResourceGroup")
        or naming.node_group(group, cluster_id.rpartition("/")[2], location),
        "networkProfile": network,
        "agentPoolProfiles": _pools(asked, current, version, network, image),
    }
    defaults = {
        "enableRBAC": True,
        "supportPlan": "KubernetesOfficial",
        "maxAgentPools": 100,
        "disableLocalAccounts": False,
        "resourceUID": stable_guid("uid", cluster_id).replace("-", "")[:24],
    }
    return defaults | wanted


def network_profile(asked: Json, current: Json | None) -> Json:
    wanted = (current or {}) | {name: value for name, value in asked.items() if value is not None}
    plugin = wanted.get("networkPlugin") or "azure"
    mode = wanted.get("networkPluginMode") or (None if wanted.get("networkPlugin") else "overlay")
    defaults: Json = {
        "networkPlugin": plugin,
        "networkPolicy": "none",
        "networkDataplane": "azure",
        "loadBalancerSku": "standard",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
        "ipFamilies": ["IPv4"],
    }
    if mode:
        defaults["networkPluginMode"] = mode
    if mode == "overlay" or plugin == "kubenet":
        defaults["podCidr"] = "10.244.0.0/16"
    found = defaults | wanted
    found["serviceCidrs"] = wanted.get("serviceCidrs") or [found["serviceCidr"]]
    if "podCidr" in found:
        found["podCidrs"] = [found["podCidr"]]
    if found["outboundType"] == "loadBalancer":
        found.setdefault(
            "loadBalancerProfile", {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"}
        )
    return found


def pool(asked: Json, current: Json | None, version: str, network: Json, image: str) -> Json:
    """One agent pool profile. `version`: the control plane's patch version, which a new pool without its own gets.

    `image`: the newest node image, of which new nodes are made, and all of them with another version.
    """
    wanted = (current or {}) | {name: value for name, value in asked.items() if _given(name, value, _POOL_READ_ONLY)}
    if not wanted.get("enableAutoScaling"):
        wanted = {name: value for name, value in wanted.items() if name not in ("minCount", "maxCount")}
    own = wanted.get("orchestratorVersion") or version
    defaults: Json = {
        "count": max(1, wanted.get("minCount") or 1),
        "vmSize": "Standard_D2s_v3",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": default_pods(network),
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "powerState": {"code": "Running"},
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "enableNodePublicIP": False,
        "enableFIPS": False,
        "nodeImageVersion": image,
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"},
    }
    found = (
        {"name": wanted["name"]} | defaults | wanted | {"orchestratorVersion": own, "currentOrchestratorVersion": own}
    )
    if current and current["currentOrchestratorVersion"] != own:
        found["nodeImageVersion"] = image
    return found


def default_pods(network: Json) -> int:
    """Pods a node: 30 with addresses of the subnet, 110 with kubenet, 250 with an overlay."""
    if network.get("networkPlugin") == "kubenet":
        return 110
    return 250 if network.get("networkPluginMode") == "overlay" else 30


def identity(asked: Json | None, cluster_id: str, tenant: str) -> Json | None:
    """The identity block of an answer: with the principal that Azure made."""
    if not asked or asked.get("type") in (None, "None"):
        return None
    if asked["type"] != "SystemAssigned":
        return asked
    principal = asked.get("principalId") or stable_guid("identity", cluster_id.lower())
    return {"type": "SystemAssigned", "principalId": principal, "tenantId": tenant}


def set_states(body: Json, state: str, pools: list[str] | None = None) -> None:
    """ProvisioningState of the cluster, and of those pools (None: all)."""
    body["properties"]["provisioningState"] = state
    for profile in body["properties"]["agentPoolProfiles"]:
        if pools is None or profile["name"] in pools:
            profile["provisioningState"] = state


def set_power(body: Json, code: str) -> None:
    body["properties"]["powerState"] = {"code": code}
    for profile in body["properties"]["agentPoolProfiles"]:
        profile["powerState"] = {"code": code}


def find_pool(body: Json, name: str) -> Json | None:
    profiles: list[Json] = body["properties"]["agentPoolProfiles"]
    return next((profile for profile in profiles if same(profile["name"], name)), None)


def new_etag(body: Json, moment: float) -> None:
    body["eTag"] = stable_guid("etag", body["id"], f"{moment:.6f}", str(body["properties"].get("provisioningState")))


def _given(name: str, value: Any, read_only: tuple[str, ...]) -> bool:
    return value is not None and name not in read_only


def _client(wanted: Json) -> str:
    return str((wanted.get("servicePrincipalProfile") or {}).get("clientId") or "msi")


def _pools(asked: Json, current: Json | None, version: str, network: Json, image: str) -> list[Json]:
    """In the order asked for; pools that a request leaves out altogether stay."""
    profiles = asked.get("agentPoolProfiles")
    existing = {profile["name"]: profile for profile in (current or {}).get("agentPoolProfiles") or []}
    if profiles is None:
        profiles = list(existing.values())
    return [pool(profile, existing.get(profile["name"]), version, network, image) for profile in profiles]
