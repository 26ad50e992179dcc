"""DELETE /hubs/{name}."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.problems import ProblemError, endpoint
from shared.http.query import Flag, Text
from shared.problem import wrong
from shared.runs.requests import accepted_run, commands

teardowns = df.Blueprint()

CONFIRM = Text("confirm")
KEEP_HOMES = Flag("keepHomes")


@teardowns.route(route="hubs/{name}", methods=["DELETE"])
@teardowns.durable_client_input(client_name="client")
@endpoint
def delete_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """202 with the run of the teardown. ?confirm={name} is required; ?keepHomes=true keeps the users' volumes as snapshots."""
    from shared.lifecycle.teardown.command import teardown

    name = req.route_params["name"]
    if CONFIRM.of(req) != name:
        raise ProblemError(
            400,
            "NotConfirmed",
            f"Tearing down {name} deletes its cluster and everything its users stored in it.",
            f"Repeat the request with ?confirm={name} to go on; add keepHomes=true to keep the users' volumes as snapshots.",
            errors=[wrong("confirm", f"must be {name}", "NotConfirmed")],
        )
    keep_homes = KEEP_HOMES.of(req)
    run = teardown(commands(req, client), name, "asked for by DELETE /api/hubs", keep_homes=keep_homes)
    return accepted_run(req, run)
