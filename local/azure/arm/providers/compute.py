"""Microsoft.Compute: sizes, quotas, disks, snapshots, and the scale sets that clusters make."""

from local.azure.arm.azure import Azure, set_state
from local.azure.arm.catalog import LOCATIONS, ZONELESS
from local.azure.arm.filters import equals
from local.azure.arm.ids import ResourceId, Target, resource_id
from local.azure.arm.kinds import Kind
from local.azure.arm.provider import Provider
from local.azure.arm.providers import quota
from local.azure.arm.providers.sizes import SIZES, Size
from local.azure.arm.wire import Answer, Call, Json, stable_guid, timestamp, wrapped

DISK, SNAPSHOT = "Microsoft.Compute/disks", "Microsoft.Compute/snapshots"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
WRITE_SECONDS, DELETE_SECONDS = 3.0, 3.0
"""Not recorded; these operations are seen to take a few seconds."""


class Storage(Kind):
    """Disks and snapshots: both are written by an operation, empty or from one another."""

    def __init__(self, azure: Azure, kind: str) -> None:
        super().__init__(azure, kind)
        self._verb = kind.rpartition("/")[2]
        azure.finishes(f"{self._verb}.write", lambda body: set_state(body, "Succeeded"))
        azure.removes(f"{self._verb}.remove")

    async def put(self, call: Call, resource: ResourceId) -> Answer:
        existing = self.store.get(resource.key)
        self.require_same_place(resource, existing, call.document)
        body = self.described(resource, call.document, existing)
        body["properties"] = self.properties(call.document.get("properties") or {}, body)
        set_state(body, "Updating")
        self.store.put(body)
        operation = self.azure.begin(resource, f"{self._verb}.write", WRITE_SECONDS)
        headers = self.azure.polling.headers(call, operation, location=True)
        return Answer(202 if existing is None else 200, body, _monitored(headers))

    async def delete(self, call: Call, resource: ResourceId) -> Answer:
        body = self.store.get(resource.key)
        if body is None:
            return Answer(204)
        if body.get("managedBy"):
            message = f"Disk {resource.name} is attached to VM {body['managedBy']}."
            raise wrapped(409, "OperationNotAllowed", message, cause="service")
        operation = self.azure.begin(resource, f"{self._verb}.remove", DELETE_SECONDS)
        return Answer(202, None, _monitored(self.azure.polling.headers(call, operation, location=True)))

    def properties(self, asked: Json, body: Json) -> Json:
        creation = asked.get("creationData") or {}
        source = self._source(creation, body)
        size = asked.get("diskSizeGB") or (source or {}).get("properties", {}).get("diskSizeGB")
        if not size:
            raise wrapped(
                400, "InvalidParameter", "Required parameter 'diskSizeGB' is missing (null).", cause="service"
            )
        state = {"diskState": "Unattached"} | ({"incremental": True} if asked.get("incremental") else {})
        current = self.store.get(body["id"].lower()) or {}
        made = (current.get("properties") or {}).get("timeCreated") or timestamp(self.azure.now)
        ids = {"uniqueId": stable_guid(body["id"]), "timeCreated": made}
        return {"creationData": creation, "diskSizeGB": size, "diskSizeBytes": size << 30} | state | ids

    def _source(self, creation: Json, body: Json) -> Json | None:
        """The disk or snapshot it is a copy of. Raises Refusal when there is none such."""
        option = creation.get("createOption")
        if option == "Empty":
            return None
        if option not in ("Copy", "CopyStart"):
            message = f"The value '{option}' of parameter 'creationData.createOption' is invalid."
            raise wrapped(400, "InvalidParameter", message, cause="service", target="creationData.createOption")
        wanted = resource_id(str(creation.get("sourceResourceId") or ""))
        source = self.store.get(wanted.key)
        if source is None:
            raise wrapped(
                404, "NotFound", f"Disk {wanted.name} is not found.", cause="service", target="sourceResourceId"
            )
        if source["location"] != body["location"]:
            message = f"The source {wanted.id} is in location '{source['location']}', not in '{body['location']}'."
            raise wrapped(400, "InvalidParameter", message, cause="service", target="sourceResourceId")
        return source


class Compute(Provider):
    namespace = "Microsoft.Compute"

    def __init__(self, azure: Azure) -> None:
        super().__init__(azure, [Storage(azure, DISK), Storage(azure, SNAPSHOT), Kind(azure, SCALE_SET)])

    async def answer(self, call: Call, target: Target) -> Answer:
        if tuple(part.lower() for part in target.rest) == ("skus",) and target.group is None and call.method == "GET":
            wanted = equals(call.query.get("$filter", ""), "location")
            places = [name for name in LOCATIONS if wanted is None or name == wanted.lower()]
            return Answer(200, {"value": [_sku(size, place) for place in places for size in SIZES.values()]})
        return await super().answer(call, target)

    async def about_region(self, call: Call, location: str, rest: tuple[str, ...]) -> Answer:
        word = rest[0].lower() if len(rest) == 1 and call.method == "GET" else ""
        if word in ("usages", "vmsizes") and location not in LOCATIONS:
            message = f"No registered resource provider found for location '{location}'."
            raise wrapped(400, "NoRegisteredProviderFound", message)
        if word == "usages":
            return Answer(200, {"value": quota.usages(self.azure, location)})
        if word == "vmsizes":
            return Answer(200, {"value": [_size(size) for size in SIZES.values()]})
        return await super().about_region(call, location, rest)


def _monitored(headers: dict[str, str]) -> dict[str, str]:
    """Compute polls one address; a mark in the query makes it answer with the result instead of the status."""
    return headers | {"Location": headers["Location"] + "&monitor=true"}


def _size(size: Size) -> Json:
    return {
        "name": size.name,
        "numberOfCores": size.vcpus,
        "osDiskSizeInMB": 1047552,
        "resourceDiskSizeInMB": size.vcpus * 8192,
        "memoryInMB": int(size.memory_gib * 1024),
        "maxDataDiskCount": size.data_disks,
    }


def _sku(size: Size, location: str) -> Json:
    capabilities = {
        "vCPUs": str(size.vcpus),
        "vCPUsAvailable": str(size.vcpus),
        "MemoryGB": f"{size.memory_gib:g}",
        "MaxDataDiskCount": str(size.data_disks),
        "PremiumIO": str(size.premium_disks),
        "CpuArchitectureType": "Arm64" if "pds" in size.name else "x64",
        "EncryptionAtHostSupported": "True",
    }
    zones = [] if location in ZONELESS else ["1", "2", "3"]
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.partition("_")[2],
        "family": size.family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": []}],
        "capabilities": [{"name": name, "value": value} for name, value in capabilities.items()],
        "restrictions": [],
    }
