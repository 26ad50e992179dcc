"""One Kubernetes cluster's API, over the official client and a pool of our own (transport.py).

Requests and answers are Kubernetes' own JSON: the client's models refuse whole answers for a null where their schema wants a list.
Importing the client costs 0.4 to 0.6 s at the first request, which runs pay and a cold start does not.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from shared.errors import NotFoundError, PermanentError
from shared.kubernetes.errors import KUBERNETES, kubernetes_error, not_json, unreachable
from shared.kubernetes.private import PrivateFolder, private_file
from shared.kubernetes.transport import official_client

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from websocket import WebSocket

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, seconds without a byte."""
OPENING = 15.0
"""Seconds without a byte while a WebSocket is opened: two more servers are asked before the answer comes."""
PAGE = 500
"""Objects asked for at a time."""

MERGE_PATCH = "application/merge-patch+json"
Json = dict[str, Any]


class Kubernetes:
    """A connection, closed with the block: `with Kubernetes(kubeconfig) as cluster`. Nothing is retried here."""

    def __init__(self, kubeconfig: str) -> None:
        """The current context counts. Raises PermanentError for a kubeconfig that cannot be used from here."""
        self._cluster, self._user = _current(kubeconfig)
        self._client: ApiClient | None = None

    def __repr__(self) -> str:
        return f"Kubernetes({self._cluster.get('server')!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]  # the client's own lack
            self._client = None

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Raises NotFoundError, and what errors.kubernetes_error says; so do the others."""
        return self._call("GET", path, query=query)

    def find(self, path: str) -> Json | None:
        try:
            return self.get(path)
        except NotFoundError:
            return None

    def list(self, path: str, labels: str = "", fields: str = "") -> list[Json]:
        """All objects, page by page. labels, fields: selectors."""
        query = {"limit": str(PAGE)}
        query |= {"labelSelector": labels} if labels else {}
        query |= {"fieldSelector": fields} if fields else {}
        found: list[Json] = []
        while True:
            page = self.get(path, query)
            found += page.get("items") or []
            after = (page.get("metadata") or {}).get("continue")
            if not after:
                return found
            query["continue"] = after

    def create(self, path: str, body: Json) -> Json:
        """Makes the object. Raises ConflictError when it exists."""
        return self._call("POST", path, body=body)

    def patch(self, path: str, body: Json) -> Json:
        """Changes the object by a JSON merge patch."""
        return self._call("PATCH", path, body=body, content=MERGE_PATCH)

    def delete(self, path: str) -> bool:
        """Deletes the object, and what depends on it in the background. False when there was nothing to delete."""
        try:
            self._call("DELETE", path, query={"propagationPolicy": "Background"})
        except NotFoundError:
            return False
        return True

    def websocket(self, path: str, protocol: str) -> "WebSocket":
        """A WebSocket of this sub-protocol, a connection of its own: close it. The block need not last for it. Raises as get."""
        import websocket

        address = f"wss{self._cluster['server'].rstrip('/').removeprefix('https')}{path}"
        try:
            return websocket.create_connection(
                address,
                timeout=OPENING,
                header=self._authorization(),
                subprotocols=[protocol],
                sslopt={"context": self._context},
                redirect_limit=0,  # the credential is for this server alone
            )
        except websocket.WebSocketBadStatusException as error:
            raise kubernetes_error(error.status_code, error.resp_body or b"", error.resp_headers) from None
        except (websocket.WebSocketException, OSError) as error:
            raise unreachable(KUBERNETES, error) from None

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content: str = "application/json",
    ) -> Json:
        client = self._connect()
        from urllib3.exceptions import HTTPError

        address = f"{client.configuration.host}{path}{_query(query)}"
        headers = {"Accept": "application/json"} | self._authorization()
        headers |= {"Content-Type": content} if body is not None else {}
        try:
            answer = client.call_api(method, address, headers, body=body, _request_timeout=TIMEOUT)
            data: bytes = answer.read()  # type: ignore[no-untyped-call]  # likewise
        except HTTPError as error:
            raise unreachable(KUBERNETES, error) from None
        if not 200 <= answer.status < 300:
            raise kubernetes_error(answer.status, data, answer.headers)
        return _object(data)

    def _connect(self) -> "ApiClient":
        if self._client is None:
            self._client = official_client(self._cluster["server"].rstrip("/"), self._context)
        return self._client

    def _authorization(self) -> dict[str, str]:
        token = self._user.get("token")
        return {"Authorization": f"Bearer {token}"} if token else {}

    @cached_property
    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=_pem(self._cluster, "certificate-authority-data"))
        except ssl.SSLError:
            raise _unusable("its certificate-authority-data is no certificate") from None
        # Certificates of cluster authorities often lack extensions that Python 3.13 newly insists on (and Go does not):
        # https://github.com/kubernetes-client/python/issues/2394. Chain, dates and name are still verified.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        certificate, key = _pem(self._user, "client-certificate-data"), _pem(self._user, "client-key-data")
        if certificate and key:
            _load(context, certificate + "\n" + key)
        return context


def _load(context: ssl.SSLContext, chain: str) -> None:
    folder = PrivateFolder()
    try:
        with private_file(folder.path, ".pem", chain) as path:
            context.load_cert_chain(path)
    except ssl.SSLError:
        raise _unusable("its client certificate and key do not fit") from None
    finally:
        folder.close()


def _current(kubeconfig: str) -> tuple[Json, Json]:
    """Cluster and user of the current context."""
    import yaml

    try:
        document = yaml.safe_load(kubeconfig)
        context = _named(document, "contexts", document["current-context"])["context"]
        cluster: Json = _named(document, "clusters", context["cluster"])["cluster"]
        user: Json = _named(document, "users", context["user"])["user"] or {}
        server = cluster["server"]
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        raise _unusable("it is not a kubeconfig with a current context") from None
    if not str(server).startswith("https://") or cluster.get("insecure-skip-tls-verify"):
        raise _unusable("its server is not verified over TLS")
    if not user.get("token") and not (user.get("client-certificate-data") and user.get("client-key-data")):
        raise _unusable(
            "its user has neither token nor client certificate; programs such as kubelogin are not run here"
        )
    return cluster, user


def _named(document: Json, kind: str, name: str) -> Json:
    found: Json = next(item for item in document[kind] if item["name"] == name)
    return found


def _pem(owner: Json, field: str) -> str | None:
    try:
        return base64.b64decode(owner[field], validate=True).decode() if owner.get(field) else None
    except ValueError:
        raise _unusable(f"its {field} is not base64") from None


def _unusable(why: str) -> PermanentError:
    return PermanentError(KUBERNETES, "KubeconfigRefused", f"the kubeconfig cannot be used: {why}")


def _query(query: Mapping[str, str] | None) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else ""


def _object(data: bytes) -> Json:
    try:
        answer = json.loads(data)
    except ValueError:
        raise not_json(KUBERNETES) from None
    return answer if isinstance(answer, dict) else {}
