"""Microsoft.Network: DNS zones and their record sets, which answer at once and in the flat envelope."""

from local.azure.arm.azure import Azure
from local.azure.arm.ids import ResourceId
from local.azure.arm.kinds import Child, Kind, etag
from local.azure.arm.wire import Answer, Call, Json, Refusal, flat, stable_guid

ZONE = "Microsoft.Network/dnszones"
RECORD_TYPES = ("A", "AAAA", "CNAME", "TXT", "CAA")
_RECORDS = {"A": "ARecords", "AAAA": "AAAARecords", "CNAME": "CNAMERecord", "TXT": "TXTRecords", "CAA": "caaRecords"}


class Zones(Kind):
    def properties(self, _asked: Json, body: Json) -> Json:
        body["etag"] = etag(body["id"], self.azure.now)
        servers = [f"ns{number}-01.azure-dns.{top}." for number, top in enumerate(("com", "net", "org", "info"), 1)]
        return {"maxNumberOfRecordSets": 10000, "nameServers": servers, "zoneType": "Public"}


class Records(Child):
    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        _check_conditions(call, (existing or {}).get("etag"))
        self._check_alone(resource)
        return await super().put(call, resource)

    def _check_alone(self, resource: ResourceId) -> None:
        """RFC 1034, 3.6.2: beside an alias there is nothing else of its name, and so none at the zone's own."""
        kind = resource.types[-1]
        others = [one for one in RECORD_TYPES if one != kind and (kind == "CNAME" or one == "CNAME")]
        beside = [
            one for one in others if self.store.get(f"{resource.parent.key}/{one.lower()}/{resource.name.lower()}")
        ]
        if beside or (kind == "CNAME" and resource.name == "@"):
            message = (
                f"The record set '{resource.name}' of type '{kind}' cannot exist beside other records of its name."
            )
            raise flat(400, "BadRequest", message)

    def properties(self, asked: Json, body: Json) -> Json:
        body["etag"] = stable_guid("record", body["id"], str(self.azure.now))
        kind = body["type"].rpartition("/")[2]
        zone = body["id"].split("/")[8]
        name = zone if body["name"] == "@" else f"{body['name']}.{zone}"
        given = {field: value for field, value in asked.items() if field.lower() == _RECORDS[kind].lower()}
        if not given or "TTL" not in {field.upper() for field in asked}:
            message = f"The record set '{body['name']}' of type '{kind}' needs a TTL and {_RECORDS[kind]}."
            raise flat(400, "BadRequest", message)
        ttl = next(value for field, value in asked.items() if field.upper() == "TTL")
        return {"fqdn": f"{name}.", "TTL": ttl, "targetResource": {}, "metadata": asked.get("metadata") or {}} | {
            _RECORDS[kind]: next(iter(given.values()))
        }

    def missing(self, resource: ResourceId) -> Refusal:
        message = f"The resource record '{resource.name}' does not exist in resource group '{resource.group}'."
        return flat(404, "NotFound", message)


def _check_conditions(call: Call, current: str | None) -> None:
    """If-Match and If-None-Match. Raises Refusal (412)."""
    wanted, unwanted = call.headers.get("if-match"), call.headers.get("if-none-match")
    if wanted and wanted != current and not (wanted == "*" and current):
        raise _unmet(wanted, "If-Match", current)
    if unwanted and current and unwanted in ("*", current):
        raise _unmet(unwanted, "If-None-Match", current)


def _unmet(condition: str, header: str, current: str | None) -> Refusal:
    message = (
        f"The condition '{condition}' in the {header} header was not satisfied. The current was '{current or ''}'."
    )
    return flat(412, "PreconditionFailed", message)


def dns_kinds(azure: Azure) -> list[Kind]:
    return [Zones(azure, ZONE), *(Records(azure, f"{ZONE}/{kind}") for kind in RECORD_TYPES)]
