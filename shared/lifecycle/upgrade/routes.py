"""PATCH /hubs/{name}."""

from collections.abc import Iterator
from contextlib import contextmanager

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer, flag, json_body
from shared.http.problems import ProblemError, endpoint
from shared.runs.refusals import refusing
from shared.runs.requests import accepted_run, commands

upgrades = df.Blueprint()


@upgrades.route(route="hubs/{name}", methods=["PATCH"])
@upgrades.durable_client_input(client_name="client")
@endpoint
def patch_hub(req: func.HttpRequest, client: df.SyncDurableFunctionsClient) -> func.HttpResponse:
    """A JSON merge patch on the specification: 202 with the plan and its run, 200 when nothing has to be done to the hub.

    ?dryRun=true answers with the plan and what stands against it, and changes nothing.
    """
    from shared.lifecycle.upgrade.command import begin, prepare

    asked = commands(req, client)
    patch, dry = json_body(req), flag(req, "dryRun")
    with refusing(), _refusing_changes():
        upgrade = prepare(asked, req.route_params["name"], patch)
        if dry:
            return answer({"dryRun": True, **upgrade.wire()})
        run = begin(asked, upgrade)
    if run is None:
        return answer(upgrade.wire())
    return accepted_run(req, run, **upgrade.wire())


@contextmanager
def _refusing_changes() -> Iterator[None]:
    from shared.hubs.spec.validation import InvalidError
    from shared.lifecycle.upgrade.command import RefusedError

    try:
        yield
    except InvalidError as error:
        raise ProblemError(
            400,
            "InvalidHub",
            f"The hub cannot be changed as described. Wrong fields: {len(error.errors)}.",
            "Correct the fields listed under errors; nothing was changed.",
            errors=[{"field": item.field, "message": item.message} for item in error.errors],
        ) from None
    except RefusedError as error:
        first, advice = error.against[0], dict.fromkeys(refusal.advice for refusal in error.against)
        raise ProblemError(
            400 if first.code == "ValuesRefused" else 409,
            first.code,
            f"The hub cannot be changed so: {error}.",
            " ".join(advice),
            errors=[{"field": item.field, "message": item.message} for item in error.against],
        ) from None
