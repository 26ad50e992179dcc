"""Registers the upgrade with the engine."""

from collections.abc import Mapping

from shared.lifecycle.upgrade.steps import STEPS
from shared.runs.model import Kind
from shared.runs.workflows import FollowUp, StepFunction, Workflow, register


def _functions() -> Mapping[str, StepFunction]:
    from shared.lifecycle.create import release as first_release
    from shared.lifecycle.upgrade import cluster, frame, front, identity, nodes, pool, release, tags

    return {
        "check": frame.check,
        "rest": frame.rest,
        "power-on": frame.power_on,
        "credentials": first_release.credentials,
        "backup": frame.backup,
        "new-identity": identity.new_identity,
        "identity": identity.identity,
        "new-pool": pool.new_pool,
        "people": frame.people,
        "old-pool": pool.old_pool,
        "cluster": cluster.cluster,
        "nodes": identity.nodes,
        "pool": nodes.pool,
        "rules": nodes.rules,
        "tags": tags.tags,
        "old-identity": identity.old_identity,
        "certificate": front.new_certificate,
        "name": front.new_name,
        "release": release.release,
        "leftovers": front.leftovers,
        "power-off": frame.power_off,
    }


def _follow_up() -> FollowUp:
    from shared.lifecycle.follow_up import after_upgrade

    return after_upgrade


UPGRADE = register(Workflow(Kind.UPGRADE, STEPS, _functions, _follow_up))
