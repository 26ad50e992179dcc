"""Which function does which step of which kind of run."""

from collections.abc import Callable

from shared.checks import preflight
from shared.lifecycle import front
from shared.lifecycle.create import cluster, identity, image_registry, release
from shared.lifecycle.teardown import steps as teardown
from shared.lifecycle.upgrade import cluster as upgrade_cluster
from shared.lifecycle.upgrade import frame as upgrade
from shared.lifecycle.upgrade import identity as upgrade_identity
from shared.lifecycle.upgrade import nodes as upgrade_nodes
from shared.lifecycle.upgrade import pool as upgrade_pool
from shared.lifecycle.upgrade import release as upgrade_release
from shared.lifecycle.upgrade import tags as upgrade_tags
from shared.power import people, rotate, switch
from shared.resources import scale_rules
from shared.runs.context import StepContext
from shared.runs.model import Kind, Outcome

type StepFunction = Callable[[StepContext], Outcome]

STEPS: dict[Kind, dict[str, StepFunction]] = {
    Kind.CREATE: {
        "preflight": preflight.preflight,
        "providers": cluster.providers,
        "group": cluster.group,
        "ssh-key": identity.ssh_key,
        "network": cluster.network,
        "registry": image_registry.registry,
        "identity": identity.identity,
        "role": cluster.role,
        "cluster": cluster.cluster,
        "rules": scale_rules.rules,
        "credentials": release.credentials,
        "certificate": front.certificate,
        "release": release.release,
        "name": front.name,
        "usable": release.usable,
    },
    Kind.UPGRADE: {
        "check": upgrade.check,
        "rest": upgrade.rest,
        "power-on": upgrade.power_on,
        "credentials": release.credentials,
        "backup": upgrade.backup,
        "new-identity": upgrade_identity.new_identity,
        "identity": upgrade_identity.identity,
        "new-pool": upgrade_pool.new_pool,
        "people": upgrade.people,
        "old-pool": upgrade_pool.old_pool,
        "cluster": upgrade_cluster.cluster,
        "nodes": upgrade_identity.nodes,
        "pool": upgrade_nodes.pool,
        "rules": upgrade_nodes.rules,
        "tags": upgrade_tags.tags,
        "old-identity": upgrade_identity.old_identity,
        "certificate": front.new_certificate,
        "name": front.new_name,
        "release": upgrade_release.release,
        "leftovers": front.leftovers,
        "power-off": upgrade.power_off,
    },
    Kind.TEARDOWN: {
        "homes": teardown.homes,
        "name": teardown.name,
        "cluster": teardown.cluster,
        "role": teardown.role,
        "identity": teardown.identity,
        "network": teardown.network,
        "registry": teardown.registry,
        "group": teardown.group,
        "secrets": teardown.secrets,
        "receipt": teardown.receipt,
    },
    Kind.START: {
        "rest": switch.rest,
        "power-on": switch.power_on,
        "usable": release.usable,
    },
    Kind.STOP: {
        "check": rotate.check,
        "people": people.people,
        "servers": people.servers,
        "new-password": rotate.new_password,
        "give-password": rotate.give_to_cluster,
        "old-passwords": rotate.old_passwords,
        "power-off": switch.power_off,
    },
    Kind.ROTATE: {
        "check": rotate.check,
        "new-password": rotate.new_password,
        "give-password": rotate.give_to_cluster,
        "old-passwords": rotate.old_passwords,
    },
}
