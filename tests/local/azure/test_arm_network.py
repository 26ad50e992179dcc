"""Networks, addresses and DNS of the emulated ARM."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.azure.arm_lab import CLUSTER, SUB, Lab, lab

pytestmark = pytest.mark.local
NETWORK = f"{SUB}/resourceGroups/r5-rg/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/r5-vnet"


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        made.group()
        yield made


def test_a_network_is_made_with_its_subnets(arm: Lab) -> None:
    body = _network({"name": "r5-subnet", "properties": {"addressPrefix": "10.240.0.0/16"}})
    answer = arm.call("PUT", VNET, body)
    assert answer.status_code == 201
    assert answer.headers["Azure-AsyncNotification"] == "Enabled"
    assert "Location" not in answer.headers
    assert answer.headers["Retry-After"] == "10"
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert answer.json()["properties"]["subnets"][0]["properties"]["provisioningState"] == "Updating"
    assert arm.call("GET", answer.headers["Azure-AsyncOperation"]).json() == {"status": "InProgress"}
    arm.advance(4)
    assert arm.call("GET", answer.headers["Azure-AsyncOperation"]).json() == {"status": "Succeeded"}
    subnet = arm.call("GET", f"{VNET}/subnets/r5-subnet").json()
    assert subnet["properties"]["provisioningState"] == "Succeeded"


def test_a_network_in_work_is_locked(arm: Lab) -> None:
    arm.call("PUT", VNET, _network())
    refused = arm.call("PUT", f"{VNET}/subnets/s", {"properties": {"addressPrefix": "10.1.0.0/16"}})
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "10"
    assert refused.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
    arm.advance(5)
    assert arm.call("PUT", f"{VNET}/subnets/s", {"properties": {"addressPrefix": "10.1.0.0/16"}}).status_code == 201


def test_the_official_client_makes_and_deletes_by_id(arm: Lab) -> None:
    arm.world.speed = 0
    client = arm.resources.resources
    made = client.begin_create_or_update_by_id(VNET, api_version="2024-05-01", parameters=_network()).result()
    assert made.properties["provisioningState"] == "Succeeded"
    subnet: Any = {"properties": {"addressPrefix": "10.240.0.0/16"}}
    client.begin_create_or_update_by_id(f"{VNET}/subnets/s", api_version="2024-05-01", parameters=subnet).result()
    client.begin_delete_by_id(f"{VNET}/subnets/s", api_version="2024-05-01").result()
    client.begin_delete_by_id(VNET, api_version="2024-05-01").result()
    assert not client.check_existence_by_id(VNET, api_version="2024-05-01")
    assert arm.call("DELETE", VNET).status_code == 204


@pytest.mark.parametrize(
    ("prefixes", "code"),
    [
        (["192.168.0.0/24"], "NetcfgInvalidSubnet"),
        (["10.0.0.0/16", "10.0.128.0/17"], "NetcfgSubnetRangesOverlap"),
        (["10.0.0.1/16"], "InvalidAddressPrefixFormat"),
    ],
)
def test_subnets_that_do_not_fit_are_refused(arm: Lab, prefixes: list[str], code: str) -> None:
    subnets = [{"name": f"s{number}", "properties": {"addressPrefix": text}} for number, text in enumerate(prefixes)]
    refused = arm.call("PUT", VNET, _network(*subnets))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert arm.call("GET", VNET).status_code == 404


def test_a_subnet_of_a_network_that_is_not_there_is_refused(arm: Lab) -> None:
    refused = arm.call("PUT", f"{VNET}/subnets/s", {"properties": {"addressPrefix": "10.1.0.0/16"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "ParentResourceNotFound")


def test_a_subnet_with_nodes_in_it_cannot_go(arm: Lab) -> None:
    subnet = arm.network()
    body = arm.cluster(networkProfile={"networkPlugin": "azure"})
    body["properties"]["agentPoolProfiles"][0]["vnetSubnetID"] = subnet
    assert arm.call("PUT", CLUSTER, body).status_code == 201
    arm.advance(400)
    assert len(arm.call("GET", subnet).json()["properties"]["ipConfigurations"]) == 3
    for path in (subnet, VNET):
        refused = arm.call("DELETE", path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InUseSubnetCannotBeDeleted")
    arm.call("DELETE", CLUSTER)
    arm.advance(200)
    answer = arm.call("DELETE", VNET)
    assert answer.status_code == 202
    assert "/operationResults/" in answer.headers["Location"]
    arm.advance(10)
    assert arm.call("GET", answer.headers["Location"]).status_code == 204
    assert arm.call("GET", subnet).status_code == 404


def test_labels_are_free_until_an_address_has_them(arm: Lab) -> None:
    check = f"{SUB}/providers/Microsoft.Network/locations/westus/CheckDnsNameAvailability"
    assert arm.call("GET", check, params={"domainNameLabel": "r5-hub"}).json() == {"available": True}
    body = {"location": "westus", "properties": {"dnsSettings": {"domainNameLabel": "r5-hub"}}}
    made = arm.call("PUT", f"{NETWORK}/publicIPAddresses/front", body)
    assert made.json()["properties"]["dnsSettings"]["fqdn"] == "r5-hub.westus.cloudapp.azure.com"
    assert arm.call("GET", check, params={"domainNameLabel": "r5-hub"}).json() == {"available": False}
    refused = arm.call("PUT", f"{NETWORK}/publicIPAddresses/second", body)
    assert refused.json()["error"]["code"] == "DnsRecordInUse"
    assert arm.call("GET", check, params={"domainNameLabel": "R_5"}).json()["error"]["code"] == "InvalidDomainNameLabel"


def test_zones_hold_address_records(arm: Lab) -> None:
    zone = f"{NETWORK}/dnsZones/example.org"
    made = arm.call("PUT", zone, {"location": "global"})
    assert (made.status_code, len(made.json()["properties"]["nameServers"])) == (201, 4)
    record = {"properties": {"TTL": 300, "ARecords": [{"ipv4Address": "127.70.0.2"}]}}
    assert arm.call("PUT", f"{zone}/A/hub", record).json()["properties"]["fqdn"] == "hub.example.org."
    assert [row["name"] for row in arm.call("GET", f"{zone}/A").json()["value"]] == ["hub"]
    assert arm.call("PUT", f"{zone}/A/bad", {"properties": {}}).json()["code"] == "BadRequest"
    assert arm.call("DELETE", f"{zone}/A/hub").status_code == 200
    assert arm.call("GET", f"{zone}/A/hub").json()["code"] == "NotFound"


def test_a_record_set_is_written_on_conditions_and_alone_beside_an_alias(arm: Lab) -> None:
    zone = f"{NETWORK}/dnsZones/example.org"
    arm.call("PUT", zone, {"location": "global"})
    record = {"properties": {"TTL": 300, "ARecords": [{"ipv4Address": "127.70.0.2"}], "metadata": {"whose": "ours"}}}
    only_new = {"If-None-Match": "*"}
    made = arm.call("PUT", f"{zone}/A/hub", record, headers=only_new)
    assert (made.status_code, made.json()["properties"]["metadata"]) == (201, {"whose": "ours"})
    again = arm.call("PUT", f"{zone}/A/hub", record, headers=only_new)
    assert (again.status_code, again.json()["code"]) == (412, "PreconditionFailed")
    assert arm.call("PUT", f"{zone}/A/hub", record, headers={"If-Match": "another"}).status_code == 412
    assert arm.call("PUT", f"{zone}/A/hub", record, headers={"If-Match": made.json()["etag"]}).status_code == 200
    alias = {"properties": {"TTL": 300, "CNAMERecord": {"cname": "elsewhere.example"}}}
    assert arm.call("PUT", f"{zone}/CNAME/hub", alias).status_code == 400
    assert arm.call("PUT", f"{zone}/CNAME/@", alias).status_code == 400
    assert arm.call("PUT", f"{zone}/CNAME/lab", alias).status_code == 201
    assert arm.call("PUT", f"{zone}/A/lab", record).status_code == 400


def _network(*subnets: dict[str, Any]) -> dict[str, Any]:
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}, "subnets": list(subnets)}
    return {"location": "westus", "properties": space}
