"""Events as signed HTTPS POSTs to one address.

The address may carry a credential in its path, as chat services' do. So it is a secret of Key Vault, like the key that signs, and
stands in no error, log or table; nor do names of hosts, or words of the receiver, which might repeat it.
"""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.azure.errors import retry_after
from shared.clock import Clock
from shared.errors import OutsideError, PermanentError, TemporaryError
from shared.notifications.events import Event
from shared.notifications.signature import sign

if TYPE_CHECKING:
    from shared.azure.keyvault import Secrets

SYSTEM = "Webhook"
TIMEOUT = 5.0
"""Seconds to connect, and seconds without a byte."""
_LATER = (408, 425, 429)


class Webhook:
    name = "webhook"

    def __init__(self, secrets: "Secrets", clock: Clock, url_secret: str, key_secret: str) -> None:
        """url_secret, key_secret: names in Key Vault, read at the first use and kept as long as this object lives."""
        self._secrets = secrets
        self._clock = clock
        self._names = (url_secret, key_secret)

    @cached_property
    def _target(self) -> tuple[str, str]:
        """Address and key."""
        url, key = (self._secret(name) for name in self._names)
        if not _is_address(url):
            raise TemporaryError(SYSTEM, "BadAddress", f"secret {self._names[0]} is no address like https://HOST/PATH")
        return url, key

    def _secret(self, name: str) -> str:
        """Without white space around it, which an editor or a file leaves.

        What is wrong here is ours to set right, while events wait: so nothing of it is permanent.
        """
        try:
            found = self._secrets.get(name)
        except PermanentError as error:
            raise TemporaryError(error.system, error.code, error.message, status=error.status) from error
        if found is None:
            raise TemporaryError(SYSTEM, "SecretNotFound", f"Key Vault has no secret {name}")
        return found.value.strip()

    def send(self, event: Event) -> None:
        url, key = self._target
        body = json.dumps(event.wire(), separators=(",", ":")).encode()
        timestamp = int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "hubkeeper",
            "X-Hubkeeper-Event": event.id,
            "X-Hubkeeper-Timestamp": str(timestamp),
            "X-Hubkeeper-Signature": sign(key, timestamp, body),
        }
        status, answered = _post(url, body, headers)
        if not 200 <= status < 300:
            raise refusal(status, answered)


def refusal(status: int, headers: Mapping[str, str]) -> OutsideError:
    """What an answer that is not 2xx means."""
    if status in _LATER or status >= 500:
        message = f"the receiver answered {status}"
        return TemporaryError(SYSTEM, f"Http{status}", message, status=status, retry_after=retry_after(headers))
    if 300 <= status < 400:
        message = f"the receiver answered {status}, a redirect; events go to the address in Key Vault alone"
        return PermanentError(SYSTEM, "Redirected", message, status=status)
    return PermanentError(SYSTEM, f"Http{status}", f"the receiver refused the event with {status}", status=status)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
    """Status and headers of the answer, whatever they are; its body is not read. Raises TemporaryError without one.

    Python's own client, because it writes no log: urllib3's has the path of every request.
    """
    import ssl
    import urllib.request
    from http.client import HTTPException

    opener = (
        urllib.request.OpenerDirector()
    )  # no handler that follows redirects, reads ~/.netrc, or opens other schemes
    opener.add_handler(urllib.request.ProxyHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    try:
        request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310 - https alone, see _is_address
        with opener.open(request, timeout=TIMEOUT) as answer:
            return answer.status, dict(answer.headers)
    except (OSError, HTTPException, ValueError) as error:
        raise _unanswered(error) from None


def _unanswered(error: Exception) -> TemporaryError:
    """By kind alone: the errors' own words name host, path, or the whole address."""
    import ssl
    from urllib.error import URLError

    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return TemporaryError(SYSTEM, "Timeout", f"the receiver did not answer within {TIMEOUT:g} s")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TemporaryError(SYSTEM, "CertificateNotTrusted", "the receiver's certificate is not trusted here")
    if isinstance(cause, OSError):
        return TemporaryError(SYSTEM, "ConnectionFailed", f"the receiver cannot be reached ({type(cause).__name__})")
    return TemporaryError(
        SYSTEM, "BadAddress", f"the receiver cannot be called by its address ({type(cause).__name__})"
    )
