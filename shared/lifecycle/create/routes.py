"""POST /hubs."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer, flag, json_body
from shared.http.problems import ProblemError, endpoint
from shared.runs.refusals import refusing
from shared.runs.requests import accepted_run, commands

creates = df.Blueprint()


@creates.route(route="hubs", methods=["POST"])
@creates.durable_client_input(client_name="client")
@endpoint
def create_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """202 with the run that creates the hub; ?dryRun=true reads Azure, answers with the plan and changes nothing."""
    from shared.hubs.admission import admit
    from shared.hubs.spec.validation import InvalidError
    from shared.lifecycle.create.command import create
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
        run = create(commands(req, client), spec, warnings, "asked for by POST /api/hubs")
    return accepted_run(req, run)
