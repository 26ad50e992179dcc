"""PATCH /hubs/{name}."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer, json_body
from shared.http.problems import endpoint
from shared.http.query import DRY_RUN
from shared.runs.requests import accepted_run, commands

upgrades = df.Blueprint()


@upgrades.route(route="hubs/{name}", methods=["PATCH"])
@upgrades.durable_client_input(client_name="client")
@endpoint
def patch_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """A JSON merge patch on the specification: 202 with the plan and its run, 200 when nothing has to be done to the hub.

    ?dryRun=true answers with the plan and what blocks it, and changes nothing.
    """
    from shared.lifecycle.upgrade.command import begin, prepare

    asked = commands(req, client)
    patch, dry = json_body(req), DRY_RUN.of(req)
    upgrade = prepare(asked, req.route_params["name"], patch)
    if dry:
        return answer({"dryRun": True, **upgrade.wire()})
    run = begin(asked, upgrade)
    if run is None:
        return answer(upgrade.wire())
    return accepted_run(req, run, **upgrade.wire())
