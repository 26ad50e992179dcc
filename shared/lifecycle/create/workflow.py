"""Registers the create with the engine."""

from collections.abc import Mapping

from shared.lifecycle.create.steps import STEPS
from shared.runs.model import Kind
from shared.runs.workflows import FollowUp, StepFunction, Workflow, register


def _functions() -> Mapping[str, StepFunction]:
    from shared.lifecycle.create import cluster, front, identity, image_registry, preflight, release
    from shared.power import usable

    return {
        "providers": cluster.register_providers,
        "preflight": preflight.run_checks,
        "group": cluster.ensure_group,
        "ssh-key": identity.ensure_ssh_key,
        "network": cluster.ensure_network,
        "registry": image_registry.ensure_registry,
        "identity": identity.ensure_identity,
        "role": cluster.ensure_role,
        "cluster": cluster.ensure_cluster,
        "rules": cluster.ensure_rules,
        "credentials": release.connect,
        "certificate": front.install_certificate,
        "release": release.install_release,
        "name": front.wait_for_name,
        "usable": usable.wait_until_usable,
    }


def _follow_up() -> FollowUp:
    from shared.lifecycle.follow_up import after_create

    return after_create


CREATE = register(Workflow(Kind.CREATE, STEPS, _functions, _follow_up, hub_at_work="creating"))
