"""The role of a cluster's identity on the network.

On a network that was made for the hub it is the tutorials' role on the whole. On any other Hubkeeper gives no role by itself: else
everybody who may make a hub could have an identity put onto anybody's network. There an admin says so in so many words
(shared.hubs.network_role), and the role is Network Contributor on the subnet alone, which is what AKS asks for ("Configure Azure
CNI", learn.microsoft.com); or somebody gives it by hand.
"""

from collections.abc import Callable

from shared import names
from shared.azure.authorization import allows, assignment_id
from shared.hubs import ownership
from shared.hubs.network_role import allowed, subnet_id
from shared.hubs.status.parts import Part
from shared.resources import bodies
from shared.runs.context import StepContext, poll_delay
from shared.runs.model import Outcome, done, failed, waiting

JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
"""The action that the cluster's identity needs to use the subnet."""

NOT_OWNED = "NetworkNotOwned"

type Keep = Callable[[str | None], Part]


def ensure(context: StepContext, name: str, principal: str, wanted: str, part: Keep) -> Outcome:
    """Gives the identity its role. name: of the identity, for people. wanted: the role on a network of the hub's own.

    part: of the hub's status, from the assignment's id. It is written before the assignment is made: a teardown must find it even
    if this call is cut off.
    """
    spec = context.spec
    network_id = names.network_id(context.subscription, spec.resource_group, spec.network.name)
    network = context.services.networks.network(network_id)
    if network is None:
        return waiting(poll_delay(context.elapsed), f"The network {spec.network.name} does not show yet.")
    if ownership.owned(network.tags, spec.name):
        return _assigned(context, network_id, name, principal, wanted, part)
    subnet = subnet_id(spec, context.subscription)
    if allowed(context.hub, subnet):
        return _assigned(context, subnet, name, principal, bodies.NETWORK_CONTRIBUTOR, part)
    if allows(context.services.roles.granted(subnet, principal), JOIN):
        return done(f"{name} can already use the subnet {spec.network.subnet}.")
    return _refused(context, subnet, name, principal)


def _assigned(context: StepContext, scope: str, name: str, principal: str, role: str, part: Keep) -> Outcome:
    where = scope.rpartition("/")[2]
    own = assignment_id(scope, principal, role)
    context.record(part(own))
    if context.services.roles.assign(scope, principal, role).lower() != own.lower():
        context.record(part(None))
        return done(f"{name} was {role} on {where} already.")
    return done(f"{name} is {role} on {where}.")


def _refused(context: StepContext, subnet: str, name: str, principal: str) -> Outcome:
    spec = context.spec
    return failed(
        NOT_OWNED,
        f"The network {spec.network.name} is not hub {spec.name}'s, and nobody has allowed {name} to use its subnet "
        f"{spec.network.subnet}.",
        f'An admin allows it with PUT /api/hubs/{spec.name}/network-role {{"subnet": "{subnet}"}} and the admin key. Or '
        f"somebody with the permission gives the role: az role assignment create --assignee-object-id {principal} "
        f'--assignee-principal-type ServicePrincipal --role "{bodies.NETWORK_CONTRIBUTOR}" --scope {subnet}. Then retry the run.',
    )
