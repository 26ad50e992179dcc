"""The managed identity endpoint that App Service and Functions give an app (protocol version 2019-08-01)."""

import hmac
import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.azure.tokens import Tokens, caller
from local.world import World


def identity_header(world: World) -> str:
    """This copy's value of IDENTITY_HEADER: the endpoint answers only who knows it. Made on first use, then fixed."""
    settings = world.table("settings")
    if "identity" not in settings:
        settings["identity"] = {"header": secrets.token_hex(16).upper()}
    return str(settings["identity"]["header"])


class Identity:
    """Gives out tokens of the functions app's own identity; set IDENTITY_ENDPOINT to /msi/token on its port."""

    service = "identity"

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world = world
        self._tokens = tokens
        self.app = Starlette(routes=[Route("/msi/token", self._token, methods=["GET"])])
        identity_header(world)

    async def _token(self, request: Request) -> JSONResponse:
        expected = identity_header(self._world)
        if not hmac.compare_digest(request.headers.get("x-identity-header", "").encode(), expected.encode()):
            return _error(401, "The X-IDENTITY-HEADER header is missing or wrong.")
        if request.query_params.get("api-version") != "2019-08-01":
            return _error(400, "The api-version is missing or not supported.")
        resource = request.query_params.get("resource", "")
        if not resource:
            return _error(400, "The resource parameter is missing.")
        if not self._tokens.known(resource):
            return _error(400, f"AADSTS500011: The resource principal named {resource} was not found in the tenant.")
        identity = caller(self._world)
        asked = {
            "client_id": identity["appid"],
            "object_id": identity["oid"],
            "principal_id": identity["oid"],
            "mi_res_id": None,
        }
        for name, own in asked.items():
            if name in request.query_params and request.query_params[name] != own:
                return _error(400, f"No User Assigned or Delegated Managed Identity found for specified {name}.")
        token, expires = self._tokens.issue(resource, oid=identity["oid"], appid=identity["appid"])
        return JSONResponse(
            {
                "access_token": token,
                "client_id": identity["appid"],
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
            }
        )


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)
