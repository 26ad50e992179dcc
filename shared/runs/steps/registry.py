"""Which function does which step of which kind of run."""

from collections.abc import Callable

from shared.runs.model import Kind, Outcome
from shared.runs.steps import (
    create,
    identity,
    people,
    power,
    preflight,
    release,
    rotate,
    scale_rules,
    teardown,
    upgrade,
    upgrade_cluster,
    upgrade_identity,
    upgrade_nodes,
    upgrade_pool,
    upgrade_release,
    upgrade_tags,
)
from shared.runs.steps.context import StepContext

type StepFunction = Callable[[StepContext], Outcome]

STEPS: dict[Kind, dict[str, StepFunction]] = {
    Kind.CREATE: {
        "preflight": preflight.preflight,
        "providers": create.providers,
        "group": create.group,
        "ssh-key": identity.ssh_key,
        "network": create.network,
        "identity": identity.identity,
        "role": create.role,
        "cluster": create.cluster,
        "rules": scale_rules.rules,
        "credentials": release.credentials,
        "release": release.release,
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
        "release": upgrade_release.release,
        "power-off": upgrade.power_off,
    },
    Kind.TEARDOWN: {
        "homes": teardown.homes,
        "cluster": teardown.cluster,
        "role": teardown.role,
        "identity": teardown.identity,
        "network": teardown.network,
        "group": teardown.group,
        "secrets": teardown.secrets,
        "receipt": teardown.receipt,
    },
    Kind.START: {
        "rest": power.rest,
        "power-on": power.power_on,
        "usable": release.usable,
    },
    Kind.STOP: {
        "check": rotate.check,
        "people": people.people,
        "servers": people.servers,
        "new-password": rotate.new_password,
        "give-password": rotate.give_to_cluster,
        "old-passwords": rotate.old_passwords,
        "power-off": power.power_off,
    },
    Kind.ROTATE: {
        "check": rotate.check,
        "new-password": rotate.new_password,
        "give-password": rotate.give_to_cluster,
        "old-passwords": rotate.old_passwords,
    },
}
