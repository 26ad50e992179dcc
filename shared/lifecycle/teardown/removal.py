"""The steps of a teardown.

Deleted is only what carries the hub's ownership tag or stands in its record; everything else is named as kept.
"""

import hashlib
from dataclasses import dataclass, replace

from shared import names
from shared.azure.compute import DISKS_API
from shared.azure.keyvault import Secrets
from shared.azure.network import API as NETWORK_API
from shared.azure.operations import Operation
from shared.azure.registries import API as REGISTRY_API
from shared.errors import PermanentError
from shared.hubs import ownership
from shared.hubs.spec import defaults, registries
from shared.hubs.spec.registries import AzureRegistry
from shared.hubs.status.parts import (
    DeletedCluster,
    DeletedGroup,
    DeletedNetwork,
    DeletedRecords,
    DeletedRegistry,
    DeletedRoles,
    Homes,
    Part,
)
from shared.lifecycle.create.image_registry import registry_id
from shared.resources import bodies, hostname
from shared.runs.context import StepContext, begun, poll_delay, watching
from shared.runs.model import Outcome, done, failed, waiting
from shared.runs.store import RunStore

CLAIM_TAG = "kubernetes.io-created-for-pvc-name"
"""Azure tag that the disk driver puts on the disk of a claim."""


def snapshot_homes(context: StepContext) -> Outcome:
    """keepHomes: a snapshot of every user's volume, in a group that stays."""
    if not context.run.options.keep_homes:
        return done("The request does not keep user volumes.")
    spec, arm = context.spec, context.services.arm
    disks = _home_disks(context)
    if not disks:
        return done("There are no user volumes to keep.")
    group = homes_group(context)
    there = arm.group(group)
    if there is None:
        arm.put_group(group, spec.location, {bodies.HOMES_TAG: spec.name})
    elif there.tags.get(bodies.HOMES_TAG) != spec.name:
        return failed(
            "HomesGroupExists",
            f"The resource group {group} exists and was not created for this hub's volumes; nothing was deleted.",
            f"If the copies may go there, run az group update --name {group} --set tags.{bodies.HOMES_TAG}={spec.name}; then retry "
            "the teardown.",
        )
    open_states = []
    for disk_id, claim in disks:
        name = snapshot_name(spec.name, claim, disk_id)
        snapshot_id = f"{names.group_id(context.subscription, group)}/providers/Microsoft.Compute/snapshots/{name}"
        found = arm.get(snapshot_id, DISKS_API)
        if found is None:
            found, _ = arm.put(snapshot_id, DISKS_API, bodies.snapshot(spec.location, disk_id, spec.name, claim))
        state = str(found.get("properties", {}).get("provisioningState", "Succeeded"))
        if state in ("Failed", "Canceled"):
            return failed(
                "SnapshotFailed",
                f"The copy {name} of the volume of {claim} is {state}; nothing was deleted.",
                f"Delete the snapshot {name} in {group}, then retry the teardown. DELETE /api/hubs/{spec.name}?confirm={spec.name} "
                "without keepHomes deletes the hub without copies.",
            )
        if state != "Succeeded":
            open_states.append(claim)
    if open_states:
        return waiting(poll_delay(context.elapsed), f"Copying {len(open_states)} of {len(disks)} volumes.")
    context.record(Homes(tuple(claim for _, claim in disks), group))
    return done(f"Volumes kept as snapshots in {group}: {len(disks)}.")


def snapshot_name(hub: str, claim: str, disk_id: str) -> str:
    """One name a disk: a later hub of the same name, with new disks, must not take an old copy for its own. At most 80 letters."""
    return f"{hub}-{claim}"[:60].rstrip("-_.") + "-" + hashlib.sha256(disk_id.lower().encode()).hexdigest()[:12]


def homes_group(context: StepContext) -> str:
    return f"{context.spec.name}-homes-rg"


def _home_disks(context: StepContext) -> list[tuple[str, str]]:
    """Disk id and claim of every volume of the hub's own cluster, but for its database."""
    spec = context.spec
    if ownership.own(context.hub, context.services.clusters.get(spec.resource_group, spec.cluster.name)) is None:
        return []
    disks = context.services.arm.resources_in_group(context.spec.cluster.node_resource_group)
    found = []
    for disk in disks:
        claim = {key.lower(): value for key, value in (disk.tags or {}).items()}.get(CLAIM_TAG)
        if disk.type.lower() == "microsoft.compute/disks" and claim and claim != "hub-db-dir":
            found.append((disk.id, claim))
    return sorted(found, key=lambda pair: pair[1])


def delete_records(context: StepContext) -> Outcome:
    """The record of the hub's host name: one that points at an address given back could point at anybody's machine."""
    known, gone = context.status.dns.records, context.status.deleted_records.ids
    removed = sorted({*gone, *(found for found in known if _record_is_there(context, found))})
    context.record(DeletedRecords(tuple(removed)))
    hostname.forget_records(context)
    hosts = ", ".join(hostname.host_of(found) for found in removed)
    return done(f"The DNS record of {hosts} is deleted." if removed else "The hub had no DNS record.")


def delete_cluster(context: StepContext) -> Outcome:
    spec, clusters = context.spec, context.services.clusters
    if outcome := watching(context, "Deleting the cluster"):
        return outcome
    found = clusters.get(spec.resource_group, spec.cluster.name)
    if found is None:
        return done(f"The cluster {spec.cluster.name} is deleted, with its nodes, volumes and addresses.")
    if ownership.own(context.hub, found) is None:
        return done(f"The cluster {spec.cluster.name} was not created for this hub and stays.")
    if found.state == "Deleting":
        return waiting(poll_delay(context.elapsed), "The cluster is being deleted.", **context.checkpoint)
    node_group = names.group_id(context.subscription, spec.cluster.node_resource_group)
    context.record(DeletedCluster(found.id, node_group))
    return _after(clusters.delete(spec.resource_group, spec.cluster.name), "Deleting the cluster")


def _after(operation: Operation | None, message: str) -> Outcome:
    return begun(operation, message) if operation else waiting(1, message)


def remove_role(context: StepContext) -> Outcome:
    """The identity's; also the next one's or the last one's, when a change between two did not end."""
    status, retired = context.status, context.status.retired.identity
    assignments = (
        status.role.assignment,
        status.next_identity.role_assignment,
        retired.role_assignment if retired else None,
    )
    present = tuple(assignment for assignment in assignments if assignment)
    context.record(DeletedRoles(present))
    for assignment in present:
        context.services.roles.remove(assignment)
    return done("The role assignment is deleted." if present else "There was no role assignment.")


def delete_identity(context: StepContext) -> Outcome:
    """Deletes the cluster identity, and the previous or next one when a change between two did not end."""
    spec = context.spec
    if identity_id := _managed_identity(context):
        known = replace(context.status.deleted_identity, managed_id=identity_id)
        outcome = _delete_owned(context, "identity", identity_id, bodies.IDENTITY_API, known)
        if outcome.state != "done" or not _principal_made(context):
            return outcome
    if spec.identity.existing:
        return done("The service principal is an existing one and stays.")
    directory = context.services.directory
    try:
        application = directory.application(unique_name=ownership.application_key(spec.name, context.subscription))
    except PermanentError as error:
        if not never_in_directory(context, error):
            raise
        return done("Nothing was created in the directory, which Hubkeeper may not read.")
    if application and ownership.application_mark(spec.name, context.subscription) in application.tags:
        principal = directory.service_principal(application.app_id)
        told = f"application {application.display_name} ({application.app_id})"
        context.record(
            replace(context.status.identity, application_id=application.object_id, principal_id=principal),
            replace(context.status.deleted_identity, application=told),
        )
        directory.delete_application(application.object_id, principal)
    # An earlier call may have been cut off between deleting and purging: what is deleted no longer shows above.
    if object_id := _application_made(context):
        directory.delete_application(object_id, context.status.identity.principal_id)
    retired = context.status.retired.identity
    name = retired.name if retired else spec.identity.name
    return done(f"The application {name} is deleted from the directory and its recycle bin.")


def _managed_identity(context: StepContext) -> str | None:
    """Id of the one that the cluster has, or was to get."""
    spec = context.spec
    if spec.identity.type == "managed":
        return names.identity_id(context.subscription, spec.resource_group, spec.identity.name)
    return context.status.next_identity.managed_id


def _principal_made(context: StepContext) -> bool:
    """True if an application was created for the hub and may still exist."""
    spec, retired = context.spec, context.status.retired.identity
    if retired:
        return not retired.existing
    return spec.identity.type == "service-principal" and not spec.identity.existing


def never_in_directory(context: StepContext, error: PermanentError) -> bool:
    """True if a directory that refuses to answer can hold nothing of this hub: it refused its create, too."""
    return error.code == "Authorization_RequestDenied" and not _application_made(context)


def _application_made(context: StepContext) -> str | None:
    """Object id of the application that was made for the hub, as far as the record knows."""
    retired = context.status.retired.identity
    return context.status.identity.application_id or (retired.application_id if retired else None)


def delete_network(context: StepContext) -> Outcome:
    spec = context.spec
    network_id = names.network_id(context.subscription, spec.resource_group, spec.network.name)
    return _delete_owned(context, "network", network_id, NETWORK_API, DeletedNetwork(network_id))


def delete_registry(context: StepContext) -> Outcome:
    """With every image in it, its token and what that may do."""
    wanted = context.spec.registry
    if wanted is None:
        return done("There was no registry.")
    if not isinstance(wanted, AzureRegistry):
        return done(f"The registry {registries.server(wanted)} is an existing one and stays, with its images.")
    where = registry_id(context, wanted)
    return _delete_owned(context, "registry", where, REGISTRY_API, DeletedRegistry(where))


def _delete_owned(context: StepContext, what: str, resource_id: str, api_version: str, part: Part) -> Outcome:
    """part: of the hub's status, which says that the resource is deleted."""
    arm = context.services.arm
    if outcome := watching(context, f"Deleting the {what}"):
        return outcome
    name = resource_id.rsplit("/", 1)[-1]
    found = arm.get(resource_id, api_version)
    if found is None:
        return done(f"The {what} {name} is deleted.")
    if not ownership.owned(found.get("tags"), context.spec.name):
        return done(f"The {what} {name} was not created by Hubkeeper and stays.")
    context.record(part)
    return _after(arm.delete(resource_id, api_version), f"Deleting the {what}")


def delete_group(context: StepContext) -> Outcome:
    """Deleted when it is the hub's own and holds nothing else; a group takes everything in it along."""
    spec, arm = context.spec, context.services.arm
    if outcome := watching(context, "Deleting the resource group"):
        return outcome
    found = arm.group(spec.resource_group)
    if found is None:
        return done(f"The resource group {spec.resource_group} is deleted.")
    if found.state.lower() == "deleting":
        return waiting(poll_delay(context.elapsed), f"{spec.resource_group} is being deleted.")
    if not ownership.owned(found.tags, spec.name):
        return done(f"The resource group {spec.resource_group} was not created by Hubkeeper and stays.")
    if foreign := foreign_resources(context):
        return done(f"{spec.resource_group} stays: it holds {len(foreign)} resources that Hubkeeper did not create.")
    context.record(DeletedGroup(found.id))
    return _after(arm.delete_group(spec.resource_group), "Deleting the resource group")


def foreign_resources(context: StepContext) -> list[str]:
    """The resources in the hub's group that are not the hub's."""
    resources = context.services.arm.resources_in_group(context.spec.resource_group)
    return [resource.id for resource in resources if not ownership.owned(resource.tags, context.spec.name)]


def purge_secrets(context: StepContext) -> Outcome:
    """Every secret of the hub, out of the vault's recycle bin too, so that the name can be used again."""
    vault = context.services.secrets
    ours = [secret.name for secret in vault.names({defaults.OWNER_TAG: context.spec.name})]
    prefix = names.vault_prefix(context.spec.name)
    deleted = [name for name in vault.deleted_names() if name.startswith(prefix)]
    known = replace(
        context.status.deleted_secrets, names=tuple(sorted({*ours, *deleted, *context.status.deleted_secrets.names}))
    )
    context.record(known)
    for name in ours:
        vault.delete(name)
    unpurged = [name for name in sorted({*ours, *deleted}) if not _purged(vault, name)]
    context.record(replace(known, unpurged=tuple(unpurged)))
    kept = f"; {len(unpurged)} stay soft-deleted, because the vault does not allow a purge" if unpurged else ""
    return done(f"Secrets purged: {len({*ours, *deleted}) - len(unpurged)}{kept}.")


def _purged(vault: Secrets, name: str) -> bool:
    """False when the vault has purge protection, or keeps the permission to itself: then it forgets by itself, later."""
    try:
        vault.purge(name)
    except PermanentError as error:
        if error.status != 403:
            raise
        return False
    return True


@dataclass(frozen=True)
class Listing:
    """The parts of a hub that Azure lists now."""

    kept: list[dict[str, str]]
    remaining: list[str]


def write_receipt(context: StepContext) -> Outcome:
    """Looks at Azure once more and says what is gone, what was kept and why; what should be gone and is not fails the run."""
    listing = look(context)
    if listing.remaining and context.elapsed < REMAINS_TIMEOUT:
        return waiting(poll_delay(context.elapsed), f"Still listed: {', '.join(listing.remaining)}")
    found = {"deleted": _deleted(context), "kept": listing.kept, "remaining": listing.remaining}
    RunStore(context.services.tables).keep_receipt(context.run.id, found)
    if listing.remaining:
        return failed(
            "Remains",
            f"Azure still lists {', '.join(listing.remaining)}.",
            "Azure's listings lag at times: retry the teardown. If Azure still lists them, delete them yourself; nothing else "
            "of the hub is left.",
        )
    return done("Nothing is left." if not listing.kept else f"Nothing is left but what was kept ({len(listing.kept)}).")


REMAINS_TIMEOUT = 300.0
"""Seconds for which Azure's listings may lag behind a deletion."""


def look(context: StepContext) -> Listing:
    spec, arm = context.spec, context.services.arm
    kept: list[dict[str, str]] = []
    remaining = [resource.id for resource in arm.resources_tagged(defaults.OWNER_TAG, spec.name)]
    group_found = arm.group(spec.resource_group)
    if group_found and not ownership.owned(group_found.tags, spec.name):
        kept.append({"id": group_found.id, "why": "it was not created by Hubkeeper"})
    elif group_found:
        foreign = foreign_resources(context)
        why = f"it holds {len(foreign)} resources that Hubkeeper did not create"
        (kept.append({"id": group_found.id, "why": why}) if foreign else remaining.append(group_found.id))
    node_group = arm.group(spec.cluster.node_resource_group)
    if node_group and ownership.owned(node_group.tags, spec.name):
        remaining.append(node_group.id)
    if _principal_made(context) and _still_in_directory(context):
        remaining.append(f"application of hub {spec.name}")
    if spec.identity.existing:
        kept.append({"id": f"service principal {spec.identity.client_id}", "why": "it is an existing one"})
    remaining += [found for found in context.status.deleted_records.ids if _record_is_there(context, found)]
    if spec.registry and not isinstance(spec.registry, AzureRegistry):
        why = "it is an existing one, with its images"
        kept.append({"id": f"registry {registries.server(spec.registry)}", "why": why})
    remaining += [f"secret {item.name}" for item in context.services.secrets.names({defaults.OWNER_TAG: spec.name})]
    kept += [
        {"id": f"secret {name}", "why": "soft-deleted until the vault's retention ends: it may not be purged"}
        for name in context.status.deleted_secrets.unpurged
    ]
    homes = context.status.homes
    if homes.group:
        kept.append(
            {"id": names.group_id(context.subscription, homes.group), "why": f"keepHomes: {', '.join(homes.claims)}"}
        )
    return Listing(kept, sorted(set(remaining)))


def _record_is_there(context: StepContext, record: str) -> bool:
    found = context.services.dns.record_by_id(record)
    return found is not None and hostname.is_ours(found, context.spec.name, context.subscription)


def _still_in_directory(context: StepContext) -> bool:
    try:
        mark = ownership.application_mark(context.spec.name, context.subscription)
        return bool(context.services.directory.applications(mark))
    except PermanentError as error:
        if not never_in_directory(context, error):
            raise
        return False


def _deleted(context: StepContext) -> list[str]:
    """The resources that this and earlier attempts of the teardown deleted; the listing proves it."""
    purged = (
        f"secret {name}"
        for name in context.status.deleted_secrets.names
        if name not in context.status.deleted_secrets.unpurged
    )
    return sorted([*context.status.deleted, *purged])
