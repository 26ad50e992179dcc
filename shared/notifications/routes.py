"""Reading a hub's events, and the timer that delivers what could not be delivered at once."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer
from shared.http.problems import endpoint
from shared.http.query import Whole

notifications = df.Blueprint()

LIMIT = Whole("limit", 50, 1, 200)


@notifications.route(route="hubs/{name}/events", methods=["GET"])
@endpoint
def list_events(req: func.HttpRequest) -> func.HttpResponse:
    """What happened to the hub, newest first, and who was told; of a hub that was torn down too."""
    from shared.notifications.store import EventStore
    from shared.services import services

    found = EventStore(services().tables).of_hub(req.route_params["name"], LIMIT.of(req))
    return answer({"events": [recorded.wire() for recorded in found]})


@notifications.timer_trigger(arg_name="timer", schedule="30 * * * * *", use_monitor=True)
def deliver_events(timer: func.TimerRequest) -> None:  # noqa: ARG001 - its binding
    """Every minute, half a minute from the sweep."""
    from shared.notifications.deliver import deliver_pending
    from shared.services import services

    deliver_pending(services())
