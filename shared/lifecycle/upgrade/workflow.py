"""Registers the upgrade with the engine."""

from collections.abc import Mapping

from shared.lifecycle.upgrade.steps import STEPS
from shared.runs.model import Kind
from shared.runs.workflows import FollowUp, StepFunction, Workflow, register


def _functions() -> Mapping[str, StepFunction]:
    from shared.lifecycle.create import release as first_release
    from shared.lifecycle.upgrade import (
        backup,
        check,
        cluster,
        front,
        identity,
        nodes,
        people,
        pool,
        power,
        release,
        tags,
    )

    return {
        "check": check.check_changes,
        "rest": power.wait_out_cooldown,
        "power-on": power.start_cluster,
        "credentials": first_release.connect,
        "backup": backup.back_up_keys,
        "new-identity": identity.ensure_new_identity,
        "identity": identity.assign_identity,
        "new-pool": pool.ensure_new_pool,
        "people": people.warn_people,
        "old-pool": pool.delete_old_pool,
        "cluster": cluster.upgrade_cluster,
        "nodes": identity.replace_nodes,
        "pool": nodes.scale_pool,
        "rules": nodes.update_rules,
        "tags": tags.update_tags,
        "old-identity": identity.delete_old_identity,
        "certificate": front.install_new_certificate,
        "name": front.wait_for_new_name,
        "release": release.upgrade_release,
        "leftovers": front.remove_leftovers,
        "power-off": power.stop_cluster,
    }


def _follow_up() -> FollowUp:
    from shared.lifecycle.follow_up import after_upgrade

    return after_upgrade


UPGRADE = register(Workflow(Kind.UPGRADE, STEPS, _functions, _follow_up))
