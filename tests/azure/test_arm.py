"""Azure Resource Manager over the wire, and what is built on it: networks, roles, quotas, policies."""

from collections.abc import Iterator
from itertools import count

import pytest

from local.names import SUBSCRIPTION
from shared import names
from shared.azure import arm as arm_module
from shared.azure.arm import Group, ResourceManager
from shared.azure.authorization import RoleAssignments, allows
from shared.azure.compute import Quotas
from shared.azure.credentials import TokenSource
from shared.azure.graph import Directory
from shared.azure.network import Network, Networks, network_body
from shared.azure.operations import Operation, Progress
from shared.azure.policy import Policies
from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local
IP_API = "2024-05-01"
_numbers = count()


@pytest.fixture
def arm(services: Services, settings: Settings, identity: TokenSource) -> Iterator[ResourceManager]:
    found = ResourceManager(settings, identity)
    yield found
    found._sdk.close()


@pytest.fixture
def group(services: Services, arm: ResourceManager) -> Iterator[Group]:
    yield (made := arm.put_group(f"r{next(_numbers)}-rg", "westus", {"hubkeeper": "r5", "it": "o'k"}))
    services.do(lambda: setattr(services.world, "speed", 0))
    if operation := arm.delete_group(made.name):
        finish(arm, operation)


@pytest.fixture
def networks(services: Services, settings: Settings, identity: TokenSource) -> Iterator[Networks]:
    found = Networks(settings, identity)
    yield found
    found._arm._sdk.close()


def finish(arm: ResourceManager, operation: Operation) -> Progress:
    progress = arm.progress(operation)
    assert progress.state == "succeeded", progress
    return progress


def put_network(arm: ResourceManager, networks: Networks, group: Group) -> Network:
    where = names.network_id(SUBSCRIPTION, group.name, "r5-vnet")
    body = network_body("westus", ["10.0.0.0/8"], {"r5-subnet": ["10.240.0.0/16"]}, {"hubkeeper": "r5"})
    operation = networks.put_network(where, body)
    if operation:
        finish(arm, operation)
    found = networks.network(where)
    assert found is not None
    return found


def test_the_subscription_names_its_directory(arm: ResourceManager, settings: Settings) -> None:
    found = arm.subscription()
    assert (found["tenantId"], found["state"]) == (settings.tenant_id, "Enabled")


def test_a_provider_is_registered(services: Services, arm: ResourceManager) -> None:
    assert arm.provider_state("Microsoft.ContainerService") == "Registered"
    assert arm.provider_state("Microsoft.Insights") == "NotRegistered"
    for _ in range(2):
        arm.register_provider("Microsoft.Insights")
    assert arm.provider_state("microsoft.insights") == "Registered"


def test_a_group_is_made_found_and_deleted(arm: ResourceManager) -> None:
    assert arm.group("none-rg") is None
    assert arm.delete_group("none-rg") is None
    assert arm.resources_in_group("none-rg") == []
    made = arm.put_group("found-rg", "westus", {"a": "1"})
    assert (made.name, made.location, made.tags, made.state) == ("found-rg", "westus", {"a": "1"}, "Succeeded")
    assert arm.group("found-rg") == made
    assert arm.put_group("found-rg", "westus", {"a": "2"}).tags == {"a": "2"}
    with pytest.raises(PermanentError) as caught:
        arm.put_group("found-rg", "eastus", {})
    assert caught.value.code == "InvalidResourceGroupLocation"
    operation = arm.delete_group("found-rg")
    assert operation is not None
    assert operation.status_url is None
    finish(arm, operation)
    assert arm.group("found-rg") is None


def test_a_group_takes_its_time_to_go(services: Services, arm: ResourceManager) -> None:
    arm.put_group("slow-rg", "westus", {})
    services.do(lambda: setattr(services.world, "speed", 1))
    operation = arm.delete_group("slow-rg")
    assert operation is not None
    first = arm.progress(operation)
    assert (first.state, first.retry_after) == ("running", 15.0)
    assert first.operation is not None
    with pytest.raises(TemporaryError) as caught:
        arm.put_group("slow-rg", "westus", {})
    assert caught.value.code == "ResourceGroupBeingDeleted"
    services.pass_time(300)
    finish(arm, first.operation)


def test_things_are_found_by_their_tag(arm: ResourceManager, group: Group, networks: Networks) -> None:
    network = put_network(arm, networks, group)
    assert network.id in [found.id for found in arm.resources_tagged("hubkeeper", "r5")]
    assert [(found.name, found.type, found.tags) for found in arm.resources_in_group(group.name)] == [
        ("r5-vnet", "Microsoft.Network/virtualNetworks", {"hubkeeper": "r5"})
    ]


def test_a_network_is_made_grown_and_deleted(arm: ResourceManager, group: Group, networks: Networks) -> None:
    assert networks.network(names.network_id(SUBSCRIPTION, group.name, "none")) is None
    network = put_network(arm, networks, group)
    assert (network.state, network.address_space) == ("Succeeded", ("10.0.0.0/8",))
    assert network.subnets == {"r5-subnet": ("10.240.0.0/16",)}
    if operation := networks.put_subnet(f"{network.id}/subnets/more", ["10.241.0.0/16"]):
        finish(arm, operation)
    grown = networks.network(network.id)
    assert grown is not None
    assert sorted(grown.subnets) == ["more", "r5-subnet"]
    for where in (f"{network.id}/subnets/more", network.id):
        gone = networks.delete(where)
        assert gone is not None
        finish(arm, gone)
        assert networks.delete(where) is None
    assert networks.network(network.id) is None


def test_a_network_takes_its_time(services: Services, arm: ResourceManager, group: Group, networks: Networks) -> None:
    services.do(lambda: setattr(services.world, "speed", 1))
    operation = networks.put_network(
        names.network_id(SUBSCRIPTION, group.name, "slow"), network_body("westus", ["10.0.0.0/8"], {}, {})
    )
    assert operation is not None
    assert operation.status_url is not None
    assert len(operation.status_url) > 3000
    again = Operation.from_json(operation.to_json())
    running = arm.progress(again)
    assert (running.state, running.phase, running.retry_after) == ("running", "InProgress", 10.0)
    services.pass_time(60)
    finish(arm, again)


def test_a_label_is_free_until_it_is_taken(arm: ResourceManager, networks: Networks) -> None:
    assert networks.check_dns_label("westus", f"free{next(_numbers)}") is True
    with pytest.raises(PermanentError):
        networks.check_dns_label("westus", "Not a label")


def test_an_address_of_its_own_keeps_its_label(arm: ResourceManager, group: Group, networks: Networks) -> None:
    where = names.network_id(SUBSCRIPTION, group.name, "x").replace("virtualNetworks/x", "publicIPAddresses/r5-ip")
    body = {
        "location": "westus",
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static", "dnsSettings": {"domainNameLabel": "r5label"}},
    }
    _, operation = arm.put(where, IP_API, body)
    if operation:
        finish(arm, operation)
    (address,) = networks.public_addresses(group.name)
    assert (address.name, address.label, address.used) == ("r5-ip", "r5label", False)
    assert address.fqdn == "r5label.westus.cloudapp.azure.com"
    assert networks.check_dns_label("westus", "r5label") is False


def test_any_resource_is_reached_by_its_id(arm: ResourceManager, group: Group, networks: Networks) -> None:
    network = put_network(arm, networks, group)
    changed, _ = arm.patch(network.id, IP_API, {"tags": {"a": "b"}})
    assert changed["tags"] == {"a": "b"}
    document = arm.get(network.id, IP_API)
    assert document is not None
    assert document["tags"] == {"a": "b"}
    assert arm.get(f"{network.id}x", IP_API) is None


def test_a_wrong_question_is_not_taken_for_nothing_there(arm: ResourceManager, group: Group) -> None:
    for kind in ("Microsoft.Network/nonsense", "Microsoft.Nonsense/things"):
        with pytest.raises(PermanentError) as caught:
            arm.get(f"{group.id}/providers/{kind}/x", IP_API)
        assert not isinstance(caught.value, NotFoundError)


def test_a_role_is_assigned_once(
    arm: ResourceManager, group: Group, settings: Settings, identity: TokenSource, services: Services
) -> None:
    directory, roles = Directory(settings, identity), RoleAssignments(settings, identity)
    principal = directory.create_service_principal(directory.ensure_application("sp", "sp", []).app_id)
    assigned = roles.assign(group.id, principal)
    assert roles.assign(group.id, principal) == assigned
    other = f"{group.id}/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111"
    roles.remove(assigned)
    roles.remove(assigned)
    document = arm.put(other, "2022-04-01", _assignment(settings, principal))[0]
    assert roles.assign(group.id, principal) == document["id"]
    for rest in (directory._rest, roles._arm._rest):
        rest.client.close()


def _assignment(settings: Settings, principal: str) -> dict[str, object]:
    from shared.azure.authorization import assignment_body

    return assignment_body(settings.subscription_id, principal, "Contributor")


def test_a_new_principal_may_be_assigned_before_it_is_known(
    group: Group, settings: Settings, identity: TokenSource, services: Services
) -> None:
    directory, roles = Directory(settings, identity), RoleAssignments(settings, identity)
    application = directory.ensure_application("sp", "sp", [])
    principal = directory.create_service_principal(application.app_id)
    services.do(lambda: setattr(services.world, "speed", 1))
    assert roles.assign(group.id, principal)
    for rest in (directory._rest, roles._arm._rest):
        rest.client.close()


def test_the_own_permissions_are_read(
    services: Services, group: Group, settings: Settings, identity: TokenSource
) -> None:
    roles = RoleAssignments(settings, identity)
    services.configure(denied={"actions": ["Microsoft.Authorization/roleAssignments/write"]})
    found = roles.permissions(group.id)
    assert allows(found, "Microsoft.Network/virtualNetworks/write")
    assert not allows(found, "Microsoft.Authorization/roleAssignments/write")
    with pytest.raises(PermanentError) as caught:
        roles.assign(group.id, "00000000-0000-0000-0000-000000000000")
    assert caught.value.code == "AuthorizationFailed"
    roles._arm._sdk.close()


def test_quotas_and_sizes_are_read(services: Services, settings: Settings, identity: TokenSource) -> None:
    quotas = Quotas(settings, identity)
    size = quotas.sku("westus", "standard_d2s_v3")
    assert size is not None
    assert (size.name, size.vcpus, size.memory, size.max_data_disks) == ("Standard_D2s_v3", 2, 8.0, 4)
    used, limit = quotas.usages("westus")[size.family]
    assert 0 <= used <= limit
    assert "cores" in quotas.usages("westus")
    assert quotas.sku("westus", "Standard_None") is None
    quotas._arm._sdk.close()


def test_policies_are_asked_before_they_deny(
    services: Services, arm: ResourceManager, settings: Settings, identity: TokenSource
) -> None:
    kind = "Microsoft.ContainerService/managedClusters"
    policy = {"name": "owners", "displayName": "Owners and places", "resourceType": kind, "requireTag": "owner"}
    services.configure(policies={"items": [{**policy, "allowedLocations": ["eastus", "westeurope"]}]})
    policies = Policies(settings, identity)
    content = {"type": kind, "name": "r5", "location": "westus", "tags": {}}
    found = {denial.field: denial for denial in policies.check_restrictions(content, "2026-08-01")}
    assert {denial.policy for denial in found.values()} <= {"Owners and places", "owners"}
    assert any("owner" in str(field) for field in found)
    assert all(denial.reason for denial in found.values())
    fine = {**content, "location": "eastus", "tags": {"owner": "r5"}}
    assert policies.check_restrictions(fine, "2026-08-01") == []
    policies._arm._sdk.close()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"happens": "reset"}, TemporaryError),
        ({"happens": "lost"}, TemporaryError),
        ({"status": 503, "body": {"error": {"code": "ServerTimeout", "message": "later"}}}, TemporaryError),
        ({"status": 502, "body": "bad gateway"}, TemporaryError),
        ({"status": 429, "headers": {"Retry-After": "7"}, "body": None}, TemporaryError),
        ({"status": 400, "body": {"error": {"code": "Bad", "message": "no"}}}, PermanentError),
    ],
)
@pytest.mark.parametrize("call", ["group", "put_group", "resources_tagged", "subscription"])
def test_each_failure_is_told_once_and_by_its_kind(
    services: Services, arm: ResourceManager, call: str, fault: dict[str, object], kind: type[OutsideError]
) -> None:
    arm.subscription()
    services.do(services.log.clear)
    services.fail(service="arm", times=1, **fault)
    calls = {
        "group": lambda: arm.group("fault-rg"),
        "put_group": lambda: arm.put_group("fault-rg", "westus", {}),
        "resources_tagged": lambda: arm.resources_tagged("a", "b"),
        "subscription": arm.subscription,
    }
    with pytest.raises(kind) as caught:
        calls[call]()
    assert caught.value.system == arm_module.SYSTEM
    assert len(services.do(services.log.all)) == 1
    if fault.get("status") == 429:
        assert isinstance(caught.value, TemporaryError)
        assert caught.value.retry_after == 7.0


def test_an_unregistered_provider_is_refused_and_not_registered_behind_ones_back(
    services: Services, arm: ResourceManager, group: Group
) -> None:
    where = f"{group.id}/providers/Microsoft.ContainerRegistry/registries/r5"
    services.do(services.log.clear)
    with pytest.raises(PermanentError) as caught:
        arm.put(where, "2023-07-01", {"location": "westus", "sku": {"name": "Basic"}})
    assert caught.value.code == "MissingSubscriptionRegistration"
    assert not isinstance(caught.value, ConflictError)
    assert [call["method"] for call in services.do(services.log.all)] == ["PUT"]


def test_a_forgotten_operation_is_not_found(arm: ResourceManager, settings: Settings) -> None:
    gone = f"{settings.arm_endpoint}{arm.subscription_path}/operationresults/x?api-version=2021-04-01"
    with pytest.raises(NotFoundError):
        arm.progress(Operation(None, gone))
    assert arm.progress(Operation(None, None)).state == "succeeded"
