"""About the app itself: whether it is up, and what its API is."""

import azure.durable_functions as df
import azure.functions as func

from shared.http.parsing import answer, base_url
from shared.http.problems import endpoint

meta = df.Blueprint()


@meta.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the route's signature
    """200 when the app is configured and reaches its tables; 503 as a problem when it does not."""
    from shared.hubs.store import HubStore
    from shared.services import services

    adapters = services()
    HubStore(adapters.tables).get("health")
    return answer({"status": "ok"})


@meta.route(route="openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
def openapi(req: func.HttpRequest) -> func.HttpResponse:
    from shared.meta.openapi import document

    return answer(document(base_url(req)))
