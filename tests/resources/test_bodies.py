"""What Azure is asked for, flag by flag of the tutorials' own commands."""

from typing import Any

import pytest

from shared.azure.network import network_body
from shared.hubs.spec.validation import parse
from shared.resources import bodies

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
KEY = "ssh-rsa AAAA r5"
PRINCIPAL = {"clientId": "sp-id", "secret": "sp-password"}

FIRST = {"name": "r5", "image": "jupyter/datascience-notebook:latest"}
SECOND = {
    "name": "prd",
    "location": "eastus",
    "resourceGroup": "prd_rg_jhub",
    "network": {"name": "prd_vnet_jhub", "subnet": "default"},
    "identity": {"name": "sp_aks_jhub"},
    "cluster": {
        "name": "prd-aks-jhub",
        "nodeResourceGroup": "prd_rg_jhub_infra",
        "kubernetesVersion": "1.19.6",
        "autoscale": {"min": 3, "max": 6},
        "dockerBridgeAddress": "172.17.0.1/16",
    },
    "release": {"version": "0.11.1"},
}


def cluster(request: dict[str, Any]) -> dict[str, Any]:
    hub = parse(request, "westus")
    version = hub.cluster.kubernetes_version or "1.35.5"
    return bodies.cluster(hub, SUBSCRIPTION, version=version, ssh_public_key=KEY, principal=PRINCIPAL)


def at(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


SAME = {
    "--ssh-key-value": ("properties.linuxProfile.ssh.publicKeys.0.keyData", KEY),
    "--node-count 3": ("properties.agentPoolProfiles.0.count", 3),
    "--node-vm-size Standard_D2s_v3": ("properties.agentPoolProfiles.0.vmSize", "Standard_D2s_v3"),
    "--service-principal": ("properties.servicePrincipalProfile.clientId", "sp-id"),
    "--client-secret": ("properties.servicePrincipalProfile.secret", "sp-password"),
    "--dns-service-ip 10.0.0.10": ("properties.networkProfile.dnsServiceIP", "10.0.0.10"),
    "--network-plugin azure": ("properties.networkProfile.networkPlugin", "azure"),
    "--network-policy azure": ("properties.networkProfile.networkPolicy", "azure"),
    "--service-cidr 10.0.0.0/16": ("properties.networkProfile.serviceCidr", "10.0.0.0/16"),
    "--enable-vmss": ("properties.agentPoolProfiles.0.type", "VirtualMachineScaleSets"),
}
"""Flags of `az aks create` that both have, or that are Azure's default in the one that does not."""


@pytest.mark.parametrize("request_", [FIRST, SECOND], ids=["first", "second"])
@pytest.mark.parametrize("flag", list(SAME))
def test_a_flag_of_both_tutorials_arrives(request_: dict[str, Any], flag: str) -> None:
    path, value = SAME[flag]
    assert at(cluster(request_), path) == value


def subnet(group: str, network: str, name: str) -> str:
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{network}"
        f"/subnets/{name}"
    )


OWN: list[tuple[dict[str, Any], str, str, Any]] = [
    (FIRST, "--vnet-subnet-id", "properties.agentPoolProfiles.0.vnetSubnetID", subnet("r5-rg", "r5-vnet", "r5-subnet")),
    (FIRST, "MC_r5-rg_r5_westus", "properties.nodeResourceGroup", "MC_r5-rg_r5_westus"),
    (
        SECOND,
        "--vnet-subnet-id",
        "properties.agentPoolProfiles.0.vnetSubnetID",
        subnet("prd_rg_jhub", "prd_vnet_jhub", "default"),
    ),
    (SECOND, "--node-resource-group", "properties.nodeResourceGroup", "prd_rg_jhub_infra"),
    (SECOND, "--enable-cluster-autoscaler", "properties.agentPoolProfiles.0.enableAutoScaling", True),
    (SECOND, "--min-count 3", "properties.agentPoolProfiles.0.minCount", 3),
    (SECOND, "--max-count 6", "properties.agentPoolProfiles.0.maxCount", 6),
    (SECOND, "--kubernetes-version", "properties.kubernetesVersion", "1.19.6"),
]


@pytest.mark.parametrize(("request_", "flag", "path", "value"), OWN, ids=[f"{row[0]['name']} {row[1]}" for row in OWN])
def test_a_flag_of_one_tutorial_arrives(request_: dict[str, Any], flag: str, path: str, value: Any) -> None:
    assert at(cluster(request_), path) == value


def test_the_docker_bridge_is_left_out() -> None:
    """Azure dropped the setting: a body that had it would be refused."""
    assert "dockerBridge" not in str(cluster(SECOND))


@pytest.mark.parametrize("request_", [FIRST, SECOND], ids=["first", "second"])
def test_the_network_is_the_tutorials(request_: dict[str, Any]) -> None:
    hub = parse(request_, "westus")
    prefixes = {hub.network.subnet: [hub.network.subnet_prefix]}
    body = network_body(hub.location, [hub.network.address_prefix], prefixes, bodies.tags(hub))
    assert at(body, "properties.addressSpace.addressPrefixes") == ["10.0.0.0/8"]
    (made,) = at(body, "properties.subnets")
    assert made["name"] == request_.get("network", {}).get("subnet", "r5-subnet")
    assert "10.240.0.0/16" in str(made)


def test_everything_says_whose_it_is() -> None:
    body = cluster({**FIRST, "tags": {"course": "physics"}})
    tags = {"course": "physics", "hubkeeper-hub": "r5"}
    assert (body["tags"], at(body, "properties.agentPoolProfiles.0.tags")) == (tags, tags)
