"""Who has done what with admins' keys and with secrets: one line a request, whatever came of it.

A line is a word and JSON: Azure's worker drops everything of a log record but its text. What values are, no line says.
"""

import functools
import json
import logging
from collections.abc import Callable

import azure.functions as func

from shared.http.auth import caller
from shared.http.problems import Handler

log = logging.getLogger("hubkeeper.audit")

WORD = "audit"
"""What each line begins with, before a blank and the JSON. docs/security.md has queries that look for it."""
_LONGEST = 100
"""Characters of what a caller can choose at will."""


def audited(what: str) -> Callable[[Handler], Handler]:
    """Leaves a line for each request that reaches the route. Stands above `endpoint`, where every failure has its status.

    what: the action, as the lines are searched by ("kubeconfig.read").
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def wrapped(req: func.HttpRequest, *args: object, **kwargs: object) -> func.HttpResponse:
            status = 500
            try:
                response = handler(req, *args, **kwargs)
                status = response.status_code
            finally:
                log.info("%s %s", WORD, _line(req, what, status))
            return response

        return wrapped

    return decorate


def _line(req: func.HttpRequest, what: str, status: int) -> str:
    """ASCII on one line, so that no name can look like a second one. hub, key: as asked for, be there one or not."""
    asked = {
        name: req.route_params[given] for name, given in (("hub", "name"), ("key", "key")) if given in req.route_params
    }
    fields: dict[str, str | int] = {"who": caller(req), "what": what, **asked, "status": status}
    return json.dumps({name: value[:_LONGEST] if isinstance(value, str) else value for name, value in fields.items()})
