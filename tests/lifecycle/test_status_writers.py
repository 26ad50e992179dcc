"""Which parts of a hub's status each step writes: steps that may run side by side must share none, for a part is written whole."""

from itertools import combinations

import pytest

import shared.workflows  # noqa: F401 - registers every kind of run
from shared.hubs.status.model import PARTS
from shared.runs.model import Kind
from shared.runs.plan import Plan
from shared.runs.workflows import workflow

USABLE = {"addresses", "urls", "usable", "release", "dns", "withdrawn"}
PASSWORD = {"password"}
WRITES: dict[Kind, dict[str, set[str]]] = {
    Kind.CREATE: {
        "preflight": {"cluster", "release"},
        "ssh-key": {"ssh_key"},
        "registry": {"registry"},
        "identity": {"identity", "password"},
        "role": {"role"},
        "cluster": {"cluster"},
        "certificate": {"tls"},
        "release": {"release", "addresses", "dns"},
        "name": {"dns"},
        "usable": USABLE,
    },
    Kind.UPGRADE: {
        "check": {"upgrade"},
        "power-on": {"upgrade"},
        "backup": {"upgrade"},
        "new-identity": {"next_identity"},
        "identity": {"upgrade", "retired", "identity", "role", "next_identity", "password"},
        "new-pool": {"node_pools"},
        "old-pool": {"node_pools"},
        "cluster": {"cluster"},
        "old-identity": {"retired"},
        "certificate": {"upgrade", "tls"},
        "name": {"dns"},
        "release": {"upgrade", "release", "addresses", "urls", "candidate", "tls", "dns"},
        "leftovers": {"tls", "dns"},
    },
    Kind.TEARDOWN: {
        "homes": {"homes"},
        "name": {"dns", "deleted_records"},
        "cluster": {"deleted_cluster"},
        "role": {"deleted_roles"},
        "identity": {"identity", "deleted_identity"},
        "network": {"deleted_network"},
        "registry": {"deleted_registry"},
        "group": {"deleted_group"},
        "secrets": {"deleted_secrets"},
    },
    Kind.START: {"power-on": {"failures"}, "usable": USABLE},
    Kind.STOP: {
        "check": PASSWORD,
        "new-password": PASSWORD,
        "give-password": PASSWORD,
        "old-passwords": PASSWORD,
        "power-off": {"failures"},
    },
    Kind.ROTATE: {"check": PASSWORD, "new-password": PASSWORD, "give-password": PASSWORD, "old-passwords": PASSWORD},
}
BESIDE_RUNS = {"network", "decided", "stop_warning", "upkeep_warnings"}
"""An admin's request, the tick (two) and the upkeep write these: no step does."""


def before(plan: Plan) -> dict[str, set[str]]:
    """All steps that have ended when a step begins."""
    found: dict[str, set[str]] = {}
    for step in plan:  # plans list a step after those it comes after
        found[step.name] = set(step.after).union(*(found[name] for name in step.after))
    return found


@pytest.mark.parametrize("kind", Kind)
def test_steps_that_may_run_side_by_side_write_no_part_together(kind: Kind) -> None:
    earlier, writes = before(workflow(kind).steps), WRITES[kind]
    assert writes.keys() <= earlier.keys()
    for one, other in combinations(writes, 2):
        if one not in earlier[other] and other not in earlier[one]:
            assert not writes[one] & writes[other], f"{one} and {other} of a {kind} overwrite each other's"


def test_every_part_has_a_writer() -> None:
    written = set[str]().union(*(parts for steps in WRITES.values() for parts in steps.values()))
    assert written | BESIDE_RUNS == set(PARTS)
    assert not written & BESIDE_RUNS
