"""Registers the starts, stops and rotations of the password with the engine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared.power.steps import PASSWORD, ROTATE, START, STOP
from shared.runs.model import Kind
from shared.runs.plan import Plan, without
from shared.runs.workflows import FollowUp, StepFunction, Workflow, register

if TYPE_CHECKING:
    from shared.hubs.store import HubRecord


def stop_plan(hub: "HubRecord") -> Plan:
    """Only the password of a principal that Hubkeeper made is replaced before a stop."""
    identity = hub.spec.identity
    return without(STOP, PASSWORD) if identity.type == "managed" or identity.existing else STOP


def _start() -> Mapping[str, StepFunction]:
    from shared.power import switch, usable

    return {"rest": switch.wait_out_cooldown, "power-on": switch.start_cluster, "usable": usable.wait_until_usable}


def _rotate() -> Mapping[str, StepFunction]:
    from shared.power import rotate

    return {
        "check": rotate.check_password,
        "new-password": rotate.ensure_new_password,
        "give-password": rotate.give_password,
        "old-passwords": rotate.delete_old_passwords,
    }


def _stop() -> Mapping[str, StepFunction]:
    from shared.power import people, switch

    return {**_rotate(), "people": people.warn_people, "servers": people.stop_servers, "power-off": switch.stop_cluster}


def _after_switch() -> FollowUp:
    from shared.power.follow_up import after_switch

    return after_switch


def _after_rotation() -> FollowUp:
    from shared.power.follow_up import after_rotation

    return after_rotation


register(Workflow(Kind.START, START, _start, _after_switch))
register(Workflow(Kind.STOP, STOP, _stop, _after_switch, plan=stop_plan))
register(Workflow(Kind.ROTATE, ROTATE, _rotate, _after_rotation))
