"""Looking into a hub: who is there, what it consists of, and how many more fit."""

from typing import TYPE_CHECKING

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer
from shared.http.problems import ProblemError, endpoint

if TYPE_CHECKING:
    from shared.hubs.store import HubRecord

seeing = df.Blueprint()


@seeing.route(route="hubs/{name}/users", methods=["GET"])
@endpoint
def list_users(req: func.HttpRequest) -> func.HttpResponse:
    from shared.hubs.inventory import people
    from shared.services import services

    hub, adapters = _running(req), services()
    url = hub.status.urls.hub
    if url is None:
        raise ProblemError(
            409,
            "HubNotRunning",
            f"Hub {hub.name} has not answered at any address yet.",
            f"Wait until its run has ended: GET /api/hubs/{hub.name} names it.",
        )
    return answer(people.shown(people.hub_client(adapters, hub).users(), url))


@seeing.route(route="hubs/{name}/inventory", methods=["GET"])
@endpoint
def get_inventory(req: func.HttpRequest) -> func.HttpResponse:
    from shared.hubs.inventory import listing
    from shared.services import services

    hub = _running(req)
    return answer(listing.shown(hub, listing.look(services(), hub)))


def _running(req: func.HttpRequest) -> "HubRecord":
    """The hub. Raises ProblemError when it has no cluster, or one that is known not to run: nothing in it can be asked then."""
    from shared import names
    from shared.hubs import ownership
    from shared.hubs.store import HubStore, known
    from shared.hubs.view import actual_power
    from shared.services import services

    adapters, name = services(), req.route_params["name"]
    hub = known(None if names.HUB.problem(name) else HubStore(adapters.tables).get(name), name)
    (power,) = actual_power(adapters, hub).values()
    if power == "off":
        raise ProblemError(
            409,
            "HubStopped",
            f"The cluster of hub {hub.name} is stopped: nobody is there to ask.",
            f"Start it: POST /api/hubs/{hub.name}/start.",
        )
    if power == "none" and not hub.open_run:
        raise ownership.no_cluster(hub)
    if power in ("none", "starting", "stopping"):
        raise ProblemError(
            409,
            "HubNotRunning",
            f"The cluster of hub {hub.name} does not run: its power is {power}.",
            f"Wait until it is on: GET /api/hubs/{hub.name} shows its power and the run that is at work.",
        )
    return hub
