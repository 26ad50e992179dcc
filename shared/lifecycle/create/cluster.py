"""The steps of a create, from the resource group to the cluster. Each ensures one thing, and may be called any number of times."""

from shared import names
from shared.azure import keyvault
from shared.azure.network import Network, network_body
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.hubs.status.model import required
from shared.hubs.status.parts import Cluster, Role
from shared.references import Reference
from shared.resources import bodies, network_role, scale_rules
from shared.runs import recovery
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting

PROVIDERS = (
    "Microsoft.ContainerService",
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.Storage",
    "Microsoft.ManagedIdentity",
    "Microsoft.PolicyInsights",
)
"""The providers of a hub's resources, and the one that says beforehand which requests a policy would refuse."""
REGISTRY_PROVIDER = "Microsoft.ContainerRegistry"


def needed_providers(hub: Hub) -> tuple[str, ...]:
    rules = (scale_rules.PROVIDER,) if hub.cluster.rules else ()
    return (*PROVIDERS, *rules, *((REGISTRY_PROVIDER,) if isinstance(hub.registry, AzureRegistry) else ()))


def register_providers(context: StepContext) -> Outcome:
    wanted = needed_providers(context.spec)
    return scale_rules.registered(context, wanted) or done("All resource providers are registered.")


def ensure_group(context: StepContext) -> Outcome:
    spec, arm = context.spec, context.services.arm
    found = arm.group(spec.resource_group)
    if found is None:
        arm.put_group(spec.resource_group, spec.location, bodies.tags(spec))
        return done(f"Created {spec.resource_group} in {spec.location}.")
    if found.state.lower() == "deleting":
        return waiting(15, f"{spec.resource_group} is being deleted; waiting until it is gone.")
    if ownership.owned(found.tags, spec.name):
        return done(f"{spec.resource_group} exists.")
    return done(f"{spec.resource_group} existed before: Hubkeeper uses it and never deletes it.")


def ensure_network(context: StepContext) -> Outcome:
    spec, networks = context.spec, context.services.networks
    if outcome := watching(context, "Creating the network"):
        return outcome
    network_id = names.network_id(context.subscription, spec.resource_group, spec.network.name)
    found = networks.network(network_id)
    if found is None or found.state in ("Failed", "Canceled"):
        subnets = {spec.network.subnet: [spec.network.subnet_prefix]}
        body = network_body(spec.location, [spec.network.address_prefix], subnets, bodies.tags(spec))
        started = networks.put_network(network_id, body)
        return begun(started, "Creating the network") if started else waiting(1, "Creating the network")
    if found.state != "Succeeded":
        return waiting(poll_delay(context.elapsed), f"The network is {found.state}.")
    if spec.network.subnet.lower() not in (name.lower() for name in found.subnets):
        return _without_subnet(context, found)
    return done(f"{spec.network.name} with {spec.network.subnet} exists.")


def _without_subnet(context: StepContext, found: Network) -> Outcome:
    spec = context.spec
    if not ownership.owned(found.tags, spec.name):
        return failed(
            "SubnetNotFound",
            f"The network {spec.network.name} is not Hubkeeper's and has no subnet {spec.network.subnet}.",
            "Add the subnet to the network yourself, then retry the run. "
            + recovery.otherwise(spec.name, "one of its subnets as network.subnet, or without network.name"),
        )
    subnet_id = f"{found.id}/subnets/{spec.network.subnet}"
    started = context.services.networks.put_subnet(subnet_id, [spec.network.subnet_prefix])
    return begun(started, "Creating the subnet") if started else waiting(1, "Creating the subnet")


def ensure_role(context: StepContext) -> Outcome:
    """Lets the cluster's identity use the network: see network_role."""
    spec, principal = context.spec, required(context.status.identity.principal_id, "principal")
    wanted = bodies.NETWORK_CONTRIBUTOR if spec.identity.type == "managed" else bodies.CONTRIBUTOR
    return network_role.ensure(context, spec.identity.name, principal, wanted, Role)


GRANT_TIMEOUT = 180.0
"""Seconds for which a refusal may mean that the role given a moment ago has not reached everywhere."""


def ensure_cluster(context: StepContext) -> Outcome:
    spec, clusters = context.spec, context.services.clusters
    if outcome := watching(context, "Creating the cluster"):
        return outcome
    found = clusters.get(spec.resource_group, spec.cluster.name)
    if found and not ownership.owned(found.tags, spec.name):
        return failed(
            "ClusterExists",
            f"A cluster {spec.cluster.name} exists in {spec.resource_group} and was not created for this hub.",
            recovery.otherwise(spec.name, "another cluster.name or resourceGroup; that cluster stays as it is"),
        )
    if found and found.state == "Succeeded":
        context.record(Cluster(found.id, found.fqdn, found.current_version))
        return done(f"The cluster {spec.cluster.name} runs Kubernetes {found.current_version}.")
    if found and found.state not in ("Failed", "Canceled"):
        return waiting(poll_delay(context.elapsed), f"The cluster is {found.state}.", **context.checkpoint)
    return _put_cluster(context)


def _put_cluster(context: StepContext) -> Outcome:
    """Creates the cluster; the same PUT reconciles one that failed (AKS docs, "az aks update")."""
    spec, services = context.spec, context.services
    body = bodies.cluster(
        spec,
        context.subscription,
        version=required(context.status.cluster.kubernetes, "version of Kubernetes"),
        ssh_public_key=spec.cluster.ssh_public_key or required(context.status.ssh_key.public, "SSH key"),
        principal=_principal(context),
    )
    try:
        operation = services.clusters.put(spec.resource_group, spec.cluster.name, body)
    except PermanentError as error:
        if error.code not in ("AuthorizationFailed", "LinkedAuthorizationFailed") or context.elapsed > GRANT_TIMEOUT:
            raise
        return waiting(10, "Azure does not know the identity's new role yet; trying again in 10 s.")
    return begun(operation, "Creating the cluster")


def _principal(context: StepContext) -> dict[str, str]:
    spec = context.spec
    if spec.identity.type == "managed":
        return {"identity": required(context.status.identity.managed_id, "managed identity")}
    reference = password_reference(spec)
    secret = vault.resolved(context.services, spec.name, reference)
    if secret is None:
        raise PermanentError(
            keyvault.SYSTEM, "SecretNotFound", f"The secret {reference.name} of hub {spec.name} does not exist."
        )
    return {"clientId": required(context.status.identity.client_id, "client id"), "secret": secret.value}


def password_reference(spec: Hub) -> Reference:
    """The reference to the password of the cluster's service principal."""
    given = spec.identity.secret
    return given.reference if given else Reference(names.PRINCIPAL_PASSWORD, own=True)


def ensure_rules(context: StepContext) -> Outcome:
    """The autoscale rules on the scale set of the nodes."""
    return scale_rules.ensure(context, context.spec)
