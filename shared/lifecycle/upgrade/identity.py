"""The change of a cluster from a service principal to a managed identity.

As AKS documents it ("Use a user-assigned managed identity", "Update cluster considerations"): the control plane takes the identity
at once, the nodes keep the principal until they are replaced, which needs a newer node image; otherwise
another pool takes the place of the old one (upgrade_pool). Only then the principal may go. What is to go stands in the
status (`retired`) until it is gone, so that the next upgrade ends what one before it has begun.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import names
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.patch.nodes import becomes_managed
from shared.hubs.status.model import required
from shared.hubs.status.parts import Identity, NextIdentity, Password, Retired, RetiredIdentity, Role
from shared.lifecycle.create.cluster import GRANT_TIMEOUT
from shared.lifecycle.upgrade import notes
from shared.resources import bodies, network_role, scale_rules
from shared.resources.cluster import (
    adopt,
    at_work,
    cluster_there,
    extra_pools,
    identity_exists,
    keepers,
    no_newer_image,
    pool_images,
)
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting

if TYPE_CHECKING:
    from shared.azure.aks import Cluster


def ensure_new_identity(context: StepContext) -> Outcome:
    """Makes it, and lets it use the network before the cluster depends on it."""
    old, new = context.spec, notes.wanted(context)
    if not becomes_managed(old, new):
        return done("The cluster's identity stays.")
    identity_id = names.identity_id(context.subscription, old.resource_group, new.identity.name)
    if outcome := watching(context, "Creating the managed identity"):
        return outcome
    arm = context.services.arm
    found = arm.get(identity_id, bodies.IDENTITY_API)
    if found is None:
        # before it is made: a teardown must find it
        context.record(replace(context.status.next_identity, managed_id=identity_id))
        found, operation = arm.put(identity_id, bodies.IDENTITY_API, bodies.managed_identity(new))
        if operation:
            return begun(operation, "Creating the managed identity")
    if not ownership.owned(found.get("tags"), old.name):
        return failed("IdentityExists", *identity_exists(new.identity.name, old.resource_group))
    principal = (found.get("properties") or {}).get("principalId")
    if not principal:
        return waiting(poll_delay(context.elapsed), "The managed identity has no principal yet.")
    known = replace(context.status.next_identity, managed_id=identity_id, principal_id=principal)
    context.record(known)
    name, role = new.identity.name, bodies.NETWORK_CONTRIBUTOR
    granted = network_role.ensure(context, name, principal, role, lambda own: replace(known, role_assignment=own))
    return granted if granted.state != "done" else done(f"{name} is there. {granted.message}")


def assign_identity(context: StepContext) -> Outcome:
    """Gives it to the cluster."""
    new = notes.wanted(context)
    if not becomes_managed(context.spec, new):
        return done("The cluster's identity stays.")
    if outcome := watching(context, "Giving the cluster its identity"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    if found.identity_type is None:
        return _give(context, found)
    if context.status.retired.identity is None:
        _switch(context, found)
    adopt(context, lambda spec: spec.model_copy(update={"identity": new.identity}))
    return done(f"The cluster uses the identity {new.identity.name}.")


def _give(context: StepContext, found: "Cluster") -> Outcome:
    """Records the nodes' image and Kubernetes first: nodes that still have them later keep the principal."""
    spec, identity_id = context.spec, required(context.status.next_identity.managed_id, "managed identity")
    context.record(replace(notes.noted(context), nodes=pool_images(found)))
    body = {**found.body, "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}}}
    try:
        operation = context.services.clusters.put(spec.resource_group, spec.cluster.name, body)
    except PermanentError as error:
        if error.code not in ("AuthorizationFailed", "LinkedAuthorizationFailed") or context.elapsed > GRANT_TIMEOUT:
            raise
        return waiting(10, "Azure does not know the identity's new role yet; trying again in 10 s.")
    return begun(operation, "Giving the cluster its identity")


def _switch(context: StepContext, found: "Cluster") -> None:
    """Records that the cluster has the identity: it is the hub's, and the principal with all that it has is on its way out."""
    spec, status = context.spec, context.status
    retired = RetiredIdentity(
        name=spec.identity.name,
        existing=spec.identity.existing,
        client_id=status.identity.client_id,
        application_id=status.identity.application_id,
        principal_id=status.identity.principal_id,
        role_assignment=status.role.assignment,
        nodes=notes.noted(context).nodes or pool_images(found),
    )
    following = status.next_identity
    context.record(
        Retired(retired),
        Identity(managed_id=following.managed_id, principal_id=following.principal_id),
        Role(following.role_assignment),
        NextIdentity(),
        Password(),
    )


def replace_nodes(context: StepContext) -> Outcome:
    """Replaces the nodes that still keep the principal: pool by pool, with the newest image."""
    retired = context.status.retired.identity
    if retired is None:
        return done("No node uses an old identity.")
    if outcome := watching(context, "Replacing the nodes"):
        return outcome
    found = cluster_there(context)
    if outcome := at_work(context, found):
        return outcome
    stale = keepers(found, retired, extra_pools(context.status, context.spec))
    if not stale:
        return done("All nodes are replaced.")
    spec, pool, clusters = context.spec, stale[0], context.services.clusters
    latest = clusters.latest_image(spec.resource_group, spec.cluster.name, pool)
    if latest in (None, *(each.image for each in retired.nodes if each.pool == pool)):
        said = no_newer_image(pool)
        return failed("NodesKeepPrincipal", *said) if notes.noted(context).identity else done(said[0])
    scale_rules.suspend(context)
    operation = clusters.renew_image(spec.resource_group, spec.cluster.name, pool)
    return (
        begun(operation, f"Replacing the nodes of {pool}")
        if operation
        else waiting(2, f"Replacing the nodes of {pool}")
    )


def delete_old_identity(context: StepContext) -> Outcome:
    """The principal with its password and role, when it was created for the hub; the role alone, when it is an existing one.

    An upgrade that is about something else may come when the nodes of an earlier one cannot be renewed yet: then it stays.
    """
    retired = context.status.retired.identity
    if retired is None:
        return done("There is no old identity.")
    spec = context.spec
    if keepers(cluster_there(context), retired, extra_pools(context.status, spec)):
        return done(f"{retired.name} stays while nodes use it.")
    if retired.role_assignment:
        context.services.roles.remove(retired.role_assignment)
    if retired.existing:
        context.record(Retired())
        role = "; its role on the network is deleted" if retired.role_assignment else ""
        return done(f"The service principal {retired.client_id} is an existing one and stays, with its secret{role}.")
    context.services.directory.delete_application(required(retired.application_id, "application"), retired.principal_id)
    _forget_password(context)
    context.record(Retired())
    return done(f"The service principal {retired.name} is deleted, with its role on the network and its password.")


def _forget_password(context: StepContext) -> None:
    vault.forget_own(context.services, context.spec.name, names.PRINCIPAL_PASSWORD)
