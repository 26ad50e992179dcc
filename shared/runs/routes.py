"""How runs are seen, retried and cancelled. Also the timer of the reconciliation."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer
from shared.http.problems import endpoint
from shared.http.query import Whole
from shared.runs.requests import accepted_run, commands

runs = df.Blueprint()

LIMIT = Whole("limit", 20, 1, 200)


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
    found = RunStore(adapters.tables).of_hub(name, LIMIT.of(req))
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
    run = commands(req, client).retry(req.route_params["id"])
    return accepted_run(req, run)


@runs.route(route="runs/{id}/cancel", methods=["POST"])
@runs.durable_client_input(client_name="client")
@endpoint
def cancel_run(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """Stops the run at its next step boundary; what was made stays until a retry or a teardown."""
    run = commands(req, client).cancel(req.route_params["id"])
    return accepted_run(req, run)


@runs.timer_trigger(arg_name="timer", schedule="0 * * * * *", use_monitor=True)
@runs.durable_client_input(client_name="client")
def reconcile_runs(timer: func.TimerRequest, client: df.SyncDurableFunctionsClient) -> None:  # noqa: ARG001 - its binding
    """Every minute: restarts what a crash of the engine or of this app left lying (shared.runs.reconcile)."""
    from shared.runs.engine import Engine
    from shared.runs.reconcile import reconcile
    from shared.services import services

    reconcile(services(), Engine(client))
