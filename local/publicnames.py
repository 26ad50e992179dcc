"""What the public DNS says of the names that this copy gives: labels of addresses, and the records of its zones. Pure."""

from local.world import Document

_AZURE = ".cloudapp.azure.com"
_ZONE = "microsoft.network/dnszones"
_ALIASES = 8
"""Aliases that are followed, one after the other; resolvers give up after about as many."""


def resolved(name: str, rows: list[Document]) -> list[str] | None:
    """Addresses of a name, in lower case and without a dot at its end, aliases followed; none when it does not exist.

    rows: of the listing of everything that exists. None: the name is none of this copy's, and others know.
    """
    for _ in range(_ALIASES):
        if name.endswith(_AZURE):
            given = (row for row in rows if row.get("dnsSettings", {}).get("fqdn", "").lower() == name)
            return [row["ipAddress"] for row in given if row.get("ipAddress")]
        zone = _zone_of(name, rows)
        if zone is None:
            return None
        inside = name.removesuffix(_name(zone)).removesuffix(".") or "@"
        records = {row["type"].rpartition("/")[2]: row for row in rows if _is_record(row, zone, inside)}
        if "A" in records:
            return [record["ipv4Address"] for record in records["A"]["ARecords"]]
        if "CNAME" not in records:
            return []
        name = str(records["CNAME"]["CNAMERecord"]["cname"]).lower().rstrip(".")
    return []


def _zone_of(name: str, rows: list[Document]) -> Document | None:
    """The zone that answers for the name: of several, one in the other, the inner one."""
    zones = [row for row in rows if row.get("type", "").lower() == _ZONE and f".{name}".endswith(f".{_name(row)}")]
    return max(zones, key=lambda row: len(_name(row)), default=None)


def _name(zone: Document) -> str:
    return str(zone["id"]).rpartition("/")[2].lower()


def _is_record(row: Document, zone: Document, name: str) -> bool:
    if not row.get("type", "").lower().startswith(f"{_ZONE}/"):
        return False
    return bool(row["id"].lower() == f"{zone['id']}/{row['type'].rpartition('/')[2]}/{name}".lower())
