"""A cluster that goes from a service principal to a managed identity.

As AKS documents it ("Use a user-assigned managed identity", "Update cluster considerations"): the control plane takes the identity
at once, the nodes keep the principal until they are made anew, and that works only when there is a newer node image; otherwise
another pool takes the place of the old one (upgrade_pool). Only then the principal may go. What is to go stands in the fact
`retired` until it is gone, so that the next upgrade ends what one before it has begun.
"""

from typing import TYPE_CHECKING, Any

from shared import names
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.patch.nodes import becomes_managed
from shared.lifecycle.create.cluster import GRANT_PATIENCE
from shared.lifecycle.upgrade import frame
from shared.resources import bodies, network_role, scale_rules
from shared.resources.cluster import (
    Json,
    adopt,
    at_work,
    cluster_there,
    extra_pools,
    identity_exists,
    keepers,
    no_newer_image,
)
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting

if TYPE_CHECKING:
    from shared.azure.aks import Cluster


def new_identity(context: StepContext) -> Outcome:
    """Makes it, and lets it use the network before the cluster depends on it."""
    old, new = context.spec, frame.wanted(context)
    if not becomes_managed(old, new):
        return done("The cluster's identity stays.")
    identity_id = names.identity_id(context.subscription, old.resource_group, new.identity.name)
    if outcome := watching(context, "Creating the managed identity"):
        return outcome
    arm = context.services.arm
    found = arm.get(identity_id, bodies.IDENTITY_API)
    if found is None:
        context.remember(new_identity_id=identity_id)  # before it is made: a teardown must find it
        found, operation = arm.put(identity_id, bodies.IDENTITY_API, bodies.managed_identity(new))
        if operation:
            return begun(operation, "Creating the managed identity")
    if not ownership.owned(found.get("tags"), old.name):
        return failed("IdentityExists", *identity_exists(new.identity.name, old.resource_group))
    principal = (found.get("properties") or {}).get("principalId")
    if not principal:
        return waiting(poll_delay(context.elapsed), "The managed identity has no principal yet.")
    context.remember(new_identity_id=identity_id, new_principal_id=principal)
    name, role = new.identity.name, bodies.NETWORK_CONTRIBUTOR
    granted = network_role.ensure(context, name, principal, role, "new_role_assignment")
    return granted if granted.state != "done" else done(f"{name} is there. {granted.message}")


def identity(context: StepContext) -> Outcome:
    """Gives it to the cluster."""
    new = frame.wanted(context)
    if not becomes_managed(context.spec, new):
        return done("The cluster's identity stays.")
    if outcome := watching(context, "Giving the cluster its identity"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    if found.identity_type is None:
        return _give(context, found)
    if context.hub.facts.get("retired") is None:
        context.remember(**_switched(context, found))
    adopt(context, lambda spec: spec.model_copy(update={"identity": new.identity}))
    return done(f"The cluster is {new.identity.name} to Azure.")


def _give(context: StepContext, found: "Cluster") -> Outcome:
    """Which image and Kubernetes the nodes have by now is written down first: those that still have it later keep the principal."""
    spec, identity_id = context.spec, context.fact("new_identity_id")
    frame.note(context, nodes={pool.name: [pool.image, pool.version] for pool in found.pools})
    body = {**found.body, "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}}}
    try:
        operation = context.services.clusters.put(spec.resource_group, spec.cluster.name, body)
    except PermanentError as error:
        if error.code not in ("AuthorizationFailed", "LinkedAuthorizationFailed") or context.elapsed > GRANT_PATIENCE:
            raise
        return waiting(10, "Azure does not know the identity's new role yet; trying again in 10 s.")
    return begun(operation, "Giving the cluster its identity")


def _switched(context: StepContext, found: "Cluster") -> Json:
    """The facts once the cluster has the identity: it is the hub's, and the principal with all that it has is on its way out."""
    spec, facts = context.spec, context.hub.facts
    noted = frame.noted(context).get("nodes") or {pool.name: [pool.image, pool.version] for pool in found.pools}
    retired = {
        "name": spec.identity.name,
        "brought": spec.identity.brought,
        "client_id": facts.get("client_id"),
        "application_id": facts.get("application_id"),
        "principal_id": facts.get("principal_id"),
        "role_assignment": facts.get("role_assignment"),
        "nodes": noted,
    }
    nothing: dict[str, Any] = dict.fromkeys(
        (
            *("application_id", "client_id", "password_key", "password_expires", "password_proven"),
            *("password_unsettled", "password_asked", *_NEW),
        )
    )
    return nothing | {
        "retired": retired,
        "identity_id": facts.get("new_identity_id"),
        "principal_id": facts.get("new_principal_id"),
        "role_assignment": facts.get("new_role_assignment"),
    }


_NEW = ("new_identity_id", "new_principal_id", "new_role_assignment")


def nodes(context: StepContext) -> Outcome:
    """Makes the nodes anew that still keep the principal: pool by pool, of the newest image."""
    retired = context.hub.facts.get("retired")
    if retired is None:
        return done("No node keeps an old identity.")
    if outcome := watching(context, "Renewing the nodes"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    stale = keepers(found, retired, extra_pools(context.hub.facts, context.spec))
    if not stale:
        return done("All nodes were made anew.")
    spec, pool, clusters = context.spec, stale[0], context.services.clusters
    latest = clusters.latest_image(spec.resource_group, spec.cluster.name, pool)
    if latest in (None, retired["nodes"][pool][0]):
        said = no_newer_image(pool)
        return failed("NodesKeepPrincipal", *said) if frame.noted(context).get("identity") else done(said[0])
    scale_rules.suspend(context)
    operation = clusters.renew_image(spec.resource_group, spec.cluster.name, pool)
    return (
        begun(operation, f"Renewing the nodes of {pool}") if operation else waiting(2, f"Renewing the nodes of {pool}")
    )


def old_identity(context: StepContext) -> Outcome:
    """The principal with its password and role, when it was made for the hub; the role alone, when it was brought along.

    An upgrade that is about something else may come when the nodes of an earlier one cannot be renewed yet: then it stays.
    """
    retired = context.hub.facts.get("retired")
    if retired is None:
        return done("There is no old identity.")
    spec = context.spec
    if keepers(cluster_there(context), retired, extra_pools(context.hub.facts, spec)):
        return done(f"{retired['name']} stays as long as nodes keep it.")
    if retired["role_assignment"]:
        context.services.roles.remove(retired["role_assignment"])
    if retired["brought"]:
        context.remember(retired=None)
        role = "; its role on the network is gone" if retired["role_assignment"] else ""
        return done(f"The service principal {retired['client_id']} was brought along and stays, with its secret{role}.")
    context.services.directory.delete_application(retired["application_id"], retired["principal_id"])
    _forget_password(context)
    context.remember(retired=None)
    return done(f"The service principal {retired['name']} is gone, with its role on the network and its password.")


def _forget_password(context: StepContext) -> None:
    vault.forget_own(context.services, context.spec.name, names.PRINCIPAL_PASSWORD)
