"""Registers the create with the engine."""

from collections.abc import Mapping

from shared.lifecycle.create.steps import STEPS
from shared.runs.model import Kind
from shared.runs.workflows import FollowUp, StepFunction, Workflow, register


def _functions() -> Mapping[str, StepFunction]:
    from shared.lifecycle.create import cluster, front, identity, image_registry, preflight, release
    from shared.power import usable

    return {
        "providers": cluster.providers,
        "preflight": preflight.preflight,
        "group": cluster.group,
        "ssh-key": identity.ssh_key,
        "network": cluster.network,
        "registry": image_registry.registry,
        "identity": identity.identity,
        "role": cluster.role,
        "cluster": cluster.cluster,
        "rules": cluster.rules,
        "credentials": release.credentials,
        "certificate": front.certificate,
        "release": release.release,
        "name": front.name,
        "usable": usable.usable,
    }


def _follow_up() -> FollowUp:
    from shared.lifecycle.follow_up import after_create

    return after_create


CREATE = register(Workflow(Kind.CREATE, STEPS, _functions, _follow_up, hub_at_work="creating"))
