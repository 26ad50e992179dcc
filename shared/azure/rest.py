"""Calls in JSON through azure-core's pipeline, and the wire's own answers from the SDKs' operations.

The adapters read the wire's JSON rather than the SDKs' models: it is what Azure documents and keeps stable, while the models are
renamed with every generator. All of it is public API: `send_request` of the clients, and the keywords `polling` and
`raw_response_hook` that azure-core's pipeline documents for every operation. The policies are our own list, where
`azure.mgmt.core.ARMPipelineClient` would put its own: with its retries a call lasts for
minutes, and its registration policy sleeps.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shared.azure.errors import classify, outside

if TYPE_CHECKING:
    from shared.azure.credentials import TokenSource

TIMEOUTS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60}
"""Seconds, for every client: Azure answers within a few, and whoever waits longer is a durable timer, not a call."""

type Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A successful HTTP answer. `headers` by lower-case name; `body` decoded, None when there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def document(self) -> Json:
        """The body where an object is expected; empty when there is none."""
        return self.body if isinstance(self.body, dict) else {}


class Rest:
    """One service's calls by method and address. Raises the errors of shared.errors for every status above 299."""

    def __init__(self, system: str, endpoint: str, make_client: Callable[[], Any]) -> None:
        """make_client: makes an SDK's client, or azure-core's plain one; called at the first use."""
        self.system = system
        self._endpoint = endpoint.rstrip("/")
        self._make_client = make_client

    @cached_property
    def client(self) -> Any:
        return self._make_client()

    def call(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call. `url`: absolute, used as it is, or a path below the service's endpoint."""
        from azure.core.rest import HttpRequest

        address = self._endpoint + url if url.startswith("/") else url
        # azure-core leaves it to its caller to quote the values.
        options: dict[str, Any] = {"params": {name: quote(value, safe="") for name, value in (params or {}).items()}}
        if body is not None:
            options["json"] = body
        if form is not None:
            options["data"] = dict(form)
        with outside(self.system):
            response = self.client.send_request(HttpRequest(method, address, headers=dict(headers or {}), **options))
            text = response.text()
        answer = _answer(response, text)
        if answer.status > 299:
            said = text if answer.body is None else answer.body
            raise classify(self.system, answer.status, said, answer.headers, str(response.reason or ""))
        return answer

    def pages(self, url: str, params: Mapping[str, str], *, link: str = "nextLink") -> list[Any]:
        """All items of a paged listing; `link` names the field with the next page's address, which is used as it is."""
        found: list[Any] = []
        answer = self.call("GET", url, params=params)
        seen: set[str] = set()
        while True:
            document = answer.document
            found += document.get("value") or []
            following = document.get(link)
            if not following or following in seen:
                return found
            seen.add(following)
            answer = self.call("GET", following)


def _answer(response: Any, text: str) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError:
        body = None
    return Answer(response.status_code, headers, body)


def run(system: str, operation: Callable[..., Any], *args: Any, **options: Any) -> Answer:
    """Runs one operation of an SDK and returns what came over the wire.

    A long-running one (begin_...) is begun and not waited for.
    """
    seen: list[Any] = []
    if operation.__name__.startswith("begin_"):
        options["polling"] = False
    with outside(system):
        operation(*args, raw_response_hook=lambda response: seen.append(response.http_response), **options)
        text = seen[-1].text()
    return _answer(seen[-1], text)


def run_pages(system: str, operation: Callable[..., Any], *args: Any, **options: Any) -> list[Json]:
    """Runs a listing operation of an SDK to its last page and returns the items that came over the wire."""
    seen: list[Any] = []
    with outside(system):
        listing = operation(*args, raw_response_hook=lambda response: seen.append(response.http_response), **options)
        for _ in listing:
            continue
    return [item for page in seen for item in page.json().get("value") or []]


def policies(credential: "TokenSource | None", endpoint: str) -> list[Any]:
    """The pipeline's policies of every client: tokens for `endpoint`, and nothing that waits or repeats by itself.

    Left out of the SDKs' own list: retries, and the policy that registers a resource provider and sleeps until it is.
    """
    from azure.core.pipeline import policies as core

    authentication = [core.BearerTokenCredentialPolicy(credential, scope(endpoint))] if credential else []
    return [
        core.RequestIdPolicy(),
        core.HeadersPolicy({"Accept": "application/json"}),
        core.UserAgentPolicy("hubkeeper"),
        core.ProxyPolicy(),
        *authentication,
        core.CustomHookPolicy(),
    ]


def scope(endpoint: str) -> str:
    """The scope of tokens for the service at this endpoint."""
    return endpoint.rstrip("/") + "/.default"


def plain(system: str, endpoint: str, credential: "TokenSource | None") -> Rest:
    """Calls of a service without an SDK here; without a credential, anonymous."""

    def client() -> Any:
        from azure.core import PipelineClient

        return PipelineClient(endpoint, policies=policies(credential, endpoint), **TIMEOUTS)

    return Rest(system, endpoint, client)
