"""The sign-in endpoint: tokens for applications that show their secret, and the metadata that client libraries read."""

import uuid
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.azure.directory import Directory
from local.azure.tokens import LIFETIME, Tokens, caller
from local.world import World


def routes(world: World, directory: Directory, tokens: Tokens) -> list[Route]:
    login = _Login(world, directory, tokens)
    return [
        Route("/{tenant}/oauth2/v2.0/token", login.token, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", login.metadata, methods=["GET"]),
    ]


class _Login:
    def __init__(self, world: World, directory: Directory, tokens: Tokens) -> None:
        self._world = world
        self._directory = directory
        self._tokens = tokens

    async def metadata(self, request: Request) -> JSONResponse:
        base = f"{request.base_url}{request.path_params['tenant']}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def token(self, request: Request) -> JSONResponse:
        """The client credentials grant. Any other is refused, as for an app without that set up."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        tenant = request.path_params["tenant"]
        app = form.get("client_id", "")
        resource = form.get("scope", "").removesuffix("/.default")
        if tenant != caller(self._world)["tenant"]:
            return self._error(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return self._error(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if not form.get("scope", "").endswith("/.default"):
            return self._error(
                400, "invalid_scope", 1002012, "The provided value for scope is not valid: it must end in /.default."
            )
        if self._directory.application_of(app) is None:
            message = f"Application with identifier '{app}' was not found in the directory '{tenant}'."
            return self._error(400, "unauthorized_client", 700016, message)
        if refusal := self._refusal(app, form.get("client_secret", "")):
            return refusal
        if not self._tokens.known(resource):
            message = f"The resource principal named {resource} was not found in the tenant."
            return self._error(400, "invalid_resource", 500011, message)
        principal = next(row["object"] for row in self._directory.principals.values() if row["object"]["appId"] == app)
        token, _ = self._tokens.issue(resource, oid=principal["id"], appid=app)
        body = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        return JSONResponse(body, headers={"cache-control": "no-store, no-cache"})

    def _refusal(self, app: str, secret: str) -> JSONResponse | None:
        if not any(row["object"]["appId"] == app for row in self._directory.principals.values()):
            tenant = caller(self._world)["tenant"]
            message = f"The client application {app} is missing service principal in the tenant {tenant}."
            return self._error(401, "invalid_client", 7000229, message)
        match self._directory.check_secret(app, secret):
            case "invalid":
                message = (
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                    f"value, not the client secret ID, for a secret added to app '{app}'."
                )
                return self._error(401, "invalid_client", 7000215, message)
            case "expired":
                message = f"The provided client secret keys for app '{app}' are expired. Create new keys for your app."
                return self._error(401, "invalid_client", 7000222, message)
        return None

    def _error(self, status: int, error: str, code: int, message: str) -> JSONResponse:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = self._world.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        description = f"AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        body = {
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={code}",
        }
        return JSONResponse(body, status_code=status)
