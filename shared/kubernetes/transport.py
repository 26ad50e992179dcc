"""The official client over a connection pool that holds certificates in memory.

The client's own pool takes a client certificate as files alone and reads them at any later time, and it cannot be told to accept
the certificates of cluster authorities that lack newer extensions. So the pool is ours. It is put below `call_api`, the client's
public method through which every request goes; its generated classes (`CoreV1Api(client)`) work over this client too.
"""

import json
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration
    from urllib3 import PoolManager


def official_client(server: str, context: ssl.SSLContext) -> "ApiClient":
    """A client of the API server at this address. It repeats nothing and follows no redirect: credentials are for this server.

    Requests raise urllib3.exceptions.HTTPError, never for an answer's status.
    """
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.client.rest import RESTResponse
    from urllib3 import Timeout

    class Client(ApiClient):
        def __init__(self, configuration: Configuration) -> None:
            super().__init__(configuration)
            self._connections = _pool(configuration, context)

        def call_api(
            self,
            method: str,
            url: str,
            header_params: dict[str, str] | None = None,
            body: Any = None,
            post_params: Any = None,  # noqa: ARG002 - forms, which the API server takes none of
            _request_timeout: tuple[float, float] | None = None,
        ) -> RESTResponse:
            connect, read = _request_timeout or (None, None)
            answer = self._connections.request(
                method,
                url,
                headers=header_params,
                body=None if body is None else json.dumps(body),
                timeout=Timeout(connect=connect, read=read),
                redirect=False,
            )
            return RESTResponse(answer)

        def close(self) -> None:
            self._connections.clear()
            super().close()  # type: ignore[no-untyped-call]  # the client's own lack

    return Client(Configuration(host=server))


def _pool(configuration: "Configuration", context: ssl.SSLContext) -> "PoolManager":
    """A pool that goes through the environment's proxy where the client's own would."""
    from kubernetes.client.rest import should_bypass_proxies
    from urllib3 import PoolManager, ProxyManager

    if configuration.proxy and not should_bypass_proxies(configuration.host, configuration.no_proxy or ""):
        return ProxyManager(configuration.proxy, ssl_context=context, retries=False)
    return PoolManager(ssl_context=context, retries=False)
