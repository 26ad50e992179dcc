"""Records of a DNS zone, over the wire."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local import names
from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.dns import API, Dns, record_id
from shared.errors import ConflictError
from shared.settings import Settings
from tests.azure.conftest import Services

pytestmark = pytest.mark.local
GROUP = f"/subscriptions/{names.SUBSCRIPTION}/resourceGroups/names-rg"
ZONE = f"{GROUP}/providers/Microsoft.Network/dnsZones/example.org"
OURS = {"hubkeeper-hub": "r5", "hubkeeper-subscription": "s"}


@dataclass
class Place:
    arm: ResourceManager
    dns: Dns


@pytest.fixture
def zone(services: Services, settings: Settings, identity: TokenSource) -> Iterator[Place]:
    arm = ResourceManager(settings, identity)
    arm.put_group("names-rg", "westus", {})
    arm.put(ZONE, API, {"location": "global"})
    yield Place(arm, Dns(settings, identity))
    arm.delete_group("names-rg")


def test_a_zone_says_its_servers_and_none_is_none(zone: Place) -> None:
    found = zone.dns.zone(ZONE)
    assert found is not None
    assert (found.name, found.servers[0]) == ("example.org", "ns1-01.azure-dns.com")
    assert zone.dns.zone(f"{GROUP}/providers/Microsoft.Network/dnsZones/example.com") is None


@pytest.mark.parametrize("name", ["hub", "@"])
def test_a_record_is_made_changed_and_removed(zone: Place, name: str) -> None:
    resource_id = record_id(ZONE, name)
    assert zone.dns.record(ZONE, name) is None
    zone.dns.put_record(resource_id, "20.1.2.3", OURS, None)
    found = zone.dns.record(ZONE, name)
    assert found is not None
    assert (found.addresses, found.metadata) == (("20.1.2.3",), OURS)
    zone.dns.put_record(resource_id, "20.1.2.4", OURS, found.etag)
    changed = zone.dns.record_by_id(resource_id)
    assert changed is not None
    assert changed.addresses == ("20.1.2.4",)
    zone.dns.delete_record(resource_id)
    zone.dns.delete_record(resource_id)
    assert zone.dns.record(ZONE, name) is None


def test_a_record_that_somebody_made_or_changed_meanwhile_is_not_overwritten(zone: Place) -> None:
    resource_id = record_id(ZONE, "hub")
    zone.dns.put_record(resource_id, "20.1.2.3", {}, None)
    with pytest.raises(ConflictError):
        zone.dns.put_record(resource_id, "20.9.9.9", OURS, None)
    with pytest.raises(ConflictError):
        zone.dns.put_record(resource_id, "20.9.9.9", OURS, "an-older-etag")
    found = zone.dns.record(ZONE, "hub")
    assert found is not None
    assert (found.addresses, found.metadata) == (("20.1.2.3",), {})


def test_an_alias_is_seen(zone: Place) -> None:
    properties = {"TTL": 300, "CNAMERecord": {"cname": "r5.westus.cloudapp.azure.com"}}
    zone.arm.put(record_id(ZONE, "lab", "CNAME"), API, {"properties": properties})
    assert zone.dns.alias(ZONE, "lab") == "r5.westus.cloudapp.azure.com"
    assert zone.dns.alias(ZONE, "hub") is None


def test_a_name_leads_to_what_the_resolver_says(zone: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, list[str]] = {"hub.example.org": ["20.1.2.3", "20.1.2.3", "2001:db8::1"]}

    def resolver(name: str, *_: Any, **__: Any) -> list[Any]:
        if name not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(None, None, None, "", (address, 0)) for address in answers[name]]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert zone.dns.addresses("hub.example.org") == {"20.1.2.3", "2001:db8::1"}
    assert zone.dns.addresses("nobody.example.org") == frozenset()
