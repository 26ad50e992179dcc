"""A BinderHub's own word on how it is, asked at its public address; needs no token.

It asks JupyterHub at the address that it was given, and the registry with its credentials, before it says that all is well.
"""

from typing import Any

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, seconds without a byte: its own questions take up to some ten, with their repetitions."""


class BinderHub:
    def __init__(self, url: str) -> None:
        """url: of the page as people open it, with its base_url if it has one."""
        self._url = f"{url.rstrip('/')}/"

    def __repr__(self) -> str:
        return f"BinderHub({self._url!r})"

    def trouble(self) -> str:
        """What keeps people from launching a repository, as a sentence; empty when nothing does."""
        import requests

        try:
            answer = requests.get(f"{self._url}health", timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException:
            return f"{self._url} does not answer."
        if answer.status_code == 200:
            return ""
        try:
            amiss = failing(answer.json())
        except ValueError:
            amiss = []
        return (
            f"{self._url} says that it cannot reach: {', '.join(amiss)}."
            if amiss
            else f"{self._url}health answers {answer.status_code}."
        )

    def lets_in(self) -> bool:
        """Whether its page is shown to somebody who has not logged in. Raises TemporaryError when it does not answer."""
        import requests

        from shared.kubernetes.errors import unreachable

        try:
            answer = requests.get(self._url, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            raise unreachable("BinderHub", error) from None
        return answer.status_code == 200


def failing(document: Any) -> list[str]:
    """The services that did not answer it, of the body of /health."""
    checks = document.get("checks") if isinstance(document, dict) else None
    return [
        str(check.get("service"))
        for check in (checks if isinstance(checks, list) else [])
        if isinstance(check, dict) and check.get("ok") is False
    ]
