"""The steps of a create, and which of them a hub needs. Pure. The order is the tutorials'."""

from collections.abc import Mapping

from shared.hubs.chart import access
from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.lifecycle.create.steps import STEPS
from shared.runs.plan import Plan, without


def plan(hub: Hub, dns_suffix: str) -> Plan:
    """dns_suffix: of the public names that Azure gives to addresses."""
    needed: Mapping[str, bool] = {
        "ssh-key": hub.cluster.ssh_public_key is None,
        "registry": isinstance(hub.registry, AzureRegistry),
        "rules": hub.cluster.rules is not None,
        "certificate": access.certificate(hub) is not None,
        "name": bool(access.must_resolve(hub, dns_suffix)),
    }
    return without(STEPS, [name for name, is_needed in needed.items() if not is_needed])
