"""A hub's power over HTTP: start, stop, postpone, pause, schedule, calendar, decisions. Also the tick's and upkeep's timers."""

from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import azure.functions as func

from shared.http.audit import audited
from shared.http.parsing import answer, json_body
from shared.http.problems import ProblemError, async_endpoint, endpoint
from shared.http.query import Whole
from shared.runs.requests import accepted_run, commands

if TYPE_CHECKING:
    from shared.power.commands import Asked, PowerCommands

power = df.Blueprint()

DAYS = Whole("days", 14, 1, 400)
LIMIT = Whole("limit", 50, 1, 500)


@power.route(route="hubs/{name}/start", methods=["POST"])
@power.durable_client_input(client_name="client")
@endpoint
def start_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """Body {"for": "2h"} or {"until": RFC 3339}, and "reason"; all optional. 202 with the run, or 200 when it is on already."""
    from shared.power.bodies import start_body

    wanted = start_body(json_body(req, empty={}))
    power_commands = _commands(req, client)
    asked = power_commands.start(req.route_params["name"], wanted.duration, wanted.until, wanted.reason)
    return _asked(req, asked)


@power.route(route="hubs/{name}/stop", methods=["POST"])
@power.durable_client_input(client_name="client")
@endpoint
def stop_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """Body {"reason"}, optional. Waits for the people who use the hub as the schedule says."""
    return _stop(req, client, force=False)


@power.route(route="hubs/{name}/stop/force", methods=["POST"], auth_level=func.AuthLevel.ADMIN)
@power.durable_client_input(client_name="client")
@audited("hub.stop.force")
@endpoint
def force_stop_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """With the admin key: nobody is asked or waited for."""
    return _stop(req, client, force=True)


def _stop(req: func.HttpRequest, client: Any, *, force: bool) -> func.HttpResponse:
    from shared.power.bodies import reason_of

    reason = reason_of(json_body(req, empty={}))
    asked = _commands(req, client).stop(req.route_params["name"], reason, force=force)
    return _asked(req, asked)


@power.route(route="hubs/{name}/postpone", methods=["POST"])
@power.durable_client_input(client_name="client")
@endpoint
def postpone_stop(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """Body {"minutes": 30}, optional: puts the coming stop off, up to the schedule's cap."""
    from shared.clock import wire_time
    from shared.power.bodies import minutes_of

    minutes = minutes_of(json_body(req, empty={}))
    until = _commands(req, client).postpone(req.route_params["name"], minutes)
    return answer({"postponedUntil": wire_time(until)})


@power.route(route="hubs/{name}/pause", methods=["POST", "DELETE"])
@power.durable_client_input(client_name="client")
@endpoint
def pause_schedule(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """POST {"until", "reason"}: the schedule switches nothing until then. DELETE ends the pause."""
    from shared.power.bodies import pause_body

    power_commands = _commands(req, client)
    pause = pause_body(json_body(req), power_commands.now) if req.method == "POST" else None
    hub = power_commands.pause(req.route_params["name"], pause.until if pause else None, pause.reason if pause else "")
    return answer({"schedule": hub.spec.wire().get("schedule")})


@power.route(route="hubs/{name}/schedule", methods=["GET"])
@endpoint
def get_schedule(req: func.HttpRequest) -> func.HttpResponse:
    return answer({"schedule": _hub(req).stored_schedule})


@power.route(route="hubs/{name}/schedule", methods=["PUT"])
@power.durable_client_input(client_name="client")
@endpoint
def put_schedule(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """Body: a schedule, or null for around the clock. What is wrong refuses it; what is odd comes back as warnings."""
    from shared.power.bodies import checked_schedule

    power_commands = _commands(req, client)
    body = json_body(req)
    schedule, warnings = checked_schedule(body, power_commands.now) if body is not None else (None, [])
    hub = power_commands.set_schedule(req.route_params["name"], schedule)
    return answer({"schedule": hub.spec.wire().get("schedule"), "warnings": [warning.wire() for warning in warnings]})


@power.route(route="hubs/{name}/calendar", methods=["GET"])
@async_endpoint
async def get_calendar(req: func.HttpRequest) -> func.HttpResponse:
    """Every coming switch of ?days=14 days (1 to 400), in UTC and local time, with its reason; days of a clock change marked.

    After the first 2,000 it says "complete": false, and "until": the time before which none is missing.
    """
    from shared.http.turns import in_turn

    days = DAYS.of(req)
    return await in_turn(lambda: _calendar(req, days))


def _calendar(req: func.HttpRequest, days: int) -> func.HttpResponse:
    from shared.clock import wire_time
    from shared.schedules.preview import MOST_EDGES, edges
    from shared.services import services

    hub = _hub(req)
    now = services().clock.now()
    if hub.stored_schedule is not None and hub.spec.schedule is None:
        raise ProblemError(
            409,
            "UnreadableSchedule",
            "The hub's schedule cannot be read, so nothing is switched.",
            "PUT a corrected schedule.",
        )
    found = edges(hub.spec.schedule, hub.power, now, days, MOST_EDGES + 1)
    shown = [
        {
            "at": wire_time(edge.at),
            "local": edge.local.isoformat(timespec="seconds"),
            "to": edge.to.value,
            "reason": edge.reason,
            "begins": wire_time(edge.begins),
            "dstDay": edge.dst_day,
        }
        for edge in found[:MOST_EDGES]
    ]
    cut = {"complete": False, "until": wire_time(found[-1].at)} if len(found) > MOST_EDGES else {}
    return answer({"edges": shown, **cut})


@power.route(route="hubs/{name}/decisions", methods=["GET"])
@endpoint
def list_decisions(req: func.HttpRequest) -> func.HttpResponse:
    """What was decided about the hub's power and why, newest first, for 90 days."""
    from shared.power.decision_log import Decisions
    from shared.services import services

    found = Decisions(services().tables).of_hub(_hub(req).name, LIMIT.of(req))
    return answer({"decisions": found})


@power.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", use_monitor=True)
@power.durable_client_input(client_name="client")
def tick_power(timer: func.TimerRequest, client: df.SyncDurableFunctionsClient) -> None:  # noqa: ARG001 - its binding
    """Every five minutes, UTC: switches on and off what is due (shared.power.tick)."""
    from shared.power.tick import tick
    from shared.runs.engine import Engine
    from shared.services import services

    tick(services(), Engine(client))


@power.timer_trigger(arg_name="timer", schedule="0 30 3 * * *", use_monitor=True)
@power.durable_client_input(client_name="client")
def daily_upkeep(timer: func.TimerRequest, client: df.SyncDurableFunctionsClient) -> None:  # noqa: ARG001 - its binding
    """Every night: repairs the due queue, rotates passwords, warns of what runs out, deletes old rows (shared.power.upkeep)."""
    from shared.power.upkeep import upkeep
    from shared.runs.engine import Engine
    from shared.services import services

    upkeep(services(), Engine(client))


def _commands(req: func.HttpRequest, client: Any) -> "PowerCommands":
    from shared.power.commands import PowerCommands

    return PowerCommands(commands(req, client))


def _hub(req: func.HttpRequest) -> Any:
    from shared.hubs.store import HubStore, known
    from shared.services import services

    name = req.route_params["name"]
    return known(HubStore(services().tables).get(name), name)


def _asked(req: func.HttpRequest, asked: "Asked") -> func.HttpResponse:
    from shared.clock import wire_time

    decision = {
        "desired": asked.decision.state.value if asked.decision.state else None,
        "reason": asked.decision.reason,
        "until": wire_time(asked.decision.until),
    }
    if asked.run is None:
        return answer({"run": None, "power": decision})
    return accepted_run(req, asked.run, power=decision)
