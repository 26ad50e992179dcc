"""The steps of a teardown that a hub needs. Pure."""

from collections.abc import Mapping

from shared.hubs.spec.registries import AzureRegistry
from shared.hubs.store import HubRecord
from shared.lifecycle.teardown.steps import STEPS
from shared.runs.plan import Plan, without


def plan(hub: HubRecord, *, keep_homes: bool) -> Plan:
    needed: Mapping[str, bool] = {
        "homes": keep_homes,
        "name": bool(hub.status.dns.records),
        "registry": isinstance(hub.spec.registry, AzureRegistry),
    }
    return without(STEPS, [name for name, is_needed in needed.items() if not is_needed])
