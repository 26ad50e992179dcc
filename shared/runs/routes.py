"""What leads to a run, and how runs are seen and steered. Also the sweep's timer."""

from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import azure.functions as func

from shared.http.auth import caller
from shared.http.parsing import accepted, answer, flag, json_body, number
from shared.http.problems import ProblemError, endpoint
from shared.runs.refusals import refusing

if TYPE_CHECKING:
    from shared.runs.commands import Commands
    from shared.runs.model import Run

runs = df.Blueprint()


@runs.route(route="hubs", methods=["POST"])
@runs.durable_client_input(client_name="client")
@endpoint
def create_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """202 with the run that creates the hub; ?dryRun=true reads Azure, answers with the plan and changes nothing."""
    from shared.hubs.admission import admit
    from shared.hubs.spec.validation import InvalidError
    from shared.services import services

    adapters = services()
    body = json_body(req)
    try:
        settings = adapters.settings
        spec, warnings = admit(body, settings.location, adapters.clock.now(), settings.subscription_id)
    except InvalidError as error:
        raise ProblemError(
            400,
            "InvalidHub",
            f"The hub cannot be made as described. Wrong fields: {len(error.errors)}.",
            "Correct the fields listed under errors; nothing was created.",
            errors=[{"field": item.field, "message": item.message} for item in error.errors],
        ) from None
    if flag(req, "dryRun"):
        from shared.lifecycle.create.dryrun import plan

        return answer(plan(adapters, spec, warnings))
    with refusing():
        run = _commands(req, client).create(spec, warnings, "asked for by POST /api/hubs")
    return _accepted(req, run)


@runs.route(route="hubs/{name}", methods=["DELETE"])
@runs.durable_client_input(client_name="client")
@endpoint
def delete_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """202 with the run of the teardown. ?confirm={name} is required; ?keepHomes=true keeps the users' volumes as snapshots."""
    name = req.route_params["name"]
    if req.params.get("confirm") != name:
        raise ProblemError(
            400,
            "NotConfirmed",
            f"Tearing down {name} deletes its cluster and everything its users stored in it.",
            f"Repeat the request with ?confirm={name} to go on; add keepHomes=true to keep the users' volumes as snapshots.",
            errors=[{"field": "confirm", "message": f"must be {name}"}],
        )
    options = {"keepHomes": True} if flag(req, "keepHomes") else {}
    with refusing():
        run = _commands(req, client).teardown(name, options, "asked for by DELETE /api/hubs")
    return _accepted(req, run)


@runs.route(route="hubs/{name}/runs", methods=["GET"])
@endpoint
def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    """The hub's runs, newest first; those of a hub that was torn down are still there."""
    from shared.hubs.store import HubStore
    from shared.runs.ending import as_seen
    from shared.runs.store import RunStore
    from shared.runs.view import shown
    from shared.services import services

    adapters, name = services(), req.route_params["name"]
    found = RunStore(adapters.tables).of_hub(name, number(req, "limit", 20, 1, 200))
    hub, now = HubStore(adapters.tables).get(name), adapters.clock.now()
    return answer({"runs": [shown(as_seen(run, hub), now) for run in found]})


@runs.route(route="runs/{id}", methods=["GET"])
@endpoint
def get_run(req: func.HttpRequest) -> func.HttpResponse:
    from shared.hubs.store import HubStore
    from shared.runs.ending import as_seen
    from shared.runs.store import RunStore
    from shared.runs.view import shown
    from shared.services import services

    adapters = services()
    run = RunStore(adapters.tables).get(req.route_params["id"])
    hub = HubStore(adapters.tables).get(run.hub) if run.status.ended else None
    return answer(shown(as_seen(run, hub), adapters.clock.now()))


@runs.route(route="runs/{id}/retry", methods=["POST"])
@runs.durable_client_input(client_name="client")
@endpoint
def retry_run(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    with refusing():
        run = _commands(req, client).retry(req.route_params["id"])
    return _accepted(req, run)


@runs.route(route="runs/{id}/cancel", methods=["POST"])
@runs.durable_client_input(client_name="client")
@endpoint
def cancel_run(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """Stops the run at its next step boundary; what was made stays until a retry or a teardown."""
    with refusing():
        run = _commands(req, client).cancel(req.route_params["id"])
    return _accepted(req, run)


@runs.timer_trigger(arg_name="timer", schedule="0 * * * * *", use_monitor=True)
@runs.durable_client_input(client_name="client")
def sweep_runs(timer: func.TimerRequest, client: df.SyncDurableFunctionsClient) -> None:  # noqa: ARG001 - its binding
    """Every minute: restarts what a crash of the engine or of this app left lying (shared.runs.reconcile)."""
    from shared.runs.engine import Engine
    from shared.runs.reconcile import sweep
    from shared.services import services

    sweep(services(), Engine(client))


def _commands(req: func.HttpRequest, client: Any) -> "Commands":
    from shared.runs.commands import Commands
    from shared.runs.engine import Engine
    from shared.services import services

    return Commands(services(), Engine(client), caller(req))


def _accepted(req: func.HttpRequest, run: "Run") -> func.HttpResponse:
    from shared.runs.view import shown
    from shared.services import services

    return accepted(req, run.id, {"run": shown(run, services().clock.now())})
