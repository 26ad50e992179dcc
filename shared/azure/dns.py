"""Azure DNS: address records of a zone, through the generic resource API; and what the public DNS says of a name."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from shared.azure.arm import ResourceManager
from shared.azure.credentials import TokenSource
from shared.azure.rest import Json
from shared.settings import Settings

API = "2018-05-01"
TTL = 300
"""Seconds that others may keep an answer: an address that changes is found again within five minutes."""


@dataclass(frozen=True)
class Zone:
    """A public zone. servers: its name servers, which the domain's registrar must point to."""

    id: str
    name: str
    servers: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """A record set of addresses (type A). metadata: Azure's way to mark one, for record sets have no tags."""

    id: str
    addresses: tuple[str, ...]
    metadata: dict[str, str]
    etag: str


class Dns:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._arm = ResourceManager(settings, credential)

    def zone(self, zone_id: str) -> Zone | None:
        found = self._arm.get(zone_id, API)
        return read_zone(found) if found else None

    def record(self, zone_id: str, name: str) -> Record | None:
        """name: below the zone; "@" is the zone itself."""
        return self.record_by_id(record_id(zone_id, name))

    def record_by_id(self, resource_id: str) -> Record | None:
        found = self._arm.get(resource_id, API)
        return read_record(found) if found else None

    def alias(self, zone_id: str, name: str) -> str | None:
        """Where a CNAME of that name leads; Azure allows no address beside one."""
        found = self._arm.get(record_id(zone_id, name, "CNAME"), API) or {}
        record = (found.get("properties") or {}).get("CNAMERecord") or {}
        return str(record["cname"]) if record.get("cname") else None

    def put_record(self, resource_id: str, address: str, metadata: Mapping[str, str], etag: str | None) -> None:
        """etag: of the record set that is replaced; None: there must be none. Raises ConflictError when that is not so."""
        body = {"properties": {"TTL": TTL, "ARecords": [{"ipv4Address": address}], "metadata": dict(metadata)}}
        self._arm.put(resource_id, API, body, if_match=etag, if_none_match=None if etag else "*")

    def delete_record(self, resource_id: str) -> None:
        """Gone already is fine."""
        self._arm.delete(resource_id, API)

    def addresses(self, name: str) -> frozenset[str]:
        """IP addresses that the name leads to, as this process sees the DNS; none when nobody knows it, or for a while."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return frozenset()
        return frozenset(str(answer[4][0]) for answer in found)


def record_id(zone_id: str, name: str, kind: str = "A") -> str:
    return f"{zone_id}/{kind}/{name}"


def read_zone(document: Json) -> Zone:
    servers = (document.get("properties") or {}).get("nameServers") or []
    return Zone(document["id"], document["name"], tuple(str(server).rstrip(".") for server in servers))


def read_record(document: Json) -> Record:
    properties = document.get("properties") or {}
    addresses = tuple(item["ipv4Address"] for item in properties.get("ARecords") or [])
    return Record(document["id"], addresses, properties.get("metadata") or {}, document.get("etag") or "")
