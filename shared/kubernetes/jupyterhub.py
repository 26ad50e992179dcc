"""A hub's REST API (JupyterHub 4 to 6) with our service's token: at its public address over https, else through a tunnel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from shared.errors import NotFoundError, PermanentError
from shared.kubernetes.errors import JUPYTERHUB, jupyterhub_error, not_json, unreachable
from shared.kubernetes.login import gets_in, without_netrc

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

    from shared.kubernetes.tunnel import Tunnel

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, seconds without a byte."""
PAGE = 200
"""Users asked for at a time; JupyterHub gives no more."""
_PAGES = "application/jupyterhub-pagination+json"


@dataclass(frozen=True)
class Server:
    name: str
    """Empty: the user's default server."""
    ready: bool
    pending: str | None
    """spawn or stop, while it is on its way there."""
    last_activity: datetime | None
    """UTC; lags by up to 5 minutes, because servers report that often."""
    started: datetime | None
    url: str


@dataclass(frozen=True)
class HubUser:
    name: str
    admin: bool
    last_activity: datetime | None
    """UTC; None: never."""
    servers: list[Server]
    """Those that run or are on their way."""


class JupyterHub:
    def __init__(self, url: str, token: str | None, tunnel: "Tunnel | None" = None) -> None:
        """url: of the hub as people open it, with its base_url if it has one. token: None for what needs none.

        tunnel: to the hub itself; all calls of the API go through it. Without one a token goes to an https address alone.
        """
        self._base = f"{url.rstrip('/')}/hub"
        self._token = token
        self._tunnel = tunnel

    def __repr__(self) -> str:
        return f"JupyterHub({self._base!r})"

    def healthy(self) -> bool:
        """Whether it serves at its public address; anything else than 200 is no, a network that fails included."""
        return not self.trouble()

    def trouble(self) -> str:
        """Why it does not serve at its public address, in the words of who refused; empty when it does.

        Over https it serves only with a certificate that is good for its name.
        """
        import requests

        try:
            status = requests.get(  # without the token: everybody is answered
                f"{self._base}/health", timeout=TIMEOUT, allow_redirects=False, auth=without_netrc
            ).status_code
        except requests.RequestException as error:
            return unreachable(JUPYTERHUB, error).message
        return "" if status == 200 else f"it answers {status}"

    def lets_in(self, name: str, password: str) -> bool:
        """Whether somebody gets in at the public address with this name and password, or with none at all."""
        return gets_in(self._base, name, password)

    def version(self) -> str:
        return str(self._json("GET", "/api/")["version"])

    def info(self) -> dict[str, Any]:
        """Versions and classes of authenticator and spawner."""
        return self._json("GET", "/api/info")

    def users(self, active_only: bool = False) -> list[HubUser]:
        """All users, or those with a server that runs or is starting or stopping."""
        return [_user(item) for item in self._pages("/api/users", {"state": "active"} if active_only else {})]

    def user(self, name: str) -> HubUser | None:
        try:
            return _user(self._json("GET", f"/api/users/{_quoted(name)}"))
        except NotFoundError:
            return None

    def stop_server(self, user: str, server: str = "") -> bool:
        """Whether it is stopped; False: it is stopping, ask again. Unknown users and servers count as stopped."""
        try:
            return self._done("DELETE", _server(user, server)) != 202
        except NotFoundError:
            return True

    def start_server(self, user: str, server: str = "") -> bool:
        """Whether it runs; False: it is starting, ask again. Raises NotFoundError for an unknown user."""
        try:
            return self._done("POST", _server(user, server)) != 202
        except PermanentError as error:
            if error.status == 400 and "already running" in error.message:
                return True
            if error.status == 400 and "is pending" in error.message:  # it is stopping
                return False
            raise

    def create_user(self, name: str) -> None:
        """Needs the scope admin:users. A user who exists is left as is."""
        try:
            self._done("POST", f"/api/users/{_quoted(name)}")
        except PermanentError as error:
            if error.status != 409:
                raise

    def delete_user(self, name: str) -> None:
        """Needs the scope admin:users. Ends the user's servers; the home goes too if KubeSpawner.delete_pvc says so."""
        try:
            self._done("DELETE", f"/api/users/{_quoted(name)}")
        except NotFoundError:
            return

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Every item. Without the header JupyterHub would cut the list at 200 and not say so.

        The next page's address in the answer is not used: it is built from the host that the hub believes to have.
        """
        offset = 0
        while True:
            page = self._json("GET", path, query={**query, "limit": str(PAGE), "offset": str(offset)}, accept=_PAGES)
            items = page["items"]
            yield from items
            offset += len(items)
            if not items or not page["_pagination"].get("next"):
                return

    def _json(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, accept: str = "application/json"
    ) -> dict[str, Any]:
        answer = self._call(method, path, query=query, accept=accept)
        try:
            document = answer.json()
        except ValueError:
            raise not_json(JUPYTERHUB) from None
        if not isinstance(document, dict):
            raise not_json(JUPYTERHUB)
        return document

    def _done(self, method: str, path: str) -> int:
        return self._call(method, path).status_code

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, accept: str = "application/json"
    ) -> "Response":
        import requests

        try:
            answer = self._send(method, path, query=query, accept=accept)
        except requests.RequestException as error:
            raise unreachable(JUPYTERHUB, error) from None
        if not 200 <= answer.status_code < 300:
            raise jupyterhub_error(answer.status_code, answer.content, answer.headers)
        return answer

    def _send(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, accept: str = "application/json"
    ) -> "Response":
        inside = self._tunnel.origin + urlsplit(self._base).path if self._tunnel else None
        with self._session() as session:
            return session.request(
                method,
                (inside or self._base) + path,
                params=query,
                headers={"Accept": accept},
                auth=self._authorize,
                json={} if method == "POST" else None,
                timeout=TIMEOUT,
                allow_redirects=False,  # the token is for this address alone
            )

    def _session(self) -> "Session":
        import requests

        session = requests.Session()
        if self._tunnel is not None:
            session.trust_env = False
            session.mount("http://", self._tunnel.adapter())
        return session

    def _authorize(self, request: "PreparedRequest") -> "PreparedRequest":
        """The only place where a request gets the token. Raises PermanentError when it could be read on its way.

        It is an auth callable, because requests would let a ~/.netrc entry replace a header.
        """
        if self._token is None:
            return request
        safe = f"{self._tunnel.origin}/" if self._tunnel else "https://"
        if not (request.url or "").startswith(safe):
            raise PermanentError(JUPYTERHUB, "TokenNotSent", f"the token is not sent to {self._base}: it is not https")
        request.headers["Authorization"] = f"token {self._token}"
        return request


def _server(user: str, server: str) -> str:
    path = f"/api/users/{_quoted(user)}"
    return f"{path}/servers/{_quoted(server)}" if server else f"{path}/server"


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _user(item: Mapping[str, Any]) -> HubUser:
    return HubUser(
        name=item["name"],
        admin=bool(item.get("admin")),
        last_activity=_time(item.get("last_activity")),
        servers=[_running(name, server) for name, server in (item.get("servers") or {}).items()],
    )


def _running(name: str, server: Mapping[str, Any]) -> Server:
    return Server(
        name=name,
        ready=bool(server.get("ready")),
        pending=server.get("pending"),
        last_activity=_time(server.get("last_activity")),
        started=_time(server.get("started")),
        url=server.get("url") or "",
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
