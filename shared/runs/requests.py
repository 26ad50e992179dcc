"""A request that leads to a run: who asks, and the answer with the run."""

from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared.http.auth import caller
from shared.http.parsing import accepted

if TYPE_CHECKING:
    from shared.runs.commands import Commands
    from shared.runs.model import Run


def commands(req: func.HttpRequest, client: Any) -> "Commands":
    """The commands on behalf of the caller. client: the workflow engine's."""
    from shared.runs.commands import Commands
    from shared.runs.engine import Engine
    from shared.services import services

    return Commands(services(), Engine(client), caller(req))


def accepted_run(req: func.HttpRequest, run: "Run", **more: Any) -> func.HttpResponse:
    """202 with the run, and `more` beside it."""
    from shared.runs.view import shown
    from shared.services import services

    return accepted(req, run.id, {**more, "run": shown(run, services().clock.now())})
