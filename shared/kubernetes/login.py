"""Tries whether a stranger gets into a hub, as a browser would: at its public address, with its pages, form and cookies.

Source: jupyterhub.handlers (login, pages) and jupyterhub._xsrf_utils of JupyterHub 4 to 6. One connection serves for all of it, as
the form's token is bound to the address that asks.
"""

from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from shared.kubernetes.errors import JUPYTERHUB, unreachable

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

TIMEOUT = (5.0, 20.0)
"""Seconds to connect, seconds without a byte."""
MOST_REDIRECTS = 10
"""A login has three or four."""


def gets_in(pages: str, name: str, password: str) -> bool:
    """Whether somebody gets in with this name and password, or with none at all.

    pages: address of the hub's pages, such as https://hub.example.org/hub. A hub that sends people to another host to log in lets
    nobody in here. Raises TemporaryError when it does not answer.
    """
    import requests

    home = f"{pages}/home"
    login = f"{pages}/login?next={quote(urlsplit(home).path, safe='')}"
    try:
        with requests.Session() as session:
            session.auth = without_netrc
            page = _visit(session, login)
            if _shown(session, home):
                return True
            if page is None or page.status_code != 200:
                return False
            form = {"username": name, "password": password, "_xsrf": _form_token(session)}
            session.post(login, data=form, timeout=TIMEOUT, allow_redirects=False)
            return _shown(session, home)
    except requests.RequestException as error:
        raise unreachable(JUPYTERHUB, error) from None


def without_netrc(request: "PreparedRequest") -> "PreparedRequest":
    """Keeps requests from adding what a ~/.netrc says."""
    return request


def _visit(session: "Session", address: str) -> "Response | None":
    """The page at the end of the redirects; None when they lead to another host, or go on without end."""
    origin = _origin(address)
    for _ in range(MOST_REDIRECTS):
        answer = session.get(address, timeout=TIMEOUT, allow_redirects=False)
        if not answer.is_redirect:
            return answer
        address = urljoin(address, answer.headers["location"])
        if _origin(address) != origin:
            return None
    return None


def _shown(session: "Session", home: str) -> bool:
    """Whether the hub shows a page that only people who are logged in get to see."""
    return session.get(home, timeout=TIMEOUT, allow_redirects=False).status_code == 200


def _form_token(session: "Session") -> str:
    """The token that the hub wants back with the form; the one of the longest path is the login page's."""
    found = [cookie for cookie in session.cookies if cookie.name == "_xsrf"]
    return max(found, key=lambda cookie: len(cookie.path)).value or "" if found else ""


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
