"""Registers the teardown with the engine."""

from collections.abc import Mapping

from shared.lifecycle.teardown.steps import STEPS
from shared.runs.model import Kind
from shared.runs.workflows import FollowUp, StepFunction, Workflow, register


def _functions() -> Mapping[str, StepFunction]:
    from shared.lifecycle.teardown import removal

    return {
        "homes": removal.snapshot_homes,
        "name": removal.delete_records,
        "cluster": removal.delete_cluster,
        "role": removal.remove_role,
        "identity": removal.delete_identity,
        "network": removal.delete_network,
        "registry": removal.delete_registry,
        "group": removal.delete_group,
        "secrets": removal.purge_secrets,
        "receipt": removal.write_receipt,
    }


def _follow_up() -> FollowUp:
    from shared.lifecycle.follow_up import after_teardown

    return after_teardown


TEARDOWN = register(Workflow(Kind.TEARDOWN, STEPS, _functions, _follow_up, hub_at_work="deleting", forgets_hub=True))
