"""The steps of an upgrade that a hub needs. Pure."""

from collections.abc import Mapping

from shared.hubs.patch.plan import How
from shared.hubs.patch.plan import Plan as Changes
from shared.hubs.spec.model import Hub
from shared.lifecycle.upgrade.steps import STEPS
from shared.runs.plan import Plan, without


def plan(old: Hub, new: Hub, changes: Changes) -> Plan:
    """changes: what makes `new` of `old`, and what an earlier upgrade has left unfinished."""
    identity, pool = changes.has(How.IDENTITY), changes.has(How.REPLACE)
    front = changes.has(How.HELM, How.NAME)
    needed: Mapping[str, bool] = {
        "new-identity": identity,
        "identity": identity,
        "new-pool": pool,
        "people": changes.disruptive,
        "old-pool": pool,
        "cluster": changes.has(How.KUBERNETES, How.TIER),
        "nodes": identity,
        "pool": changes.has(How.SCALE, How.AUTOSCALE),
        "rules": old.cluster.rules is not None or new.cluster.rules is not None,
        "tags": changes.has(How.TAGS),
        "old-identity": identity,
        "certificate": front,
        "name": front,
        "leftovers": front,
    }
    return without(STEPS, [name for name, is_needed in needed.items() if not is_needed])
