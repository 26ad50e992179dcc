"""An admin's permission, in so many words, to give a hub's identity a role on a subnet that was not made for the hub."""

from datetime import datetime

from shared import names
from shared.clock import wire_time
from shared.errors import InvalidError
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import Network, NetworkPermission
from shared.hubs.store import HubRecord, HubStore
from shared.problem import Problem, wrong
from shared.services import Services


def subnet_id(hub: Hub, subscription: str) -> str:
    return names.subnet_id(subscription, hub.resource_group, hub.network.name, hub.network.subnet)


def allow(services: Services, hub: HubRecord, subnet: str, by: str, now: datetime) -> dict[str, str | None]:
    """Records it with the hub; answers what is recorded. Raises InvalidError when the subnet is another than the hub's."""
    own = subnet_id(hub.spec, services.settings.subscription_id)
    if subnet.lower() != own.lower():
        summary = Problem(
            "WrongSubnet",
            f"Hub {hub.name} is not in that subnet: nothing was allowed.",
            "Name the subnet of the hub's specification by its full resource id, as a sign that it is meant.",
        )
        raise InvalidError(summary, [wrong("subnet", f"must be {own}")])
    HubStore(services.tables).record(hub.name, Network(NetworkPermission(own, by, now)))
    return {"subnet": own, "by": by, "at": wire_time(now)}


def allowed(hub: HubRecord, subnet: str) -> bool:
    """Whether the role may be given on this subnet."""
    permission = hub.status.network.permission
    return permission is not None and permission.subnet.lower() == subnet.lower()
