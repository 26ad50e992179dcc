"""Who is asking, as far as the platform knows. Keys are checked by the Functions host before a request gets here."""

import os
from collections.abc import Mapping

import azure.functions as func


def caller(req: func.HttpRequest, environ: Mapping[str, str] = os.environ) -> str:
    """A name for run records: the signed-in person where App Service authentication is on, else "api".

    App Service removes forged X-MS-CLIENT-PRINCIPAL headers only while its authentication is enabled, so they mean nothing
    otherwise (learn.microsoft.com, "Work with user identities in Azure App Service authentication").
    """
    if environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true":
        return req.headers.get("x-ms-client-principal-name") or "api"
    return "api"
