"""POST /hubs."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer, json_body
from shared.http.problems import endpoint
from shared.http.query import DRY_RUN
from shared.runs.requests import accepted_run, commands

creates = df.Blueprint()


@creates.route(route="hubs", methods=["POST"])
@creates.durable_client_input(client_name="client")
@endpoint
def create_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """202 with the run that creates the hub; ?dryRun=true reads Azure, answers with the plan and changes nothing."""
    from shared.hubs.admission import admit
    from shared.lifecycle.create.command import create
    from shared.services import services

    adapters = services()
    body = json_body(req)
    settings = adapters.settings
    spec, warnings = admit(body, settings.location, adapters.clock.now(), settings.subscription_id)
    if DRY_RUN.of(req):
        from shared.lifecycle.create.dryrun import plan

        return answer(plan(adapters, spec, warnings))
    run = create(commands(req, client), spec, warnings, "asked for by POST /api/hubs")
    return accepted_run(req, run)
